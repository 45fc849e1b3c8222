//! What a run does, with nothing left open: every option checked, every default filled in, once.

use crate::engine::backend::Backend;
use crate::error::{Error, Result};
use crate::kernels::simd::Isa;
use crate::loss::{Losses, Normalisation};
use crate::network::{LayerList, Network};
use crate::optimize::Optimizer;
use crate::run::colour::{ColourMode, Colours};
use crate::run::defaults;
use crate::run::options::{
    ContentOptions, LossOptions, NetworkOptions, Options, PaintOptions, PictureOptions,
};
use crate::run::sizes::{Iterations, SizeRule};
use crate::run::threads;
use crate::run::values::{Budget, Bytes, Method, OptimizerName, Strength};
use crate::tensor::Padding;

/// Which of the losses a use of them has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A picture with content.
    Picture,
    /// A texture, which has no content.
    Texture,
    /// Numbers about a picture, which add nothing to the losses unasked; what there is no picture for is left out.
    Numbers {
        /// Whether there is a content picture.
        content: bool,
        /// Whether there is a style picture.
        style: bool,
    },
}

/// How a picture is painted.
#[derive(Clone)]
pub(crate) struct Settings {
    pub method: Method,
    pub optimizer: Optimizer,
    /// Bytes that a run may take, if they were said.
    pub max_memory: Option<usize>,
    pub size: SizeRule,
    pub coarsest: usize,
    /// How many times larger each size is than the one before.
    pub size_step: f64,
    pub iterations: Iterations,
    /// 0: a size never ends early.
    pub tolerance: f64,
    /// Seconds that a run may take, if they were said.
    pub time: Option<f64>,
    pub style_scale: f64,
    pub seed: u64,
    pub noise_scale: f64,
    pub tileable: bool,
    /// The content's part in a start that is not the content.
    pub init_blend: f64,
    pub colours: Colours,
    /// The weight of the temporal term of a frame that follows another.
    pub temporal_weight: f64,
    /// The iterations of such a frame at its sizes.
    pub frame_iterations: Iterations,
    /// For a picture with content; see [`losses`] for other uses.
    pub losses: Losses,
}

impl Settings {
    /// Checks everything that does not depend on the pictures.
    ///
    /// # Errors
    /// [`Error::Option`] that names the option and what it takes.
    pub fn new(options: &Options, network: &Network) -> Result<Self> {
        let paint = &options.paint;
        let tolerance = paint.tolerance.unwrap_or(defaults::TOLERANCE);
        if !(0.0..1.0).contains(&tolerance) {
            return Err(Error::option(
                "tolerance",
                format!("{tolerance} was given; give a number from 0 to below 1"),
            ));
        }
        if let Some(Budget(seconds)) = paint.time {
            if !(seconds > 0.0 && seconds.is_finite()) {
                let message = format!("{seconds} seconds were given; give a number above 0");
                return Err(Error::option("time", message));
            }
            let said = [
                ("iterations", paint.iterations.is_some()),
                ("tolerance", paint.tolerance.is_some()),
                ("quality", paint.quality.is_some()),
            ];
            if let Some((option, _)) =
                said.into_iter().find(|(_, said)| *said && options.loss.preset.is_none())
            {
                let message = "`time` already says when each size ends; leave one of them out";
                return Err(Error::option(option, message));
            }
        }
        if options.loss.style_weight == Some(0.0) && paint.style_scale.is_some() {
            let message = "does nothing where `style_weight` is 0; leave one of them out";
            return Err(Error::option("style_scale", message));
        }
        let method = paint.method.unwrap_or_default();
        if method == Method::Strokes {
            refuse_statistics(options)?;
        }
        let (coarsest, iterations) = schedule(method);
        let tileable = paint.tileable.unwrap_or(false);
        Ok(Self {
            method,
            optimizer: optimizer(paint)?,
            max_memory: paint.max_memory.map(|bytes| bytes.0),
            size: paint.size.unwrap_or(SizeRule::Longer(defaults::SIZE)).checked()?,
            // A run that has time uses it.
            tolerance: if paint.time.is_some() { 0.0 } else { tolerance },
            time: paint.time.map(|time| time.0),
            coarsest: at_least_one("coarsest", paint.coarsest.unwrap_or(coarsest))?,
            size_step: size_step(paint.size_step, method, tileable)?,
            iterations: paint.iterations.clone().unwrap_or(iterations),
            style_scale: above_zero("style_scale", paint.style_scale.unwrap_or(defaults::STYLE_SCALE), 64.0)?,
            seed: paint.seed.unwrap_or(defaults::SEED),
            noise_scale: above_zero("noise_scale", paint.noise_scale.unwrap_or(defaults::NOISE_SCALE), 1.0)?,
            tileable,
            init_blend: match options.picture.init_blend {
                Some(part) if !(0.0..=1.0).contains(&part) => {
                    let message = format!("{part} was given; give a number from 0 to 1");
                    return Err(Error::option("init_blend", message));
                }
                part => part.unwrap_or(0.0),
            },
            colours: colours(&options.picture)?,
            temporal_weight: temporal_weight(options.frames.temporal_weight)?,
            frame_iterations: options
                .frames
                .frame_iterations
                .clone()
                .unwrap_or(Iterations::Halving(defaults::FRAME_ITERATIONS)),
            losses: with_strength(
                options,
                losses(&options.content, &for_method(&options.loss, method), network, Purpose::Picture)?,
            )?,
        })
    }
}

