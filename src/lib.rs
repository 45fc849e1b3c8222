//! pastiche.
pub mod check;
pub mod defaults;
pub mod error;
pub mod evaluate;
pub mod kernels;
pub mod loss;
pub mod memory;
pub mod network;
pub mod noise;
pub mod objective;
pub mod optimize;
pub mod picture;
mod progress;
pub mod pyramid;
mod settings;
mod start;
mod targets;
pub mod threads;
mod transfer;
pub mod weights;

pub use error::{Error, Result};
pub use optimize::StopReason;
pub use progress::{Observer, Progress};
pub use settings::{Builder, Init};
pub use transfer::{SizeReport, StyleTransfer, Stylized};
