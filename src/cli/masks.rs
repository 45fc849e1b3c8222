//! Masks on the command line: regions of styles (`--guide`, `--guide-map`, `STYLE:at=…:mask=…`), kept places (`--keep`),
//! and strength by place.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::options::refuse;
use crate::error::Result;
use crate::names::by_text;
use crate::picture::Picture;
use crate::run::Style;
use crate::run::masks::Mask;

/// Reads the picture of a mask.
pub(super) type ReadMask<'a> = dyn FnMut(&Path) -> Result<Picture> + 'a;

/// Where masks come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MaskValue {
    /// The alpha channel of the picture that the mask belongs to.
    Alpha,
    /// A file: its alpha if it has any, else its brightness.
    File(PathBuf),
}

impl From<&str> for MaskValue {
    fn from(text: &str) -> Self {
        if text == "alpha" { Self::Alpha } else { Self::File(text.into()) }
    }
}

impl FromStr for MaskValue {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Ok(text.into())
    }
}

impl fmt::Display for MaskValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alpha => f.write_str("alpha"),
            Self::File(file) => write!(f, "{}", file.display()),
        }
    }
}

by_text!(MaskValue);

impl MaskValue {
    /// The file, if there is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Alpha => None,
            Self::File(file) => Some(file),
        }
    }

    /// The same with its file where `find` says.
    ///
    /// # Errors
    /// Those of `find`.
    pub fn found(&self, find: &dyn Fn(&Path) -> Result<PathBuf>) -> Result<Self> {
        Ok(match self {
            Self::Alpha => Self::Alpha,
            Self::File(file) => Self::File(find(file)?),
        })
    }

    /// The mask; `picture` is the one that it belongs to, if there is one.
    ///
    /// # Errors
    /// Those of `read`; alpha where the picture has none.
    pub fn load(
        &self,
        option: &'static str,
        picture: Option<&Picture>,
        read: &mut ReadMask<'_>,
    ) -> Result<Mask> {
        match self {
            Self::File(file) => Ok(Mask::from_picture(&read(file)?)),
            Self::Alpha => match picture.and_then(Mask::from_alpha) {
                Some(mask) => Ok(mask),
                None => refuse(
                    option,
                    "alpha was given, but the picture has no alpha channel; give a mask's file",
                ),
            },
        }
    }
}

/// `CONTENT_MASK:STYLE_MASK[:WEIGHT]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GuideValue {
    pub content: MaskValue,
    pub style: MaskValue,
    pub weight: f64,
}

impl FromStr for GuideValue {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let mask = |part: &str| match part {
            "" => Err(format!(
                "a mask is missing in `{text}`; write CONTENT_MASK:STYLE_MASK or CONTENT_MASK:STYLE_MASK:WEIGHT"
            )),
            part => Ok(MaskValue::from(part)),
        };
        let parts: Vec<&str> = text.split(':').collect();
        match parts[..] {
            [content, style] => Ok(Self { content: mask(content)?, style: mask(style)?, weight: 1.0 }),
            [content, style, weight] => {
                let number = weight.parse().ok().filter(|w: &f64| w.is_finite() && *w >= 0.0);
                let weight =
                    number.ok_or_else(|| format!("`{weight}` is not a weight of at least 0, in `{text}`"))?;
                Ok(Self { content: mask(content)?, style: mask(style)?, weight })
            }
            _ => Err(format!(
                "`{text}` is not a pair of masks; write CONTENT_MASK:STYLE_MASK or CONTENT_MASK:STYLE_MASK:WEIGHT"
            )),
        }
    }
}

impl fmt::Display for GuideValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.content, self.style, self.weight)
    }
}

by_text!(GuideValue);

/// `C.png:S.png`: two pictures in which each colour marks a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GuideMapValue {
    content: PathBuf,
    style: PathBuf,
}

impl FromStr for GuideMapValue {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text.split_once(':') {
            Some((content, style)) if !content.is_empty() && !style.is_empty() && !style.contains(':') => {
                Ok(Self { content: content.into(), style: style.into() })
            }
            _ => Err(format!("`{text}` is not a pair of maps; write CONTENT_MAP:STYLE_MAP")),
        }
    }
}

impl fmt::Display for GuideMapValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.content.display(), self.style.display())
    }
}

by_text!(GuideMapValue);

