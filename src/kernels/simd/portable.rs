//! Plain Rust on arrays; the compiler turns it into whatever vectors the target has.

use super::sealed::Token;
use super::{LANES, Simd, Vector};

/// Every processor has it.
#[derive(Debug, Clone, Copy)]
pub struct Portable;

impl Token for Portable {}

type Lanes = [f32; LANES];

#[inline(always)]
fn zip(a: Lanes, b: Lanes, f: impl Fn(f32, f32) -> f32) -> Lanes {
    std::array::from_fn(|lane| f(a[lane], b[lane]))
}

impl Simd for Portable {
    type V = Lanes;
    const TILE: [usize; 3] = [4, 2, 1];
    const MOMENTS: (usize, usize) = (1, 2);

    #[inline(always)]
    fn splat(self, value: f32) -> Lanes {
        [value; LANES]
    }
    #[inline(always)]
    fn load(self, from: &Lanes) -> Lanes {
        *from
    }
    #[inline(always)]
    fn store(self, to: &mut Lanes, v: Lanes) {
        *to = v;
    }
    #[inline(always)]
    fn prefetch(self, _at: *const Vector) {}
    #[inline(always)]
    fn add(self, a: Lanes, b: Lanes) -> Lanes {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: Lanes, b: Lanes) -> Lanes {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: Lanes, b: Lanes) -> Lanes {
        zip(a, b, |a, b| a * b)
    }
    // Not f32::mul_add: without an FMA instruction that is a slow library call.
    #[inline(always)]
    fn fma(self, a: Lanes, b: Lanes, c: Lanes) -> Lanes {
        std::array::from_fn(|lane| a[lane] * b[lane] + c[lane])
    }
    #[inline(always)]
    fn fnma(self, a: Lanes, b: Lanes, c: Lanes) -> Lanes {
        std::array::from_fn(|lane| c[lane] - a[lane] * b[lane])
    }
    #[inline(always)]
    fn relu(self, v: Lanes) -> Lanes {
        v.map(|x| if x < 0.0 { 0.0 } else { x })
    }
    #[inline(always)]
    fn greater(self, a: Lanes, b: Lanes) -> u16 {
        (0..LANES).fold(0, |mask, lane| mask | u16::from(a[lane] > b[lane]) << lane)
    }
    #[inline(always)]
    fn keep(self, v: Lanes, mask: u16) -> Lanes {
        std::array::from_fn(|lane| if mask >> lane & 1 == 1 { v[lane] } else { 0.0 })
    }
    #[inline(always)]
    fn sum(self, v: Lanes) -> f32 {
        let eight: [f32; 8] = std::array::from_fn(|i| v[i] + v[i + 8]);
        let four: [f32; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
        (four[0] + four[2]) + (four[1] + four[3])
    }
    #[inline(always)]
    fn transpose(self, rows: [Lanes; LANES]) -> [Lanes; LANES] {
        std::array::from_fn(|column| std::array::from_fn(|row| rows[row][column]))
    }
}
