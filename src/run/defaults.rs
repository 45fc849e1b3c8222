//! Every default in one place, each with its reason.

use crate::loss::Normalisation;
use crate::network::{Layer, Network, Stage, WeightedLayer};

/// The longer side of the result. Large enough to hang on a screen, small enough for seconds on a laptop.
pub const SIZE: usize = 512;

/// The longer side at which the pyramid starts, about. At 128 px the receptive field of relu4_1 covers the
/// picture, so the large shapes of the style are laid down where they cost a sixteenth of what they cost at 512.
pub const COARSEST: usize = 128;

/// How many times larger each size is than the one before. With steps of √2 a size finds little that the one before had
/// not, so that a quarter less work gives figures
/// like those of steps of 2 (docs/pictures.md).
pub const SIZE_STEP: f64 = std::f64::consts::SQRT_2;

/// The same where a size is costly to begin (strokes match anew) or must be a whole multiple (tiles).
pub const WHOLE_SIZE_STEP: f64 = 2.0;

/// Iterations at the coarsest size; each finer size gets half as many. The loss of the finer sizes starts low,
/// because the coarse result is carried up.
pub const ITERATIONS: usize = 120;

/// No size gets fewer iterations than this (unless all do): below it the new detail is not repainted.
pub const FEWEST_ITERATIONS: usize = 25;

/// Iterations of a draft at the coarsest size, a quarter from size to size. With strokes a size takes fewer in vain: it stays pale.
pub const DRAFT_ITERATIONS: usize = 48;
/// The same with strokes.
pub const STROKES_DRAFT_ITERATIONS: usize = 96;

/// The tolerance of a fine picture.
pub const FINE_TOLERANCE: f64 = 0.001;

/// The longer side at which strokes start, about: there a cell is a large form of the content.
pub const STROKES_COARSEST: usize = 64;

/// Iterations of strokes at the coarsest size, halved from size to size like those of the method gram. The targets of a round
/// are fixed features, so that the first steps do most, and the next round of matching begins anew.
pub const STROKES_ITERATIONS: usize = 60;

/// A size ends early when the loss falls by less than this part in ten iterations: nobody sees the rest.
pub const TOLERANCE: f64 = 0.005;

/// Pairs that L-BFGS remembers. 10 is the usual figure; more costs memory (one picture each) and gains little.
pub const HISTORY: usize = 10;

/// Adam's step in units of pixel values: 0.02 of the range, as the PyTorch programs that use it.
pub const LEARNING_RATE: f64 = 0.02;

/// The style picture's longer side relative to the result's: strokes as large as the painting shows them.
pub const STYLE_SCALE: f64 = 1.0;

/// The standard deviation of the noise, where 1 is from black to white: grey with grain, nothing that is cut off.
pub const NOISE_SCALE: f64 = 0.15;

/// The seed of the noise.
pub const SEED: u64 = 0;

/// How much of the start picture's new detail each finer size begins with: all of it, so that edges are sharp
/// where the coarse result could not have them.
pub const DETAIL: f32 = 1.0;

/// α and β.
///
/// `relative` terms are fractions of the target, so its weights hold for any network and size; the others are
/// as large as the network's features make them, and their weights are those that their sources use with VGG.
pub const fn weights(normalisation: Normalisation) -> (f64, f64) {
    match normalisation {
        // A style error of 2 % weighs as much as a content error of 100 %. Judged and looked at on twelve pairs: at 0.05
        // broad brushwork stays away, at 0.01 towers and faces begin to drift, at 0.02 both are there.
        Normalisation::Relative => (0.02, 1.0),
        // The paper's α/β = 1e-3.
        Normalisation::Gatys => (1.0, 1e3),
        // neural-style's defaults.
        Normalisation::Johnson => (5.0, 1e2),
        // Plain norms have no usual weights: the plain sum.
        Normalisation::Frobenius => (1.0, 1.0),
    }
}

/// The weight of the total variation where a picture is made with the normalisation `relative`. It costs no style
/// (judged on twelve pairs) and takes away fine noise in flat areas. `evaluate`, which measures and does not paint,
/// adds nothing to the losses unasked.
pub const TV_WEIGHT: f64 = 0.02;

/// How firmly pixels are held in the range that a file can store. At 10 next to nothing is cut off at the end; a
/// picture that was cut off showed about twice the style error of one that was held.
pub const RANGE_WEIGHT: f64 = 10.0;

/// How firmly a frame is held to the one before: strokes stay where the picture stays, and uncovered places are painted anew.
pub const TEMPORAL_WEIGHT: f64 = 10.0;

/// Sizes of a frame that follows another: it starts from a painted picture, to which only the finest sizes add.
pub const FRAME_SIZES: usize = 2;

/// The iterations of a frame that follows another: what its start lacks is little.
pub const FRAME_ITERATIONS: usize = 40;

/// The style layers: what the network's file recommends, else the paper's relu1_1 … relu5_1 as far as the
/// network has them.
pub fn style_layers(network: &Network) -> Vec<WeightedLayer> {
    if !network.style_layers().is_empty() {
        return network.style_layers().to_vec();
    }
    let layers = (1..=5).map(|block| Layer { block, index: 1, stage: Stage::Relu });
    layers.filter(|layer| network.position(*layer).is_some()).map(|layer| (layer, 1.0)).collect()
}

/// The content layer: what the network's file recommends, else the paper's relu4_2, or the deepest layer above it
/// that the network has.
pub fn content_layers(network: &Network) -> Vec<WeightedLayer> {
    if !network.content_layers().is_empty() {
        return network.content_layers().to_vec();
    }
    let paper = Layer { block: 4, index: 2, stage: Stage::Relu };
    let rectified = network.layers().filter(|layer| layer.stage == Stage::Relu && *layer <= paper);
    rectified.last().map(|layer| (layer, 1.0)).into_iter().collect()
}
