//! Optical flow: where each pixel of a picture lies in another, and what of it can be trusted.
//!
//! [`Flow::between`] goes from coarse to fine ([`tvl1`]); [`Flow::trust`] compares a flow with the one that leads back, as
//! Ruder, Dosovitskiy & Brox (2016, arXiv 1604.08610, section 4) do. Everything runs on rayon's current pool and has the
//! same bits for any number of threads.

mod plane;
mod tvl1;

pub use plane::Plane;

use crate::picture::Picture;

/// A coarser picture is made while its shorter side has at least so many pixels.
const COARSEST: usize = 12;
/// The most pixels of the longer side that a flow is computed with; larger pictures are shrunk for it.
const LONGEST: usize = 640;

/// For each pixel of a picture how far away its place in another picture is, in pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// To the right.
    pub across: Plane,
    /// Downwards.
    pub down: Plane,
}

impl Flow {
    /// No motion.
    pub fn zero(width: usize, height: usize) -> Self {
        Self { across: Plane::zeros(width, height), down: Plane::zeros(width, height) }
    }

    /// From `first` to `second`, which have one size: what is at x in `first` is at x + flow(x) in `second`.
    ///
    /// # Panics
    /// If the sizes differ.
    pub fn between(first: &Picture, second: &Picture) -> Self {
        assert_eq!(
            (first.width(), first.height()),
            (second.width(), second.height()),
            "flow: pictures of one size"
        );
        let mut levels = vec![(brightness(first), brightness(second))];
        let (width, height) = (first.width(), first.height());
        let (mut w, mut h) = (width, height);
        if w.max(h) > LONGEST {
            let scale = LONGEST as f64 / w.max(h) as f64;
            (w, h) = (shrunk(w, scale), shrunk(h, scale));
            let (first, second) = &levels[0];
            levels = vec![(first.resized(w, h), second.resized(w, h))];
        }
        while w.min(h) / 2 >= COARSEST {
            (w, h) = (w.div_ceil(2), h.div_ceil(2));
            let (first, second) = &levels[levels.len() - 1];
            levels.push((first.resized(w, h), second.resized(w, h)));
        }
        let mut flow = Self::zero(w, h);
        for (first, second) in levels.iter().rev() {
            flow = flow.resized(first.width, first.height);
            flow = tvl1::refine(&first.smoothed(), &second.smoothed(), flow);
        }
        flow.resized(width, height)
    }

    /// The same motion on pictures of another size.
    pub fn resized(&self, width: usize, height: usize) -> Self {
        let scaled = |plane: &Plane, factor: f32| {
            let mut plane = plane.resized(width, height);
            plane.values.iter_mut().for_each(|value| *value *= factor);
            plane
        };
        if (self.width(), self.height()) == (width, height) {
            return self.clone();
        }
        Self {
            across: scaled(&self.across, width as f32 / self.width() as f32),
            down: scaled(&self.down, height as f32 / self.height() as f32),
        }
    }

    /// Pixels a row.
    pub fn width(&self) -> usize {
        self.across.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.across.height
    }

    /// The vector of a pixel.
    pub fn at(&self, x: usize, y: usize) -> (f32, f32) {
        let at = y * self.width() + x;
        (self.across.values[at], self.down.values[at])
    }

    /// The vector between pixels.
    fn sample(&self, x: f32, y: f32) -> (f32, f32) {
        (self.across.sample(x, y), self.down.sample(x, y))
    }

    /// `planes`, 3×height×width of the other picture, moved to this flow's picture: pixel x becomes what is at x + flow(x).
    ///
    /// # Panics
    /// If `planes` has another length.
    pub fn warp(&self, planes: &[f32]) -> Vec<f32> {
        let (width, height) = (self.width(), self.height());
        assert_eq!(planes.len(), 3 * width * height, "warp: three planes of the flow's size");
        let moved = |values: &[f32]| {
            let plane = Plane { width, height, values: values.to_vec() };
            let moved = Plane::from_fn(width, height, |x, y| {
                let (u, v) = self.at(x, y);
                plane.sample(x as f32 + u, y as f32 + v)
            });
            moved.values
        };
        planes.chunks_exact(width * height).flat_map(moved).collect()
    }

    /// 1 where this flow can be trusted, 0 where it leads out of the picture, to what is hidden there, or crosses the edge
    /// of a motion; `back` is the flow from the other picture to this one's.
    ///
    /// With ŵ this flow and w̃ the other at the place to which it leads, a place is hidden where
    /// `|w̃ + ŵ|² > 0.01·(|w̃|² + |ŵ|²) + 0.5` (Ruder et al. 2016, eq. 5), and an edge where
    /// `|∇û|² + |∇v̂|² > 0.01·|ŵ|² + 0.002` (eq. 6).
    pub fn trust(&self, back: &Self) -> Plane {
        let [across, down] = [self.across.gradient(), self.down.gradient()];
        Plane::from_fn(self.width(), self.height(), |x, y| {
            let (u, v) = self.at(x, y);
            let (there_x, there_y) = (x as f32 + u, y as f32 + v);
            if !self.across.contains(there_x, there_y) {
                return 0.0;
            }
            let (back_u, back_v) = back.sample(there_x, there_y);
            let square = |a: f32, b: f32| a * a + b * b;
            let hidden =
                square(u + back_u, v + back_v) > 0.01 * (square(u, v) + square(back_u, back_v)) + 0.5;
            let at = y * self.width() + x;
            let slopes = |[a, b]: &[Plane; 2]| square(a.values[at], b.values[at]);
            let edge = slopes(&across) + slopes(&down) > 0.01 * square(u, v) + 0.002;
            if hidden || edge { 0.0 } else { 1.0 }
        })
    }
}

/// A picture's brightness from 0 to 255 (Rec. 709).
fn brightness(picture: &Picture) -> Plane {
    let (width, luma) = (picture.width(), picture.luma());
    Plane::from_fn(width, picture.height(), |x, y| 255.0 * luma[y * width + x])
}

fn shrunk(side: usize, scale: f64) -> usize {
    ((side as f64 * scale).round() as usize).max(1)
}

#[cfg(test)]
mod tests;
