//! Network files in every format, good, bad and hostile, through the public API.
//!
//! The small files are made by `tools/make_network_fixtures.py`, the bad ones here.

use impasto::weights::{self, Storage, npy};
use impasto::{InputColours, Network, Padding, Pooling};
use proptest::prelude::*;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/networks").join(name)
}

/// The values that the script gives every fixture.
fn assert_fixture(network: &Network, name: &str) {
    let places: Vec<_> =
        network.convolutions().iter().map(|c| (c.block(), c.index(), c.inputs(), c.outputs())).collect();
    assert_eq!(places, [(1, 1, 3, 2), (1, 2, 2, 2), (2, 1, 2, 3)], "{name}");
    for (n, c) in network.convolutions().iter().enumerate() {
        let value = |k: usize, a: usize, b: usize| ((a * k + b * n) % 64) as f32 / 64.0 - 0.5;
        let weight: Vec<f32> = (0..c.weight().len()).map(|k| value(k, 37, 11)).collect();
        let bias: Vec<f32> = (0..c.bias().len()).map(|k| value(k, 13, 7)).collect();
        assert_eq!((&c.weight()[..], c.bias()), (&weight[..], &bias[..]), "{name}");
    }
}

fn colours(network: &Network) -> ([f32; 9], [f32; 3]) {
    (*network.input_weight(), *network.input_bias())
}

#[test]
fn every_format_gives_the_same_network() {
    for name in ["own.npz", "own_f16_deflated.npz", "own_f64.npz"] {
        let network = weights::load(&fixture(name)).unwrap();
        assert_fixture(&network, name);
        assert_eq!(colours(&network), ([0., 0., 2., 0., 2., 0., 2., 0., 0.], [-1.; 3]), "{name}");
        assert_eq!((network.pooling(), network.padding()), (Pooling::Max, Padding::Zeros));
    }
    for name in [
        "torchvision.npz",
        "torchvision.safetensors",
        "torchvision.pth",
        "torchvision_f16.pth",
        "torchvision_stream.pth",
        "torchvision_bf16_stream.pth",
        "torchvision_python2.pth",
    ] {
        let network = weights::load(&fixture(name)).unwrap();
        assert_fixture(&network, name);
        assert_eq!(colours(&network), InputColours::Torchvision.colour_map(), "{name}");
        let caffe = weights::load_as(&fixture(name), Some(InputColours::Caffe)).unwrap();
        assert_eq!(colours(&caffe), InputColours::Caffe.colour_map(), "{name}");
        let bytes = std::fs::read(fixture(name)).unwrap();
        assert_fixture(&weights::decode(&bytes, Path::new(name)).unwrap(), name);
    }
    let network = weights::load(&fixture("caffe_names.pth")).unwrap();
    assert_fixture(&network, "caffe_names.pth");
    assert_eq!(colours(&network), InputColours::Caffe.colour_map());
}

/// torchvision's names as wrappers and other modules make them, pickles of every protocol, checkpoints.
#[test]
fn networks_as_people_have_them_are_read() {
    for name in [
        "data_parallel.pth",
        "data_parallel_features.pth",
        "data_parallel_twice.pth",
        "compiled.pth",
        "compiled_data_parallel.pth",
        "averaged.pth",
        "part.pth",
        "timm.safetensors",
        "protocol3.pth",
        "protocol4.pth",
        "protocol5.pth",
        "protocol3_stream.pth",
        "protocol4_stream.pth",
        "protocol5_stream.pth",
        "checkpoint.pth",
        "checkpoint_stream.pth",
        "checkpoint_protocol5.pth",
        "checkpoint_nested.pth",
    ] {
        let network = weights::load(&fixture(name)).unwrap();
        assert_fixture(&network, name);
        assert_eq!(colours(&network), InputColours::Torchvision.colour_map(), "{name}");
    }
}

