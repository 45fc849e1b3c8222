//! The sizes at which a picture is painted, coarse to fine, and the iterations that each gets.
//!
//! Most of the work is done where it is cheap. Sizes fall by one factor from the target down to about 128 px (by
//! halves in Gatys et al. 2017, arXiv 1611.07865, §5, and Galerne et al. 2024, arXiv 2212.13459, §4.3), and each starts
//! from the coarser result enlarged, plus the detail that the start picture has at this size and had not at the one before:
//!
//! `x₀(k+1) = ↑x(k) + s(k+1) − ↑s(k)`

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::names::by_text;
use crate::network::plan::MAX_SIDE;
use crate::picture::{fit, resize};
use crate::run::defaults;

/// Width and height in pixels.
pub type Size = (usize, usize);

/// Iterations for the sizes of a pyramid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Iterations {
    /// So many at the coarsest size, half as many at each finer one, but at least 25 (or all, if fewer).
    Halving(usize),
    /// So many at the coarsest size, a quarter as many at each finer one, but at least a twelfth.
    Quartering(usize),
    /// One number for each size, from the coarsest to the finest.
    Each(Vec<usize>),
}

impl Default for Iterations {
    fn default() -> Self {
        Self::Halving(defaults::ITERATIONS)
    }
}

impl From<usize> for Iterations {
    fn from(coarsest: usize) -> Self {
        Self::Halving(coarsest)
    }
}

impl From<Vec<usize>> for Iterations {
    fn from(each: Vec<usize>) -> Self {
        Self::Each(each)
    }
}

impl FromStr for Iterations {
    type Err = String;

    /// Parses `200` or `200,100,50`.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if let Some(Ok(coarsest @ 1..)) = text.strip_suffix("/4").map(|number| number.trim().parse()) {
            return Ok(Self::Quartering(coarsest));
        }
        let numbers: std::result::Result<Vec<usize>, _> = text.split(',').map(|n| n.trim().parse()).collect();
        match numbers {
            Ok(numbers) if numbers.contains(&0) => Err("every size needs at least 1 iteration".to_owned()),
            Ok(numbers) if numbers.len() == 1 => Ok(Self::Halving(numbers[0])),
            Ok(numbers) => Ok(Self::Each(numbers)),
            Err(_) => Err(format!("`{text}` is not a number of iterations, nor a list like 200,100,50")),
        }
    }
}

impl fmt::Display for Iterations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Halving(coarsest) => write!(f, "{coarsest}"),
            Self::Quartering(coarsest) => write!(f, "{coarsest}/4"),
            Self::Each(each) => {
                write!(f, "{}", each.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
            }
        }
    }
}

impl Iterations {
    /// The iterations at each of `sizes`.
    ///
    /// # Errors
    /// A list of another length than `sizes` (the message lists them), or a size with no iteration.
    pub fn plan(&self, sizes: &[Size]) -> Result<Vec<usize>> {
        let option = "iterations";
        let counts = match self {
            Self::Halving(coarsest) => {
                let fewest = defaults::FEWEST_ITERATIONS.min(*coarsest);
                (0..sizes.len()).map(|k| (coarsest >> k.min(63)).max(fewest)).collect()
            }
            Self::Quartering(coarsest) => {
                let fewest = coarsest.div_ceil(12);
                (0..sizes.len()).map(|k| (coarsest >> (2 * k).min(63)).max(fewest)).collect()
            }
            Self::Each(each) if each.len() == sizes.len() => each.clone(),
            Self::Each(each) => {
                let list: Vec<String> = sizes.iter().map(|(w, h)| format!("{w}x{h}")).collect();
                let message = format!(
                    "{} numbers were given, but the picture is painted at {} ({}); give one number for each, or one \
                     number alone",
                    each.len(),
                    if sizes.len() == 1 { "1 size".to_owned() } else { format!("{} sizes", sizes.len()) },
                    list.join(", ")
                );
                return Err(Error::option(option, message));
            }
        };
        if counts.contains(&0) {
            return Err(Error::option(option, "every size needs at least 1 iteration"));
        }
        Ok(counts)
    }
}

by_text!(Iterations);

