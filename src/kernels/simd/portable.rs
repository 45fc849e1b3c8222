//! Plain Rust on arrays; the compiler turns it into whatever vectors the target has.
#![allow(unsafe_code)]

use super::{LANES, Simd};

/// See the module's text.
#[derive(Clone, Copy)]
pub struct Portable;

type Lanes = [f32; LANES];

#[inline(always)]
fn zip(a: Lanes, b: Lanes, f: impl Fn(f32, f32) -> f32) -> Lanes {
    std::array::from_fn(|lane| f(a[lane], b[lane]))
}

// SAFETY (both blocks below): the trait's contract makes the pointers valid for sixteen floats.
#[allow(clippy::undocumented_unsafe_blocks, reason = "one reason for all: the comment above")]
impl Simd for Portable {
    type V = Lanes;
    const TILE: [usize; 3] = [4, 2, 1];
    const GRAM: (usize, usize) = (1, 2);

    #[inline(always)]
    unsafe fn splat(value: f32) -> Lanes {
        [value; LANES]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Lanes {
        unsafe { from.cast::<Lanes>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: Lanes) {
        unsafe { to.cast::<Lanes>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn prefetch(_at: *const f32) {}
    #[inline(always)]
    unsafe fn add(a: Lanes, b: Lanes) -> Lanes {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(a: Lanes, b: Lanes) -> Lanes {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(a: Lanes, b: Lanes) -> Lanes {
        zip(a, b, |a, b| a * b)
    }
    // Not f32::mul_add: without an FMA instruction that is a slow library call.
    #[inline(always)]
    unsafe fn fma(a: Lanes, b: Lanes, c: Lanes) -> Lanes {
        std::array::from_fn(|lane| a[lane] * b[lane] + c[lane])
    }
    #[inline(always)]
    unsafe fn fnma(a: Lanes, b: Lanes, c: Lanes) -> Lanes {
        std::array::from_fn(|lane| c[lane] - a[lane] * b[lane])
    }
    #[inline(always)]
    unsafe fn relu(v: Lanes) -> Lanes {
        v.map(|x| if x < 0.0 { 0.0 } else { x })
    }
    #[inline(always)]
    unsafe fn greater(a: Lanes, b: Lanes) -> u16 {
        (0..LANES).fold(0, |mask, lane| mask | u16::from(a[lane] > b[lane]) << lane)
    }
    #[inline(always)]
    unsafe fn keep(v: Lanes, mask: u16) -> Lanes {
        std::array::from_fn(|lane| if mask >> lane & 1 == 1 { v[lane] } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn sum(v: Lanes) -> f32 {
        let eight: [f32; 8] = std::array::from_fn(|i| v[i] + v[i + 8]);
        let four: [f32; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
        (four[0] + four[2]) + (four[1] + four[3])
    }
    #[inline(always)]
    unsafe fn transpose(rows: [Lanes; LANES]) -> [Lanes; LANES] {
        std::array::from_fn(|column| std::array::from_fn(|row| rows[row][column]))
    }
}
