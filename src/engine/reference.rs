//! The reference engine: im2col and GEMM on plain C×H×W maps, in f32 or f64.
//!
//! It is the portable path (`--convolution im2col`), runs the gradient checks in f64, and every faster
//! engine is tested against it.

use ndarray::{Array3, ArrayView3};

use super::{Disagreement, Engine, Moments, Order, Pattern, Products, Region, Seed};
use crate::kernels::plain::{conv, fixed, moments, pool, relu};
use crate::network::Stage;
use crate::network::plan::Plan;
use crate::tensor::{PositionWeights, Scalar};

/// One convolution's parameters in both directions, and its maps.
struct Level<T> {
    weight: Vec<T>,
    rotated: Vec<T>,
    bias: Vec<T>,
    /// The input: the colour-mapped picture, the rectified map above, or its pooled form.
    input: Vec<T>,
    /// Before the ReLU; empty unless tapped there, or frozen.
    linear: Vec<T>,
    /// After the ReLU.
    rectified: Vec<T>,
}

/// See the module's text.
pub struct Reference<T> {
    plan: Plan,
    levels: Vec<Level<T>>,
    /// F₀ of each tap; empty until there is one.
    targets: Vec<Vec<T>>,
    /// The activation pattern that stands in place of what the values decide; empty unless frozen.
    frozen: Vec<Pattern>,
    colour: [T; 9],
    offset: [T; 3],
}

impl<T: Scalar> Reference<T> {
    /// Copies the planned part of the network into this precision and allocates every map.
    pub fn new(plan: Plan) -> Self {
        let network = plan.network().clone();
        let cast = |values: &[f32]| values.iter().map(|&v| T::from_f64(f64::from(v))).collect::<Vec<T>>();
        let levels = (0..plan.depth())
            .map(|at| {
                let convolution = &network.convolutions()[at];
                let weight = cast(convolution.weight());
                let rotated = conv::rotated(&weight, convolution.outputs(), convolution.inputs());
                let taps_linear = plan
                    .taps()
                    .iter()
                    .any(|tap| tap.stage == Stage::Conv && network.position(*tap) == Some(at));
                Level {
                    weight,
                    rotated,
                    bias: cast(convolution.bias()),
                    input: vec![T::ZERO; plan.input_shape(at).len()],
                    linear: vec![T::ZERO; if taps_linear { plan.shape(at).len() } else { 0 }],
                    rectified: vec![T::ZERO; plan.shape(at).len()],
                }
            })
            .collect();
        let scalar = |v: f32| T::from_f64(f64::from(v));
        Self {
            levels,
            targets: vec![Vec::new(); plan.taps().len()],
            frozen: Vec::new(),
            colour: network.input_weight().map(scalar),
            offset: network.input_bias().map(scalar),
            plan,
        }
    }

    /// Fixes the activation pattern: from now on the network is linear, and ReLUs and poolings let pass what `pattern`
    /// says, forward and backward.
    ///
    /// # Panics
    /// If it is another plan's.
    pub fn freeze(&mut self, pattern: Vec<Pattern>) {
        let fits = |(at, one): (usize, &Pattern)| one.fits(self.plan.shape(at), self.plan.pools_behind(at));
        assert_eq!(pattern.len(), self.plan.depth(), "one pattern a convolution");
        assert!(pattern.iter().enumerate().all(fits), "a pattern of another plan");
        self.frozen = pattern;
        for (at, level) in self.levels.iter_mut().enumerate() {
            level.linear.resize(self.plan.shape(at).len(), T::ZERO);
        }
    }

    /// How far the frozen pattern is from what the values of the last forward pass would have decided.
    pub fn disagreement(&self) -> Disagreement {
        let pooling = self.plan.network().pooling();
        let mut all = Disagreement::default();
        for (at, (pattern, level)) in self.frozen.iter().zip(&self.levels).enumerate() {
            all += pattern.compare(&level.linear, self.plan.shape(at), pooling);
        }
        all
    }