/// How large the result is to be.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum SizeRule {
    /// The longer side in pixels, `1024`; the aspect ratio is the content's. A texture becomes a square.
    Longer(usize),
    /// The width, `1024x`; the aspect ratio is the content's.
    Width(usize),
    /// The height, `x768`; the aspect ratio is the content's.
    Height(usize),
    /// Width and height, `512x384`: for a texture, or in the content's aspect ratio.
    Exact(usize, usize),
    /// A part of the content's own size, `50%`, above 0.
    Percent(f64),
    /// About so many millions of pixels, `2MP`, above 0; the aspect ratio is the content's.
    Megapixels(f64),
}

impl From<usize> for SizeRule {
    fn from(longer: usize) -> Self {
        Self::Longer(longer)
    }
}

impl From<Size> for SizeRule {
    fn from((width, height): Size) -> Self {
        Self::Exact(width, height)
    }
}

impl FromStr for SizeRule {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let complain = || {
            format!(
                "`{text}` is not a size; write the longer side like 1024, a width like 1024x, a height like x768, both \
                 in the content's shape like 512x384, a part of the content's size like 50%, or an area like 2MP"
            )
        };
        let pixels = |digits: &str| digits.parse::<usize>().map_err(|_| complain());
        let amount = |digits: &str| {
            let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            digits.parse::<f64>().ok().filter(|_| plain).ok_or_else(complain)
        };
        if let Some(digits) = text.strip_suffix('%') {
            return Ok(Self::Percent(amount(digits)?));
        }
        if let Some(digits) = text.strip_suffix("MP").or(text.strip_suffix("mp")) {
            return Ok(Self::Megapixels(amount(digits)?));
        }
        Ok(match text.split_once(['x', 'X', '×']) {
            None => Self::Longer(pixels(text)?),
            Some((width, "")) => Self::Width(pixels(width)?),
            Some(("", height)) => Self::Height(pixels(height)?),
            Some((width, height)) => Self::Exact(pixels(width)?, pixels(height)?),
        })
    }
}

impl fmt::Display for SizeRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Longer(longer) => write!(f, "{longer}"),
            Self::Width(width) => write!(f, "{width}x"),
            Self::Height(height) => write!(f, "x{height}"),
            Self::Exact(width, height) => write!(f, "{width}x{height}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Megapixels(megapixels) => write!(f, "{megapixels}MP"),
        }
    }
}

by_text!(SizeRule);

impl SizeRule {
    /// The rule itself, if it can give a picture.
    ///
    /// # Errors
    /// A side or an area that is 0 or not finite.
    pub(crate) fn checked(self) -> Result<Self> {
        let possible = match self {
            Self::Longer(side) | Self::Width(side) | Self::Height(side) => side > 0,
            Self::Exact(width, height) => width > 0 && height > 0,
            Self::Percent(amount) | Self::Megapixels(amount) => amount > 0.0 && amount.is_finite(),
        };
        match possible {
            true => Ok(self),
            false => Err(Error::option("size", format!("{self} has no pixels; give a size such as 512"))),
        }
    }

    /// The size of a result whose content has `content`, or of a texture.
    ///
    /// # Errors
    /// Width and height in another aspect ratio than the content's; a rule that needs a content, for a texture.
    pub(crate) fn resolve(self, content: Option<Size>) -> Result<Size> {
        let Some((width, height)) = content else {
            return match self {
                Self::Longer(side) => Ok((side, side)),
                Self::Exact(width, height) => Ok((width, height)),
                Self::Megapixels(_) | Self::Percent(_) | Self::Width(_) | Self::Height(_) => {
                    let message = format!(
                        "{self} needs a content picture's shape; give a texture width and height, like 512x384"
                    );
                    Err(Error::option("size", message))
                }
            };
        };
        // At least 1, and no larger than any picture may be.
        let scaled = |factor: f64| {
            let side =
                |side: usize| (side as f64 * factor).round().clamp(1.0, (MAX_SIDE + 1) as f64) as usize;
            (side(width), side(height))
        };
        Ok(match self {
            Self::Longer(longer) => fit(width, height, longer.min(MAX_SIDE + 1)),
            Self::Width(to) => (to, scaled(to as f64 / width as f64).1),
            Self::Height(to) => (scaled(to as f64 / height as f64).0, to),
            Self::Percent(percent) => scaled(percent / 100.0),
            Self::Megapixels(millions) => scaled((millions * 1e6 / (width as f64 * height as f64)).sqrt()),
            Self::Exact(w, h) => {
                let (w, h) = (w.min(MAX_SIDE + 1), h.min(MAX_SIDE + 1));
                let longer = w.max(h);
                let kept = fit(width, height, longer);
                if kept.0.abs_diff(w) > 1 || kept.1.abs_diff(h) > 1 {
                    let message = format!(
                        "{self} is another shape than the content's {width}x{height}; give the longer side alone ({longer}, \
                         which makes {}x{}), or crop the content first",
                        kept.0, kept.1
                    );
                    return Err(Error::option("size", message));
                }
                (w, h)
            }
        })
    }
}

