//! Values of the command's own options that are more than a number: sizes, lists of numbers, starts.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::masks::MaskValue;
use crate::run::StyleSizes;

/// `512` or `512x384`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SizeValue {
    /// The longer side.
    Longer(usize),
    /// Width and height.
    Exact(usize, usize),
}

impl FromStr for SizeValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let complain = || format!("`{text}` is not a size; write the longer side like 512, or 512x384");
        let number = |digits: &str| digits.parse::<usize>().map_err(|_| complain());
        match text.split_once(['x', 'X', '×']) {
            None => Ok(Self::Longer(number(text)?)),
            Some((width, height)) => Ok(Self::Exact(number(width)?, number(height)?)),
        }
    }
}

/// `0.7,0.3`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NumbersValue(pub Vec<f64>);

impl FromStr for NumbersValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |item: &str| item.trim().parse().map_err(|_| format!("`{item}` is not a number"));
        text.split(',').map(number).collect::<Result<Vec<_>, _>>().map(Self)
    }
}

/// A style picture with what is said about it alone: `FILE[:weight=0.7][:scale=1.5][:sizes=coarse][:mask=M][:at=M]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StyleValue {
    /// The picture.
    pub file: PathBuf,
    /// How much it counts beside others.
    pub weight: Option<f64>,
    /// How large its strokes are.
    pub scale: Option<f64>,
    /// At which sizes it counts.
    pub sizes: Option<StyleSizes>,
    /// Which part of it is taken.
    pub mask: Option<MaskValue>,
    /// Where in the result it counts.
    pub at: Option<MaskValue>,
}

impl FromStr for StyleValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut style =
            Self { file: PathBuf::new(), weight: None, scale: None, sizes: None, mask: None, at: None };
        let mut rest = text;
        // From the end, so that a file's own colons stay; a file of just this name is a file.
        while let Some((before, last)) =
            rest.rsplit_once(':').filter(|_| !std::path::Path::new(rest).exists())
        {
            let Some((key, value)) = last.split_once('=') else { break };
            let number = || value.parse().map_err(|_| format!("`{value}` is not a number, in `{text}`"));
            let twice = match key {
                "weight" => style.weight.replace(number()?).is_some(),
                "scale" => style.scale.replace(number()?).is_some(),
                "sizes" => style.sizes.replace(value.parse()?).is_some(),
                "mask" | "at" if value.is_empty() => return Err(format!("`{key}` has no mask, in `{text}`")),
                "mask" => style.mask.replace(value.into()).is_some(),
                "at" => style.at.replace(value.into()).is_some(),
                _ => {
                    return Err(format!(
                        "`{key}` is nothing that a style has; write FILE:weight=0.7:scale=1.5:sizes=coarse:mask=M.png:at=M.png"
                    ));
                }
            };
            if twice {
                return Err(format!("`{key}` is given twice, in `{text}`"));
            }
            rest = before;
        }
        style.file = rest.into();
        Ok(style)
    }
}

impl fmt::Display for StyleValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(weight) = self.weight {
            write!(f, ":weight={weight}")?;
        }
        if let Some(scale) = self.scale {
            write!(f, ":scale={scale}")?;
        }
        if let Some(sizes) = self.sizes {
            write!(f, ":sizes={sizes}")?;
        }
        for (key, mask) in [("mask", &self.mask), ("at", &self.at)] {
            if let Some(mask) = mask {
                write!(f, ":{key}={mask}")?;
            }
        }
        Ok(())
    }
}

/// `content`, `noise` or a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum InitValue {
    /// The content picture.
    Content,
    /// Noise.
    Noise,
    /// A picture file.
    File(PathBuf),
}

impl FromStr for InitValue {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "content" => Self::Content,
            "noise" => Self::Noise,
            file => Self::File(file.into()),
        })
    }
}

impl fmt::Display for InitValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content => f.write_str("content"),
            Self::Noise => f.write_str("noise"),
            Self::File(file) => write!(f, "{}", file.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_are_read_with_what_is_said_about_them() {
        let style = |text: &str| text.parse::<StyleValue>();
        let plain = style("a/b.png").unwrap();
        assert_eq!(
            (plain.file.to_str(), plain.weight, plain.scale, plain.sizes),
            (Some("a/b.png"), None, None, None)
        );
        let full = style("c:b.png:weight=0.7:scale=2:sizes=fine").unwrap();
        assert_eq!(full.file.to_str(), Some("c:b.png"));
        assert_eq!((full.weight, full.scale, full.sizes), (Some(0.7), Some(2.0), Some(StyleSizes::Fine)));
        let masked = style("a.png:mask=alpha:at=m.png").unwrap();
        assert_eq!(masked.mask, Some(MaskValue::Alpha));
        assert_eq!(masked.at, Some(MaskValue::File("m.png".into())));
        assert_eq!(style(&full.to_string()), Ok(full));
        assert_eq!(style(&masked.to_string()).as_ref(), Ok(&masked));
        for bad in
            ["a.png:mask=", "a.png:weight=x", "a.png:wieght=1", "a.png:scale=1:scale=2", "a.png:sizes=some"]
        {
            assert!(style(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_read_and_refused() {
        assert_eq!("512".parse(), Ok(SizeValue::Longer(512)));
        assert_eq!("512x384".parse(), Ok(SizeValue::Exact(512, 384)));
        for bad in ["", "x", "5x", "512x384x3", "-1", "1.5", "99999999999999999999999"] {
            assert!(bad.parse::<SizeValue>().is_err(), "{bad}");
        }
    }
}