#[test]
fn metadata_travels_with_the_arrays() {
    for name in ["own_metadata.npz", "own.safetensors"] {
        let network = weights::load(&fixture(name)).unwrap();
        assert_fixture(&network, name);
        assert_eq!((network.name(), network.licence()), ("tiny", "CC0"));
        assert_eq!((network.pooling(), network.padding()), (Pooling::Average, Padding::Reflect));
        let layers: Vec<_> = network.style_layers().iter().map(|(l, w)| (l.to_string(), *w)).collect();
        assert_eq!(layers, [("relu1_1".into(), 1.0), ("relu2_1".into(), 0.5)]);
        assert_eq!(network.content_layers(), [("conv1_2".parse().unwrap(), 1.0)]);
    }
}

#[test]
fn pytorch_files_that_are_no_state_dict_are_refused() {
    for (name, expected) in [
        ("refused_model.pth", "an object of torch.nn.modules.container.Sequential, not a state dict"),
        ("refused_model.pth", "save only the arrays with torch.save(model.state_dict(), FILE)"),
        ("refused_model_stream.pth", "an object of torch.nn.modules.container.Sequential, not a state dict"),
        ("refused_optimiser.pth", "its entry optimizer is a dictionary, not a tensor"),
        (
            "refused_two.pth",
            "several state dicts, ['state_dict'] and ['state_dict_ema']; save the one you mean: \
             torch.save(torch.load(FILE)['state_dict'], OUT)",
        ),
        ("refused_entry.pth", "its entry epoch is an integer, not a tensor"),
        ("refused_tensor.pth", "it is a tensor, not a state dict"),
        ("refused_integers.pth", "features.0.weight is stored as `IntStorage`"),
        (
            "refused_attribute.pth",
            "its entry features.0.weight is an object of torch._tensor._rebuild_from_type_v2",
        ),
        ("refused_bn.pth", "batch normalisation"),
        ("refused_bn_stream.pth", "batch normalisation"),
        ("refused_view.pth", "features.0.weight of shape 2×3×3×3 is a view of a storage of 108 values"),
        ("refused_channels_last.pth", "features.0.weight"),
        ("refused_torchscript.pth", "TorchScript"),
    ] {
        let message = weights::load(&fixture(name)).unwrap_err().to_string();
        assert!(message.contains(name) && message.contains(expected), "{message}");
        assert!(!message.contains('\n'), "{message}");
    }
}

#[test]
fn a_saved_network_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.npz");
    let network = weights::load(&fixture("own_metadata.npz")).unwrap();
    for storage in [Storage::F32, Storage::F16] {
        weights::save(&network, &path, storage).unwrap();
        let again = weights::load(&path).unwrap();
        assert_fixture(&again, "out.npz");
        assert_eq!(colours(&again), colours(&network));
        assert_eq!((again.pooling(), again.padding()), (network.pooling(), network.padding()));
        assert_eq!((again.name(), again.description()), (network.name(), network.description()));
        assert_eq!(again.style_layers(), network.style_layers());
        let bytes = std::fs::read(&path).unwrap();
        weights::save(&network, &path, storage).unwrap();
        assert_eq!(bytes, std::fs::read(&path).unwrap(), "equal networks give equal files");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let plain = folder.path().join("plain");
        std::fs::write(&plain, "").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&plain));
    }
}

#[test]
fn saving_refuses_what_could_not_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.npz");
    std::fs::write(&path, "kept").unwrap();
    let one = |value: f32| {
        let mut weight = vec![0.5; 2 * 3 * 9];
        weight[7] = value;
        Network::builder("one").colours(InputColours::Caffe).block([(2, weight, vec![0.5; 2])])
    };
    for (builder, expected) in [
        (one(1e5), "conv1_1.weight holds 100000, beyond the range of float16"),
        (one(0.5).description("x".repeat(1 << 16)), "at most 65536 fit"),
    ] {
        let message = weights::save(&builder.build().unwrap(), &path, Storage::F16).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert_eq!(std::fs::read(&path).unwrap(), b"kept");
    }
    let good = one(1e5).build().unwrap();
    let message = weights::save(&good, &folder.path().join("missing/out.npz"), Storage::F32).unwrap_err();
    assert!(message.to_string().starts_with("output "), "{message}");
}

