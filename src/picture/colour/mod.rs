//! Colour: what a file's values mean in sRGB, and the colours of one picture brought to another.

pub(super) mod calibrated;
mod eigen;
pub(super) mod icc;
pub(super) mod keep;
pub(super) mod matching;

use super::warning::{Warning, WarningKind};
use calibrated::Calibrated;

/// What a pixel's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model {
    Grey,
    Rgb,
    /// Amounts of ink: 0 none, 1 full.
    Cmyk,
}

impl Model {
    /// Values a pixel, without alpha.
    pub(super) fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// How a file tells its colours.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Description {
    /// It says sRGB.
    Srgb,
    /// An ICC profile.
    Icc(Vec<u8>),
    /// Primaries and curves.
    Calibrated(Calibrated),
}

/// Brings rows of a picture to sRGB.
pub(super) struct Conversion {
    step: Step,
}

enum Step {
    None,
    Naive,
    #[cfg(feature = "icc")]
    Icc(icc::Transform),
    Calibrated(calibrated::Transform),
}

impl Conversion {
    /// By the first of the file's descriptions, in its format's order of precedence, that can be used; what cannot is
    /// told by a warning. Without a description grey and RGB are sRGB by convention, and CMYK is converted by the usual
    /// formula, with a warning.
    ///
    /// # Errors
    ///
    /// The message, when the profile is whole and this build cannot convert it.
    pub(super) fn choose(
        descriptions: &[Description],
        model: Model,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, String> {
        let mut unusable = false;
        for description in descriptions {
            let step = match description {
                Description::Srgb if model == Model::Cmyk => continue,
                Description::Srgb => Ok(Step::None),
                Description::Calibrated(colours) => {
                    Ok(calibrated::Transform::new(colours).map_or(Step::None, Step::Calibrated))
                }
                Description::Icc(profile) => icc::step(profile, model)?,
            };
            match step {
                Ok(step) => return Ok(Self { step }),
                Err(why) => {
                    unusable = true;
                    let rest = if model == Model::Cmyk { "" } else { "; the colours are taken as sRGB" };
                    warnings.push(Warning::new(
                        WarningKind::Profile,
                        format!("the colour profile cannot be used ({why}) and is ignored{rest}"),
                    ));
                }
            }
        }
        if model == Model::Cmyk {
            let which = if unusable { "without a usable profile" } else { "without a profile" };
            warnings.push(Warning::new(
                WarningKind::Colour,
                format!("it is CMYK {which}; the colours are converted by the usual formula and may look too bright"),
            ));
            return Ok(Self { step: Step::Naive });
        }
        Ok(Self { step: Step::None })
    }

    /// One row: `colour` has [`Model::channels`] values a pixel, interleaved; `rgb` gets 3 a pixel, interleaved, in
    /// [0, 1]. Gives whether a colour brighter than white was cut.
    ///
    /// # Errors
    ///
    /// The message, when the profile fails after all.
    pub(super) fn apply(&self, colour: &[f32], model: Model, rgb: &mut [f32]) -> Result<bool, String> {
        match &self.step {
            Step::None => expand(colour, model, rgb),
            Step::Naive => naive(colour, rgb),
            #[cfg(feature = "icc")]
            Step::Icc(transform) => transform.apply(colour, model, rgb)?,
            Step::Calibrated(transform) => {
                expand(colour, model, rgb);
                return Ok(transform.apply(rgb));
            }
        }
        Ok(false)
    }
}

/// Grey to three equal values; RGB as it is.
fn expand(colour: &[f32], model: Model, rgb: &mut [f32]) {
    match model {
        Model::Grey => rgb.chunks_exact_mut(3).zip(colour).for_each(|(rgb, v)| rgb.fill(*v)),
        Model::Rgb => rgb.copy_from_slice(colour),
        Model::Cmyk => naive(colour, rgb),
    }
}

/// R = (1 − C)(1 − K) and so on.
fn naive(cmyk: &[f32], rgb: &mut [f32]) {
    for (rgb, ink) in rgb.chunks_exact_mut(3).zip(cmyk.chunks_exact(4)) {
        (0..3).for_each(|c| rgb[c] = (1.0 - ink[c]) * (1.0 - ink[3]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_usable_description_counts() {
        let linear =
            Description::Calibrated(Calibrated::with_curve(calibrated::Curve::Gamma([1.0; 3])).unwrap());
        let rubbish = Description::Icc(b"rubbish".to_vec());
        let value = |descriptions: &[Description], warned: usize| {
            let mut warnings = Vec::new();
            let conversion = Conversion::choose(descriptions, Model::Grey, &mut warnings).unwrap();
            assert_eq!(warnings.len(), warned, "{warnings:?}");
            let mut rgb = [0.0; 3];
            conversion.apply(&[0.2140], Model::Grey, &mut rgb).unwrap();
            rgb[1]
        };
        assert_eq!(value(&[], 0), 0.2140);
        assert_eq!(value(std::slice::from_ref(&rubbish), 1), 0.2140);
        assert!((value(&[rubbish.clone(), linear.clone()], 1) - 0.5).abs() < 1e-3);
        assert_eq!(value(&[Description::Srgb, linear], 0), 0.2140);
    }

    #[test]
    fn cmyk_by_the_usual_formula() {
        let mut warnings = Vec::new();
        let conversion = Conversion::choose(&[Description::Srgb], Model::Cmyk, &mut warnings).unwrap();
        assert_eq!(warnings[0].kind(), WarningKind::Colour);
        let mut rgb = [0.0; 3];
        conversion.apply(&[0.5, 0.25, 0.0, 0.5], Model::Cmyk, &mut rgb).unwrap();
        assert_eq!(rgb, [0.25, 0.375, 0.5]);
    }
}
