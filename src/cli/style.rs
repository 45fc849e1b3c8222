//! `impasto style`: styles in files of their own, without their pictures.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::args::NetworkArgs;
use super::inputs::Inputs;
use super::notices::Notices;
use super::options::{self, refuse};
use super::values::{NumbersValue, StyleValue};
use super::{Ending, output};
use crate::error::{Error, Result};
use crate::files::{Destination, Written};
use crate::loss::StyleStatistic;
use crate::network::LayerList;
use crate::run::options::Options;
use crate::run::{SavedStyle, StyleTransfer};

/// The sizes that are saved where none are named.
const SIZES: [usize; 5] = [128, 256, 512, 1024, 2048];

#[derive(Debug, Args)]
pub(super) struct StyleArgs {
    #[command(subcommand)]
    pub command: StyleCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum StyleCommand {
    /// Measure PAINTINGS, mixed into one style, and keep what runs of certain sizes take from them; the file goes wherever a
    /// style picture goes, and makes the same pictures
    Save(SaveArgs),
    /// Show what a style file is for
    Inspect {
        /// A style file
        file: PathBuf,
        /// Print a JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct SaveArgs {
    /// One or more pictures, each as FILE[:weight=0.7][:mask=MASK]
    #[arg(required = true)]
    pub paintings: Vec<StyleValue>,
    /// Where the style goes, such as monet.style
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// The longer sides of the results that it will be used for, like 512,768 [default: 128,256,512,1024,2048]
    #[arg(long, value_name = "N[,N...]", value_delimiter = ',')]
    pub size: Vec<usize>,
    /// As the runs will have it [default: 1]
    #[arg(long, value_name = "FACTOR", allow_negative_numbers = true)]
    pub style_scale: Option<f64>,
    /// As the runs will have it [default: 128]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub coarsest: Option<usize>,
    /// As the runs will have it [default: 1.414]
    #[arg(long, value_name = "FACTOR", allow_negative_numbers = true)]
    pub size_step: Option<f64>,
    /// One weight for each picture, like 0.7,0.3 [default: all the same]
    #[arg(long, value_name = "WEIGHTS", allow_hyphen_values = true)]
    pub style_blend: Option<NumbersValue>,
    /// As the runs will have it: gram or covariance [default: gram]
    #[arg(long, value_name = "NAME")]
    pub style_statistic: Option<StyleStatistic>,
    /// As the runs will have them [default: as the network says]
    #[arg(long, value_name = "LAYERS")]
    pub style_layers: Option<LayerList>,
    /// No messages but errors
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// What `inspect --json` prints.
#[derive(Serialize)]
struct Report<'a> {
    file: String,
    pictures: &'a [String],
    statistic: StyleStatistic,
    sizes: Vec<usize>,
}

/// Saves or shows.
pub(super) fn run(args: &StyleArgs) -> Result<Ending> {
    match &args.command {
        StyleCommand::Save(args) => save(args),
        StyleCommand::Inspect { file, json } => inspect(file, *json),
    }
}

fn save(args: &SaveArgs) -> Result<Ending> {
    let mut paintings = args.paintings.clone();
    options::blend(&mut paintings, args.style_blend.as_ref())?;
    for painting in &paintings {
        let said = [
            ("scale", painting.scale.is_some()),
            ("sizes", painting.sizes.is_some()),
            ("at", painting.at.is_some()),
        ];
        if let Some((what, _)) = said.into_iter().find(|(_, said)| *said) {
            return refuse("style", format!("`{what}` is said where the file is used; leave it out"));
        }
        if SavedStyle::is_in(&painting.file) {
            let message = "is a style file already; give pictures, or blend it with others where it is used";
            return Err(Error::file(&painting.file, message));
        }
    }
    let inputs: Vec<&Path> = paintings.iter().map(|painting| painting.file.as_path()).collect();
    options::check_distinct(&args.output, &inputs)?;
    Destination::prove(&args.output, 0)?;
    let mut sizes = if args.size.is_empty() { SIZES.to_vec() } else { args.size.clone() };
    sizes.sort_unstable();
    sizes.dedup();
    if sizes.contains(&0) {
        return refuse("size", "0 was given; give the longer sides of the results, like 512,1024");
    }
    let mut said = Options::default();
    (said.paint.style_scale, said.paint.coarsest) = (args.style_scale, args.coarsest);
    said.paint.size_step = args.size_step;
    (said.loss.style_statistic, said.loss.style_layers) = (args.style_statistic, args.style_layers.clone());
    said.network = args.network.options.clone();
    let network = options::network(args.network.weights.as_deref())?;
    let transfer = StyleTransfer::builder().options(said).network(network).build()?;
    let names = paintings.iter().map(|painting| {
        painting.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    });
    let mut notices = Notices::new(args.quiet);
    let mut saver = transfer.save_style(names);
    for longer in sizes {
        let mut inputs = Inputs::default();
        let styles = paintings.iter().map(|painting| {
            let loaded =
                inputs.picture("style", &painting.file, Some(saver.finest(longer).max(1)), &mut notices)?;
            let mut read = |file: &Path| inputs.picture("mask", file, None, &mut notices);
            options::style(loaded.into(), painting, None, &mut read)
        });
        saver.add(longer, &styles.collect::<Result<Vec<_>>>()?)?;
        notices.release().iter().for_each(|line| output::message(line));
        if !args.quiet {
            output::message(&format!("measured for results of {longer} px"));
        }
    }
    match saver.finish().save(&args.output)? {
        Written::KeptAt { path, why } => {
            return Err(Error::output(
                &args.output,
                format!("{why}; the style is kept as {}", path.display()),
            ));
        }
        Written::AsAsked | Written::InPlace => {}
    }
    if !args.quiet {
        let bytes = args.output.metadata().map_or(0, |file| file.len());
        let megabytes = bytes as f64 / 1e6;
        output::message(&format!("wrote {} ({megabytes:.1} MB)", args.output.display()));
    }
    Ok(Ending::Done)
}

fn inspect(file: &Path, json: bool) -> Result<Ending> {
    let style = SavedStyle::load(file)?;
    if json {
        output::json(&Report {
            file: file.display().to_string(),
            pictures: style.pictures(),
            statistic: style.statistic(),
            sizes: style.sizes(),
        })?;
        return Ok(Ending::Done);
    }
    let sizes: Vec<String> = style.sizes().iter().map(usize::to_string).collect();
    output::result(&format!("pictures   {}", style.pictures().join(", ")))?;
    output::result(&format!("statistic  {}", style.statistic()))?;
    output::result(&format!("sizes      {}", sizes.join(", ")))?;
    Ok(Ending::Done)
}