/// Where in the result which style counts, and where the content stays.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Regions")]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct RegionArgs {
    /// Where CONTENT_MASK is white, take the style from where STYLE_MASK is white; repeated for more regions: with one style,
    /// each is a part of it, with several, the first guide is the first style's and so on. What no guide covers follows the
    /// whole style. A mask is any grey picture, one with alpha, or the word alpha for the picture's own
    #[arg(long, value_name = "CONTENT_MASK:STYLE_MASK[:WEIGHT]")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub guide: Vec<GuideValue>,
    /// The same for many regions at once: each colour of the one map marks where to paint, in the other where from
    #[arg(long, value_name = "CONTENT_MAP:STYLE_MAP", conflicts_with = "guide")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guide_map: Option<GuideMapValue>,
    /// Hold the content where MASK (a picture, or alpha) is bright, and where it is white, have exactly its pixels
    #[arg(long, value_name = "MASK")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<MaskValue>,
}

impl RegionArgs {
    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The files that are read.
    pub fn files(&self) -> Vec<&Path> {
        let guides = self.guide.iter().flat_map(|guide| [guide.content.file(), guide.style.file()]).flatten();
        let maps = self.guide_map.iter().flat_map(|map| [map.content.as_path(), map.style.as_path()]);
        guides.chain(maps).chain(self.keep.as_ref().and_then(MaskValue::file)).collect()
    }

    /// The same with every file where `find` says.
    ///
    /// # Errors
    /// Those of `find`.
    pub fn found(&self, find: &dyn Fn(&Path) -> Result<PathBuf>) -> Result<Self> {
        let guide = |guide: &GuideValue| {
            Ok(GuideValue { content: guide.content.found(find)?, style: guide.style.found(find)?, ..*guide })
        };
        let map = |map: &GuideMapValue| {
            Ok(GuideMapValue { content: find(&map.content)?, style: find(&map.style)? })
        };
        Ok(Self {
            guide: self.guide.iter().map(guide).collect::<Result<_>>()?,
            guide_map: self.guide_map.as_ref().map(map).transpose()?,
            keep: self.keep.as_ref().map(|keep| keep.found(find)).transpose()?,
        })
    }

    /// The styles, each in its region.
    ///
    /// # Errors
    /// Those of `read`; guides that do not fit the styles.
    pub fn apply(
        &self,
        styles: Vec<Style>,
        content: Option<&Picture>,
        read: &mut ReadMask<'_>,
    ) -> Result<Vec<Style>> {
        if let Some(map) = &self.guide_map {
            let [style] = &styles[..] else {
                return refuse("guide_map", "belongs to one style; for several give a `guide` for each");
            };
            let (content, from) = (read(&map.content)?, read(&map.style)?);
            return style.by_colours(&content, &from);
        }
        if self.guide.is_empty() {
            return Ok(styles);
        }
        if styles.iter().any(|style| style.region().is_some() || style.mask().is_some()) {
            return refuse("guide", "a style already says `at=` or `mask=`; say it in one way");
        }
        if styles.len() > 1 && self.guide.len() > styles.len() {
            let message = format!(
                "{} guides were given for {} styles; give at most one for each, or one style for all",
                self.guide.len(),
                styles.len()
            );
            return refuse("guide", message);
        }
        let mut guided = Vec::new();
        for (index, guide) in self.guide.iter().enumerate() {
            let style = &styles[if styles.len() == 1 { 0 } else { index }];
            let region = guide.content.load("guide", content, read)?;
            let mask = guide.style.load("guide", style.picture(), read)?;
            guided.push(style.clone().weight(guide.weight).within(region).masked(mask));
        }
        // What no guide covers follows the styles without one, or all of them as a whole.
        let rest = if styles.len() > guided.len() && styles.len() > 1 { guided.len() } else { 0 };
        guided.extend(styles.into_iter().skip(rest));
        Ok(guided)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guides_are_read_and_refused() {
        let guide: GuideValue = "a.png:alpha:0.5".parse().unwrap();
        assert_eq!(guide.content, MaskValue::File("a.png".into()));
        assert_eq!((guide.style, guide.weight), (MaskValue::Alpha, 0.5));
        assert_eq!("a:b".parse::<GuideValue>().unwrap().weight, 1.0);
        for bad in ["", "a", "a:", ":b", "a:b:c", "a:b:-1", "a:b:nan", "a:b:1:2"] {
            assert!(bad.parse::<GuideValue>().is_err(), "{bad}");
        }
        for bad in ["", "a", "a:", ":b", "a:b:c"] {
            assert!(bad.parse::<GuideMapValue>().is_err(), "{bad}");
        }
    }
}
