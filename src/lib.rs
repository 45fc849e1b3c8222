//! Paints one picture in the style of another, on a plain CPU: the optimisation method of Gatys, Ecker & Bethge
//! (*Image Style Transfer Using Convolutional Neural Networks*, CVPR 2016).
//!
//! A picture P is changed, pixel by pixel, until a convolutional network sees in it the content of C and the style
//! of S: `L(P) = α·L_content(C, P) + β·L_style(S, P)`. Content is compared by feature maps, style by their Gram
//! matrices, which say which features occur together, not where. Nothing is trained; each picture is a small
//! optimisation problem of its own, solved by L-BFGS from coarse to fine sizes.
//!
#![cfg_attr(feature = "embedded", doc = "```")]
#![cfg_attr(not(feature = "embedded"), doc = "```no_run")]
//! use std::ops::ControlFlow;
//! use impasto::{Progress, Request, StyleTransfer, picture::{Picture, SaveOptions}};
//!
//! # let folder = tempfile::tempdir().map_err(|error| impasto::Error::Numeric(error.to_string()))?;
//! # let [photo_file, painting_file, result_file] = ["a.png", "b.png", "c.png"].map(|name| folder.path().join(name));
//! # Picture::uniform(48, 32, [0.3, 0.5, 0.8])?.save(&photo_file, &SaveOptions::default())?;
//! # Picture::uniform(48, 48, [0.9, 0.5, 0.1])?.save(&painting_file, &SaveOptions::default())?;
//! let photo = Picture::load(&photo_file)?;
//! let painting = Picture::load(&painting_file)?;
//! let transfer = StyleTransfer::builder().size(64).iterations(2).build()?;
//! let result = transfer.run(&Request::picture(&photo, [painting]), |progress: &Progress| {
//!     eprintln!("{:.0} s left", progress.seconds_left);
//!     ControlFlow::Continue(()) // or Break, to get the best picture so far
//! })?;
//! result.picture.save(&result_file, &SaveOptions::default())?;
//! # Ok::<(), impasto::Error>(())
//! ```
//!
//! # Start here
//!
//! * A picture from a file or from memory: [`picture::Picture`] ([`from_rgb8`](picture::Picture::from_rgb8),
//!   [`from_rgb`](picture::Picture::from_rgb)), and back ([`save`](picture::Picture::save), [`encode`](picture::Picture::encode)).
//! * What stays the same for many pictures: a [`StyleTransfer`] from its [`Builder`], whose methods are the command's options; every
//!   default stands in [`defaults`] with its reason.
//! * What one run is asked for: a [`Request`] of a content and [`Style`]s, with masks ([`Mask`]), a [`Start`], a way to
//!   stop ([`Cancel`]) and to be saved ([`Checkpoints`]). A [`Style`] that is used again is not measured again.
//! * What happens meanwhile: an [`Observer`], or a closure that takes a [`Progress`].
//! * A network of your own: [`weights::load`], or [`Network::builder`] from arrays. A loss term of your own: [`PixelTerm`].
//! * Numbers instead of pictures: [`evaluate`] gives the loss term by term with its gradient, [`export`] features and
//!   Gram matrices, [`check`] the trust in both on the machine at hand.
//!
//! The folder `examples` has each of these as a numbered program.
//!
//! # What can be relied on
//!
//! * The same pictures, options and machine give the same bits, for any number of threads. Processors with
//!   other instruction sets round differently: see [`Isa`].
//! * All work runs in the [`StyleTransfer`]'s own threads, never in rayon's global pool; nothing else is global.
//! * Errors are sentences ([`Error`]); what cannot work is refused before the first iteration.
//!
//! # Features
//!
//! `cli` (default) builds the `impasto` command; `icc` (default) converts embedded colour profiles to sRGB, without which
//! only profiles that call themselves sRGB are taken; `embedded` (default) puts the network into the library, which is
//! under CC BY 4.0: without it, bring your own ([`Builder::network`]). `jxl` reads JPEG XL; `ndarray` gives pictures as
//! arrays; `no-c` keeps the parser generator pest, which comes in through npyz, below the releases that want a C compiler
//! at build time. With `default-features = false` the command's dependencies are not compiled. (The profile code, moxcms,
//! is compiled all the same, since the image crate needs it.)

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
mod diagnose;
mod engine;
mod error;
mod files;
mod flow;
mod kernels;
mod loss;
mod names;
mod network;
mod optimize;
pub mod picture;
mod random;
mod run;
mod strokes;
mod tensor;
mod text;
pub mod weights;

pub use diagnose::{check, evaluate, export};
pub use engine::backend::ConvolutionAlgorithm;
pub use error::{Error, Result};
pub use files::{Destination, Written};
pub use kernels::simd::Isa;
pub use loss::{Normalisation, PixelTerm, StyleStatistic, Terms};
pub use network::{
    Convolution, InputColours, Layer, LayerList, Network, NetworkBuilder, Stage, WeightedLayer,
};
pub use optimize::StopReason;
pub use run::colour::ColourMode;
pub use run::defaults;
pub use run::masks::Mask;
pub use run::options::Options;
pub use run::sizes::{Iterations, SizeRule};
pub use run::values::{Budget, Bytes, Method, OptimizerName, Preset, Quality, Strength};
pub use run::{
    Builder, Cancel, Checkpoint, Checkpoints, Evaluated, Forecast, Observer, Progress, Report, Request,
    SavedStyle, SizeForecast, SizeReport, Start, Style, StyleSaver, StyleSizes, StyleTransfer, Stylized,
};
pub use tensor::{Padding, Pooling};

/// What tests, benches and the command need of the inside; no part of the interface.
#[doc(hidden)]
pub mod internals {
    pub mod engine {
        pub use crate::engine::*;
    }
    pub mod flow {
        pub use crate::flow::*;
    }
    pub mod kernels {
        pub use crate::kernels::*;
    }
    pub mod loss {
        pub use crate::loss::*;
    }
    pub mod network {
        pub use crate::network::*;
    }
    pub mod optimize {
        pub use crate::optimize::*;
    }
    pub mod random {
        pub use crate::random::*;
    }
    pub mod run {
        pub use crate::run::*;
    }
    pub mod strokes {
        pub use crate::strokes::*;
    }
    pub mod tensor {
        pub use crate::tensor::*;
    }
}

/// Compiles the README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
