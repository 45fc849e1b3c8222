//! The two colour conventions of published VGG networks.

use std::fmt;

/// What colours a network was trained on, for networks without a colour map of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputColours {
    /// RGB in [0, 1], minus (0.485, 0.456, 0.406), over (0.229, 0.224, 0.225).
    Torchvision,
    /// BGR in [0, 255], minus (103.939, 116.779, 123.68): Simonyan and Zisserman's own networks.
    Caffe,
}

impl InputColours {
    /// The colour map from RGB in [0, 1] to the network's input: 3×3 row-major, and the part that is added.
    pub fn colour_map(self) -> ([f32; 9], [f32; 3]) {
        let zero = 0.0;
        match self {
            Self::Torchvision => {
                let (mean, deviation) = ([0.485, 0.456, 0.406], [0.229f64, 0.224, 0.225]);
                let [r, g, b] = deviation.map(|s| (1.0 / s) as f32);
                let bias = std::array::from_fn(|c| (-mean[c] / deviation[c]) as f32);
                ([r, zero, zero, zero, g, zero, zero, zero, b], bias)
            }
            Self::Caffe => {
                let all = 255.0;
                ([zero, zero, all, zero, all, zero, all, zero, zero], [-103.939, -116.779, -123.68])
            }
        }
    }
}

impl fmt::Display for InputColours {
    /// The name as `weights convert --input` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Torchvision => "torchvision",
            Self::Caffe => "caffe",
        })
    }
}

impl std::str::FromStr for InputColours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "torchvision" => Ok(Self::Torchvision),
            "caffe" => Ok(Self::Caffe),
            _ => Err(format!("`{text}` is not a convention of colours; write torchvision or caffe")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_maps_are_the_published_ones() {
        let (w, b) = InputColours::Torchvision.colour_map();
        let white: Vec<f32> = (0..3).map(|c| w[3 * c..3 * c + 3].iter().sum::<f32>() + b[c]).collect();
        for (got, expected) in
            white.iter().zip([(1.0 - 0.485) / 0.229, (1.0 - 0.456) / 0.224, (1.0 - 0.406) / 0.225])
        {
            assert!((got - expected).abs() < 1e-5);
        }
        let (w, b) = InputColours::Caffe.colour_map();
        // Pure red arrives in the last channel.
        let red: Vec<f32> = (0..3).map(|c| w[3 * c] + b[c]).collect();
        assert_eq!(red, [-103.939, -116.779, 255.0 - 123.68]);
    }

    #[test]
    fn names_round_trip() {
        for colours in [InputColours::Torchvision, InputColours::Caffe] {
            assert_eq!(colours.to_string().parse(), Ok(colours));
        }
        assert!("keras".parse::<InputColours>().is_err());
    }
}
