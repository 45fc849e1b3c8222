//! pastiche.
pub mod error;
pub mod kernels;
pub mod loss;
pub mod network;
pub mod objective;
pub mod optimize;
pub mod picture;
pub mod weights;

pub use error::{Error, Result};
