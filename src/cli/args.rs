//! What each command takes. Options of the library are flattened in from where they are defined; here stand those that
//! only a command has.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::network::{InputColours, LayerList};
use crate::run::Start;
use crate::run::options::{
    ContentOptions, LossOptions, NetworkOptions, Options, PaintOptions, PictureOptions,
};
use crate::run::values::Preset;

use super::batch::BatchArgs;
use super::checkpoint::{CheckpointArgs, ResumeArgs};
use super::examples;
use super::frames::FramesArgs;
use super::masks::RegionArgs;
use super::running::RunningArgs;
use super::saving::SavingArgs;
use super::sheet::SheetArgs;
use super::style::StyleArgs;
use super::values::{InitValue, NumbersValue, SizeValue, StyleValue};

/// Paints one picture in the style of another, on a plain CPU.
#[derive(Debug, Parser)]
#[command(name = "impasto", version, about, max_term_width = 100, propagate_version = true)]
#[command(after_help = examples::ALL)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Paint CONTENT in the style of STYLE
    #[command(after_help = examples::TRANSFER)]
    Transfer(TransferArgs),
    /// Make a new texture in the style of STYLE, from noise
    #[command(after_help = examples::TEXTURE)]
    Texture(TextureArgs),
    /// Paint many pictures: every content in every style, or the rows of a file; what is done is left alone
    #[command(after_help = examples::BATCH)]
    Batch(Box<BatchArgs>),
    /// Paint the frames of a sequence, each from the one before moved along, so that strokes stay where they are
    #[command(after_help = examples::FRAMES)]
    Frames(Box<FramesArgs>),
    /// Paint small pictures with options varied, on one labelled sheet to choose from
    #[command(after_help = examples::SHEET)]
    Sheet(Box<SheetArgs>),
    /// Go on with a run that was saved with --checkpoint
    #[command(after_help = examples::RESUME)]
    Resume(ResumeArgs),
    /// Keep the style of pictures in a file
    #[command(after_help = examples::STYLE)]
    Style(StyleArgs),
    /// Show what a picture was made of and how
    #[command(after_help = examples::INSPECT)]
    Inspect {
        /// A picture that this program painted
        picture: PathBuf,
        /// Print a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Make a picture again by its receipt, and say whether it is the same
    #[command(after_help = examples::REPLAY)]
    Replay(ReplayArgs),
    /// Print the loss of a picture, term by term
    #[command(after_help = examples::EVALUATE)]
    Evaluate(EvaluateArgs),
    /// Compare gradients with finite differences, on this machine
    #[command(after_help = examples::CHECK)]
    Check(CheckArgs),
    /// Measure the speed of one evaluation
    #[command(after_help = examples::BENCH)]
    Bench(BenchArgs),
    /// Show or convert network files
    #[command(after_help = examples::WEIGHTS)]
    Weights(WeightsArgs),
    /// Print what a shell completes this command by
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the man page, or write one for every command into a folder
    #[command(after_help = examples::MAN)]
    Man {
        /// A folder, which must be there
        folder: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(super) struct TransferArgs {
    /// The picture to paint (PNG, JPEG, WebP, TIFF, BMP, GIF or QOI), or - for stdin
    pub content: PathBuf,
    /// One or more pictures whose style is taken, each as
    /// FILE[:weight=0.7][:scale=1.5][:sizes=coarse|fine][:mask=MASK][:at=MASK]; several are mixed
    #[arg(required_unless_present_all = ["style_coarse", "style_fine"])]
    pub style: Vec<StyleValue>,
    #[command(flatten)]
    pub painting: PaintingArgs,
    /// Start from the content, from noise, or from a picture [default: content; noise with a preset]
    #[arg(long, value_name = "content|noise|FILE", help_heading = "Painting")]
    pub init: Option<InitValue>,
    #[command(flatten)]
    pub picture: PictureOptions,
    #[command(flatten)]
    pub content_loss: ContentOptions,
}

#[derive(Debug, Args)]
pub(super) struct TextureArgs {
    /// One or more pictures whose style is taken, each as
    /// FILE[:weight=0.7][:scale=1.5][:sizes=coarse|fine][:mask=MASK][:at=MASK]; several are mixed
    #[arg(required_unless_present_all = ["style_coarse", "style_fine"])]
    pub style: Vec<StyleValue>,
    #[command(flatten)]
    pub painting: PaintingArgs,
    /// Start from noise, or from a picture
    #[arg(long, value_name = "noise|FILE", default_value = "noise", help_heading = "Painting")]
    pub init: InitValue,
}

/// What pictures and textures share.
#[derive(Debug, Args)]
pub(super) struct PaintingArgs {
    #[command(flatten)]
    pub saving: SavingArgs,
    #[command(flatten)]
    pub running: RunningArgs,
    /// One weight for each style picture, like 0.7,0.3 [default: all the same]
    #[arg(long, value_name = "WEIGHTS", allow_hyphen_values = true, help_heading = "Loss")]
    pub style_blend: Option<NumbersValue>,
    /// A style for the large forms: the same as STYLE:sizes=coarse
    #[arg(long, value_name = "STYLE", help_heading = "Painting")]
    pub style_coarse: Option<StyleValue>,
    /// A style for the strokes: the same as STYLE:sizes=fine
    #[arg(long, value_name = "STYLE", help_heading = "Painting")]
    pub style_fine: Option<StyleValue>,
    #[command(flatten)]
    pub loss: LossOptions,
    #[command(flatten)]
    pub paint: PaintOptions,
    #[command(flatten)]
    pub regions: RegionArgs,
    #[command(flatten)]
    pub checkpoint: CheckpointArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// The network and how it is computed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub(super) struct NetworkArgs {
    /// A network file: .npz, .safetensors or .pth [default: the embedded network]
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    #[command(flatten)]
    pub options: NetworkOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PrecisionValue {
    /// As `transfer` computes
    F32,
    /// By the reference engine, slow and exact
    F64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum StorageValue {
    #[default]
    F32,
    F16,
}

#[derive(Debug, Args)]
pub(super) struct EvaluateArgs {
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
    /// Write the features of the picture as float64 arrays by layer, N×H×W
    #[arg(long, value_name = "FILE.npz")]
    pub features: Option<PathBuf>,
    /// Write the Gram matrices of the picture (F·Fᵀ, N×N), the sums of its features and the numbers of positions
    #[arg(long, value_name = "FILE.npz")]
    pub gram: Option<PathBuf>,
    /// The layers that --features and --gram write [default: those that the losses compare]
    #[arg(long, value_name = "LAYERS")]
    pub layers: Option<LayerList>,
    /// The precision of the computation [default: f64; f32 where --convolution or --isa choose an engine]
    #[arg(long, value_enum)]
    pub precision: Option<PrecisionValue>,
    /// One weight for each style picture, like 0.7,0.3 [default: all the same]
    #[arg(long, value_name = "WEIGHTS", allow_hyphen_values = true, help_heading = "Loss")]
    pub style_blend: Option<NumbersValue>,
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub content_loss: ContentOptions,
    #[command(flatten)]
    pub loss: LossOptions,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
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
pub(super) struct BenchArgs {
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
    pub content_loss: ContentOptions,
    #[command(flatten)]
    pub loss: LossOptions,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// A picture that this program painted
    pub picture: PathBuf,
    /// The content, where it is not found under its name
    #[arg(long, value_name = "FILE")]
    pub content: Option<PathBuf>,
    /// The styles, where they are not found under their names, in their order
    #[arg(long, value_name = "FILE")]
    pub style: Vec<PathBuf>,
    /// The picture that the run started from, where it is not found under its name
    #[arg(long, value_name = "FILE")]
    pub init: Option<PathBuf>,
    /// The network, where it is not found under its name
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Write the new picture, too
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long)]
    pub overwrite: bool,
    /// No progress, no messages but errors
    #[arg(short, long)]
    pub quiet: bool,
    /// Print a JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(super) struct WeightsArgs {
    #[command(subcommand)]
    pub command: WeightsCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum WeightsCommand {
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

impl TransferArgs {
    /// Where the run starts.
    pub fn init(&self) -> InitValue {
        match (&self.init, self.painting.loss.preset.map(Preset::start)) {
            (Some(init), _) => init.clone(),
            (None, Some(Start::Noise)) => InitValue::Noise,
            (None, _) => InitValue::Content,
        }
    }

    /// What was said, as the library takes it.
    pub fn options(&self) -> Options {
        let mut options = self.painting.options();
        options.content = self.content_loss.clone();
        options.picture = self.picture.clone();
        options
    }
}

/// Every option of a picture, for commands that paint many by the same ones.
#[derive(Debug, Args)]
pub(super) struct EveryOptionArgs {
    /// Options from a file, where the command line says nothing else
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    #[command(flatten)]
    pub content_loss: ContentOptions,
    #[command(flatten)]
    pub loss: LossOptions,
    #[command(flatten)]
    pub paint: PaintOptions,
    #[command(flatten)]
    pub picture: PictureOptions,
    #[command(flatten)]
    pub network: NetworkArgs,
}

impl EveryOptionArgs {
    /// What was said on the command line, as the library takes it.
    pub fn options(&self) -> Options {
        let mut options = Options::default();
        options.content = self.content_loss.clone();
        options.loss = self.loss.clone();
        options.paint = self.paint.clone();
        options.picture = self.picture.clone();
        options.network = self.network.options.clone();
        options
    }
}

impl PaintingArgs {
    /// What was said, as the library takes it.
    pub fn options(&self) -> Options {
        let mut options = Options::default();
        options.loss = self.loss.clone();
        options.paint = self.paint.clone();
        options.network = self.network.options.clone();
        options
    }
}
