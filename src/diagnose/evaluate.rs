//! One evaluation of the loss on given pictures, for numbers rather than pictures.

use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

use crate::engine::Engine;
use crate::engine::EngineKind;
use crate::engine::backend::{Backend, ConvolutionAlgorithm};
use crate::engine::memory::{self, Purpose};
use crate::engine::reference::Reference;
use crate::error::{Error, Result};
use crate::files;
use crate::kernels::simd::Isa;
use crate::loss::objective::Objective;
use crate::loss::targets::{Make, cast, style_targets};
use crate::loss::{Losses, Terms};
use crate::network::Network;
use crate::network::plan::Plan;
use crate::picture::Picture;
use crate::run::threads;
use crate::tensor::Scalar;
use crate::weights::npy;

/// The loss of a picture and its gradient.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The weighted terms.
    pub terms: Terms,
    /// dL/d(rgb), 3×H×W, RGB in [0, 1].
    pub gradient: Vec<f64>,
    /// Width of the picture.
    pub width: usize,
    /// Height of the picture.
    pub height: usize,
}

impl Evaluation {
    /// Writes the gradient as a NumPy array, float32, 3×H×W; the file appears when it is complete.
    ///
    /// # Errors
    /// [`Error::Output`] if it cannot be written.
    pub fn save_gradient(&self, path: &Path) -> Result<()> {
        let values: Vec<f32> = self.gradient.iter().map(|&value| value as f32).collect();
        files::replace(path, |file| {
            npy::write_f32(BufWriter::new(file), &[3, self.height, self.width], &values)
        })
    }

    /// Fails at once if a gradient cannot be written to `path` later.
    ///
    /// # Errors
    /// [`Error::Output`]: a missing or read-only folder, another extension than `.npy`.
    pub fn check_gradient_output(path: &Path) -> Result<()> {
        if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy")) {
            return Err(Error::output(path, "the gradient is written as a NumPy array; name it .npy"));
        }
        files::check_writable(path)
    }
}

/// The precision of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// f32 with this algorithm and instruction set, as `transfer` computes.
    Single(ConvolutionAlgorithm, Option<Isa>),
    /// f64 by the reference engine.
    Double,
}

/// What a picture is compared with, and how.
#[derive(Debug, Clone, Copy)]
pub struct Comparison<'a> {
    /// The network that looks.
    pub network: &'a Arc<Network>,
    /// From [`LossOptions::resolve`](crate::run::losses::LossOptions::resolve) for this network.
    pub losses: &'a Losses,
    /// Without it there are no content terms.
    pub content: Option<&'a Picture>,
    /// Style pictures, each measured at its own size.
    pub styles: &'a [Picture],
    /// One weight for each style; without them all count the same.
    pub blend: Option<&'a [f64]>,
}

impl Comparison<'_> {
    /// The loss of `image`, which must have the content picture's size, and its gradient.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use impasto::evaluate::{Comparison, Precision};
    /// use impasto::internals::run::losses::LossOptions;
    /// use impasto::picture::Picture;
    ///
    /// let network = Arc::new(impasto::weights::random("4|6", 1)?);
    /// let losses = LossOptions::default().resolve(&network)?;
    /// let (grey, red) = (Picture::uniform(16, 16, [0.5; 3])?, Picture::uniform(20, 12, [0.9, 0.1, 0.1])?);
    /// let comparison = Comparison {
    ///     network: &network,
    ///     losses: &losses,
    ///     content: Some(&grey),
    ///     styles: &[red],
    ///     blend: None,
    /// };
    /// let evaluation = comparison.evaluate(&grey, Precision::Double, Some(1))?;
    /// assert_eq!(evaluation.terms.content[0].1, 0.0);
    /// assert!(evaluation.terms.total > 0.0);
    /// # Ok::<(), impasto::Error>(())
    /// ```
    ///
    /// # Errors
    /// Pictures of different sizes or too small for the layers, unusable blend weights, too little memory; as
    /// [`Objective::new`].
    pub fn evaluate(
        &self,
        image: &Picture,
        precision: Precision,
        threads: Option<usize>,
    ) -> Result<Evaluation> {
        if let Some(content) = self.content
            && (content.width(), content.height()) != (image.width(), image.height())
        {
            let message = format!(
                "the content picture has {}x{} pixels and the image {}x{}; give pictures of one size, or of one \
                 shape and --size",
                content.width(),
                content.height(),
                image.width(),
                image.height()
            );
            return Err(Error::option("--content", message));
        }
        let compared = self.losses.content_taps();
        let plan = |height, width, taps: &_, kind| {
            let plan = Plan::new(self.network.clone(), height, width, taps)?;
            memory::require(&plan, kind, &compared, Purpose::Evaluation)?;
            Ok(plan)
        };
        threads::pool(threads)?.install(|| match precision {
            Precision::Single(convolution, isa) => {
                let backend = Backend::new(self.network.clone(), convolution, isa)?;
                let make = |height, width, taps: &_| {
                    plan(height, width, taps, backend.kind())?;
                    backend.engine(height, width, taps)
                };
                self.run(image, &make)
            }
            Precision::Double => {
                let make = |height, width, taps: &_| {
                    Ok(Reference::<f64>::new(plan(height, width, taps, EngineKind::Double)?))
                };
                self.run(image, &make)
            }
        })
    }

    /// The same in any precision.
    fn run<E: Engine>(&self, image: &Picture, make: Make<'_, E>) -> Result<Evaluation> {
        let targets = style_targets(self.losses, self.styles, self.blend, make)?;
        let mut losses = self.losses.clone();
        if self.content.is_none() {
            losses.content_layers.clear();
        }
        let engine = make(image.height(), image.width(), &losses.taps())?;
        let content = self.content.map(|content| cast::<E::Scalar>(content.rgb()));
        let mut objective = Objective::new(engine, losses, content.as_deref(), &targets)?;
        let mut gradient = vec![E::Scalar::ZERO; image.rgb().len()];
        objective.evaluate(&cast::<E::Scalar>(image.rgb()), &mut gradient);
        let gradient = gradient.iter().map(|value| value.to_f64()).collect();
        let (width, height) = (image.width(), image.height());
        Ok(Evaluation { terms: objective.terms().clone(), gradient, width, height })
    }
}
