//! Python pickles as far as PyTorch's state dicts and checkpoints need them, and no code.
//!
//! A pickle is a program for a stack machine. `machine` runs it into an arena of plain `values`; `torch` gives the few
//! names that build arrays their meaning. Whatever else a pickle asks for becomes an object without content that is
//! known by the name of its class: a checkpoint may hold such things beside its state dict, and nothing of them is run.

mod machine;
mod torch;
mod values;

pub(super) use torch::state_dict;
pub(super) use values::{Node, Pickle, Tensor, Value};
