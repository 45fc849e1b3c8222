//! The two precisions: f32 for pictures, f64 for gradient checks and reference values.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{AddAssign, MulAssign, Neg};

use ndarray::LinalgScalar;

/// A floating-point type that the reference kernels run in.
pub trait Scalar:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + LinalgScalar
    + Neg<Output = Self>
    + AddAssign
    + MulAssign
    + Sum
{
    /// 0.
    const ZERO: Self;
    /// From f64, rounded to nearest.
    fn from_f64(value: f64) -> Self;
    /// To f64, exact.
    fn to_f64(self) -> f64;
}

macro_rules! scalar {
    ($type:ty) => {
        impl Scalar for $type {
            const ZERO: Self = 0.0;

            fn from_f64(value: f64) -> Self {
                value as $type
            }

            fn to_f64(self) -> f64 {
                f64::from(self)
            }
        }
    };
}

scalar!(f32);
scalar!(f64);