impl Settings {
    /// Refuses a picture that takes more memory than a run may, where it is not painted in tiles.
    pub fn refuse_more_memory(&self, bytes: usize, (width, height): (usize, usize)) -> Result<()> {
        let Some(limit) = self.max_memory.filter(|limit| *limit < bytes) else { return Ok(()) };
        let message = format!(
            "{} is too little for {width}x{height} pixels by `method` strokes, which matches the whole picture at once and \
             knows no tiles; about {}M would do, or choose a smaller size or `method` gram",
            Bytes(limit),
            bytes.div_ceil(1_000_000)
        );
        Err(Error::option("max_memory", message))
    }
}

/// The longer side at which a method starts, about, and its iterations.
fn schedule(method: Method) -> (usize, Iterations) {
    match method {
        Method::Gram => (defaults::COARSEST, Iterations::default()),
        Method::Strokes => (defaults::STROKES_COARSEST, Iterations::Halving(defaults::STROKES_ITERATIONS)),
    }
}

fn temporal_weight(said: Option<f64>) -> Result<f64> {
    let weight = said.unwrap_or(defaults::TEMPORAL_WEIGHT);
    match weight >= 0.0 && weight.is_finite() {
        true => Ok(weight),
        false => Err(Error::option(
            "temporal_weight",
            format!("{weight} cannot be a weight; give a finite number of at least 0"),
        )),
    }
}

/// How many times larger each size is than the one before.
fn size_step(said: Option<f64>, method: Method, tileable: bool) -> Result<f64> {
    let whole = tileable || method == Method::Strokes;
    let step = said.unwrap_or(if whole { defaults::WHOLE_SIZE_STEP } else { defaults::SIZE_STEP });
    if !(1.2..=4.0).contains(&step) {
        return Err(Error::option("size_step", format!("{step} was given; give a number from 1.2 to 4")));
    }
    if tileable && step != 2.0 && step != 4.0 {
        let message =
            format!("{step} was given, but a tile can only grow by whole halves of it; give 2 or 4");
        return Err(Error::option("size_step", message));
    }
    Ok(step)
}

/// Refuses the options of a method that compares statistics.
fn refuse_statistics(options: &Options) -> Result<()> {
    let loss = &options.loss;
    let said = [
        ("preset", loss.preset.is_some()),
        ("content_layers", options.content.content_layers.is_some()),
        ("normalisation", loss.normalisation.is_some()),
        ("style_statistic", loss.style_statistic.is_some()),
        ("style_weight", loss.style_weight.is_some()),
        ("style_layers", loss.style_layers.is_some()),
    ];
    match said.into_iter().find(|(_, said)| *said) {
        Some((option, _)) => {
            let message = "belongs to `method` gram; strokes match patches of every layer of the first four blocks, \
                           and `content_weight` or `strength` alone say how much style there is: leave it out";
            Err(Error::option(option, message))
        }
        None => Ok(()),
    }?;
    let said = [("time", options.paint.time.is_some()), ("tileable", options.paint.tileable == Some(true))];
    match said.into_iter().find(|(_, said)| *said) {
        Some((option, _)) => {
            Err(Error::option(option, "is there for `method` gram only; leave one of them out"))
        }
        None => Ok(()),
    }
}

