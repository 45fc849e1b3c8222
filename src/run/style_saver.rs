//! Saving a style: its pictures are measured as runs of certain sizes would measure them.

use super::StyleTransfer;
use super::fingerprint;
use super::request::{Request, Style};
use super::saved_style::{Inner, Part, SavedStyle};
use super::sizes::{self, Size, style_longer};
use crate::error::{Error, Result};
use crate::loss::targets::blend;

/// What a style is saved by, piece by piece: a part for each size of a run. Made by [`StyleTransfer::save_style`].
pub struct StyleSaver<'t> {
    transfer: &'t StyleTransfer,
    pictures: Vec<String>,
    parts: Vec<Part>,
}

impl StyleTransfer {
    /// Begins to save a style for runs with these options, of pictures that are called so.
    pub fn save_style(&self, pictures: impl IntoIterator<Item = String>) -> StyleSaver<'_> {
        StyleSaver { transfer: self, pictures: pictures.into_iter().collect(), parts: Vec::new() }
    }
}

impl StyleSaver<'_> {
    /// The longer side of style pictures where a result's is `longer`.
    pub fn finest(&self, longer: usize) -> usize {
        style_longer(self.transfer.settings.style_scale, (longer, longer))
    }

    /// Adds what results of a longer side of `longer` px take. The pictures are to be read as for such a run: as they are,
    /// or shrunk to [`StyleSaver::finest`]; several are mixed by their weights.
    ///
    /// # Errors
    /// Unusable weights, a picture or a mask that is too small or of another shape, losses that have no style.
    pub fn add(&mut self, longer: usize, styles: &[Style]) -> Result<()> {
        let transfer = self.transfer;
        let layers = transfer.settings.losses.style_taps();
        if layers.is_empty() {
            return Err(Error::option("style_weight", "is 0, so there is no style to save; leave it out"));
        }
        let request = Request::texture(styles.iter().cloned());
        let shares = request.shares()?;
        request.check_masks((longer, longer))?;
        let sum: f64 = shares.iter().sum();
        let shares: Vec<f64> = shares.iter().map(|share| share / sum).collect();
        let scale = transfer.settings.style_scale;
        let colours = styles.iter().zip(&shares).flat_map(|(style, share)| {
            let of = move |(part, colours)| (share * part, colours);
            style.colours(scale, (longer, longer)).into_iter().map(of)
        });
        let colours = colours.collect();
        let settings = &transfer.settings;
        let sizes = sizes::sizes((longer, longer), settings.coarsest, settings.size_step, |_| true);
        for size in sizes.iter().flat_map(|size| styles.iter().filter_map(|style| style.size(scale, *size))) {
            transfer.check_style(&layers, size)?;
        }
        let measure = |&size: &Size| {
            let targets =
                styles.iter().map(|style| transfer.measured(style, &layers, size, (longer, longer)));
            let targets = targets.collect::<Result<Vec<_>>>()?;
            Ok((style_longer(scale, size), blend(&targets, &shares)))
        };
        let measured =
            transfer.computing.pool.install(|| sizes.iter().map(measure).collect::<Result<Vec<_>>>())?;
        self.parts.push(Part { finest: self.finest(longer), colours, sizes: measured });
        Ok(())
    }

    /// What was added.
    pub fn finish(self) -> SavedStyle {
        let settings = &self.transfer.settings;
        let inner = Inner {
            network: fingerprint::network(self.transfer.computing.backend.network()),
            statistic: settings.losses.statistic,
            layers: settings.losses.style_taps(),
            pictures: self.pictures,
            parts: self.parts,
        };
        SavedStyle::new(inner)
    }
}
