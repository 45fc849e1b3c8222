//! The sizes at which a picture is painted, coarse to fine, and the iterations that each gets.
//!
//! Most of the work is done where it is cheap. Sizes halve from the target down to about 128 px (Gatys et al.
//! 2017, arXiv 1611.07865, §5; Galerne et al. 2024, arXiv 2212.13459, §4.3), and each starts from the coarser
//! result enlarged, plus the detail that the start picture has at this size and had not at the one before:
//!
//! `x₀(k+1) = ↑x(k) + s(k+1) − ↑s(k)`

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::picture::{fit, resize};
use crate::run::defaults;

/// Width and height in pixels.
pub type Size = (usize, usize);

/// Iterations for the sizes of a pyramid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Iterations {
    /// So many at the coarsest size, half as many at each finer one, but at least 30 (or all, if fewer).
    Halving(usize),
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
        let option = "--iterations";
        let counts = match self {
            Self::Halving(coarsest) => {
                let fewest = defaults::FEWEST_ITERATIONS.min(*coarsest);
                (0..sizes.len()).map(|k| (coarsest >> k.min(63)).max(fewest)).collect()
            }
            Self::Each(each) if each.len() == sizes.len() => each.clone(),
            Self::Each(each) => {
                let list: Vec<String> = sizes.iter().map(|(w, h)| format!("{w}x{h}")).collect();
                let message = format!(
                    "{} numbers came, but the picture is painted at {} ({}); give one number for each, or one \
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

/// The sizes from the coarsest to `target`: halves of it while the longer side stays within a factor √2 of
/// `coarsest` and `usable` agrees. `target` itself is always there.
pub fn sizes(target: Size, coarsest: usize, usable: impl Fn(Size) -> bool) -> Vec<Size> {
    let longer = target.0.max(target.1);
    let smallest = coarsest as f64 / std::f64::consts::SQRT_2;
    let mut sizes = vec![target];
    for halvings in 1..=16 {
        let next = fit(target.0, target.1, longer.div_ceil(1 << halvings));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_halve_down_to_about_the_coarsest() {
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
        assert_eq!(sizes((512, 64), 128, |(_, h)| h >= 32), [(256, 32), (512, 64)]);
        assert_eq!(sizes((512, 64), 128, |_| false), [(512, 64)]);
    }

    #[test]
    fn one_number_halves_and_a_list_must_fit() {
        let sizes = [(128, 96), (256, 192), (512, 384), (1024, 768)];
        assert_eq!(Iterations::default().plan(&sizes).unwrap(), [200, 100, 50, 30]);
        assert_eq!("10".parse::<Iterations>().unwrap().plan(&sizes).unwrap(), [10, 10, 10, 10]);
        let three: Iterations = "8,4,2".parse().unwrap();
        assert_eq!(three.plan(&sizes[..3]).unwrap(), [8, 4, 2]);
        let message = three.plan(&sizes).unwrap_err().to_string();
        assert!(message.contains("4 sizes (128x96, 256x192, 512x384, 1024x768)"), "{message}");
        for bad in ["0", "3,0", "", "1,,2", "-1", "ten", "99999999999999999999"] {
            assert!(bad.parse::<Iterations>().is_err(), "{bad}");
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
