//! Everything that can be said about a run: one entry an option, from which its field, its builder method, its flag of the
//! command with the help, and its key in a settings file are made.
//!
//! Whatever is not said is `None` here; `Settings` has a value for everything. To add an
//! option, write its entry below and resolve it in `settings.rs`: nothing else knows the list.

use serde::{Deserialize, Serialize};

use crate::engine::backend::ConvolutionAlgorithm;
use crate::kernels::simd::Isa;
use crate::loss::{Normalisation, StyleStatistic};
use crate::network::LayerList;
use crate::run::colour::ColourMode;
use crate::run::sizes::{Iterations, SizeRule};
use crate::run::values::{Bytes, Method, OptimizerName, Preset, Quality, Strength, TimeBudget};
use crate::tensor::Pooling;

/// A method of the builder: `value` options take their type, `into` options whatever becomes it.
macro_rules! setter {
    (value $group:ident $field:ident $type:ty; $(#[$doc:meta])*) => {
        $(#[$doc])*
        pub fn $field(mut self, $field: $type) -> Self {
            self.options.$group.$field = Some($field);
            self
        }
    };
    (into $group:ident $field:ident $type:ty; $(#[$doc:meta])*) => {
        $(#[$doc])*
        pub fn $field(mut self, $field: impl Into<$type>) -> Self {
            self.options.$group.$field = Some($field.into());
            self
        }
    };
}

/// Makes a group of options; see the module's text.
macro_rules! options {
    (
        $(#[doc = $about:literal])*
        $group:ident: $name:ident under $heading:literal {
            $(
                $(#[doc = $doc:literal])*
                #[arg($($arg:tt)*)]
                $field:ident: $by:ident $type:ty,
            )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, rename_all = "kebab-case")]
        #[cfg_attr(feature = "cli", derive(clap::Args), command(next_help_heading = $heading))]
        #[non_exhaustive]
        pub struct $name {
            $(
                $(#[doc = $doc])*
                #[cfg_attr(feature = "cli", arg(long, $($arg)*))]
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
        }

        impl $name {
            /// These, and where nothing was said, what `other` says.
            fn or(&self, other: &Self) -> Self {
                Self { $($field: self.$field.clone().or_else(|| other.$field.clone())),* }
            }

            /// The first option of this group that was said, by its name.
            #[allow(dead_code, reason = "not every group is ever refused as a whole")]
            pub(crate) fn first_said(&self) -> Option<&'static str> {
                let said = [$((stringify!($field), self.$field.is_some())),*];
                said.into_iter().find(|(_, said)| *said).map(|(name, _)| name)
            }
        }

        impl super::Builder {
            $(setter!($by $group $field $type; $(#[doc = $doc])*);)*
        }
    };
}

options! {
    /// The losses' content side.
    content: ContentOptions under "Loss" {
        /// The weight of the content, α: at least 0, where 0 leaves the content out; more keeps more of it,
        /// like 0.005 to 0.1 with relative
        /// [default: by normalisation; 0.02 for relative]
        #[arg(value_name = "A", allow_negative_numbers = true)]
        content_weight: value f64,
        /// Layers where the content is compared, with relative weights [default: as the network says, else relu4_2]
        #[arg(value_name = "LAYERS")]
        content_layers: into LayerList,
    }
}

options! {
    /// The losses' style side, and what holds for all of them.
    loss: LossOptions under "Loss" {
        /// Take the settings of a published system where nothing else is said: gatys, johnson or narayanan
        #[arg(value_name = "NAME")]
        preset: value Preset,
        /// How the loss terms are normalised: relative, gatys, johnson or frobenius [default: relative]
        #[arg(value_name = "NAME", alias = "normalization")]
        normalisation: value Normalisation,
        /// What styles are compared by: gram or covariance [default: gram]
        #[arg(value_name = "NAME")]
        style_statistic: value StyleStatistic,
        /// The weight of the style, β: at least 0, like 0.3 to 3 with relative [default: by normalisation; 1 for relative]
        #[arg(value_name = "B", allow_negative_numbers = true)]
        style_weight: value f64,
        /// The weight of the total variation, like 0.005 to 0.2, which smooths [default: 0.02 for a picture with
        /// normalisation relative, else 0]
        #[arg(value_name = "T", allow_negative_numbers = true)]
        tv_weight: value f64,
        /// How firmly pixels are held in the range that a file can store, like 1 to 100; 0 lets them go and cuts them off at the end
        /// [default: 10]
        #[arg(value_name = "R", allow_negative_numbers = true)]
        range_weight: value f64,
        /// Layers where the style is compared, with relative weights, like relu1_1,relu2_1:0.5
        /// [default: as the network says]
        #[arg(value_name = "LAYERS")]
        style_layers: into LayerList,
    }
}

options! {
    /// How a picture is painted, with content or without.
    paint: PaintOptions under "Painting" {
        /// How the style is carried over: gram by statistics of its features, strokes by matching patches of them
        /// [default: gram]
        #[arg(value_name = "NAME")]
        method: value Method,
        /// The size of the result: its longer side in pixels like 1024, a width like 1024x, a height like x768, a part of
        /// the content's own like 50%, or an area like 2MP [default: 512]
        #[arg(value_name = "SIZE", allow_hyphen_values = true)]
        size: into SizeRule,
        /// How much work: draft for a look at where it is going, normal, or fine [default: normal]
        #[arg(value_name = "NAME")]
        quality: value Quality,
        /// Take about so long, like 30s or 1m30s: a size ends when its part of the time is over
        #[arg(value_name = "TIME", allow_hyphen_values = true)]
        time: into TimeBudget,
        /// Iterations at each size, coarse to fine; with N/4 a quarter from size to size, at least
        /// a twelfth; one number alone is halved from size to size, but stays at least 25 [default: 120]
        #[arg(value_name = "N[,N...]", allow_hyphen_values = true)]
        iterations: into Iterations,
        /// About the longer side of the coarsest size; as large as the result for one size only [default: 128]
        #[arg(value_name = "N", allow_negative_numbers = true)]
        coarsest: value usize,
        /// How many times larger each size is than the one before, from 1.2 to 4
        /// [default: 1.414, the root of 2; 2 with strokes and for tiles]
        #[arg(value_name = "FACTOR", allow_negative_numbers = true)]
        size_step: value f64,
        /// A size ends when the loss falls by less than this part in ten iterations; 0 for never [default: 0.005]
        #[arg(value_name = "PART", allow_negative_numbers = true)]
        tolerance: value f64,
        /// The style pictures' longer side relative to the result's, like 0.5 to 2: above 1 for larger strokes
        /// [default: 1, or less where that would enlarge a style beyond its own pixels]
        #[arg(value_name = "FACTOR", allow_negative_numbers = true)]
        style_scale: value f64,
        /// Make a texture that continues on its other side, so that copies of it tile without seams
        #[arg(num_args = 0, default_missing_value = "true")]
        tileable: value bool,
        /// How strong the noise is that a run starts from: its standard deviation, where 1 is from black to white
        /// [default: 0.15]
        #[arg(value_name = "SIGMA", allow_negative_numbers = true)]
        noise_scale: value f64,
        /// What minimises the loss: lbfgs or adam [default: lbfgs]
        #[arg(value_name = "NAME")]
        optimizer: value OptimizerName,
        /// Pairs of differences that L-BFGS remembers [default: 10]
        #[arg(value_name = "N", allow_negative_numbers = true)]
        history: value usize,
        /// Take at most about so much memory, like 800M or 4G: a picture that needs more is computed in tiles, to the same
        /// loss but for rounding, which takes longer [default: no limit but the machine's, and no tiles]
        #[arg(value_name = "SIZE", allow_hyphen_values = true)]
        max_memory: into Bytes,
        /// Adam's step, in units of pixel values from 0 to 1 [default: 0.02]
        #[arg(value_name = "STEP", allow_negative_numbers = true)]
        learning_rate: value f64,
        /// The seed of the noise that a run starts from [default: 0]
        #[arg(value_name = "N")]
        seed: value u64,
    }
}

options! {
    /// What only a picture with content can have.
    picture: PictureOptions under "Painting" {
        /// How much style: 0 gives the content, 1 as much style as there is, in place of --content-weight and
        /// --style-weight; or a mask that says it for each place, from black to white [default: 0.5]
        #[arg(value_name = "S|MASK", allow_negative_numbers = true)]
        strength: into Strength,
        /// How much of the content is mixed into a start from noise or from a picture, from 0 to 1 [default: 0]
        #[arg(value_name = "PART", allow_negative_numbers = true)]
        init_blend: value f64,
        /// Whose colours the result has: the style's; the content's, put back exactly (content) or as far as the style's
        /// shades reach them (match); or the content's with only luminance painted (luminance) [default: style]
        #[arg(value_name = "NAME", alias = "color")]
        colour: value ColourMode,
        /// How far colour content or match goes, from 0, the style's colours, to 1 [default: 1]
        #[arg(value_name = "S", alias = "color-strength", allow_negative_numbers = true)]
        colour_strength: value f64,
        /// The same as colour content
        #[arg(num_args = 0, default_missing_value = "true", alias = "original-colors")]
        original_colours: value bool,
    }
}

options! {
    /// What only a picture of a sequence can have.
    frames: FrameOptions under "Frames" {
        /// How firmly a frame is held to the one before, moved along, where that can be told: like 1 to 50; 0 lets it go
        /// [default: 10]
        #[arg(value_name = "W", allow_negative_numbers = true)]
        temporal_weight: value f64,
        /// Iterations of every frame but the first at each of its sizes, which are the two finest; one number alone is
        /// halved, as with --iterations [default: 40]
        #[arg(value_name = "N[,N...]", allow_hyphen_values = true)]
        frame_iterations: into Iterations,
    }
}

options! {
    /// How the network is computed.
    network: NetworkOptions under "Network" {
        /// Pooling between blocks: max or average [default: as the network says; VGG: max]
        #[arg(value_name = "NAME")]
        pooling: value Pooling,
        /// The algorithm of the convolutions: auto, im2col, direct, winograd, or winograd4 or winograd6 for one tile
        /// [default: auto]
        #[arg(value_name = "NAME")]
        convolution: value ConvolutionAlgorithm,
        /// The instruction set: avx512, avx2 or portable [default: the best of this processor]
        #[arg(value_name = "NAME")]
        isa: value Isa,
        /// Threads that work [default: one for each processor]
        #[arg(value_name = "N", allow_negative_numbers = true)]
        threads: value usize,
    }
}

/// Everything that can be said about a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Options {
    /// The losses' content side.
    #[serde(flatten)]
    pub content: ContentOptions,
    /// The losses' style side.
    #[serde(flatten)]
    pub loss: LossOptions,
    /// How a picture is painted.
    #[serde(flatten)]
    pub paint: PaintOptions,
    /// What only a picture with content can have.
    #[serde(flatten)]
    pub picture: PictureOptions,
    /// What only a picture of a sequence can have.
    #[serde(flatten)]
    pub frames: FrameOptions,
    /// How the network is computed.
    #[serde(flatten)]
    pub network: NetworkOptions,
}

impl Options {
    /// These, and where nothing was said, what `other` says.
    pub(crate) fn or(&self, other: &Self) -> Self {
        Self {
            content: self.content.or(&other.content),
            loss: self.loss.or(&other.loss),
            paint: self.paint.or(&other.paint),
            picture: self.picture.or(&other.picture),
            frames: self.frames.or(&other.frames),
            network: self.network.or(&other.network),
        }
    }
}
