//! One run as the command line or a receipt asks for it: its pictures loaded, its network ready.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::inputs::{InputFile, Inputs, Shelf, told};
use super::masks::{MaskValue, RegionArgs};
use super::notices::Notices;
use super::options;
use super::receipt::{self, NetworkId, Outcome, Receipt};
use super::saving::Saved;
use super::values::{InitValue, StyleValue};
use crate::error::Result;
use crate::picture::Picture;
use crate::run::masks::Mask;
use crate::run::options::Options;
use crate::run::sizes::{Iterations, SizeRule, StyleScale};
use crate::run::values::Strength;
use crate::run::{Report, Request, Start, Style, StyleTransfer, defaults};

/// What is to be painted, of what, with which options.
pub(super) struct Work {
    /// `transfer`, `texture` or `frames`.
    pub command: &'static str,
    /// The content, for a transfer.
    pub content: Option<PathBuf>,
    /// The styles, with what is said about each alone.
    pub styles: Vec<StyleValue>,
    /// Where to start.
    pub init: InitValue,
    /// Which style counts where, and what is kept.
    pub regions: RegionArgs,
    /// Every option, with a settings file's below those that were said.
    pub options: Options,
    /// The network's file, if not the embedded one.
    pub weights: Option<PathBuf>,
}

/// Work with its options checked.
pub(super) struct Prepared<'a> {
    work: &'a Work,
    pub transfer: Arc<StyleTransfer>,
    pub network: NetworkId,
}

/// Work with its pictures loaded.
pub(super) struct Loaded {
    pub content: Option<Picture>,
    styles: Vec<Style>,
    keep: Option<Mask>,
    strength: Option<Mask>,
    start: Start,
    pub inputs: Vec<InputFile>,
}

impl Work {
    /// The content's file, if it has one.
    pub fn content(&self) -> Option<&Path> {
        self.content.as_deref()
    }

    /// The styles' files.
    pub fn style_files(&self) -> Vec<&Path> {
        self.styles.iter().map(|style| style.file.as_path()).collect()
    }

    /// Every file that is read.
    pub fn files(&self) -> Vec<&Path> {
        let init = match &self.init {
            InitValue::File(file) => Some(file.as_path()),
            _ => None,
        };
        self.style_files()
            .into_iter()
            .chain(self.content())
            .chain(init)
            .chain(self.weights.as_deref())
            .chain(self.masks())
            .collect()
    }

    /// Every mask's file.
    fn masks(&self) -> impl Iterator<Item = &Path> {
        let styles = self.styles.iter().flat_map(|style| [&style.mask, &style.at]).flatten();
        let strength = match &self.options.picture.strength {
            Some(Strength::Mask(file)) => Some(file.as_path()),
            _ => None,
        };
        styles.filter_map(MaskValue::file).chain(self.regions.files()).chain(strength)
    }

    /// Checks the options and makes the network ready.
    ///
    /// # Errors
    /// Options that cannot be used, a network that cannot be read.
    pub fn prepare(&self) -> Result<Prepared<'_>> {
        let (network, id) = receipt::network(self.weights.as_deref())?;
        let transfer = StyleTransfer::builder().options(self.library_options()).network(network).build()?;
        Ok(self.prepared_by(Arc::new(transfer), id))
    }

    /// The options as the library takes them: it gets a mask with the request.
    pub fn library_options(&self) -> Options {
        let mut options = self.options.clone();
        options.picture.strength.take_if(|strength| matches!(strength, Strength::Mask(_)));
        options
    }

    /// The same as [`Work::prepare`] with what was made before for the same options and network.
    pub fn prepared_by(&self, transfer: Arc<StyleTransfer>, network: NetworkId) -> Prepared<'_> {
        Prepared { work: self, transfer, network }
    }

    /// The longer side of the result where it is known before the content is read.
    pub fn longest(&self) -> Option<usize> {
        match self.options.paint.size.unwrap_or(SizeRule::Longer(defaults::SIZE)) {
            SizeRule::Longer(longer) => Some(longer),
            SizeRule::Exact(width, height) => Some(width.max(height)),
            _ => None,
        }
    }

    /// How large the style pictures are taken.
    fn style_scale(&self) -> StyleScale {
        StyleScale::new(self.options.paint.style_scale)
    }
}