/// How large style pictures are taken beside the result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct StyleScale {
    /// Their longer side relative to the result's.
    pub factor: f64,
    /// Whether one is enlarged for it, beyond its own pixels: only where the factor was asked for.
    pub enlarges: bool,
}

impl StyleScale {
    /// The shorter side that a style keeps even where that enlarges it: less has no large forms.
    const LEAST: usize = 48;

    /// As it was said.
    pub fn new(said: Option<f64>) -> Self {
        Self { factor: said.unwrap_or(defaults::STYLE_SCALE), enlarges: said.is_some() }
    }

    /// The size at which a picture of `own` pixels is taken at a size of the run where its longer side would be `longer`, and
    /// at the last one `finest`. One that has less than `finest` is taken smaller by one factor at every size, so that its
    /// strokes keep one scale from the coarsest to the finest and none of its pixels is made up.
    pub fn taken(self, own: Size, longer: usize, finest: usize) -> Size {
        let asked = fit(own.0, own.1, longer);
        let most = own.0.max(own.1);
        if self.enlarges || most >= finest {
            return asked;
        }
        let least = Self::LEAST.min(asked.0.min(asked.1)) as f64 / own.0.min(own.1) as f64;
        let part = (longer as f64 / finest as f64).max(least);
        fit(own.0, own.1, ((most as f64 * part).round() as usize).clamp(1, longer))
    }
}

/// A style picture's longer side where the result has `size`: the result's times `scale`.
pub(crate) fn style_longer(scale: f64, size: Size) -> usize {
    (size.0.max(size.1) as f64 * scale).round() as usize
}

/// The sizes from the coarsest to `target`, each `step` > 1 times as large as the one before, while the longer side stays
/// within a factor √step of `coarsest` and `usable` agrees. `target` itself is always there.
pub fn sizes(target: Size, coarsest: usize, step: f64, usable: impl Fn(Size) -> bool) -> Vec<Size> {
    let longer = target.0.max(target.1);
    let smallest = coarsest as f64 / step.sqrt();
    let mut sizes = vec![target];
    for below in 1.. {
        // Whole numbers stay whole: a power of √2 is not quite one.
        let part = (longer as f64 / step.powi(below) * (1.0 - 1e-9)).ceil();
        let next = fit(target.0, target.1, part as usize);
        if Some(&next) == sizes.last() || (next.0.max(next.1) as f64) < smallest || !usable(next) {
            break;
        }
        sizes.push(next);
    }
    sizes.reverse();
    sizes
}

/// Carries a result from one size to the next: `↑result + detail·(start − ↑coarse_start)`, planar 3×H×W, not
/// clamped. `start` and `coarse_start` are the start picture at both sizes; without them the result is only
/// enlarged.
pub fn carry(result: &[f32], from: Size, to: Size, detail: Option<(&[f32], &[f32])>) -> Vec<f32> {
    let enlarge = |planes: &[f32]| resize::planes(planes, 3, from.0, from.1, to.0, to.1);
    let mut carried = enlarge(result);
    if let Some((coarse_start, start)) = detail {
        for ((value, fine), coarse) in carried.iter_mut().zip(start).zip(enlarge(coarse_start)) {
            *value += defaults::DETAIL * (fine - coarse);
        }
    }
    carried
}

