//! Colour profiles: what a file's embedded ICC profile means, in sRGB.
//!
//! A profile is applied or refused, never ignored. Without the feature `icc` only profiles that call
//! themselves sRGB pass.

/// Brings rows of a picture to sRGB.
pub(super) struct Conversion {
    #[cfg(feature = "icc")]
    transform: Option<transform::Transform>,
}

impl Conversion {
    /// For a picture without a profile, which is sRGB by convention.
    pub(super) fn none() -> Self {
        Self {
            #[cfg(feature = "icc")]
            transform: None,
        }
    }

    /// For a picture, grey or RGB, with this embedded profile.
    ///
    /// # Errors
    ///
    /// The message, when the profile is damaged, of another colour model than the picture, or cannot be applied.
    pub(super) fn new(profile: &[u8], grey: bool) -> Result<Self, String> {
        match profile.get(16..20) {
            Some(b"RGB " | b"GRAY") => {}
            Some(b"CMYK") => {
                return Err("it is CMYK with a printer's colour profile; convert it to sRGB first".into());
            }
            _ => return Err(damaged("it is too short or of an unknown colour model")),
        }
        if profile.get(16..20) == Some(b"GRAY") && !grey {
            return Err(damaged("it is for grey pictures, this one is RGB"));
        }
        Self::from_checked(profile, grey)
    }

    #[cfg(feature = "icc")]
    fn from_checked(profile: &[u8], grey: bool) -> Result<Self, String> {
        Ok(Self { transform: transform::Transform::new(profile, grey)? })
    }

    #[cfg(not(feature = "icc"))]
    fn from_checked(profile: &[u8], _grey: bool) -> Result<Self, String> {
        if names_srgb(profile) {
            Ok(Self::none())
        } else {
            Err("it has a colour profile other than sRGB, and this build cannot convert it; \
                 convert it to sRGB first or build impasto with the feature `icc`"
                .into())
        }
    }

    /// One row: `colour` has 1 (grey) or 3 values a pixel, interleaved; `rgb` gets 3 a pixel, interleaved, in [0, 1].
    ///
    /// # Errors
    ///
    /// The message, when the profile fails after all.
    pub(super) fn apply(&self, colour: &[f32], grey: bool, rgb: &mut [f32]) -> Result<(), String> {
        #[cfg(feature = "icc")]
        if let Some(transform) = &self.transform {
            return transform.apply(colour, grey, rgb);
        }
        expand(colour, grey, rgb);
        Ok(())
    }
}

/// Grey to three equal values; RGB as it is.
fn expand(colour: &[f32], grey: bool, rgb: &mut [f32]) {
    if grey {
        rgb.chunks_exact_mut(3).zip(colour).for_each(|(rgb, v)| rgb.fill(*v));
    } else {
        rgb.copy_from_slice(colour);
    }
}

fn damaged(why: &str) -> String {
    format!("its colour profile cannot be used ({why}); convert it to sRGB or remove the profile")
}

