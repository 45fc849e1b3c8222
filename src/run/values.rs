//! Values that options of a run choose from.

use crate::names::named;

/// What minimises the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OptimizerName {
    /// L-BFGS, which finds its own steps.
    #[default]
    Lbfgs,
    /// Adam.
    Adam,
}

named! {
    OptimizerName is "an optimizer" {
        "lbfgs" => Lbfgs,
        "adam" => Adam,
    }
}
