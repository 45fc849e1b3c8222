//! The reference engine: im2col and GEMM on plain C×H×W maps, in f32 or f64.
//!
//! It is the portable path (`--convolution im2col`), runs the gradient checks in f64, and every faster
//! engine is tested against it.

use ndarray::Array3;

use super::{Engine, Seed, add_content, squared_distance};
use crate::kernels::plain::{conv, gram, pool, relu};
use crate::network::Stage;
use crate::network::plan::Plan;
use crate::tensor::Scalar;

/// One convolution's parameters in both directions, and its maps.
struct Level<T> {
    weight: Vec<T>,
    rotated: Vec<T>,
    bias: Vec<T>,
    /// The input: the colour-mapped picture, the rectified map above, or its pooled form.
    input: Vec<T>,
    /// Before the ReLU; empty unless tapped there.
    linear: Vec<T>,
    /// After the ReLU.
    rectified: Vec<T>,
}

/// See the module's text.
pub struct Reference<T> {
    plan: Plan,
    levels: Vec<Level<T>>,
    /// F₀ of each tap; empty until remembered.
    remembered: Vec<Vec<T>>,
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
        let remembered = vec![Vec::new(); plan.taps().len()];
        Self {
            levels,
            remembered,
            colour: network.input_weight().map(scalar),
            offset: network.input_bias().map(scalar),
            plan,
        }
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

    /// Adds a seed's gradient to `gradient`.
    fn sow(&self, tap: usize, seed: &Seed, gradient: &mut [T]) {
        let (features, shape) = (self.tapped(tap), self.plan.tap_shape(tap));
        if let Some(derivative) = seed.gram {
            gram::backward(derivative, features, shape.channels, shape.positions(), gradient);
        }
        if let Some(c) = seed.content {
            add_content(gradient, c, features, &self.remembered[tap]);
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
                if self.plan.pools_before(at) {
                    pool::forward(previous, self.plan.shape(at - 1), network.pooling(), input);
                } else {
                    input.copy_from_slice(previous);
                }
            }
            let (shape, level) = (self.plan.input_shape(at), &mut self.levels[at]);
            let output = if level.linear.is_empty() { &mut level.rectified } else { &mut level.linear };
            conv::forward(&level.input, shape, network.padding(), &level.weight, &level.bias, output);
            if level.linear.is_empty() {
                relu::rectify(&mut level.rectified);
            } else {
                level.rectified.copy_from_slice(&level.linear);
                relu::rectify(&mut level.rectified);
            }
        }
    }

    fn gram(&mut self, tap: usize, output: &mut [f64]) {
        let shape = self.plan.tap_shape(tap);
        gram::forward(self.tapped(tap), shape.channels, shape.positions(), output);
    }

    fn remember(&mut self, tap: usize) {
        self.remembered[tap] = self.tapped(tap).to_vec();
    }

    fn distance(&self, tap: usize) -> (f64, f64) {
        squared_distance(self.tapped(tap), &self.remembered[tap])
    }

    fn features(&self, tap: usize) -> Array3<T> {
        let shape = self.plan.tap_shape(tap);
        let map = self.tapped(tap).to_vec();
        Array3::from_shape_vec((shape.channels, shape.height, shape.width), map)
            .expect("a map fills its shape")
    }

    fn backward(&mut self, seeds: &[Seed], gradient: &mut [T]) {
        assert_eq!(seeds.len(), self.plan.taps().len(), "one seed per tap");
        let network = self.plan.network().clone();
        let depth = self.plan.depth();
        let mut here = vec![T::ZERO; self.plan.shape(depth - 1).len()];
        for at in (0..depth).rev() {
            if let Some(tap) = self.tap_at(at, Stage::Relu) {
                self.sow(tap, &seeds[tap], &mut here);
            }
            relu::backward(&self.levels[at].rectified, &mut here);
            if let Some(tap) = self.tap_at(at, Stage::Conv) {
                self.sow(tap, &seeds[tap], &mut here);
            }
            let (shape, level) = (self.plan.shape(at), &self.levels[at]);
            let inputs = self.plan.input_shape(at).channels;
            let mut below = vec![T::ZERO; self.plan.input_shape(at).len()];
            conv::backward(&here, shape, network.padding(), &level.rotated, inputs, &mut below);
            here = below;
            if self.plan.pools_before(at) {
                let (map, shape) = (&self.levels[at - 1].rectified, self.plan.shape(at - 1));
                let mut spread = vec![T::ZERO; shape.len()];
                pool::backward(map, shape, network.pooling(), &here, &mut spread);
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
