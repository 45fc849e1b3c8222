//! Reads `tests/fixtures`, which `tools/make_fixtures.py` wrote.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use impasto::internals::loss::{Losses, StyleStatistic, Terms};
use impasto::{Network, Padding, Pooling};
use serde_json::Value;

use super::{Case, Picture, layers};

/// An array of an .npz, in f64 whatever it was.
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

/// Every float32 or float64 array of an .npz, by name.
pub fn read_npz(file: &Path) -> HashMap<String, Array> {
    let opened = File::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut archive = zip::ZipArchive::new(opened).unwrap();
    let mut arrays = HashMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let name = entry.name().unwrap().strip_suffix(".npy").unwrap().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let npy = npyz::NpyFile::new(&bytes[..]).unwrap();
        assert_eq!(npy.order(), npyz::Order::C, "{name}");
        let shape = npy.shape().iter().map(|&n| n as usize).collect();
        let values = match npy.dtype().descr().as_str() {
            "'<f4'" => npy.into_vec::<f32>().unwrap().into_iter().map(f64::from).collect(),
            "'<f8'" => npy.into_vec::<f64>().unwrap(),
            other => panic!("{name} is of type {other}"),
        };
        arrays.insert(name, Array { shape, values });
    }
    arrays
}

/// A network from its file, with the given conventions.
pub fn read_network(file: &Path, pooling: Pooling, padding: Padding) -> Arc<Network> {
    let arrays = read_npz(file);
    let single = |name: &str| arrays[name].values.iter().map(|&v| v as f32).collect::<Vec<f32>>();
    let mut names: Vec<(usize, usize)> = arrays
        .keys()
        .filter_map(|name| name.strip_prefix("conv")?.strip_suffix(".weight")?.split_once('_'))
        .map(|(block, index)| (block.parse().unwrap(), index.parse().unwrap()))
        .collect();
    names.sort_unstable();
    let mut builder = Network::builder("").source(file).pooling(pooling).padding(padding);
    for block in names.chunk_by(|one, next| one.0 == next.0) {
        builder = builder.block(block.iter().map(|(block, index)| {
            let [weight, bias] = ["weight", "bias"].map(|part| format!("conv{block}_{index}.{part}"));
            (arrays[&weight].shape[0], single(&weight), single(&bias))
        }));
    }
    let [matrix, offset] = ["input.weight", "input.bias"].map(single);
    Arc::new(builder.colour_map(matrix.try_into().unwrap(), offset.try_into().unwrap()).build().unwrap())
}

/// What PyTorch found for a case.
pub struct Expected {
    pub terms: Terms,
    pub gradient: Vec<f64>,
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Every case of `cases.json`.
pub fn read_cases() -> Vec<(Case, Expected)> {
    let arrays = read_npz(&folder().join("arrays.npz"));
    let text = std::fs::read_to_string(folder().join("cases.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    cases.iter().map(|case| read_case(case, &arrays)).collect()
}

fn read_case(case: &Value, arrays: &HashMap<String, Array>) -> (Case, Expected) {
    let text = |key: &str| case[key].as_str().unwrap();
    let number = |key: &str| case[key].as_f64().unwrap();
    let picture = |name: &str| {
        let Array { shape, values } = &arrays[name];
        Picture { height: shape[1], width: shape[2], rgb: values.clone() }
    };
    let pooling = match text("pooling") {
        "max" => Pooling::Max,
        "average" => Pooling::Average,
        other => panic!("{other}"),
    };
    let padding = match text("padding") {
        "zeros" => Padding::Zeros,
        "reflect" => Padding::Reflect,
        other => panic!("{other}"),
    };
    let file = folder().join(format!("network-{}.npz", text("network")));
    let losses = Losses {
        normalisation: text("preset").parse().unwrap(),
        statistic: StyleStatistic::Gram,
        content_weight: number("content_weight"),
        style_weight: number("style_weight"),
        tv_weight: number("tv_weight"),
        range_weight: 0.0,
        content_layers: layers(text("content_layers")),
        style_layers: layers(text("style_layers")),
        terms: Vec::new(),
    };
    let list = |kind: &str, layers: &[impasto::WeightedLayer]| {
        let terms = &case["terms"][kind];
        assert_eq!(terms.as_object().unwrap().len(), layers.len());
        layers.iter().map(|&(layer, _)| (layer, terms[layer.to_string()].as_f64().unwrap())).collect()
    };
    let mut terms = Terms::default();
    terms.total = case["terms"]["total"].as_f64().unwrap();
    terms.content = list("content", &losses.content_layers);
    terms.style = list("style", &losses.style_layers);
    terms.pixel = vec![("tv".to_owned(), case["terms"]["tv"].as_f64().unwrap())];
    let gradient = arrays[&format!("gradient-{}", text("name"))].values.clone();
    let case = Case {
        name: format!("{} ({}, {}, {})", text("name"), text("network"), text("padding"), text("pooling")),
        network: read_network(&file, pooling, padding),
        losses,
        content: case["content"].as_str().map(picture),
        styles: case["styles"].as_array().unwrap().iter().map(|s| picture(s.as_str().unwrap())).collect(),
        blend: case["blend"].as_array().unwrap().iter().map(|b| b.as_f64().unwrap()).collect(),
        picture: picture(text("image")),
    };
    (case, Expected { terms, gradient })
}
