//! One idea: operations that argmin's L-BFGS asks of its vectors but runs only under L1 regularisation (OWL-QN).
//!
//! Nothing here is called by this crate; the plain definitions keep the type honest.

use super::pixels::Pixels;
use argmin_math::{
    ArgminAdd, ArgminL1Norm, ArgminL2Norm, ArgminMinMax, ArgminMul, ArgminSignum, ArgminSub, ArgminZeroLike,
};

impl Pixels {
    fn map(&self, f: impl Fn(f32) -> f32) -> Pixels {
        let v = self.stored();
        Pixels::Stored(v.space().store(v.data().iter().map(|&a| f(a)).collect()))
    }

    fn zip(&self, other: &Pixels, f: impl Fn(f32, f32) -> f32) -> Pixels {
        let (v, w) = (self.stored(), other.stored());
        let values = v.data().iter().zip(w.data().iter()).map(|(&a, &b)| f(a, b)).collect();
        Pixels::Stored(v.space().store(values))
    }
}

impl ArgminAdd<f64, Pixels> for Pixels {
    fn add(&self, other: &f64) -> Pixels {
        self.map(|a| a + *other as f32)
    }
}

impl ArgminSub<f64, Pixels> for Pixels {
    fn sub(&self, other: &f64) -> Pixels {
        self.map(|a| a - *other as f32)
    }
}

impl ArgminMul<Pixels, Pixels> for Pixels {
    fn mul(&self, other: &Pixels) -> Pixels {
        self.zip(other, |a, b| a * b)
    }
}

impl ArgminL1Norm<f64> for Pixels {
    fn l1_norm(&self) -> f64 {
        self.stored().data().iter().map(|&a| f64::from(a.abs())).sum()
    }
}

impl ArgminL2Norm<f64> for Pixels {
    fn l2_norm(&self) -> f64 {
        argmin_math::ArgminDot::dot(self, self).sqrt()
    }
}

impl ArgminSignum for Pixels {
    fn signum(self) -> Pixels {
        self.map(f32::signum)
    }
}

impl ArgminZeroLike for Pixels {
    fn zero_like(&self) -> Pixels {
        self.map(|_| 0.0)
    }
}

impl ArgminMinMax for Pixels {
    fn min(x: &Pixels, y: &Pixels) -> Pixels {
        x.zip(y, f32::min)
    }

    fn max(x: &Pixels, y: &Pixels) -> Pixels {
        x.zip(y, f32::max)
    }
}
