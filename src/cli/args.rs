//! Every option of the command, and its help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use impasto::InputColours;
use impasto::internals::engine::backend::ConvolutionAlgorithm;
use impasto::internals::kernels::simd::Isa;
use impasto::internals::loss::Normalisation;
use impasto::internals::run::sizes::Iterations;

use super::values::{InitValue, LayersValue, NumbersValue, SizeValue};

/// Paints one picture in the style of another, on a plain CPU.
#[derive(Debug, Parser)]
#[command(name = "impasto", version, about, max_term_width = 100, propagate_version = true)]
#[command(
    after_help = "Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted (the best picture so far is \
                        written).\nResults go to files and stdout, progress and messages to stderr."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Paint CONTENT in the style of STYLE
    Transfer(TransferArgs),
    /// Make a new texture in the style of STYLE, from noise
    Texture(TextureArgs),
    /// Print the loss of a picture, term by term
    Evaluate(EvaluateArgs),
    /// Compare gradients with finite differences, on this machine
    Check(CheckArgs),
    /// Measure the speed of one evaluation
    Bench(BenchArgs),
    /// Show or convert network files
    Weights(WeightsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TransferArgs {
    /// The picture to paint (PNG, JPEG, WebP, TIFF or BMP)
    pub content: PathBuf,
    /// One or more pictures whose style is taken
    #[arg(required = true)]
    pub style: Vec<PathBuf>,
    /// Where the result goes; the extension names the format
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// The longer side of the result in pixels; the aspect ratio is the content's [default: 512]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub size: Option<SizeValue>,
    /// Start from the content, from noise, or from a picture
    #[arg(long, value_name = "content|noise|FILE", default_value = "content")]
    pub init: InitValue,
    /// Keep the content's colours
    #[arg(long)]
    pub original_colours: bool,
    #[command(flatten)]
    pub content_loss: ContentLossArgs,
    #[command(flatten)]
    pub loss: LossArgs,
    #[command(flatten)]
    pub paint: PaintArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TextureArgs {
    /// One or more pictures whose style is taken
    #[arg(required = true)]
    pub style: Vec<PathBuf>,
    /// Where the result goes; the extension names the format
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// The size of the result in pixels; N means NxN
    #[arg(long, value_name = "WxH", allow_negative_numbers = true)]
    pub size: SizeValue,
    /// Start from noise, or from a picture
    #[arg(long, value_name = "noise|FILE", default_value = "noise")]
    pub init: InitValue,
    #[command(flatten)]
    pub loss: LossArgs,
    #[command(flatten)]
    pub paint: PaintArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// The losses' style side, and what holds for all of them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Loss")]
pub(crate) struct LossArgs {
    /// How the loss terms are normalised: relative, gatys, johnson or frobenius
    #[arg(long, value_name = "NAME", default_value_t)]
    pub preset: Normalisation,
    /// The weight of the style [default: by preset; 1 for relative]
    #[arg(long, value_name = "B", allow_negative_numbers = true)]
    pub style_weight: Option<f64>,
    /// The weight of the total variation, which smooths [default: 0.02 for a transfer with preset relative, else 0]
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub tv_weight: Option<f64>,
    /// How firmly pixels are held in the range that a file can store [default: 10]
    #[arg(long, value_name = "R", allow_negative_numbers = true)]
    pub range_weight: Option<f64>,
    /// Layers where the style is compared, like relu1_1,relu2_1:0.5 [default: as the network says]
    #[arg(long, value_name = "LAYERS")]
    pub style_layers: Option<LayersValue>,
    /// One weight for each style picture, like 0.7,0.3 [default: all the same]
    #[arg(long, value_name = "WEIGHTS", allow_hyphen_values = true)]
    pub style_blend: Option<NumbersValue>,
}

/// The losses' content side.
#[derive(Debug, Args)]
#[command(next_help_heading = "Loss")]
pub(crate) struct ContentLossArgs {
    /// The weight of the content [default: by preset; 0.02 for relative]
    #[arg(long, value_name = "A", allow_negative_numbers = true)]
    pub content_weight: Option<f64>,
    /// Layers where the content is compared [default: as the network says, else relu4_2]
    #[arg(long, value_name = "LAYERS")]
    pub content_layers: Option<LayersValue>,
}

/// How a picture is painted, with content or without.
#[derive(Debug, Args)]
#[command(next_help_heading = "Painting")]
pub(crate) struct PaintArgs {
    /// Iterations at each size, coarse to fine; one number is halved from size to size, but stays at least 30
    #[arg(long, value_name = "N[,N...]", default_value_t, allow_hyphen_values = true)]
    pub iterations: Iterations,
    /// About the longer side of the coarsest size; as large as --size for one size only [default: 128]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub coarsest: Option<usize>,
    /// A size ends when the loss falls by less than this part in ten iterations; 0 for never [default: 0.005]
    #[arg(long, value_name = "PART", allow_negative_numbers = true)]
    pub tolerance: Option<f64>,
    /// The style pictures' longer side relative to the result's: above 1 for larger strokes [default: 1]
    #[arg(long, value_name = "FACTOR", allow_negative_numbers = true)]
    pub style_scale: Option<f64>,
    /// What minimises the loss
    #[arg(long, value_enum, default_value_t)]
    pub optimizer: OptimizerValue,
    /// Adam's step, in units of pixel values from 0 to 1 [default: 0.02]
    #[arg(long, value_name = "STEP", allow_negative_numbers = true)]
    pub learning_rate: Option<f64>,
    /// The seed of the noise
    #[arg(long, value_name = "N", default_value_t = impasto::defaults::SEED)]
    pub seed: u64,
    /// No progress, no messages but errors
    #[arg(short, long)]
    pub quiet: bool,
    /// JSON on stdout: one object a line for progress (none with --quiet), and a last one for the result
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum OptimizerValue {
    #[default]
    Lbfgs,
    Adam,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PoolingValue {
    Max,
    Average,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrecisionValue {
    /// As `transfer` computes
    F32,
    /// By the reference engine, slow and exact
    F64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum StorageValue {
    #[default]
    F32,
    F16,
}

/// The network and how it is computed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkArgs {
    /// A network file: .npz, .safetensors or .pth [default: the embedded network]
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Pooling between blocks [default: as the network says; VGG: max]
    #[arg(long, value_enum)]
    pub pooling: Option<PoolingValue>,
    /// The algorithm of the convolutions: auto, im2col, direct, winograd, or winograd4 or winograd6 for one tile
    #[arg(long, value_name = "NAME", default_value_t)]
    pub convolution: ConvolutionAlgorithm,
    /// The instruction set: avx512, avx2 or portable [default: the best of this processor]
    #[arg(long, value_name = "NAME")]
    pub isa: Option<Isa>,
    /// Threads that work [default: one for each processor]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub threads: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// The content picture; without it there are no content terms
    #[arg(long, value_name = "FILE")]
    pub content: Option<PathBuf>,
    /// A style picture; may be given several times; without it there are no style terms
    #[arg(long, value_name = "FILE")]
    pub style: Vec<PathBuf>,
    /// The picture that is judged
    #[arg(long, value_name = "FILE")]
    pub image: PathBuf,
    /// Resize every picture to this longer side [default: pictures as they are]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub size: Option<SizeValue>,
    /// Write the gradient by RGB in [0, 1] as float32, 3×H×W
    #[arg(long, value_name = "FILE.npy")]
    pub gradient: Option<PathBuf>,
    /// The precision of the computation [default: f64; f32 where --convolution or --isa choose an engine]
    #[arg(long, value_enum)]
    pub precision: Option<PrecisionValue>,
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub content_loss: ContentLossArgs,
    #[command(flatten)]
    pub loss: LossArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// A network file [default: the embedded network]
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// The side of the pictures that are compared
    #[arg(long, value_name = "WxH", default_value = "40x36")]
    pub size: SizeValue,
    /// The seed of the pictures
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Threads that work [default: one for each processor]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub threads: Option<usize>,
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// A shape with random weights in place of a network file: vgg16, vgg19 or channels by block like 64,64|128,128
    #[arg(long, value_name = "SHAPE", conflicts_with = "weights")]
    pub architecture: Option<String>,
    /// The side of the square picture
    #[arg(long, value_name = "N", default_value = "512", allow_negative_numbers = true)]
    pub size: SizeValue,
    /// Evaluations that are timed after a first one that is not; the median counts
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub repeats: usize,
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub content_loss: ContentLossArgs,
    #[command(flatten)]
    pub loss: LossArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WeightsArgs {
    #[command(subcommand)]
    pub command: WeightsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WeightsCommand {
    /// Show what a network file holds
    Inspect {
        /// A network file [default: the embedded network]
        file: Option<PathBuf>,
        /// Print a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Write a network as .npz
    Convert {
        /// A network file: .npz, .safetensors or .pth
        file: PathBuf,
        /// Where the .npz goes
        output: PathBuf,
        /// How weights are stored
        #[arg(long, value_enum, default_value_t)]
        precision: StorageValue,
        /// The colours the network was trained on, where its file does not say: torchvision or caffe
        #[arg(long, value_name = "NAME")]
        input: Option<InputColours>,
    },
}
