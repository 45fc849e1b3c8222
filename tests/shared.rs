//! Tests on the shared development data: real networks, and files that went wrong in practice.
//!
//! Where the data are missing, each is reported as ignored by its name.

mod common;

use std::path::Path;

use common::optional::{shared, trial};
use impasto::weights::{self, npy};
use impasto::{InputColours, Network, Padding};

fn main() {
    let arguments = libtest_mimic::Arguments::from_args();
    let trials = vec![
        trial("blocks_of_vgg19_load", shared("networks/vgg19-blocks1-3.npz"), |file| {
            blocks_of_vgg19_load(&file)
        }),
        trial("slim_vgg19_loads", shared("networks/vgg19-slim16.npz"), |file| slim_vgg19_loads(&file)),
        trial("original_vgg19_is_recognised_by_its_values", shared("networks/vgg19-blocks1-3.npz"), |file| {
            original_vgg19_is_recognised_by_its_values(&file)
        }),
        trial("a_data_parallel_file_loads", shared("cases/features_module.pth"), |file| {
            wild_file_loads(&file)
        }),
        trial("a_timm_file_loads", shared("cases/timm.safetensors"), |file| wild_file_loads(&file)),
    ];
    libtest_mimic::run(&arguments, trials).exit();
}

fn colours(network: &Network) -> ([f32; 9], [f32; 3]) {
    (*network.input_weight(), *network.input_bias())
}

fn blocks_of_vgg19_load(file: &Path) {
    let network = weights::load(file).unwrap();
    assert_eq!(network.convolutions().len(), 8);
    assert_eq!(colours(&network), InputColours::Caffe.colour_map());
}

fn slim_vgg19_loads(file: &Path) {
    let network = weights::load(file).unwrap();
    assert_eq!(network.layers().last().unwrap().to_string(), "relu5_1");
    assert_eq!(network.padding(), Padding::Zeros, "VGG's conventions where the file says nothing");
}

/// The original Caffe weights are recognised under torchvision's names and without a colour map.
fn original_vgg19_is_recognised_by_its_values(file: &Path) {
    let network = weights::load(file).unwrap();
    let first = &network.convolutions()[0];
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let shape = [first.outputs(), first.inputs(), 3, 3];
    for (part, shape, values) in
        [("weight", &shape[..], &first.weight()[..]), ("bias", &shape[..1], first.bias())]
    {
        archive
            .start_file(format!("features.0.{part}.npy"), zip::write::SimpleFileOptions::default())
            .unwrap();
        npy::write_f32(&mut archive, shape, values).unwrap();
    }
    let bytes = archive.finish().unwrap().into_inner();
    let again = weights::decode(&bytes, Path::new("vgg19.npz")).unwrap();
    assert_eq!(colours(&again), InputColours::Caffe.colour_map());
    let refused = weights::decode_as(&bytes, Path::new("vgg19.npz"), Some(InputColours::Torchvision));
    assert!(refused.unwrap_err().to_string().contains("original Caffe"));
}

/// Files of others load as torchvision's do.
fn wild_file_loads(file: &Path) {
    let network = weights::load(file).unwrap();
    assert_eq!(colours(&network), InputColours::Torchvision.colour_map());
    assert!(!network.convolutions().is_empty());
}