/// The options of the loss with a method's own defaults.
pub(crate) fn for_method(loss: &LossOptions, method: Method) -> LossOptions {
    match method {
        Method::Gram => loss.clone(),
        // Patches are as smooth as the style is.
        Method::Strokes => LossOptions { tv_weight: loss.tv_weight.or(Some(0.0)), ..loss.clone() },
    }
}

/// The losses for `network`, every weight checked and every list of layer weights scaled to sum 1.
///
/// # Errors
/// Weights and layers that cannot be used, options about what `purpose` does not have, nothing to compare.
pub fn losses(
    content: &ContentOptions,
    loss: &LossOptions,
    network: &Network,
    purpose: Purpose,
) -> Result<Losses> {
    let (has_content, has_style) = match purpose {
        Purpose::Picture => (true, true),
        Purpose::Texture => (false, true),
        Purpose::Numbers { content, style } => (content, style),
    };
    if !has_content && let Some(option) = content.first_said() {
        let why = match purpose {
            Purpose::Texture => "cannot be used for a texture, which has no content; leave it out",
            _ => "cannot be used without `content`; give one or leave both out",
        };
        return Err(Error::option(option, why));
    }
    if !has_style {
        let said =
            [("style_weight", loss.style_weight.is_some()), ("style_layers", loss.style_layers.is_some())];
        if let Some((option, _)) = said.into_iter().find(|(_, said)| *said) {
            return Err(Error::option(option, "cannot be used without `style`; give one or leave both out"));
        }
    }
    if content.content_weight == Some(0.0) && content.content_layers.is_some() {
        let message = "does nothing where `content_weight` is 0; leave one of them out";
        return Err(Error::option("content_layers", message));
    }
    if loss.style_weight == Some(0.0) {
        let said = [
            ("style_layers", loss.style_layers.is_some()),
            ("style_statistic", loss.style_statistic.is_some()),
        ];
        if let Some((option, _)) = said.into_iter().find(|(_, said)| *said) {
            let message = "does nothing where `style_weight` is 0; leave one of them out";
            return Err(Error::option(option, message));
        }
    }
    let normalisation = loss.normalisation.unwrap_or_default();
    let (content_weight, style_weight) = defaults::weights(normalisation);
    let tv_weight = match (purpose, normalisation) {
        (Purpose::Picture | Purpose::Texture, Normalisation::Relative) => defaults::TV_WEIGHT,
        _ => 0.0,
    };
    let none = LayerList::default();
    let content_layers =
        || content.content_layers.clone().unwrap_or_else(|| defaults::content_layers(network).into());
    let style_layers = || loss.style_layers.clone().unwrap_or_else(|| defaults::style_layers(network).into());
    let losses = Losses {
        normalisation,
        statistic: loss.style_statistic.unwrap_or_default(),
        content_weight: if has_content { content.content_weight.unwrap_or(content_weight) } else { 0.0 },
        style_weight: if has_style { loss.style_weight.unwrap_or(style_weight) } else { 0.0 },
        tv_weight: loss.tv_weight.unwrap_or(tv_weight),
        range_weight: loss.range_weight.unwrap_or(defaults::RANGE_WEIGHT),
        content_layers: if has_content { content_layers() } else { none.clone() }.0,
        style_layers: if has_style { style_layers() } else { none }.0,
        terms: Vec::new(),
    }
    .normalised()?;
    for (option, layers) in
        [("content_layers", &losses.content_layers), ("style_layers", &losses.style_layers)]
    {
        if let Some((layer, _)) = layers.iter().find(|(layer, _)| network.position(*layer).is_none()) {
            let known: Vec<String> = network.layers().map(|layer| layer.to_string()).collect();
            let message = format!("the network has no layer {layer}; its layers are {}", known.join(", "));
            return Err(Error::option(option, message));
        }
    }
    if losses.taps().is_empty() {
        let message = "no content and no style layer has a weight above 0, so there is nothing to compare; give \
                       `content_weight` or `style_weight` a value above 0";
        return Err(Error::option("style_weight", message));
    }
    Ok(losses)
}

