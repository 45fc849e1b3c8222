//! A VGG-shaped network as plain, checked data, the names of its layers, and its plan for one picture size.

mod builder;
pub(crate) mod check;
mod colours;
mod data;
pub mod layer;
pub mod plan;

pub use builder::NetworkBuilder;
pub use colours::InputColours;
pub use data::{Convolution, Network};
pub use layer::{Layer, LayerList, Stage, WeightedLayer};

pub(crate) use builder::Part;
