//! Values that options of a run choose from.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::names::{by_text, named};

/// What minimises the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OptimizerName {
    /// L-BFGS, which finds its own steps.
    #[default]
    Lbfgs,
    /// Adam.
    Adam,
}

named! {
    OptimizerName is "an optimizer" {
        "lbfgs" => Lbfgs,
        "adam" => Adam,
    }
}

/// A published system whose settings are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Preset {
    /// Gatys, Ecker & Bethge, "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016.
    Gatys,
    /// J. Johnson, neural-style (2015), its defaults.
    Johnson,
    /// H. Narayanan, "Convolutional neural networks for artistic style transfer" (2017), its notebook's settings.
    Narayanan,
}

named! {
    Preset is "a preset" {
        "gatys" => Gatys,
        "johnson" => Johnson,
        "narayanan" => Narayanan,
    }
}

/// How much work a picture is worth, in place of iterations and tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Quality {
    /// A look at where it is going: fewer iterations, most of them at the coarse sizes.
    Draft,
    /// The default.
    #[default]
    Normal,
    /// Three times the iterations, and no end before nothing more happens.
    Fine,
}

named! {
    Quality is "a quality" {
        "draft" => Draft,
        "normal" => Normal,
        "fine" => Fine,
    }
}

/// Seconds that a run may take; as text, `90`, `30s` or `1m30s`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget(pub f64);

impl From<std::time::Duration> for Budget {
    fn from(time: std::time::Duration) -> Self {
        Self(time.as_secs_f64())
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let complain = || format!("`{text}` is not a time; write seconds like 30s, or 1m30s");
        let number = |part: &str| match part.parse::<f64>() {
            Ok(number) if number >= 0.0 && number.is_finite() => Ok(number),
            _ => Err(complain()),
        };
        let (minutes, rest) = text.split_once('m').map_or((None, text), |(m, rest)| (Some(m), rest));
        let minutes = minutes.map(number).transpose()?;
        let seconds = match (rest.strip_suffix('s').unwrap_or(rest), minutes) {
            ("", Some(_)) => 0.0,
            (seconds, _) => number(seconds)?,
        };
        let seconds = 60.0 * minutes.unwrap_or(0.0) + seconds;
        if seconds > 0.0 { Ok(Self(seconds)) } else { Err(complain()) }
    }
}

by_text!(Budget);

/// An amount of memory; as text, `800M` or `1.5G`, in powers of 1000, or `1GiB` in powers of 1024.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub usize);

impl From<usize> for Bytes {
    fn from(bytes: usize) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => write!(f, "0B"),
            bytes if bytes % 1_000_000_000 == 0 => write!(f, "{}G", bytes / 1_000_000_000),
            bytes if bytes % 1_000_000 == 0 => write!(f, "{}M", bytes / 1_000_000),
            bytes => write!(f, "{bytes}B"),
        }
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let complain = || format!("`{text}` is not an amount of memory; write it like 800M, 1.5G or 2GiB");
        let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(complain)?;
        let unit = match &text[digits..].to_ascii_lowercase()[..] {
            "b" => 1,
            "k" | "kb" => 1000,
            "m" | "mb" => 1_000_000,
            "g" | "gb" => 1_000_000_000,
            "t" | "tb" => 1_000_000_000_000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            "tib" => 1u64 << 40,
            _ => return Err(complain()),
        };
        let number: f64 = text[..digits].parse().map_err(|_| complain())?;
        let bytes = (number * unit as f64).round();
        match bytes >= 1.0 && bytes < usize::MAX as f64 {
            true => Ok(Self(bytes as usize)),
            false => Err(complain()),
        }
    }
}

by_text!(Bytes);

/// How style is carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Method {
    /// By the statistics of features (Gatys et al. 2016).
    #[default]
    Gram,
    /// By matched patches of features (Kolkin et al. 2022).
    Strokes,
}

named! {
    Method is "a method" {
        "gram" => Gram,
        "strokes" => Strokes,
    }
}

/// How much style a run has.
#[derive(Debug, Clone, PartialEq)]
pub enum Strength {
    /// The same everywhere, from 0 to 1.
    Everywhere(f64),
    /// As the picture in this file says, for the command; a program gives a mask to its request.
    Mask(PathBuf),
}

impl From<f64> for Strength {
    fn from(strength: f64) -> Self {
        Self::Everywhere(strength)
    }
}

impl fmt::Display for Strength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everywhere(strength) => write!(f, "{strength}"),
            Self::Mask(file) => write!(f, "{}", file.display()),
        }
    }
}

impl FromStr for Strength {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| Self::Mask(text.into()), Self::Everywhere))
    }
}

by_text!(Strength);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_memory_are_read_and_refused() {
        let amounts = [
            ("1G", 1_000_000_000),
            ("800M", 800_000_000),
            ("1.5gb", 1_500_000_000),
            ("2GiB", 2 << 30),
            ("4096K", 4_096_000),
            ("77B", 77),
        ];
        for (text, bytes) in amounts {
            let amount: Bytes = text.parse().unwrap();
            assert_eq!(amount, Bytes(bytes), "{text}");
            assert_eq!(amount.to_string().parse(), Ok(amount));
        }
        for bad in
            ["", "1", "512", "G", "-1G", "0M", "1 G", "1.2.3G", "nanG", "infG", "1X", "1Gi", "999999999T"]
        {
            assert!(bad.parse::<Bytes>().is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_read_and_refused() {
        for (text, seconds) in [("30s", 30.0), ("90", 90.0), ("1m30s", 90.0), ("2m", 120.0), ("0.5s", 0.5)] {
            let budget: Budget = text.parse().unwrap();
            assert_eq!(budget.0, seconds, "{text}");
            assert_eq!(budget.to_string().parse(), Ok(budget));
        }
        for bad in ["", "s", "m", "0", "0s", "-1", "nan", "inf", "1h", "30 s", "1m-30s"] {
            assert!(bad.parse::<Budget>().is_err(), "{bad}");
        }
    }
}