/// The losses with their weights as `strength` asks for.
///
/// Strength is the style's share of a balance in which the default content weight is the middle: the content's weight is that
/// default times `((1 − s)/s)²`, so that equal steps look about equal. At 0 there is no style, at 1 no content.
fn with_strength(options: &Options, losses: Losses) -> Result<Losses> {
    let strength = match &options.picture.strength {
        None => return Ok(losses),
        Some(Strength::Everywhere(strength)) => *strength,
        Some(Strength::Mask(file)) => {
            let message = format!(
                "{} is a mask's file; read it, and give the mask to the request's `strength`",
                file.display()
            );
            return Err(Error::option("strength", message));
        }
    };
    let said = [
        ("content_weight", options.content.content_weight.is_some()),
        ("style_weight", options.loss.style_weight.is_some()),
    ];
    if let Some((option, _)) = said.into_iter().find(|(_, said)| *said) {
        return Err(Error::option(
            option,
            "`strength` already says how much style there is; leave one of them out",
        ));
    }
    if !(0.0..=1.0).contains(&strength) {
        let message = format!("{strength} was given; give a number from 0, the content, to 1, all the style");
        return Err(Error::option("strength", message));
    }
    if strength == 0.0 {
        // Nothing pulls the picture away from the content.
        return Ok(Losses { style_weight: 0.0, tv_weight: 0.0, range_weight: 0.0, ..losses });
    }
    let balance = (1.0 - strength) / strength;
    Ok(Losses { content_weight: losses.content_weight * balance * balance, ..losses })
}

/// Whose colours the result has.
fn colours(picture: &PictureOptions) -> Result<Colours> {
    let original = picture.original_colours.unwrap_or(false);
    let mode = match picture.colour {
        Some(mode) if original && mode != ColourMode::Content => {
            let message = format!("means `colour` content, but the colour is {mode}; leave one of them out");
            return Err(Error::option("original_colours", message));
        }
        Some(mode) => mode,
        None if original => ColourMode::Content,
        None => ColourMode::default(),
    };
    Colours::new(mode, picture.colour_strength)
}

/// The optimiser with its constants.
fn optimizer(paint: &PaintOptions) -> Result<Optimizer> {
    let optimizer = match paint.optimizer.unwrap_or_default() {
        OptimizerName::Lbfgs => {
            if paint.learning_rate.is_some() {
                let message = "belongs to `optimizer` adam, but the optimizer is lbfgs, which finds its own steps; \
                               leave one out";
                return Err(Error::option("learning_rate", message));
            }
            Optimizer::Lbfgs { history: paint.history.unwrap_or(defaults::HISTORY) }
        }
        OptimizerName::Adam => {
            if paint.history.is_some() {
                let message = "belongs to `optimizer` lbfgs, but the optimizer is adam; leave one out";
                return Err(Error::option("history", message));
            }
            Optimizer::Adam { learning_rate: paint.learning_rate.unwrap_or(defaults::LEARNING_RATE) }
        }
    };
    optimizer.check()?;
    Ok(optimizer)
}

/// The engines of a network as the options choose them, and the threads they run in.
pub(crate) struct Computing {
    /// What looks at pictures that are given.
    pub backend: Backend,
    /// What looks at the picture that is made: the same, but for the padding of a picture that tiles.
    pub painting: Backend,
    pub pool: rayon::ThreadPool,
}

impl Computing {
    /// Starts the threads, and packs the network's weights in them.
    ///
    /// # Errors
    /// A number of threads or an instruction set that cannot be had.
    pub fn new(options: &NetworkOptions, network: &Network, tileable: bool) -> Result<Self> {
        let network = match options.pooling {
            Some(pooling) => network.with_pooling(pooling),
            None => network.clone(),
        };
        let pool = threads::pool(options.threads)?;
        let isa: Option<Isa> = options.isa;
        let backend = pool.install(|| {
            Backend::new(std::sync::Arc::new(network), options.convolution.unwrap_or_default(), isa)
        })?;
        let painting =
            backend.with_padding(if tileable { Padding::Wrap } else { backend.network().padding() });
        Ok(Self { backend, painting, pool })
    }
}

/// Refuses 0.
fn at_least_one(option: &'static str, value: usize) -> Result<usize> {
    match value {
        0 => Err(Error::option(option, "0 pixels cannot be painted; give the longer side, such as 512")),
        value => Ok(value),
    }
}

/// Refuses what is not finite, not above 0 or above `most`.
fn above_zero(option: &'static str, value: f64, most: f64) -> Result<f64> {
    if value > 0.0 && value <= most {
        return Ok(value);
    }
    Err(Error::option(option, format!("{value} was given; give a number above 0, at most {most}")))
}
