//! The fast f32 kernels, on maps whose channels lie in blocks of sixteen.
//!
//! | file | what it computes |
//! |---|---|
//! | `map` | the layout: `[block][row][column][16 channels]` with a border of one position |
//! | `part` | tiles of a map that tasks write side by side: the one place where memory is shared for writing |
//! | `tile` | the register tile that all products share |
//! | `pack` | weights in the order in which the tile reads them |
//! | `direct`, `first` | 3×3 convolution without unrolling anything in memory, and the 3-channel ends of the network |
//! | `winograd` | F(4×4, 3×3) and F(6×6, 3×3): a quarter or a fifth of the multiplications |
//! | `mirror` | the adjoint of reflection, computed on the border alone |
//! | `source`, `epilogue` | what a convolution reads, and what happens to its results while they are in registers |
//! | `gate` | where a gradient passes a ReLU |
//! | `pool`, `moments`, `fixed` | as in the parent folder's `plain` |
//! | `tap` | what the losses at a map add to its gradient |
//! | `scratch` | buffers that tasks borrow |

pub mod direct;
pub mod epilogue;
pub mod first;
pub mod fixed;
pub mod gate;
pub mod map;
pub mod mirror;
pub mod moments;
pub mod pack;
mod part;
pub mod pool;
pub mod scratch;
pub mod source;
pub mod tap;
mod tile;
pub mod winograd;