impl Prepared<'_> {
    /// Reads the pictures, no larger than they are needed.
    ///
    /// # Errors
    /// As [`Picture::load`].
    pub fn load(&self, notices: &mut Notices) -> Result<Loaded> {
        self.load_from(&mut Shelf::new(0), notices)
    }

    /// The same with styles that were read before and stand on a shelf.
    ///
    /// # Errors
    /// As [`Picture::load`].
    pub fn load_from(&self, shelf: &mut Shelf, notices: &mut Notices) -> Result<Loaded> {
        let (work, mut inputs) = (self.work, Inputs::default());
        let longest = work.longest();
        let content = work.content();
        let content = content.map(|file| inputs.picture("content", file, longest, notices)).transpose()?;
        let mut styles = Vec::new();
        for style in &work.styles {
            let needed = longest.map(|longer| {
                let needed = (longer as f64 * work.style_scale().factor * style.scale.unwrap_or(1.0)).ceil();
                (needed as usize).max(1)
            });
            let loaded = shelf.style(&mut inputs, &style.file, needed, notices)?;
            let mut read = |file: &Path| inputs.picture("mask", file, None, notices);
            styles.push(options::style(loaded, style, content.as_ref(), &mut read)?);
        }
        let mut read = |file: &Path| inputs.picture("mask", file, None, notices);
        let styles = work.regions.apply(styles, content.as_ref(), &mut read)?;
        let keep = work.regions.keep.as_ref();
        let keep = keep.map(|keep| keep.load("keep", content.as_ref(), &mut read)).transpose()?;
        let strength = match &work.options.picture.strength {
            Some(Strength::Mask(file)) => Some(Mask::from_picture(&read(file)?)),
            _ => None,
        };
        let start = match &work.init {
            InitValue::Content => Start::Content,
            InitValue::Noise => Start::Noise,
            InitValue::File(file) => Start::Picture(inputs.picture("init", file, longest, notices)?),
        };
        Ok(Loaded { content, styles, keep, strength, start, inputs: inputs.files().to_vec() })
    }

    /// The size of the result, and a notice for every picture that is flat, or enlarged to be used at it.
    ///
    /// # Errors
    /// As [`StyleTransfer::run`], for what depends on the size.
    pub fn size(&self, loaded: &Loaded, notices: &mut Notices) -> Result<(usize, usize)> {
        let size = self.transfer.size(&loaded.request())?;
        if let (Some(file), Some(content)) = (self.work.content(), &loaded.content) {
            notices.enlarged(file, content, size);
            if content.is_flat() {
                notices.flat(file, "so that there is nothing else to keep of it");
            }
        }
        for (value, style) in self.work.styles.iter().zip(&loaded.styles) {
            if let (Some(picture), Some(used)) =
                (style.picture(), style.size(self.work.style_scale(), size, size))
            {
                notices.enlarged(&value.file, picture, used);
                if picture.is_flat() {
                    notices.flat(&value.file, "so that there is no style in it but that");
                }
            }
        }
        Ok(size)
    }
}

impl Prepared<'_> {
    /// What the picture says about its making.
    pub fn receipt(&self, loaded: &Loaded, saved: Saved, report: &Report) -> Receipt {
        let iterations = report.sizes.iter().map(|size| size.iterations.max(1)).collect();
        self.receipt_of(loaded.inputs.clone(), saved, iterations, report.into())
    }

    /// The same from its parts; `iterations` are those of every size, which a run that had time made.
    pub fn receipt_of(
        &self,
        inputs: Vec<InputFile>,
        saved: Saved,
        iterations: Vec<usize>,
        result: Outcome,
    ) -> Receipt {
        let work = self.work;
        let named = |file: &Path| Ok(PathBuf::from(told(file)));
        let mask = |mask: &Option<MaskValue>| mask.as_ref().and_then(|mask| mask.found(&named).ok());
        let style = |style: &StyleValue| {
            let file = told(&style.file).into();
            StyleValue { file, mask: mask(&style.mask), at: mask(&style.at), ..style.clone() }.to_string()
        };
        let mut settings = receipt::settings(&work.options);
        if settings.paint.time.take().is_some() {
            // Time is never twice the same; what it came to is.
            settings.paint.iterations = Some(Iterations::Each(iterations));
            settings.paint.tolerance = Some(0.0);
        }
        if let Some(Strength::Mask(file)) = &mut settings.picture.strength {
            *file = told(file).into();
        }
        let init = match &work.init {
            InitValue::File(file) => told(file),
            other => other.to_string(),
        };
        Receipt {
            impasto: env!("CARGO_PKG_VERSION").to_owned(),
            command: work.command.to_owned(),
            settings,
            init,
            styles: work.styles.iter().map(style).collect(),
            regions: work.regions.found(&named).unwrap_or_default(),
            inputs,
            network: self.network.clone(),
            isa: receipt::isa(&work.options),
            saved,
            result,
        }
    }
}

impl Loaded {
    /// As the library takes it.
    pub fn request(&self) -> Request<'_> {
        let request = match &self.content {
            Some(content) => Request::picture(content, self.styles.iter().cloned()),
            None => Request::texture(self.styles.iter().cloned()),
        };
        let request = self.keep.iter().fold(request, |request, mask| request.keep(mask.clone()));
        let request = self.strength.iter().fold(request, |request, mask| request.strength(mask.clone()));
        request.start(self.start.clone())
    }
}
