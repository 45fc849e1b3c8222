//! `impasto weights`: look into network files, convert them.

use std::path::Path;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::network::{Convolution, Network, WeightedLayer};
use crate::run::defaults;
use crate::tensor::{Padding, Pooling};
use crate::weights::{self, Inspected, Storage};

use super::args::{StorageValue, WeightsArgs, WeightsCommand};
use super::{Ending, options, output};

/// What `inspect --json` prints.
#[derive(Serialize)]
struct Report {
    file: String,
    sha256: String,
    bytes: u64,
    name: String,
    licence: String,
    description: String,
    pooling: Pooling,
    padding: Padding,
    input_weight: [f32; 9],
    input_bias: [f32; 3],
    parameters: usize,
    content_layers: serde_json::Map<String, serde_json::Value>,
    style_layers: serde_json::Map<String, serde_json::Value>,
    convolutions: Vec<Line>,
}

/// One convolution.
#[derive(Serialize)]
struct Line {
    name: String,
    inputs: usize,
    outputs: usize,
    parameters: usize,
}

/// Inspects or converts.
pub(super) fn run(args: &WeightsArgs) -> Result<Ending> {
    match &args.command {
        WeightsCommand::Inspect { file, json } => inspect(file.as_deref(), *json),
        WeightsCommand::Convert { file, output, precision, input } => {
            if !output.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npz")) {
                return Err(Error::output(output, "networks are written as .npz; name it so"));
            }
            options::check_distinct(output, &[file])?;
            let network = weights::load_as(file, *input)?;
            let storage = match precision {
                StorageValue::F32 => Storage::F32,
                StorageValue::F16 => Storage::F16,
            };
            weights::save(&network, output, storage)?;
            Ok(Ending::Done)
        }
    }
}

fn inspect(file: Option<&Path>, json: bool) -> Result<Ending> {
    let inspected = match file {
        None => weights::inspect_bytes(weights::embedded_file()?, Path::new("(embedded)"))?,
        Some(path) => weights::inspect(path)?,
    };
    let report = report(&inspected);
    if json {
        output::json(&report)?;
    } else {
        print(&report, &inspected.network)?;
    }
    Ok(Ending::Done)
}

fn report(Inspected { network, sha256, bytes, .. }: &Inspected) -> Report {
    let layers = |list: Vec<WeightedLayer>| {
        list.into_iter().map(|(layer, weight)| (layer.to_string(), weight.into())).collect()
    };
    let line = |c: &Convolution| Line {
        name: c.name(),
        inputs: c.inputs(),
        outputs: c.outputs(),
        parameters: c.weight().len() + c.bias().len(),
    };
    let convolutions: Vec<Line> = network.convolutions().iter().map(line).collect();
    Report {
        file: network.source().display().to_string(),
        sha256: sha256.clone(),
        bytes: *bytes,
        name: network.name().to_owned(),
        licence: network.licence().to_owned(),
        description: network.description().to_owned(),
        pooling: network.pooling(),
        padding: network.padding(),
        input_weight: *network.input_weight(),
        input_bias: *network.input_bias(),
        parameters: network.parameters(),
        content_layers: layers(defaults::content_layers(network)),
        style_layers: layers(defaults::style_layers(network)),
        convolutions,
    }
}

fn print(report: &Report, network: &Network) -> Result<()> {
    let or_unstated = |text: &str| if text.is_empty() { "(not stated)".to_owned() } else { text.to_owned() };
    let list = |layers: Vec<WeightedLayer>| {
        let items: Vec<String> = layers.iter().map(|(layer, weight)| format!("{layer}:{weight}")).collect();
        items.join(", ")
    };
    output::result(&format!("file            {} ({} bytes)", report.file, report.bytes))?;
    output::result(&format!("sha256          {}", report.sha256))?;
    output::result(&format!("name            {}", or_unstated(&report.name)))?;
    output::result(&format!("licence         {}", or_unstated(&report.licence)))?;
    output::result(&format!("description     {}", or_unstated(&report.description)))?;
    output::result(&format!("pooling         {}", report.pooling))?;
    output::result(&format!("padding         {}", report.padding))?;
    output::result(&format!("content layers  {}", list(defaults::content_layers(network))))?;
    output::result(&format!("style layers    {}", list(defaults::style_layers(network))))?;
    let w = report.input_weight;
    for (row, bias) in report.input_bias.iter().enumerate() {
        let head = if row == 0 { "input           " } else { "                " };
        output::result(&format!(
            "{head}{} r {:+} g {:+} b {bias:+}",
            w[3 * row],
            w[3 * row + 1],
            w[3 * row + 2]
        ))?;
    }
    output::result("")?;
    output::result("convolution     inputs  outputs  parameters")?;
    for line in &report.convolutions {
        output::result(&format!(
            "{:<15} {:>6}  {:>7}  {:>10}",
            line.name, line.inputs, line.outputs, line.parameters
        ))?;
    }
    output::result(&format!("{:<15} {:>6}  {:>7}  {:>10}", "all", "", "", report.parameters))
}