    /// The map that a tap reads.
    fn tapped(&self, tap: usize) -> &[T] {
        let layer = self.plan.taps()[tap];
        let level = &self.levels[self.plan.network().position(layer).expect("taps exist in the network")];
        match layer.stage {
            Stage::Conv => &level.linear,
            Stage::Relu => &level.rectified,
        }
    }

    /// The tap at convolution `at` on the given side of its ReLU.
    fn tap_at(&self, at: usize, stage: Stage) -> Option<usize> {
        let network = self.plan.network();
        self.plan.taps().iter().position(|tap| tap.stage == stage && network.position(*tap) == Some(at))
    }

    /// F₀ of a tap.
    fn target(&self, tap: usize) -> &[T] {
        let target = &self.targets[tap];
        assert!(!target.is_empty(), "{} has nothing to be compared with", self.plan.taps()[tap]);
        target
    }

    /// Adds what a seed sends back into a tap.
    fn add_gradient(&self, tap: usize, seed: &Seed, gradient: &mut [T]) {
        let (features, shape) = (self.tapped(tap), self.plan.tap_shape(tap));
        for part in seed.affine {
            moments::backward(part, features, shape, gradient);
        }
        if let Some(part) = &seed.fixed {
            fixed::backward(part, features, self.target(tap), shape, gradient);
        }
    }
}

impl<T: Scalar> Engine for Reference<T> {
    type Scalar = T;

    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn forward(&mut self, rgb: &[T]) {
        let network = self.plan.network().clone();
        map_colours(&self.colour, &self.offset, rgb, &mut self.levels[0].input);
        for at in 0..self.plan.depth() {
            if at > 0 {
                let (above, below) = self.levels.split_at_mut(at);
                let (previous, input) = (&above[at - 1].rectified, &mut below[0].input);
                let (shape, pooling) = (self.plan.shape(at - 1), network.pooling());
                match self.frozen.get(at - 1) {
                    _ if !self.plan.pools_before(at) => input.copy_from_slice(previous),
                    Some(pattern) => pattern.pool(previous, shape, pooling, input),
                    None => pool::forward(previous, shape, pooling, input),
                }
            }
            let (shape, level) = (self.plan.input_shape(at), &mut self.levels[at]);
            let output = if level.linear.is_empty() { &mut level.rectified } else { &mut level.linear };
            conv::forward(&level.input, shape, network.padding(), &level.weight, &level.bias, output);
            if !level.linear.is_empty() {
                level.rectified.copy_from_slice(&level.linear);
            }
            match self.frozen.get(at) {
                Some(pattern) => pattern.rectify(&mut level.rectified),
                None => relu::rectify(&mut level.rectified),
            }
        }
    }

    fn moments(&mut self, tap: usize, region: Region<'_>, order: Order, output: &mut Moments) {
        let (features, shape) = (self.tapped(tap), self.plan.tap_shape(tap));
        let window = region.window_of(shape);
        output.first.fill(0.0);
        let first = (order == Order::FirstAndSecond).then_some(&mut output.first[..]);
        moments::forward(features, shape, &window, region.weights, &mut output.second, first);
        output.mass = region.mass(shape);
    }

    fn remember(&mut self, tap: usize) {
        let mut target = std::mem::take(&mut self.targets[tap]);
        target.clear();
        target.extend_from_slice(self.tapped(tap));
        self.targets[tap] = target;
    }

    fn set_target(&mut self, tap: usize, map: ArrayView3<'_, T>) {
        let shape = self.plan.tap_shape(tap);
        assert_eq!(map.dim(), (shape.channels, shape.height, shape.width), "a map of another tap");
        self.targets[tap].clear();
        self.targets[tap].extend(map.iter());
    }

    fn distance(&mut self, tap: usize, weights: Option<&PositionWeights>) -> (f64, f64) {
        fixed::distance(self.tapped(tap), self.target(tap), self.plan.tap_shape(tap), weights)
    }

