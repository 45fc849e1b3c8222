//! pastiche.
pub mod error;
pub mod network;
pub mod optimize;
pub mod picture;
pub mod weights;

pub use error::{Error, Result};
