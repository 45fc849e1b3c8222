//! `impasto evaluate`: numbers about a picture.

use serde::Serialize;

use super::args::{EvaluateArgs, PrecisionValue};
use super::options::{self, refuse};
use super::receipt::Receipt;
use super::values::SizeValue;
use super::{Ending, output};
use crate::diagnose::evaluate::{Evaluation, Precision, evaluate};
use crate::diagnose::export;
use crate::engine::backend::ConvolutionAlgorithm;
use crate::error::Result;
use crate::loss::Terms;
use crate::network::Layer;
use crate::picture::Picture;
use crate::run::options::Options;
use crate::run::{Request, Style, StyleTransfer};

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    terms: &'a Terms,
    evaluations: usize,
}

/// Evaluates the loss once.
pub(super) fn run(args: &EvaluateArgs) -> Result<Ending> {
    let longer = match args.size {
        None => None,
        Some(SizeValue::Longer(0)) => {
            return refuse("size", "0 pixels cannot be judged; give the longer side, such as 512");
        }
        Some(SizeValue::Longer(size)) => Some(size),
        Some(SizeValue::Exact(width, height)) => {
            return refuse(
                "size",
                format!("{width}x{height} was given, but aspect ratios are kept; give the longer side"),
            );
        }
    };
    let precision = precision(args)?;
    options::check_blend(args.style_blend.as_ref(), args.style.len())?;
    let exports = args.features.is_some() || args.gram.is_some();
    if args.layers.is_some() && !exports {
        return refuse("layers", "belongs to `features` or `gram`; give one of them, or leave it out");
    }
    let compares = args.content.is_some() || !args.style.is_empty();
    if !compares && let Some(_) = &args.gradient {
        return refuse("gradient", "there is nothing to compare with; give `content`, `style` or both");
    }
    if !compares && !exports {
        return refuse("content", "there is nothing to compare with; give `content`, `style` or both");
    }
    if let Some(file) = &args.gradient {
        Evaluation::check_gradient_output(file)?;
    }
    for file in [&args.features, &args.gram].into_iter().flatten() {
        export::check_archive_output(file)?;
    }
    let mut options = Options::default();
    options.content = args.content_loss.clone();
    options.loss = args.loss.clone();
    options.network = args.network.options.clone();
    let builder =
        StyleTransfer::builder().options(options).network(options::network(args.network.weights.as_deref())?);
    let load = |file: &std::path::PathBuf| -> Result<Picture> {
        match longer {
            None => Picture::load(file),
            Some(longer) => Picture::load_at_most(file, longer)?.fitted(longer),
        }
    };
    let content = args.content.as_ref().map(load).transpose()?;
    let styles = args.style.iter().map(load).collect::<Result<Vec<_>>>()?;
    let image = alike(load(&args.image)?, content.as_ref().filter(|_| longer.is_some()))?;
    if exports {
        let layers: Vec<Layer> =
            args.layers.iter().flat_map(|list| list.0.iter().map(|(layer, _)| *layer)).collect();
        let seen = export::features(&builder, &image, &layers, precision)?;
        args.features.as_ref().map_or(Ok(()), |file| export::save_features(&seen, file))?;
        args.gram.as_ref().map_or(Ok(()), |file| export::save_moments(&seen, file))?;
    }
    if !compares {
        return Ok(Ending::Done);
    }
    let weight = |at: usize| args.style_blend.as_ref().map_or(1.0, |blend| blend.0[at]);
    let styles = styles.into_iter().enumerate().map(|(at, style)| Style::new(style).weight(weight(at)));
    let request = match &content {
        Some(content) => Request::picture(content, styles),
        None => Request::texture(styles),
    };
    let evaluation = evaluate(&builder, &request, &image, precision)?;
    if let Some(file) = &args.gradient {
        evaluation.save_gradient(file)?;
    }
    if args.json {
        output::json(&Report { terms: &evaluation.terms, evaluations: 1 })?;
    } else {
        print(&evaluation.terms)?;
        if let Ok(receipt) = Receipt::of(&args.image) {
            let file = args.image.display();
            output::message(&format!(
                "note: the run that painted {file} reported {:.9e}, of pixels that were not yet cut to [0, 1] and rounded to \
                 the file's depth; above is the loss of the file's pixels by the options given here",
                receipt.result.loss
            ));
        }
    }
    Ok(Ending::Done)
}

/// A resized picture whose sides differ from the content's by a pixel of rounding gets the content's size.
fn alike(image: Picture, content: Option<&Picture>) -> Result<Picture> {
    let Some(content) = content else { return Ok(image) };
    let (width, height) = (content.width(), content.height());
    let near = image.width().abs_diff(width) <= 1 && image.height().abs_diff(height) <= 1;
    if near { image.resized(width, height) } else { Ok(image) }
}

/// The precision, with the algorithm that belongs to it.
///
/// Numbers are what this command is for: in f32 a single tie in a pooling window, decided the other way, moves a
/// gradient by more than 1e-4, so f64 is the default.
fn precision(args: &EvaluateArgs) -> Result<Precision> {
    let network = &args.network.options;
    let (convolution, isa) = (network.convolution.unwrap_or_default(), network.isa);
    let refuse = |option, what: String| {
        refuse(option, format!("{what} is for `precision` f32, but the precision is f64; leave one out"))
    };
    let chosen = convolution != ConvolutionAlgorithm::Auto || isa.is_some();
    let default = if chosen { PrecisionValue::F32 } else { PrecisionValue::F64 };
    match (args.precision.unwrap_or(default), convolution, isa) {
        (PrecisionValue::F32, ..) => Ok(Precision::Single),
        (PrecisionValue::F64, _, Some(isa)) => refuse("isa", isa.to_string()),
        (PrecisionValue::F64, ConvolutionAlgorithm::Auto | ConvolutionAlgorithm::Im2col, None) => {
            Ok(Precision::Double)
        }
        (PrecisionValue::F64, other, None) => refuse("convolution", other.to_string()),
    }
}

/// The terms as a table.
fn print(terms: &Terms) -> Result<()> {
    let row = |what: &str, value: f64| output::result(&format!("{what:<20} {value:>16.9e}"));
    let rows = |kind: &str, terms: &[(Layer, f64)]| {
        terms.iter().try_for_each(|(layer, value)| row(&format!("{kind} {layer}"), *value))
    };
    rows("content", &terms.content)?;
    rows("style", &terms.style)?;
    row("tv", terms.pixel("tv"))?;
    row("total", terms.total)
}