/// A result carried to a size twice or more as large, as a tile: the enlargement looks at what lies on the other side.
pub fn carry_tile(result: &[f32], from: Size, to: Size) -> Vec<f32> {
    let factor = to.0 / from.0;
    if to != (factor * from.0, factor * from.1) {
        return carry(result, from, to, None);
    }
    // More than the enlargement's kernel reaches.
    const EDGE: usize = 4;
    let wide = (from.0 + 2 * EDGE, from.1 + 2 * EDGE);
    let place = |at: usize, size: usize| (at + EDGE.div_ceil(size) * size - EDGE) % size;
    let pixel = |at: usize| {
        let (plane, y, x) = (at / (wide.0 * wide.1), at / wide.0 % wide.1, at % wide.0);
        result[(plane * from.1 + place(y, from.1)) * from.0 + place(x, from.0)]
    };
    let wrapped: Vec<f32> = (0..3 * wide.0 * wide.1).map(pixel).collect();
    let large = (factor * wide.0, factor * wide.1);
    let enlarged = resize::planes(&wrapped, 3, wide.0, wide.1, large.0, large.1);
    let inside = |at: usize| {
        let (plane, y, x) = (at / (to.0 * to.1), at / to.0 % to.1, at % to.0);
        enlarged[(plane * large.1 + y + factor * EDGE) * large.0 + x + factor * EDGE]
    };
    (0..3 * to.0 * to.1).map(inside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_is_enlarged_around_its_border() {
        let (width, height) = (6, 5);
        let value = |c: usize, y: usize, x: usize| ((c * 7 + y * 13 + x * 5) % 11) as f32 / 11.0;
        let tile = |dy: usize, dx: usize| -> Vec<f32> {
            let plane = width * height;
            let at = |k: usize| value(k / plane, (k / width + dy) % height, (k % width + dx) % width);
            (0..3 * plane).map(at).collect()
        };
        let enlarged = |dy, dx| carry_tile(&tile(dy, dx), (width, height), (2 * width, 2 * height));
        let (plain, moved) = (enlarged(0, 0), enlarged(1, 2));
        for at in 0..plain.len() {
            let (c, y, x) = (at / (4 * width * height), at / (2 * width) % (2 * height), at % (2 * width));
            let from = (c * 2 * height + (y + 2) % (2 * height)) * 2 * width + (x + 4) % (2 * width);
            assert!((moved[at] - plain[from]).abs() < 1e-6, "{c} {y} {x}");
        }
    }

    #[test]
    fn styles_are_not_enlarged_unasked_and_keep_one_scale() {
        let (free, asked) = (StyleScale::new(None), StyleScale::new(Some(1.0)));
        assert_eq!(free.taken((800, 600), 512, 512), (512, 384), "large enough");
        assert_eq!(free.taken((512, 256), 1024, 1024), (512, 256), "its own pixels");
        assert_eq!(free.taken((512, 256), 512, 1024), (256, 128), "half of them at half the size");
        assert_eq!(free.taken((512, 256), 128, 1024), (96, 48), "not too small");
        assert_eq!(free.taken((30, 20), 512, 512), (72, 48), "a tiny one is enlarged to that");
        assert_eq!(free.taken((30, 20), 40, 512), (40, 27), "if it would have been so large");
        assert_eq!(asked.taken((512, 256), 1024, 1024), (1024, 512));
    }

    #[test]
    fn sizes_fall_down_to_about_the_coarsest() {
        let by = |step: f64, target, coarsest| sizes(target, coarsest, step, |_| true);
        let root = std::f64::consts::SQRT_2;
        assert_eq!(by(root, (512, 384), 128), [(128, 96), (182, 137), (256, 192), (363, 272), (512, 384)]);
        assert_eq!(by(1.2, (100, 100), 80), [(84, 84), (100, 100)]);
        assert_eq!(by(4.0, (1024, 1024), 64), [(64, 64), (256, 256), (1024, 1024)]);
        let sizes = |target, coarsest, usable: fn(Size) -> bool| sizes(target, coarsest, 2.0, usable);
        assert_eq!(sizes((512, 384), 128, |_| true), [(128, 96), (256, 192), (512, 384)]);
        assert_eq!(sizes((384, 512), 128, |_| true), [(96, 128), (192, 256), (384, 512)]);
        assert_eq!(sizes((1000, 10), 128, |_| true), [(125, 1), (250, 3), (500, 5), (1000, 10)]);
        assert_eq!(sizes((180, 180), 128, |_| true), [(180, 180)]);
        assert_eq!(sizes((182, 91), 128, |_| true), [(91, 46), (182, 91)]);
        assert_eq!(sizes((512, 512), 512, |_| true), [(512, 512)]);
        assert_eq!(sizes((1, 1), 1, |_| true), [(1, 1)]);
    }

    #[test]
    fn sizes_stop_where_the_network_cannot_follow() {
        assert_eq!(sizes((512, 64), 128, 2.0, |(_, h)| h >= 32), [(256, 32), (512, 64)]);
        assert_eq!(sizes((512, 64), 128, 2.0, |_| false), [(512, 64)]);
    }

    #[test]
    fn one_number_halves_and_a_list_must_fit() {
        let sizes = [(128, 96), (256, 192), (512, 384), (1024, 768)];
        assert_eq!(Iterations::default().plan(&sizes).unwrap(), [120, 60, 30, 25]);
        assert_eq!("10".parse::<Iterations>().unwrap().plan(&sizes).unwrap(), [10, 10, 10, 10]);
        let draft: Iterations = "120/4".parse().unwrap();
        assert_eq!(draft.plan(&sizes).unwrap(), [120, 30, 10, 10]);
        assert_eq!(draft.to_string(), "120/4");
        let three: Iterations = "8,4,2".parse().unwrap();
        assert_eq!(three.plan(&sizes[..3]).unwrap(), [8, 4, 2]);
        let message = three.plan(&sizes).unwrap_err().to_string();
        assert!(message.contains("4 sizes (128x96, 256x192, 512x384, 1024x768)"), "{message}");
        for bad in ["0", "0/4", "/4", "9/2", "3,0", "", "1,,2", "-1", "ten", "99999999999999999999"] {
            assert!(bad.parse::<Iterations>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_read_written_resolved_and_refused() {
        for (text, expected) in [
            ("1024", (1024, 512)),
            ("1024x", (1024, 512)),
            ("x100", (200, 100)),
            ("200x100", (200, 100)),
            ("201x100", (201, 100)),
            ("50%", (1000, 500)),
            ("12.5%", (250, 125)),
            ("2MP", (2000, 1000)),
        ] {
            let rule: SizeRule = text.parse().unwrap();
            assert_eq!(rule.to_string(), text);
            assert_eq!(rule.checked().unwrap().resolve(Some((2000, 1000))).unwrap(), expected, "{text}");
        }
        for bad in
            ["", "x", "-1", "1.5", "512x384x3", "%", "nan%", "1e3%", "inf", "MP", "99999999999999999999999"]
        {
            assert!(bad.parse::<SizeRule>().is_err(), "{bad}");
        }
        for none in ["0", "0x", "x0", "0x5", "0%", "0MP"] {
            assert!(none.parse::<SizeRule>().unwrap().checked().is_err(), "{none}");
        }
        let message = SizeRule::Exact(300, 300).resolve(Some((2000, 1000))).unwrap_err().to_string();
        assert!(message.contains("give the longer side alone (300, which makes 300x150)"), "{message}");
        assert_eq!(SizeRule::Exact(30, 20).resolve(None).unwrap(), (30, 20));
        assert_eq!(SizeRule::Longer(30).resolve(None).unwrap(), (30, 30));
        assert!(SizeRule::Percent(50.0).resolve(None).is_err());
        for huge in
            [SizeRule::Longer(usize::MAX), SizeRule::Percent(1e300), SizeRule::Exact(usize::MAX, usize::MAX)]
        {
            let (width, height) = huge.resolve(Some((3, 3))).unwrap();
            assert!(width > MAX_SIDE && height > MAX_SIDE, "refused later, by the plan");
        }
    }

    #[test]
    fn carrying_an_untouched_start_gives_the_start() {
        let fine: Vec<f32> = (0..3 * 8 * 6).map(|i| (i * 37 % 101) as f32 / 101.0).collect();
        let coarse = resize::planes(&fine, 3, 8, 6, 4, 3);
        let carried = carry(&coarse, (4, 3), (8, 6), Some((&coarse, &fine)));
        assert!(carried.iter().zip(&fine).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}
