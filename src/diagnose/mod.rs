//! Numbers instead of pictures: one evaluation in full, gradients against finite differences.

pub mod check;
pub mod evaluate;