    fn products(&mut self, tap: usize, output: &mut Products) {
        let (map, target, shape) = (self.tapped(tap), self.target(tap), self.plan.tap_shape(tap));
        output.resize(shape.positions());
        fixed::products(map, target, shape, &mut output.cross);
        fixed::products(map, map, shape, &mut output.own);
        fixed::products(target, target, shape, &mut output.target);
    }

    fn features(&self, tap: usize) -> Array3<T> {
        let shape = self.plan.tap_shape(tap);
        let map = self.tapped(tap).to_vec();
        Array3::from_shape_vec((shape.channels, shape.height, shape.width), map)
            .expect("a map fills its shape")
    }

    fn pattern(&self) -> Vec<Pattern> {
        if !self.frozen.is_empty() {
            return self.frozen.clone();
        }
        let pattern = |(at, level): (usize, &Level<T>)| {
            let pooling = self.plan.pools_behind(at).then(|| self.plan.network().pooling());
            let is_tapped = self.tap_at(at, Stage::Relu).is_some();
            Pattern::of_map(&level.rectified, self.plan.shape(at), pooling, is_tapped)
        };
        self.levels.iter().enumerate().map(pattern).collect()
    }

    fn backward(&mut self, seeds: &[Seed], gradient: &mut [T]) {
        assert_eq!(seeds.len(), self.plan.taps().len(), "one seed per tap");
        seeds.iter().enumerate().for_each(|(tap, seed)| seed.check(self.plan.tap_shape(tap)));
        let network = self.plan.network().clone();
        let depth = self.plan.depth();
        let mut here = vec![T::ZERO; self.plan.shape(depth - 1).len()];
        for at in (0..depth).rev() {
            if let Some(tap) = self.tap_at(at, Stage::Relu) {
                self.add_gradient(tap, &seeds[tap], &mut here);
            }
            match self.frozen.get(at) {
                Some(pattern) => pattern.rectify(&mut here),
                None => relu::backward(&self.levels[at].rectified, &mut here),
            }
            if let Some(tap) = self.tap_at(at, Stage::Conv) {
                self.add_gradient(tap, &seeds[tap], &mut here);
            }
            let (shape, level) = (self.plan.shape(at), &self.levels[at]);
            let inputs = self.plan.input_shape(at).channels;
            let mut below = vec![T::ZERO; self.plan.input_shape(at).len()];
            conv::backward(&here, shape, network.padding(), &level.rotated, inputs, &mut below);
            here = below;
            if self.plan.pools_before(at) {
                let (map, shape) = (&self.levels[at - 1].rectified, self.plan.shape(at - 1));
                let mut spread = vec![T::ZERO; shape.len()];
                match self.frozen.get(at - 1) {
                    Some(pattern) => pattern.unpool(&here, shape, network.pooling(), &mut spread),
                    None => pool::backward(map, shape, network.pooling(), &here, &mut spread),
                }
                here = spread;
            }
        }
        unmap_colours(&self.colour, &here, gradient);
    }
}

/// `output = W·rgb + b` at every position.
pub(crate) fn map_colours<T: Scalar>(weight: &[T; 9], bias: &[T; 3], rgb: &[T], output: &mut [T]) {
    let positions = rgb.len() / 3;
    assert_eq!((rgb.len(), output.len()), (3 * positions, 3 * positions));
    let [red, green, blue] = [0, 1, 2].map(|c| &rgb[c * positions..][..positions]);
    for (c, plane) in output.chunks_exact_mut(positions).enumerate() {
        let [r, g, b] = [weight[3 * c], weight[3 * c + 1], weight[3 * c + 2]];
        for (p, value) in plane.iter_mut().enumerate() {
            *value = r * red[p] + g * green[p] + b * blue[p] + bias[c];
        }
    }
}

/// `gradient = Wᵀ·mapped` at every position: the adjoint of [`map_colours`].
pub(crate) fn unmap_colours<T: Scalar>(weight: &[T; 9], mapped: &[T], gradient: &mut [T]) {
    let w = weight;
    map_colours(&[w[0], w[3], w[6], w[1], w[4], w[7], w[2], w[5], w[8]], &[T::ZERO; 3], mapped, gradient);
}
