//! `impasto evaluate`: numbers about a picture.

use serde::Serialize;

use impasto::Result;
use impasto::evaluate::{Comparison, Evaluation, Precision};
use impasto::internals::engine::backend::ConvolutionAlgorithm;
use impasto::internals::loss::Terms;
use impasto::internals::network::Layer;
use impasto::picture::Picture;

use super::args::{EvaluateArgs, PrecisionValue};
use super::options::{self, refuse};
use super::values::SizeValue;
use super::{Ending, output};

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    terms: &'a Terms,
    evaluations: usize,
}

/// Evaluates the loss once.
pub(crate) fn run(args: &EvaluateArgs) -> Result<Ending> {
    let longer = match args.size {
        None => None,
        Some(SizeValue::Longer(0)) => {
            return refuse("--size", "0 pixels cannot be judged; give the longer side, such as 512");
        }
        Some(SizeValue::Longer(size)) => Some(size),
        Some(SizeValue::Exact(width, height)) => {
            return refuse(
                "--size",
                format!("{width}x{height} came, but aspect ratios are kept; give the longer side"),
            );
        }
    };
    let precision = precision(args)?;
    options::check_blend(&args.loss, &args.style)?;
    if args.content.is_none() && args.style.is_empty() {
        return refuse("--content", "there is nothing to compare with; give --content, --style or both");
    }
    let mut losses = options::losses(Some(&args.content_loss), &args.loss);
    if args.content.is_none() {
        losses = losses.without_content("without --content")?;
    }
    if args.style.is_empty() {
        losses = losses.without_style("without --style")?;
    }
    let network = options::network(args.network.weights.as_deref(), args.network.pooling)?;
    let losses = losses.resolve(&network)?;
    if let Some(file) = &args.gradient {
        Evaluation::check_gradient_output(file)?;
    }
    let load = |file: &std::path::PathBuf| -> Result<Picture> {
        match longer {
            None => Picture::load(file),
            Some(longer) => Picture::load_at_most(file, longer)?.fitted(longer),
        }
    };
    let content = args.content.as_ref().map(load).transpose()?;
    let styles = args.style.iter().map(load).collect::<Result<Vec<_>>>()?;
    let image = alike(load(&args.image)?, content.as_ref().filter(|_| longer.is_some()))?;
    let comparison = Comparison {
        network: &network,
        losses: &losses,
        content: content.as_ref(),
        styles: &styles,
        blend: args.loss.style_blend.as_ref().map(|blend| blend.0.as_slice()),
    };
    let evaluation = comparison.evaluate(&image, precision, args.network.threads)?;
    if let Some(file) = &args.gradient {
        evaluation.save_gradient(file)?;
    }
    if args.json {
        output::json(&Report { terms: &evaluation.terms, evaluations: 1 });
    } else {
        print(&evaluation.terms);
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
    let (convolution, isa) = (args.network.convolution, args.network.isa);
    let refuse = |option, what: String| {
        refuse(option, format!("{what} is for --precision f32, but the precision is f64; leave one out"))
    };
    let chosen = convolution != ConvolutionAlgorithm::Auto || isa.is_some();
    let default = if chosen { PrecisionValue::F32 } else { PrecisionValue::F64 };
    match (args.precision.unwrap_or(default), convolution, isa) {
        (PrecisionValue::F32, ..) => Ok(Precision::Single(convolution, isa)),
        (PrecisionValue::F64, _, Some(isa)) => refuse("--isa", isa.to_string()),
        (PrecisionValue::F64, ConvolutionAlgorithm::Auto | ConvolutionAlgorithm::Im2col, None) => {
            Ok(Precision::Double)
        }
        (PrecisionValue::F64, other, None) => refuse("--convolution", other.to_string()),
    }
}

/// The terms as a table.
fn print(terms: &Terms) {
    let row = |what: &str, value: f64| output::result(&format!("{what:<20} {value:>16.9e}"));
    let rows = |kind: &str, terms: &[(Layer, f64)]| {
        terms.iter().for_each(|(layer, value)| row(&format!("{kind} {layer}"), *value));
    };
    rows("content", &terms.content);
    rows("style", &terms.style);
    row("tv", terms.tv);
    row("total", terms.total);
}
