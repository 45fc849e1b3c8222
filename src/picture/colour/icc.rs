//! What an embedded ICC profile means, in sRGB.
//!
//! A profile that is damaged or of another colour model than its picture is ignored with a warning, in every format
//! alike. Without the feature `icc` only profiles that call themselves sRGB pass; any other whole one is refused.

use super::{Model, Step};

/// The step for a picture of this model with this profile; the inner message when the profile cannot be used.
///
/// # Errors
///
/// The message, when the profile is whole and this build cannot convert it.
pub(super) fn step(profile: &[u8], model: Model) -> Result<Result<Step, String>, String> {
    let fits = match (profile.get(16..20), model) {
        (Some(b"RGB "), Model::Rgb | Model::Grey)
        | (Some(b"GRAY"), Model::Grey)
        | (Some(b"CMYK"), Model::Cmyk) => Ok(()),
        (Some(space @ (b"RGB " | b"GRAY" | b"CMYK" | b"Lab " | b"XYZ ")), _) => Err(format!(
            "it is for {}, the picture is {}",
            String::from_utf8_lossy(space).trim_end(),
            match model {
                Model::Grey => "grey",
                Model::Rgb => "RGB",
                Model::Cmyk => "CMYK",
            }
        )),
        _ => Err("it is damaged".into()),
    };
    if let Err(why) = fits {
        return Ok(Err(why));
    }
    usable(profile, model)
}

/// The rendering intent that a profile's header names.
pub(in crate::picture) fn intent(profile: &[u8]) -> Option<u8> {
    profile.get(64..68).filter(|b| b[..3] == [0; 3] && b[3] <= 3).map(|b| b[3])
}

#[cfg(feature = "icc")]
fn usable(profile: &[u8], model: Model) -> Result<Result<Step, String>, String> {
    Ok(Transform::new(profile, model).map(|transform| transform.map_or(Step::None, Step::Icc)))
}

#[cfg(not(feature = "icc"))]
fn usable(profile: &[u8], _model: Model) -> Result<Result<Step, String>, String> {
    if names_srgb(profile) {
        return Ok(Ok(Step::None));
    }
    if !has_tags(profile) {
        return Ok(Err("it is damaged".into()));
    }
    Err("it has a colour profile other than sRGB, and this build cannot convert it; convert it to sRGB first or build \
         impasto with the feature `icc`"
        .into())
}

/// sRGB as a profile with a rendering intent, for files whose picture came with a profile.
#[cfg(feature = "icc")]
pub(in crate::picture) fn srgb(intent: u8) -> Option<Vec<u8>> {
    let mut profile = moxcms::ColorProfile::new_srgb().encode().ok()?;
    *profile.get_mut(67)? = intent;
    Some(profile)
}

/// Without the feature no profile is written; files without one are sRGB by convention.
#[cfg(not(feature = "icc"))]
pub(in crate::picture) fn srgb(_intent: u8) -> Option<Vec<u8>> {
    None
}

