//! Networks of random weights, for measuring speed where the real weights are not at hand.

use crate::error::{Error, Result};
use crate::network::check::{Outline, shapes};
use crate::network::{InputColours, Network};
use crate::random::Random;
use crate::text::clip;

/// A network of the given shape with the variance of He et al. 2015 (2/(9·inputs)) and zero biases.
///
/// `architecture` is `vgg16`, `vgg19` or output channels by block, `64,64|128,128|256`. Uniform numbers
/// from SplitMix64 (Steele et al. 2014): the same bits on every machine for the same `seed`.
///
/// # Errors
///
/// [`Error::Option`] for an architecture that cannot be read.
pub fn random(architecture: &str, seed: u64) -> Result<Network> {
    let widths = match architecture {
        "vgg16" => vec![vec![64; 2], vec![128; 2], vec![256; 3], vec![512; 3], vec![512; 3]],
        "vgg19" => vec![vec![64; 2], vec![128; 2], vec![256; 4], vec![512; 4], vec![512; 4]],
        custom => parse(custom)
            .ok_or_else(|| {
                let text = clip(custom);
                format!("`{text}` is not an architecture; write vgg16, vgg19 or channels by block like 64,64|128,128")
            })
            .map_err(|message| Error::option("--architecture", message))?,
    };
    let mut outlines = Vec::new();
    let mut inputs = 3;
    for (block, widths) in (1..).zip(&widths) {
        for (index, &outputs) in (1..).zip(widths) {
            outlines.push(Outline { block, index, name: format!("conv{block}_{index}"), inputs, outputs });
            inputs = outputs;
        }
    }
    shapes(&outlines).map_err(|message| Error::option("--architecture", message))?;
    let mut random = Random::new(seed);
    let mut builder = Network::builder(format!("{architecture} (random)"))
        .source(architecture)
        .description(format!("random weights, seed {seed}: for measurements, not for pictures"))
        .colours(InputColours::Torchvision);
    for block in outlines.chunk_by(|one, next| one.block == next.block) {
        let convolution = |o: &Outline| {
            let limit = (6.0 / (9.0 * o.inputs as f64)).sqrt();
            let weight = (0..o.outputs * o.inputs * 9)
                .map(|_| ((2.0 * random.uniform() - 1.0) * limit) as f32)
                .collect::<Vec<f32>>();
            (o.outputs, weight, vec![0.0; o.outputs])
        };
        builder = builder.block(block.iter().map(convolution));
    }
    builder.build()
}

fn parse(text: &str) -> Option<Vec<Vec<usize>>> {
    let width =
        |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    text.split('|').map(|block| block.split(',').map(width).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_have_their_layers() {
        let vgg19 = random("vgg19", 1).unwrap();
        assert_eq!(vgg19.convolutions().len(), 16);
        assert_eq!(vgg19.convolutions().iter().map(|c| c.weight().len()).sum::<usize>(), 20_018_880);
        assert!(vgg19.position("relu5_4".parse().unwrap()).is_some());
        assert_eq!(random("vgg16", 1).unwrap().convolutions().len(), 13);
        let slim = random("8,8|12", 1).unwrap();
        let shapes: Vec<_> =
            slim.convolutions().iter().map(|c| (c.block(), c.index(), c.inputs(), c.outputs())).collect();
        assert_eq!(shapes, [(1, 1, 3, 8), (1, 2, 8, 8), (2, 1, 8, 12)]);
    }

    #[test]
    fn the_variance_is_he_and_the_seed_decides() {
        let (one, same, other) = (random("64,64", 1), random("64,64", 1), random("64,64", 2));
        let [one, same, other] =
            [one, same, other].map(|network| network.unwrap().convolutions()[1].weight().clone());
        let variance = one.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>() / one.len() as f64;
        assert!((variance / (2.0 / (9.0 * 64.0)) - 1.0).abs() < 0.02, "{variance}");
        assert_eq!(one, same);
        // SplitMix64 from the seed 1: the weights that measurements speak of.
        assert_eq!(
            random("64,64", 1).unwrap().convolutions()[0].weight()[..2],
            [0.062_754_855, 0.231_725_26]
        );
        assert_ne!(one, other);
    }

    #[test]
    fn other_architectures_are_refused() {
        for text in ["", "vgg", "64,", "64||64", "64,0", "-3", "+3", "99999", "64|64x", "8192,8192"] {
            let message = random(text, 0).unwrap_err().to_string();
            assert!(message.starts_with("--architecture: "), "{message}");
        }
    }
}
