//! Styles without their pictures: the statistics of one or more paintings, for the sizes of certain runs.
//!
//! What a run takes from a style picture of a longer side F, which it measures at the longer sides L of its sizes, are the mean
//! moments of each style layer at each L and the picture's mean colour and covariance, for the start. All of these depend on F
//! too, since pictures are shrunk to it when they are read. So a file has a part for each F, and in it one for each L.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::StyleTransfer;
use super::fingerprint;
use crate::engine::Moments;
use crate::error::{Error, Result};
use crate::files::sealed::{self, Entry, Kind, Values};
use crate::files::{Destination, Written};
use crate::loss::StyleStatistic;
use crate::loss::targets::StyleTarget;
use crate::network::Layer;
use crate::picture::ColourStatistics;

const KIND: Kind =
    Kind { magic: *b"impastoS", version: 1, name: "style file", advice: "save it again from the pictures" };

/// The statistics of one or more style pictures, which runs of certain sizes take in their place to the same bits; see
/// [`StyleTransfer::save_style`].
#[derive(Debug, Clone)]
pub struct SavedStyle {
    file: PathBuf,
    inner: Arc<Inner>,
}

#[derive(Debug, PartialEq)]
pub(super) struct Inner {
    /// The hash of the network as it was computed.
    pub network: String,
    pub statistic: StyleStatistic,
    pub layers: Vec<Layer>,
    /// What the pictures are called.
    pub pictures: Vec<String>,
    pub parts: Vec<Part>,
}

/// What runs of one size take.
#[derive(Debug, PartialEq)]
pub(super) struct Part {
    /// The longer side of the style pictures at the finest size.
    pub finest: usize,
    /// The colours of each picture with its share; the shares sum to 1.
    pub colours: Vec<(f64, ColourStatistics)>,
    /// The mixture's targets by the style pictures' longer side.
    pub sizes: Vec<(usize, Vec<StyleTarget>)>,
}

/// What a file says beside its arrays.
#[derive(Serialize, Deserialize)]
struct Head {
    network: String,
    statistic: StyleStatistic,
    /// With their channels.
    layers: Vec<(Layer, usize)>,
    pictures: Vec<String>,
    /// The longer sides of the pictures: at a run's finest size, and at all of its sizes.
    parts: Vec<(usize, Vec<usize>)>,
}

impl SavedStyle {
    /// What was just measured.
    pub(super) fn new(inner: Inner) -> Self {
        Self { file: PathBuf::from("(style)"), inner: Arc::new(inner) }
    }

    /// Whether a file begins as those of [`SavedStyle::save`] do.
    pub fn is_in(file: &Path) -> bool {
        sealed::is(file, &KIND)
    }