/// The tags' signatures with their contents.
#[cfg(any(test, not(feature = "icc")))]
fn tags(profile: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let word = |at: usize| -> Option<usize> {
        let bytes = profile.get(at..at.checked_add(4)?)?;
        Some(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
    };
    let count = word(128).unwrap_or(0).min(100);
    (0..count).filter_map(move |i| {
        let entry = 132 + 12 * i;
        let (at, length) = (word(entry + 4)?, word(entry + 8)?);
        Some((profile.get(entry..entry + 4)?, profile.get(at..at.checked_add(length)?)?))
    })
}

/// Whether the profile's description tag (ICC.1, 9.2.41) has "sRGB" in it, in ASCII or UTF-16.
#[cfg(any(test, not(feature = "icc")))]
fn names_srgb(profile: &[u8]) -> bool {
    tags(profile).filter(|(name, _)| *name == b"desc").any(|(_, text)| {
        text.windows(4).any(|w| w == b"sRGB") || text.windows(8).any(|w| w == b"\0s\0R\0G\0B")
    })
}

/// Whether the tag table has anything in it.
#[cfg(not(feature = "icc"))]
fn has_tags(profile: &[u8]) -> bool {
    tags(profile).next().is_some()
}

#[cfg(feature = "icc")]
pub(super) use transform::Transform;

#[cfg(feature = "icc")]
mod transform {
    //! The conversion itself, by moxcms.

    use std::sync::Arc;

    use moxcms::{ColorProfile, DataColorSpace, Layout, TransformF32Executor, TransformOptions};

    use super::super::{Model, expand};

    pub(in super::super) struct Transform {
        executor: Arc<TransformF32Executor>,
        /// The model that the profile takes, which is RGB for a grey picture with an RGB profile.
        takes: Model,
    }

    impl Transform {
        /// None when the profile is sRGB in effect: then values stay as they are, to the last bit.
        pub(in super::super) fn new(profile: &[u8], model: Model) -> Result<Option<Self>, String> {
            let refuse = |error| format!("{error}");
            let source = ColorProfile::new_from_slice(profile).map_err(refuse)?;
            let (takes, layout) = match source.color_space {
                DataColorSpace::Gray => (Model::Grey, Layout::Gray),
                DataColorSpace::Cmyk => (Model::Cmyk, Layout::Rgba), // four values a pixel
                _ => (Model::Rgb, Layout::Rgb),
            };
            let options = TransformOptions { prefer_fixed_point: false, ..TransformOptions::default() };
            let executor = source
                .create_transform_f32(layout, &ColorProfile::new_srgb(), Layout::Rgb, options)
                .map_err(refuse)?;
            let transform = Self { executor, takes };
            Ok(if model != Model::Cmyk && transform.changes_nothing()? { None } else { Some(transform) })
        }

        pub(in super::super) fn apply(
            &self,
            colour: &[f32],
            model: Model,
            rgb: &mut [f32],
        ) -> Result<(), String> {
            let done = if model == Model::Grey && self.takes == Model::Rgb {
                let mut three = vec![0.0; rgb.len()];
                expand(colour, model, &mut three);
                self.executor.transform(&three, rgb)
            } else {
                self.executor.transform(colour, rgb)
            };
            done.map_err(|error| format!("its colour profile fails ({error}); convert it to sRGB first"))?;
            // A wide gamut ends outside sRGB; a damaged curve may end anywhere.
            rgb.iter_mut().for_each(|v| *v = if v.is_nan() { 0.0 } else { v.clamp(0.0, 1.0) });
            Ok(())
        }

        /// Whether a grid of colours comes out within half a step of 8 bits.
        fn changes_nothing(&self) -> Result<bool, String> {
            let steps: Vec<f32> = (0..=16).map(|i| i as f32 / 16.0).collect();
            let grey = self.takes == Model::Grey;
            let probe: Vec<f32> = if grey {
                (0..=255).map(|i| i as f32 / 255.0).collect()
            } else {
                let pairs = steps.iter().flat_map(|r| steps.iter().map(move |g| (*r, *g)));
                pairs.flat_map(|(r, g)| steps.iter().flat_map(move |b| [r, g, *b])).collect()
            };
            let mut want = vec![0.0; if grey { 3 * probe.len() } else { probe.len() }];
            let mut got = want.clone();
            expand(&probe, self.takes, &mut want);
            self.apply(&probe, self.takes, &mut got)?;
            Ok(got.iter().zip(&want).all(|(g, w)| (g - w).abs() < 0.5 / 255.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conversion, Description};
    use super::*;

    fn conversion(profile: &[u8], model: Model) -> (Conversion, usize) {
        let mut warnings = Vec::new();
        let description = [Description::Icc(profile.to_vec())];
        let conversion = Conversion::choose(&description, model, &mut warnings).unwrap();
        (conversion, warnings.len())
    }

    #[test]
    fn rubbish_and_other_colour_models_are_ignored_with_a_warning() {
        let with = |model: &[u8; 4]| [&[0; 16][..], model, &[0; 200]].concat();
        for (profile, model) in [
            (vec![], Model::Rgb),
            (b"short".to_vec(), Model::Rgb),
            (with(b"Lab "), Model::Rgb),
            (with(b"GRAY"), Model::Rgb),
            (with(b"CMYK"), Model::Rgb),
            (with(b"RGB "), Model::Rgb),
            (with(b"GRAY"), Model::Grey),
            (with(b"RGB "), Model::Grey),
        ] {
            let (conversion, warned) = conversion(&profile, model);
            assert_eq!(warned, 1);
            let mut rgb = [0.0; 3];
            conversion.apply(&[0.25, 0.5, 0.75][..model.channels()], model, &mut rgb).unwrap();
            assert_eq!(rgb, if model == Model::Grey { [0.25; 3] } else { [0.25, 0.5, 0.75] });
        }
    }

    #[cfg(feature = "icc")]
    #[test]
    fn srgb_stays_to_the_last_bit() {
        let profile = srgb(2).unwrap();
        assert!(names_srgb(&profile));
        assert_eq!(intent(&profile), Some(2));
        let (conversion, warned) = conversion(&profile, Model::Rgb);
        assert_eq!(warned, 0);
        let colour = [0.1, 0.5, 0.9, 1.0 / 255.0, 0.0, 1.0];
        let mut rgb = [0.0; 6];
        conversion.apply(&colour, Model::Rgb, &mut rgb).unwrap();
        assert_eq!(rgb, colour);
    }

    #[cfg(feature = "icc")]
    #[test]
    fn display_p3_by_the_book() {
        let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
        assert!(!names_srgb(&profile));
        let (conversion, _) = conversion(&profile, Model::Rgb);
        let colours = [[0.5f32, 0.5, 0.5], [0.6, 0.5, 0.4], [0.2, 0.4, 0.3]];
        // Linear P3 (D65) to linear sRGB, from the primaries of SMPTE EG 432-1.
        const M: [[f32; 3]; 3] =
            [[1.2249401, -0.2249404, 0.0], [-0.0420569, 1.0420571, 0.0], [-0.0196376, -0.0786361, 1.0982735]];
        let linear = |v: f32| if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) };
        let encoded = |v: f32| if v <= 0.0031308 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
        for colour in colours {
            let mut rgb = [0.0; 3];
            conversion.apply(&colour, Model::Rgb, &mut rgb).unwrap();
            for (row, got) in M.iter().zip(rgb) {
                let want = encoded(row.iter().zip(colour).map(|(m, v)| m * linear(v)).sum());
                assert!((got - want).abs() < 2e-3, "{colour:?}: {got} for {want}");
            }
        }
    }

    #[cfg(feature = "icc")]
    #[test]
    fn a_grey_profile_changes_grey() {
        let profile = moxcms::ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
        let mut rgb = [0.0; 3];
        conversion(&profile, Model::Grey).0.apply(&[0.2140], Model::Grey, &mut rgb).unwrap();
        assert!(rgb.iter().all(|v| (v - 0.5).abs() < 2e-3), "{rgb:?}");
        // A grey picture may carry an RGB profile, too.
        let wide = moxcms::ColorProfile::new_adobe_rgb().encode().unwrap();
        conversion(&wide, Model::Grey).0.apply(&[0.5], Model::Grey, &mut rgb).unwrap();
        assert!(rgb[0] == rgb[1] && (rgb[0] - 0.4961).abs() < 0.02, "{rgb:?}");
    }

    /// A CMYK profile of version 2 whose table (two points an ink) holds R = (1 − C)(1 − K) and so on in Lab's place.
    #[cfg(feature = "icc")]
    #[test]
    fn a_cmyk_profile_is_applied() {
        let profile = crate::picture::colour::icc::tests::cmyk_profile();
        let (conversion, warned) = conversion(&profile, Model::Cmyk);
        assert_eq!(warned, 0);
        let mut rgb = [0.0; 9];
        conversion
            .apply(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.5], Model::Cmyk, &mut rgb)
            .unwrap();
        assert!(rgb[..3].iter().all(|v| *v > 0.99), "{rgb:?}");
        assert!(rgb[3..6].iter().all(|v| *v < 0.01), "{rgb:?}");
        // Half the key is L* = 50, which is 0.4663 in sRGB.
        assert!(rgb[6..].iter().all(|v| (v - 0.4663).abs() < 0.02), "{rgb:?}");
    }

    /// L* = 100·(1 − K)·(1 − (C + M + Y)/3), a* = b* = 0, as an `mft1` table.
    #[cfg(feature = "icc")]
    pub(in crate::picture) fn cmyk_profile() -> Vec<u8> {
        let mut table = b"mft1\0\0\0\0".to_vec();
        table.extend([4, 3, 2, 0]); // inks, outputs, points an ink
        for i in 0..9 {
            table.extend(if i % 4 == 0 { 65536u32 } else { 0 }.to_be_bytes());
        }
        (0..4).for_each(|_| table.extend(0..=255u8));
        for i in 0..16u8 {
            let ink = [i >> 3 & 1, i >> 2 & 1, i >> 1 & 1, i & 1].map(f32::from);
            let l = (1.0 - ink[3]) * (1.0 - (ink[0] + ink[1] + ink[2]) / 3.0);
            table.extend([(l * 255.0) as u8, 128, 128]);
        }
        (0..3).for_each(|_| table.extend(0..=255u8));
        let mut profile = vec![0; 128];
        profile[8..12].copy_from_slice(&[2, 0x40, 0, 0]);
        profile[12..24].copy_from_slice(b"prtrCMYKLab ");
        profile[36..40].copy_from_slice(b"acsp");
        profile[68..80].copy_from_slice(&[0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D]);
        profile.extend(1u32.to_be_bytes());
        profile.extend(b"A2B0");
        profile.extend(144u32.to_be_bytes());
        profile.extend((table.len() as u32).to_be_bytes());
        profile.extend(table);
        let length = profile.len() as u32;
        profile[..4].copy_from_slice(&length.to_be_bytes());
        profile
    }
}