// --- bad archives, made here ---

/// The `.npy` bytes of an array, with any header.
fn npy(descr: &str, fortran: bool, shape: &str, values: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let text = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(values);
    bytes
}

fn array(shape: &[usize], value: f32) -> Vec<u8> {
    let mut bytes = Vec::new();
    npy::write_f32(&mut bytes, shape, &vec![value; shape.iter().product()]).unwrap();
    bytes
}

/// A good network's arrays: 3→2→2|2→4.
fn good() -> Vec<(String, Vec<u8>)> {
    let mut arrays =
        vec![("input.weight".into(), array(&[3, 3], 1.0)), ("input.bias".into(), array(&[3], 0.0))];
    for (name, outputs, inputs) in [("conv1_1", 2, 3), ("conv1_2", 2, 2), ("conv2_1", 4, 2)] {
        arrays.push((format!("{name}.weight"), array(&[outputs, inputs, 3, 3], 0.5)));
        arrays.push((format!("{name}.bias"), array(&[outputs], 0.5)));
    }
    arrays
}

fn archive(arrays: &[(String, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        let options = SimpleFileOptions::default().compression_method(method);
        writer.start_file(format!("{name}.npy"), options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn message(bytes: &[u8]) -> String {
    let message = weights::decode(bytes, Path::new("bad.npz")).expect_err("it should be refused").to_string();
    assert!(message.starts_with("network bad.npz: "), "{message}");
    assert!(!message.contains('\n') && message.chars().count() < 400, "{message}");
    message
}

/// The message for the good network with one array replaced, added or (with no bytes) taken out.
fn message_with(name: &str, bytes: Option<Vec<u8>>) -> String {
    let mut arrays = good();
    arrays.retain(|(other, _)| other != name);
    arrays.extend(bytes.map(|bytes| (name.to_string(), bytes)));
    message(&archive(&arrays, CompressionMethod::Stored))
}

#[test]
fn mismatches_name_the_array_and_the_remedy() {
    weights::decode(&archive(&good(), CompressionMethod::Deflated), Path::new("good.npz")).unwrap();
    let mut nan = vec![0.5f32; 2 * 2 * 9];
    nan[2 * 9 + 4] = f32::NAN;
    let mut with_nan = Vec::new();
    npy::write_f32(&mut with_nan, &[2, 2, 3, 3], &nan).unwrap();
    let huge = npy("<f8", false, "(2,)", &[1e300f64, 0.0].map(f64::to_le_bytes).concat());
    for (name, bytes, expected) in [
        ("conv1_2.bias", None, "conv1_2.bias is missing"),
        ("conv1_2.weight", None, "conv1_2.weight is missing"),
        ("input.weight", None, "input.weight is missing"),
        ("input.bias", None, "input.bias is missing"),
        ("input.bias", Some(array(&[4], 0.0)), "input.bias has the shape 4; it must be 3"),
        ("conv1_2.weight", Some(array(&[2, 3, 3, 3], 0.5)), "conv1_2.weight takes 3 channels"),
        ("conv1_2.weight", Some(array(&[2, 2, 5, 5], 0.5)), "conv1_2.weight has the shape 2×2×5×5"),
        ("conv1_2.weight", Some(array(&[36], 0.5)), "outputs×inputs×3×3"),
        ("conv1_2.bias", Some(array(&[3], 0.5)), "conv1_2.bias has the shape 3"),
        ("conv1_2.weight", Some(with_nan), "conv1_2.weight holds NaN at [1, 0, 1, 1]"),
        ("conv1_2.bias", Some(array(&[2], f32::INFINITY)), "conv1_2.bias holds inf at [0]"),
        ("conv1_2.bias", Some(huge), "conv1_2.bias holds inf"),
        ("conv1_2.bias", Some(npy("<i4", false, "(2,)", &[0; 8])), "conv1_2.bias is stored as `<i4`"),
        ("conv1_2.bias", Some(npy(">f4", false, "(2,)", &[0; 8])), "conv1_2.bias is stored as `>f4`"),
        ("conv1_2.bias", Some(npy("|u1", false, "(2,)", &[0; 2])), "conv1_2.bias is stored as uint8"),
        ("conv1_2.weight", Some(npy("<f4", true, "(2, 2, 3, 3)", &[0; 144])), "Fortran order"),
        ("conv1_2.bias", Some(npy("<f4", false, "(2,)", &[0; 7])), "conv1_2.bias ends after 7 of 8 bytes"),
        (
            "conv1_2.bias",
            Some(npy("<f4", false, "(2,)", &[0; 9])),
            "conv1_2.bias holds more than the 8 bytes",
        ),
        ("conv1_2.bias", Some(vec![]), "conv1_2.bias cannot be read"),
        ("conv1_2.bias", Some(b"not an array at all".to_vec()), "conv1_2.bias cannot be read"),
        ("conv2_3.weight", Some(array(&[2, 4, 3, 3], 0.5)), "conv2_3.bias is missing"),
        ("spam", Some(array(&[2], 0.5)), "the array spam has no place"),
        ("metadata", Some(npy("|u1", false, "(2,)", b"[]")), "metadata cannot be used"),
        ("metadata", Some(array(&[2], 0.5)), "metadata is float32 of shape 2"),
        ("metadata", Some(npy("|u1", false, "(99999999999,)", b"{}")), "at most 65536 bytes"),
    ] {
        let message = message_with(name, bytes);
        assert!(message.contains(expected), "{name}: {message}");
    }
    let mut gap = good();
    for (name, _) in &mut gap {
        *name = name.replace("conv2_1", "conv2_2");
    }
    let text = message(&archive(&gap, CompressionMethod::Stored));
    assert!(text.contains("conv2_2 stands where conv1_3 or conv2_1 belongs"), "{text}");
}

#[test]
fn a_stated_colour_map_is_not_overruled() {
    let bytes = archive(&good(), CompressionMethod::Stored);
    let refused = weights::decode_as(&bytes, Path::new("x.npz"), Some(InputColours::Caffe)).unwrap_err();
    assert!(refused.to_string().contains("states its own colour map"), "{refused}");
    let mut arrays = good();
    arrays.retain(|(name, _)| !name.starts_with("input."));
    let bytes = archive(&arrays, CompressionMethod::Stored);
    let refused = weights::decode(&bytes, Path::new("x.npz")).unwrap_err();
    assert!(refused.to_string().contains("--input torchvision|caffe"), "{refused}");
    weights::decode_as(&bytes, Path::new("x.npz"), Some(InputColours::Caffe)).unwrap();
}

#[test]
fn bombs_cost_neither_time_nor_memory() {
    let begun = Instant::now();
    // A header that claims terabytes, overflowing shapes, and a deflated bomb behind a small shape.
    let claims = [
        ("(1099511627776, 2, 3, 3)", "channels"),
        ("(4294967296, 4294967296, 3, 3)", "beyond"),
        ("(2, 2, 3, 3)", "more than the 144 bytes"),
    ];
    let zeros = vec![0u8; 64 << 20];
    for (shape, _) in claims {
        let mut arrays = good();
        arrays.retain(|(name, _)| name != "conv1_2.weight");
        arrays.push(("conv1_2.weight".into(), npy("<f4", false, shape, &zeros)));
        let bytes = archive(&arrays, CompressionMethod::Deflated);
        assert!(bytes.len() < 1 << 20);
        message(&bytes);
    }
    let nested = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {}", "[".repeat(40));
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend((nested.len() as u16).to_le_bytes());
    header.extend(nested.as_bytes());
    assert!(message_with("conv1_2.bias", Some(header)).contains("not that of a plain array"));
    // Many layers, each legitimate.
    let mut many = good();
    for index in 2..=400 {
        many.push((format!("conv2_{index}.weight"), array(&[4, 4, 3, 3], 0.5)));
        many.push((format!("conv2_{index}.bias"), array(&[4], 0.5)));
    }
    assert!(message(&archive(&many, CompressionMethod::Stored)).contains("at most 128"));
    for index in 401..=800 {
        many.push((format!("conv2_{index}.weight"), array(&[1], 0.5)));
    }
    assert!(message(&archive(&many, CompressionMethod::Stored)).contains("at most 1024"));
    assert!(begun.elapsed().as_secs() < 20);
}

#[test]
fn two_entries_of_one_name_are_refused() {
    let bytes = archive(&good(), CompressionMethod::Stored);
    let mut twice = bytes.clone();
    // Rename conv1_2.bias to conv1_1.bias in the local header and the directory.
    let (from, to) = (b"conv1_2.bias.npy", b"conv1_1.bias.npy");
    for start in 0..twice.len() - from.len() {
        if &twice[start..start + from.len()] == from {
            twice[start..start + from.len()].copy_from_slice(to);
        }
    }
    assert!(message(&twice).contains("two entries of the same name"));
}

#[test]
fn other_files_are_refused_with_a_hint() {
    for (bytes, expected) in [
        (&b"PK\x03\x04 and then nothing"[..], "zip archive is damaged or cut short"),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff{", "safetensors header claims"),
        (b"\x02\0\0\0\0\0\0\0{}", "only nothing"),
        (b"\x09\0\0\0\0\0\0\0{}", "safetensors header claims 9 bytes"),
    ] {
        let text = message(bytes);
        assert!(text.contains(expected), "{text}");
    }
    let empty = message(&archive(&[], CompressionMethod::Stored));
    assert!(empty.contains("only nothing"), "{empty}");
    for path in [Path::new("/nowhere/at/all.npz"), Path::new(env!("CARGO_MANIFEST_DIR"))] {
        let text = weights::load(path).unwrap_err().to_string();
        assert!(text.contains("there is no such file") || text.contains("it is a folder"), "{text}");
    }
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("photo.jpg", SimpleFileOptions::default()).unwrap();
    assert!(message(&writer.finish().unwrap().into_inner()).contains("photo.jpg, which is no .npy array"));
}

#[test]
fn every_truncation_is_refused() {
    for name in [
        "own_f16_deflated.npz",
        "torchvision.safetensors",
        "torchvision.pth",
        "torchvision_python2.pth",
        "checkpoint_stream.pth",
        "checkpoint_protocol5.pth",
    ] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        for length in (0..bytes.len()).step_by(7) {
            message(&bytes[..length]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Changed bytes are read or refused, never a panic, and what is read is usable.
    #[test]
    fn mutations_never_panic(
        file in prop::sample::select(vec![
            "own_metadata.npz", "own_f16_deflated.npz", "torchvision.safetensors", "own.safetensors",
            "torchvision.pth", "torchvision_stream.pth", "torchvision_python2.pth", "checkpoint.pth",
            "checkpoint_stream.pth", "protocol5_stream.pth",
        ]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut bytes = std::fs::read(fixture(file)).unwrap();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(network) = weights::decode(&bytes, Path::new("mutated")) {
            prop_assert!(network.convolutions().iter().all(|c| c.weight().iter().all(|w| w.is_finite())));
        }
    }

    /// The pickle's machine takes any bytes.
    #[test]
    fn any_pickle_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let stream = std::fs::read(fixture("torchvision_python2.pth")).unwrap();
        let start = stream.windows(2).skip(15).position(|pair| pair == b"\x80\x02").unwrap();
        let _ = weights::decode(&[&stream[..start], &bytes].concat(), Path::new("mutated"));
    }
}