    /// Reads a style file.
    ///
    /// # Errors
    /// [`Error::File`] for a file that cannot be read, is no style file, or is damaged.
    pub fn load(file: &Path) -> Result<Self> {
        let loaded = sealed::load(file, &KIND).and_then(|(head, entries)| Inner::new(head, entries));
        match loaded {
            Ok(inner) => Ok(Self { file: file.to_owned(), inner: Arc::new(inner) }),
            Err(message) => Err(Error::file(file, message)),
        }
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Output`] if it cannot be written.
    pub fn save(&self, file: &Path) -> Result<Written> {
        let (head, entries) = self.inner.saved();
        let mut bytes = Vec::new();
        sealed::write(&mut bytes, &KIND, &head, &entries)
            .map_err(|error| Error::output(file, format!("cannot be written ({error})")))?;
        Destination::prove(file, bytes.len() as u64)?.write(&bytes)
    }

    /// What the pictures were called.
    pub fn pictures(&self) -> &[String] {
        &self.inner.pictures
    }

    /// What it is compared by.
    pub fn statistic(&self) -> StyleStatistic {
        self.inner.statistic
    }

    /// The longer sides of the pictures at the finest size of the runs that it is for: with a `style_scale` of 1, the results'.
    pub fn sizes(&self) -> Vec<usize> {
        self.inner.parts.iter().map(|part| part.finest).collect()
    }

    /// Where it comes from, for messages.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// A hash of all that it holds.
    pub(crate) fn fingerprint(&self) -> String {
        let (head, entries) = self.inner.saved();
        fingerprint::of(|hash| {
            hash.text(&serde_json::to_string(&head).unwrap_or_default());
            for (_, values) in &entries {
                if let Values::F64(values) = values {
                    values.iter().for_each(|value| hash.number(*value));
                }
            }
        })
    }

    /// Refuses a network or statistic that it was not saved for.
    pub(crate) fn check(&self, transfer: &StyleTransfer) -> Result<()> {
        let (inner, losses) = (&*self.inner, &transfer.settings.losses);
        let refuse = |message: String| Err(Error::file(&self.file, message));
        if inner.network != fingerprint::network(transfer.computing.backend.network()) {
            return refuse(
                "was saved with another network or pooling; use that one, or save it again with this one"
                    .to_owned(),
            );
        }
        if inner.statistic != losses.statistic {
            return refuse(format!(
                "was saved for `style_statistic` {}, not {}; give that, or save it again",
                inner.statistic, losses.statistic
            ));
        }
        match losses.style_taps().into_iter().find(|layer| !inner.layers.contains(layer)) {
            None => Ok(()),
            Some(layer) => refuse(format!(
                "has no statistics of {layer}, only of {}; choose `style_layers` among them, or save it again",
                list(&inner.layers)
            )),
        }
    }

    /// The targets at a style's longer side, in a run whose finest is `finest`.
    ///
    /// # Errors
    /// Sizes that it was not saved for.
    pub(crate) fn targets(&self, finest: usize, longer: usize, layers: &[Layer]) -> Result<Vec<StyleTarget>> {
        let part = self.part(finest)?;
        let Some((_, targets)) = part.sizes.iter().find(|(size, _)| *size == longer) else {
            let sizes: Vec<usize> = part.sizes.iter().map(|(size, _)| *size).collect();
            let message = format!(
                "has no statistics at {longer} px for a result whose styles have {finest}, only at {}; save it with this \
                 `coarsest` and `size_step`, or leave them out",
                list(&sizes)
            );
            return Err(Error::file(&self.file, message));
        };
        let target = |layer: &Layer| targets.iter().find(|target| target.layer == *layer).cloned();
        Ok(layers.iter().filter_map(target).collect())
    }

    /// The colours of each of its pictures with its share, in a run whose finest longer side is `finest`; none if it was not
    /// saved for that.
    pub(crate) fn colours(&self, finest: usize) -> Vec<(f64, ColourStatistics)> {
        self.part(finest).map(|part| part.colours.clone()).unwrap_or_default()
    }

    fn part(&self, finest: usize) -> Result<&Part> {
        self.inner.parts.iter().find(|part| part.finest == finest).ok_or_else(|| {
            let message = format!(
                "was saved for results whose styles have {} px on their longer side, not {finest}; choose one of these \
                 sizes, or save it with `size` {finest}",
                list(&self.sizes())
            );
            Error::file(&self.file, message)
        })
    }
}

fn list(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Inner {
    fn saved(&self) -> (Head, Vec<Entry<'static>>) {
        let channels = |layer: &Layer| {
            let targets = self.parts.iter().flat_map(|part| &part.sizes).flat_map(|(_, targets)| targets);
            targets.filter(|target| target.layer == *layer).map(|target| target.moments.channels()).next()
        };
        let head = Head {
            network: self.network.clone(),
            statistic: self.statistic,
            layers: self.layers.iter().map(|layer| (*layer, channels(layer).unwrap_or(0))).collect(),
            pictures: self.pictures.clone(),
            parts: self
                .parts
                .iter()
                .map(|part| (part.finest, part.sizes.iter().map(|(size, _)| *size).collect()))
                .collect(),
        };
        let mut entries = Vec::new();
        for part in &self.parts {
            let colours = part.colours.iter().flat_map(|(share, colours)| {
                let covariance = colours.covariance.iter().flatten();
                [*share].into_iter().chain(colours.mean).chain(covariance.copied())
            });
            entries.push((format!("{}.colours", part.finest), Values::F64(colours.collect())));
            for (size, targets) in &part.sizes {
                for target in targets {
                    let name = format!("{}.{size}.{}", part.finest, target.layer);
                    let n = target.moments.channels();
                    let upper = (0..n).flat_map(|row| &target.moments.second[row * n + row..(row + 1) * n]);
                    entries.push((format!("{name}.second"), Values::F64(upper.copied().collect())));
                    if self.has_first() {
                        entries.push((
                            format!("{name}.first"),
                            Values::F64(target.moments.first.clone().into()),
                        ));
                    }
                }
            }
        }
        (head, entries)
    }

    fn has_first(&self) -> bool {
        self.statistic.order() == crate::engine::Order::FirstAndSecond
    }

    /// From what a file holds, in the order in which it was written.
    fn new(head: Head, entries: Vec<Entry<'static>>) -> std::result::Result<Self, String> {
        let mut inner = Self {
            network: head.network,
            statistic: head.statistic,
            layers: head.layers.iter().map(|(layer, _)| *layer).collect(),
            pictures: head.pictures,
            parts: Vec::new(),
        };
        let wrong = |name: &str| format!("contradicts itself at `{name}`; {}", KIND.advice);
        let mut entries = entries.into_iter();
        let mut next = |wanted: String| match entries.next() {
            Some((name, Values::F64(values))) if name == wanted && values.iter().all(|v| v.is_finite()) => {
                Ok(values.into_owned())
            }
            _ => Err(wrong(&wanted)),
        };
        for (finest, sizes) in head.parts {
            let name = format!("{finest}.colours");
            let numbers = next(name.clone())?;
            let (colours, rest) = numbers.as_chunks::<13>();
            if colours.is_empty() || !rest.is_empty() {
                return Err(wrong(&name));
            }
            let colours = colours.iter().map(|v| {
                let covariance = std::array::from_fn(|i| std::array::from_fn(|j| v[4 + 3 * i + j]));
                (v[0], ColourStatistics { mean: [v[1], v[2], v[3]], covariance })
            });
            let mut part = Part { finest, colours: colours.collect(), sizes: Vec::new() };
            for size in sizes {
                let mut targets = Vec::new();
                for &(layer, n) in &head.layers {
                    let name = format!("{finest}.{size}.{layer}");
                    let upper = next(format!("{name}.second"))?;
                    let first = if inner.has_first() { Some(next(format!("{name}.first"))?) } else { None };
                    let whole = n.checked_add(1).and_then(|m| m.checked_mul(n)).map(|twice| twice / 2);
                    if whole != Some(upper.len()) || first.as_ref().is_some_and(|first| first.len() != n) {
                        return Err(wrong(&name));
                    }
                    let mut moments = Moments::new(n);
                    moments.mass = 1.0;
                    let places = (0..n).flat_map(|row| (row..n).map(move |column| (row, column)));
                    for ((row, column), value) in places.zip(upper) {
                        moments.second[row * n + column] = value;
                        moments.second[column * n + row] = value;
                    }
                    if let Some(first) = first {
                        moments.first = first;
                    }
                    targets.push(StyleTarget { layer, moments });
                }
                part.sizes.push((size, targets));
            }
            inner.parts.push(part);
        }
        Ok(inner)
    }
}
