//! Optical flow by total variation and L1: `min ∫ |∇u| + |∇v| + λ·|I₁(x + (u, v)) − I₀(x)|`.
//!
//! Zach, Pock & Bischof (2007), "A duality based approach for realtime TV-L1 optical flow", by the scheme that Sánchez
//! Pérez, Meinhardt-Llopis & Facciolo lay down (IPOL 2013, "TV-L1 optical flow estimation"): I₁ is warped by the flow so
//! far and linearised there; a step on the data alone (eq. 13, thresholding) and one on the smoothness alone (eq. 10 and
//! 11, its dual) take turns. After each warp a median takes single vectors out (Wedel et al. 2009). Every pass writes each
//! pixel once from values that it does not write, so that threads change nothing.

use rayon::prelude::*;

use super::Flow;
use super::plane::Plane;

/// λ, for pictures from 0 to 255.
const DATA: f32 = 0.15;
/// θ: how near the two halves of the problem stay to each other.
const TIGHTNESS: f32 = 0.3;
/// τ, the dual's step.
const STEP: f32 = 0.25;
/// Linearisations.
const WARPS: usize = 5;
/// Turns in each.
const TURNS: usize = 30;

/// The flow with its dual variables, one pair a component.
struct State {
    flow: [Plane; 2],
    dual: [[Plane; 2]; 2],
}

/// I₁ linearised: `constant + across·u + down·v` is the difference from I₀.
struct Linear {
    constant: Plane,
    across: Plane,
    down: Plane,
}

/// Brings a flow from `first` to `second`, pictures from 0 to 255 of one size, nearer to the minimum.
pub(super) fn refine(first: &Plane, second: &Plane, flow: Flow) -> Flow {
    let (width, height) = (first.width, first.height);
    let zeros = || [Plane::zeros(width, height), Plane::zeros(width, height)];
    let mut state = State { flow: [flow.across, flow.down], dual: [zeros(), zeros()] };
    let slopes = second.gradient();
    for _ in 0..WARPS {
        let linear = Linear::new(first, second, &slopes, &state.flow);
        for _ in 0..TURNS {
            state.descend(&linear);
            state.ascend();
        }
        state.flow = state.flow.map(|plane| plane.median());
    }
    let [across, down] = state.flow;
    Flow { across, down }
}

impl Linear {
    /// About the flow so far. Where that leads out of the picture, nothing is known: 0.
    fn new(first: &Plane, second: &Plane, slopes: &[Plane; 2], [u, v]: &[Plane; 2]) -> Self {
        let (width, height) = (first.width, first.height);
        let there = |x: usize, y: usize| {
            let at = y * width + x;
            (x as f32 + u.values[at], y as f32 + v.values[at])
        };
        let warped = |plane: &Plane| {
            Plane::from_fn(width, height, |x, y| {
                let (x, y) = there(x, y);
                if second.contains(x, y) { plane.sample(x, y) } else { 0.0 }
            })
        };
        let (across, down) = (warped(&slopes[0]), warped(&slopes[1]));
        let constant = Plane::from_fn(width, height, |x, y| {
            let at = y * width + x;
            let (there_x, there_y) = there(x, y);
            if !second.contains(there_x, there_y) {
                return 0.0;
            }
            let expected = across.values[at] * u.values[at] + down.values[at] * v.values[at];
            second.sample(there_x, there_y) - expected - first.values[at]
        });
        Self { constant, across, down }
    }

    /// Where the data alone would take the flow (u, v) of pixel `at` (eq. 13).
    fn thresholded(&self, at: usize, u: f32, v: f32) -> (f32, f32) {
        const REACH: f32 = DATA * TIGHTNESS;
        let (a, b) = (self.across.values[at], self.down.values[at]);
        let steepness = a * a + b * b;
        let difference = self.constant.values[at] + a * u + b * v;
        let along = if difference < -REACH * steepness {
            REACH
        } else if difference > REACH * steepness {
            -REACH
        } else if steepness > 1e-9 {
            -difference / steepness
        } else {
            0.0
        };
        (u + along * a, v + along * b)
    }
}

impl State {
    /// One step on the data, and one on the smoothness by what the dual says.
    fn descend(&mut self, linear: &Linear) {
        let Self { flow: [u, v], dual: [dual_u, dual_v] } = self;
        let width = u.width;
        let rows = u.values.par_chunks_mut(width).zip(v.values.par_chunks_mut(width));
        rows.enumerate().for_each(|(y, (u, v))| {
            for x in 0..width {
                let at = y * width + x;
                let (data_u, data_v) = linear.thresholded(at, u[x], v[x]);
                u[x] = data_u + TIGHTNESS * divergence(dual_u, x, y);
                v[x] = data_v + TIGHTNESS * divergence(dual_v, x, y);
            }
        });
    }

    /// One step of the dual.
    fn ascend(&mut self) {
        let Self { flow, dual } = self;
        for (component, [across, down]) in flow.iter().zip(dual) {
            let (width, height, values) = (component.width, component.height, &component.values);
            let rows = across.values.par_chunks_mut(width).zip(down.values.par_chunks_mut(width));
            rows.enumerate().for_each(|(y, (across, down))| {
                let here = &values[y * width..][..width];
                let below = &values[(y + 1).min(height - 1) * width..][..width];
                for x in 0..width {
                    let right = here[(x + 1).min(width - 1)] - here[x];
                    let under = below[x] - here[x];
                    let norm = 1.0 + STEP / TIGHTNESS * (right * right + under * under).sqrt();
                    across[x] = (across[x] + STEP / TIGHTNESS * right) / norm;
                    down[x] = (down[x] + STEP / TIGHTNESS * under) / norm;
                }
            });
        }
    }
}

/// The divergence of a field at a pixel, by differences backward.
fn divergence([across, down]: &[Plane; 2], x: usize, y: usize) -> f32 {
    let (width, at) = (across.width, y * across.width + x);
    let left = if x > 0 { across.values[at - 1] } else { 0.0 };
    let above = if y > 0 { down.values[at - width] } else { 0.0 };
    across.values[at] - left + down.values[at] - above
}
