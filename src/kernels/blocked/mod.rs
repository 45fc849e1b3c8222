//! The fast f32 kernels, on maps whose channels lie in blocks of sixteen.
//!
//! | file | what it computes |
//! |---|---|
//! | `map` | the layout: `[block][row][column][16 channels]` with a border of one position |
//! | `tile` | the register tile that all products share |
//! | `pack` | weights in the order in which the tile reads them |
//! | `direct` | 3×3 convolution without unrolling anything in memory, and the 3-channel ends of the network |
//! | `winograd` | F(4×4, 3×3) and F(6×6, 3×3): a quarter or a fifth of the multiplications |
//! | `mirror` | the adjoint of reflection, computed on the border alone |
//! | `sink` | what happens to a convolution's result while it is still in registers |
//! | `pool`, `gram` | as in the parent folder |
//! | `scratch` | buffers that tasks borrow |

pub mod direct;
pub mod gram;
pub mod map;
pub mod mirror;
pub mod pack;
pub mod pool;
pub mod scratch;
pub mod sink;
pub mod tile;
pub mod winograd;
