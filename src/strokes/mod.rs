//! Nearest-neighbour style transfer: the style as patches of features, not as statistics.
//!
//! After Kolkin, Kucera, Paris, Sýkora, Shechtman & Shakhnarovich (2022), "Neural Neighbor Style Transfer". At each size every
//! place of the result takes over the features of one place of a style picture, and the pixels are changed until the network
//! sees these features: [`hypercolumn`] describes places, [`pool`] those of the styles, `kernels::plain::nearest` finds the
//! most similar, [`palette`] has the whole style used, [`coherence`] makes neighbours agree, [`targets`] copies the features, [`objective`] is the loss.
//! [`balance`] says how much of the content they keep, and [`guidance`] where. docs/pictures.md has the recipe in formulas.

pub mod balance;
pub mod coherence;
pub mod grid;
pub mod guidance;
pub mod hypercolumn;
pub mod matcher;
pub mod objective;
pub mod palette;
pub mod pool;
pub mod projection;
pub mod structure;
pub mod targets;