/// Whether the profile's description tag (ICC.1, 9.2.41) has "sRGB" in it, in ASCII or UTF-16.
#[cfg(any(test, not(feature = "icc")))]
fn names_srgb(profile: &[u8]) -> bool {
    let word = |at: usize| -> Option<usize> {
        let bytes = profile.get(at..at.checked_add(4)?)?;
        Some(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
    };
    let tag = |i: usize| -> Option<&[u8]> {
        let entry = 132 + 12 * i;
        let (at, length) = (word(entry + 4)?, word(entry + 8)?);
        let text = profile.get(at..at.checked_add(length)?)?;
        (profile.get(entry..entry + 4)? == b"desc").then_some(text)
    };
    let count = word(128).unwrap_or(0).min(100);
    (0..count)
        .filter_map(tag)
        .any(|text| text.windows(4).any(|w| w == b"sRGB") || text.windows(8).any(|w| w == b"\0s\0R\0G\0B"))
}

#[cfg(feature = "icc")]
mod transform {
    //! The conversion itself, by moxcms.

    use std::sync::Arc;

    use moxcms::{ColorProfile, DataColorSpace, Layout, TransformF32Executor, TransformOptions};

    use super::{damaged, expand};

    pub(super) struct Transform {
        executor: Arc<TransformF32Executor>,
        from_grey: bool,
    }

    impl Transform {
        /// None when the profile is sRGB in effect: then values stay as they are, to the last bit.
        pub(super) fn new(profile: &[u8], grey: bool) -> Result<Option<Self>, String> {
            let refuse = |error| damaged(&format!("{error}"));
            let source = ColorProfile::new_from_slice(profile).map_err(refuse)?;
            let from_grey = grey && source.color_space == DataColorSpace::Gray;
            let layout = if from_grey { Layout::Gray } else { Layout::Rgb };
            let options = TransformOptions { prefer_fixed_point: false, ..TransformOptions::default() };
            let executor = source
                .create_transform_f32(layout, &ColorProfile::new_srgb(), Layout::Rgb, options)
                .map_err(refuse)?;
            let transform = Self { executor, from_grey };
            Ok(if transform.changes_nothing()? { None } else { Some(transform) })
        }

        pub(super) fn apply(&self, colour: &[f32], grey: bool, rgb: &mut [f32]) -> Result<(), String> {
            let done = if grey && !self.from_grey {
                let mut three = vec![0.0; rgb.len()];
                expand(colour, grey, &mut three);
                self.executor.transform(&three, rgb)
            } else {
                self.executor.transform(colour, rgb)
            };
            done.map_err(|error| damaged(&format!("{error}")))?;
            // A wide gamut ends outside sRGB; a damaged curve may end anywhere.
            rgb.iter_mut().for_each(|v| *v = if v.is_nan() { 0.0 } else { v.clamp(0.0, 1.0) });
            Ok(())
        }

        /// Whether a grid of colours comes out within half a step of 8 bits.
        fn changes_nothing(&self) -> Result<bool, String> {
            let steps: Vec<f32> = (0..=16).map(|i| i as f32 / 16.0).collect();
            let probe: Vec<f32> = if self.from_grey {
                (0..=255).map(|i| i as f32 / 255.0).collect()
            } else {
                let pairs = steps.iter().flat_map(|r| steps.iter().map(move |g| (*r, *g)));
                pairs.flat_map(|(r, g)| steps.iter().flat_map(move |b| [r, g, *b])).collect()
            };
            let mut want = vec![0.0; if self.from_grey { 3 * probe.len() } else { probe.len() }];
            let mut got = want.clone();
            expand(&probe, self.from_grey, &mut want);
            self.apply(&probe, self.from_grey, &mut got)?;
            Ok(got.iter().zip(&want).all(|(g, w)| (g - w).abs() < 0.5 / 255.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rubbish_and_other_colour_models_are_refused() {
        let with = |model: &[u8; 4]| [&[0; 16][..], model, &[0; 200]].concat();
        for (profile, grey) in [
            (vec![], false),
            (b"short".to_vec(), false),
            (with(b"Lab "), false),
            (with(b"GRAY"), false),
            (with(b"RGB "), false),
            (with(b"GRAY"), true),
        ] {
            let message = Conversion::new(&profile, grey).err().expect("a refusal");
            assert!(message.contains("profile"), "{message}");
        }
        assert!(Conversion::new(&with(b"CMYK"), false).err().unwrap().contains("CMYK"));
    }

    #[cfg(feature = "icc")]
    #[test]
    fn srgb_stays_to_the_last_bit() {
        let profile = moxcms::ColorProfile::new_srgb().encode().unwrap();
        assert!(names_srgb(&profile));
        let conversion = Conversion::new(&profile, false).unwrap();
        let colour = [0.1, 0.5, 0.9, 1.0 / 255.0, 0.0, 1.0];
        let mut rgb = [0.0; 6];
        conversion.apply(&colour, false, &mut rgb).unwrap();
        assert_eq!(rgb, colour);
    }

    #[cfg(feature = "icc")]
    #[test]
    fn display_p3_by_the_book() {
        let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
        assert!(!names_srgb(&profile));
        let conversion = Conversion::new(&profile, false).unwrap();
        let colours = [[0.5f32, 0.5, 0.5], [0.6, 0.5, 0.4], [0.2, 0.4, 0.3]];
        // Linear P3 (D65) to linear sRGB, from the primaries of SMPTE EG 432-1.
        const M: [[f32; 3]; 3] =
            [[1.2249401, -0.2249404, 0.0], [-0.0420569, 1.0420571, 0.0], [-0.0196376, -0.0786361, 1.0982735]];
        let linear = |v: f32| if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) };
        let encoded = |v: f32| if v <= 0.0031308 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
        for colour in colours {
            let mut rgb = [0.0; 3];
            conversion.apply(&colour, false, &mut rgb).unwrap();
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
        Conversion::new(&profile, true).unwrap().apply(&[0.2140], true, &mut rgb).unwrap();
        assert!(rgb.iter().all(|v| (v - 0.5).abs() < 2e-3), "{rgb:?}");
        // A grey picture may carry an RGB profile, too.
        let wide = moxcms::ColorProfile::new_adobe_rgb().encode().unwrap();
        Conversion::new(&wide, true).unwrap().apply(&[0.5], true, &mut rgb).unwrap();
        assert!(rgb[0] == rgb[1] && (rgb[0] - 0.4961).abs() < 0.02, "{rgb:?}");
    }
}
