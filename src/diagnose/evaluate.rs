//! One evaluation of the loss on given pictures, for numbers rather than pictures.

use std::io::BufWriter;
use std::path::Path;

use crate::engine::Engine;
use crate::engine::EngineKind;
use crate::engine::memory::{self, Use};
use crate::engine::reference::Reference;
use crate::error::{Error, Result};
use crate::files;
use crate::loss::objective::{ContentPicture, Objective, StyleRegion};
use crate::loss::targets::{blend, measure};
use crate::loss::{Losses, Terms};
use crate::network::Layer;
use crate::network::plan::Plan;
use crate::picture::Picture;
use crate::run::settings::{Computing, Purpose, losses};
use crate::run::{Builder, Request};
use crate::tensor::Scalar;
use crate::weights::npy;

use super::cast;

/// The loss of a picture and its gradient.
#[derive(Debug, Clone)]
#[non_exhaustive]
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
    /// f32 by the engine that the options choose, as a run computes.
    Single,
    /// f64 by the reference engine.
    Double,
}

/// Makes an engine for height × width pixels and the given taps.
type Make<'a, E> = &'a dyn Fn(usize, usize, &[Layer]) -> Result<E>;

/// The loss of `image` against the pictures of `request`, and its gradient; `builder` says how they are compared.
///
/// The image must have the content picture's size; each style is measured at its own. Without a content picture there are
/// no content terms, without styles no style terms. Nothing is added to the losses unasked: no total variation
/// unless `tv_weight` is said.
///
/// ```
/// use impasto::evaluate::{Precision, evaluate};
/// use impasto::picture::Picture;
/// use impasto::{Request, StyleTransfer};
///
/// let (grey, red) = (Picture::uniform(16, 16, [0.5; 3])?, Picture::uniform(20, 12, [0.9, 0.1, 0.1])?);
/// let builder = StyleTransfer::builder().network(impasto::weights::random("4|6", 1)?).threads(1);
/// let evaluation = evaluate(&builder, &Request::picture(&grey, [red]), &grey, Precision::Double)?;
/// assert_eq!(evaluation.terms.content[0].1, 0.0);
/// assert!(evaluation.terms.total > 0.0);
/// # Ok::<(), impasto::Error>(())
/// ```
///
/// # Errors
/// Options that cannot be used; pictures of different sizes or too small for the layers, unusable style weights, too
/// little memory; as [`Objective::new`].
pub fn evaluate(
    builder: &Builder,
    request: &Request<'_>,
    image: &Picture,
    precision: Precision,
) -> Result<Evaluation> {
    if let Some(content) = request.content
        && (content.width(), content.height()) != (image.width(), image.height())
    {
        let message = format!(
            "the content picture has {}x{} pixels and the image {}x{}; give pictures of one size, or of one \
             shape and `size`",
            content.width(),
            content.height(),
            image.width(),
            image.height()
        );
        return Err(Error::option("content", message));
    }
    let mut options = builder.options.with_bundles();
    // What a preset says of a side that has no picture falls away; what was said is refused.
    if request.content.is_none() {
        options.content = builder.options.content.clone();
    }
    if request.styles.is_empty() {
        options.loss.style_weight = builder.options.loss.style_weight;
        options.loss.style_layers = builder.options.loss.style_layers.clone();
    }
    let computing = Computing::new(&options.network, &builder.resolved_network()?, false)?;
    let backend = &computing.backend;
    let purpose = Purpose::Numbers { content: request.content.is_some(), style: !request.styles.is_empty() };
    let losses = losses(&options.content, &options.loss, backend.network(), purpose)?;
    let compared = losses.content_taps();
    let plan = |height, width, taps: &_, kind| {
        let plan = Plan::new(backend.network().clone(), height, width, taps)?;
        memory::require(&plan, kind, &compared, Use::Evaluation)?;
        Ok(plan)
    };
    computing.pool.install(|| match precision {
        Precision::Single => {
            let make = |height, width, taps: &_| {
                plan(height, width, taps, backend.kind())?;
                backend.engine(height, width, taps)
            };
            run(&losses, request, image, &make)
        }
        Precision::Double => {
            let make = |height, width, taps: &_| {
                Ok(Reference::<f64>::new(plan(height, width, taps, EngineKind::Double)?))
            };
            run(&losses, request, image, &make)
        }
    })
}

/// The same in any precision.
fn run<E: Engine>(
    losses: &Losses,
    request: &Request<'_>,
    image: &Picture,
    make: Make<'_, E>,
) -> Result<Evaluation> {
    let layers = losses.style_taps();
    let styles = match layers.is_empty() {
        true => Vec::new(),
        false => {
            let styles = request.styles.iter().map(|style| {
                let Some(picture) = style.picture() else {
                    let message = "a style file holds sizes of runs, and this measures a style at its own; give the picture";
                    return Err(Error::option("style", message));
                };
                let mut engine = make(picture.height(), picture.width(), &layers)?;
                let order = losses.statistic.order();
                Ok(measure(&mut engine, &cast::<E::Scalar>(picture.rgb()), &layers, order, None))
            });
            vec![StyleRegion::everywhere(blend(&styles.collect::<Result<Vec<_>>>()?, &request.shares()?))]
        }
    };
    let engine = make(image.height(), image.width(), &losses.taps())?;
    let content = request.content.map(|content| cast::<E::Scalar>(content.rgb()));
    let content = content.as_deref().map(|rgb| ContentPicture { rgb, weights: None });
    let mut objective = Objective::new(engine, losses, content, &styles)?;
    let mut gradient = vec![E::Scalar::ZERO; image.rgb().len()];
    let terms = objective.evaluate(&cast::<E::Scalar>(image.rgb()), &mut gradient).clone();
    let gradient = gradient.iter().map(|value| value.to_f64()).collect();
    let (width, height) = (image.width(), image.height());
    Ok(Evaluation { terms, gradient, width, height })
}
