//! Network files: npz, safetensors and PyTorch archives, and the embedded network.
//!
//! A file is opened by what it holds, not by its name. The road is the same for all of them:
//!
//! ```text
//! npz (npy) ─┐
//! safetensors├→ container: names, shapes → names: which is which → shapes checked → values → Network
//! pth (pickle)┘                                                      colours, metadata ─┘
//! ```
//!
//! # The arrays of a file
//!
//! * `input.weight` (3×3) and `input.bias` (3) take RGB in [0, 1] to the network's input;
//! * `conv{block}_{index}.weight` (outputs×inputs×3×3) and `.bias` (outputs), without gaps;
//! * optionally `metadata` (uint8): JSON with `name`, `licence`, `description`, `pooling` (`max` or
//!   `average`), `padding` (`zeros`, `reflect` or `wrap`), `content_layers` and `style_layers` (layer → weight).
//!   Without it: max pooling, zeros, nothing recommended. A key that is not known is an error.
//!
//! Values are float16, bfloat16, float32 or float64; an array with any other name is an error.
//!
//! State dicts of torchvision's VGG-16 and VGG-19 (`features.0.weight`, …; see [`InputColours`](crate::InputColours) for
//! their colours) load as they are, from `.pth`, `.safetensors` or an `.npz` made of them: also as `DataParallel`,
//! `torch.compile` and timm name them, of any pickle protocol from 2 to 5, and inside a checkpoint. Classifiers are
//! ignored, as is what a checkpoint holds beside its state dict.
//!
//! A network that is in no file is made by [`Network::builder`](crate::Network::builder).
//!
//! ```
//! use impasto::weights::{self, Storage};
//!
//! # fn main() -> impasto::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("slim.npz");
//! let network = weights::random("16,16|32,32|64", 0)?;
//! weights::save(&network, &path, Storage::F16)?;
//! let again = weights::load(&path)?;
//! assert_eq!(again.layers().last().unwrap().to_string(), "relu3_1");
//! # Ok(())
//! # }
//! ```
//!
//! # Hostile files
//!
//! Files of at most 4 GiB and unnamed pipes of at most 1 GiB are read. Headers are bounded and checked before values are
//! read, values never grow beyond their checked shape, a pickle can only describe arrays: no code of it is ever run.
//! Whatever is wrong is one sentence that names the array.

mod assemble;
mod colours;
mod container;
mod dtype;
mod embedded;
mod input;
mod metadata;
mod names;
pub mod npy;
mod npz;
mod open;
mod pickle;
mod pth;
mod random;
mod recognise;
mod safetensors;
mod save;

pub use embedded::{embedded, embedded_file};
pub use open::{Inspected, decode, decode_as, inspect, inspect_bytes, load, load_as};
pub use random::random;
pub use save::{Storage, save};
