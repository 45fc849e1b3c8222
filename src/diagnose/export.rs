//! Features of a picture and their moments, as arrays for other programs.

use std::io::Cursor;
use std::path::Path;

use super::cast;
use super::evaluate::Precision;
use crate::engine::memory::{self, Use};
use crate::engine::reference::Reference;
use crate::engine::{Engine, EngineKind, Moments, Order, Region};
use crate::error::{Error, Result};
use crate::files;
use crate::loss::Losses;
use crate::network::Layer;
use crate::network::plan::Plan;
use crate::picture::Picture;
use crate::run::Builder;
use crate::run::settings::{Computing, Purpose, losses};
use crate::tensor::{Scalar, Shape};
use crate::weights::archive::Archive;

/// What a network sees at one layer of a picture.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LayerFeatures {
    /// The layer.
    pub layer: Layer,
    /// Channels, height and width of its map.
    pub shape: [usize; 3],
    /// F, N×H×W.
    pub features: Vec<f64>,
    /// The Gram matrix `F·Fᵀ`, N×N, not divided by anything (Gatys et al. 2016, eq. 3).
    pub gram: Vec<f64>,
    /// The sums of F over positions, N.
    pub sums: Vec<f64>,
}

/// What the network of `builder` sees at `layers` of a picture; without layers, at those that the losses compare.
///
/// # Errors
/// Options that cannot be used, layers that the network lacks, a picture too small for them, too little memory.
pub fn features(
    builder: &Builder,
    image: &Picture,
    layers: &[Layer],
    precision: Precision,
) -> Result<Vec<LayerFeatures>> {
    let options = builder.options.with_bundles();
    let computing = Computing::new(&options.network, &builder.resolved_network()?, false)?;
    let backend = &computing.backend;
    let compared: Losses = losses(
        &options.content,
        &options.loss,
        backend.network(),
        Purpose::Numbers { content: true, style: true },
    )?;
    let mut taps = if layers.is_empty() { compared.taps() } else { layers.to_vec() };
    taps.sort();
    taps.dedup();
    if let Some(missing) = taps.iter().find(|layer| backend.network().position(**layer).is_none()) {
        let known: Vec<String> = backend.network().layers().map(|layer| layer.to_string()).collect();
        let message = format!("the network has no layer {missing}; its layers are {}", known.join(", "));
        return Err(Error::option("layers", message));
    }
    let plan = Plan::new(backend.network().clone(), image.height(), image.width(), &taps)?;
    let kind = if precision == Precision::Double { EngineKind::Double } else { backend.kind() };
    computing.pool.install(|| {
        memory::require(&plan, kind, &[], Use::Evaluation)?;
        Ok(match precision {
            Precision::Double => read(&mut Reference::<f64>::new(plan), image, &taps),
            Precision::Single => {
                read(&mut backend.engine(image.height(), image.width(), &taps)?, image, &taps)
            }
        })
    })
}

fn read<E: Engine>(engine: &mut E, image: &Picture, taps: &[Layer]) -> Vec<LayerFeatures> {
    engine.forward(&cast::<E::Scalar>(image.rgb()));
    let layer = |&layer: &Layer| {
        let tap = engine.plan().tap(layer).expect("planned");
        let Shape { channels, height, width } = engine.plan().tap_shape(tap);
        let mut moments = Moments::new(channels);
        engine.moments(tap, Region::WHOLE, Order::FirstAndSecond, &mut moments);
        let features = engine.features(tap).iter().map(|value| value.to_f64()).collect();
        LayerFeatures {
            layer,
            shape: [channels, height, width],
            features,
            gram: moments.second,
            sums: moments.first,
        }
    };
    taps.iter().map(layer).collect()
}

/// Writes features as float64 arrays `relu1_1` and so on, N×H×W, into one `.npz`.
///
/// # Errors
/// [`Error::Output`] if the file cannot be written.
pub fn save_features(layers: &[LayerFeatures], path: &Path) -> Result<()> {
    files::replace(path, |bytes| {
        let mut archive = Archive::new(Cursor::new(bytes));
        for layer in layers {
            archive.array(&layer.layer.to_string(), &layer.shape, layer.features.iter().copied())?;
        }
        archive.finish()
    })
}

/// Writes moments as float64 arrays: `relu1_1.gram` (N×N, `F·Fᵀ`), `relu1_1.sums` (N, the sums over positions) and
/// `relu1_1.positions` (1, how many they are) for each layer.
///
/// # Errors
/// [`Error::Output`] if the file cannot be written.
pub fn save_moments(layers: &[LayerFeatures], path: &Path) -> Result<()> {
    files::replace(path, |bytes| {
        let mut archive = Archive::new(Cursor::new(bytes));
        for LayerFeatures { layer, shape: [n, height, width], gram, sums, .. } in layers {
            archive.array(&format!("{layer}.gram"), &[*n, *n], gram.iter().copied())?;
            archive.array(&format!("{layer}.sums"), &[*n], sums.iter().copied())?;
            let positions = std::iter::once((height * width) as f64);
            archive.array(&format!("{layer}.positions"), &[1], positions)?;
        }
        archive.finish()
    })
}

/// Fails at once if an archive cannot be written to `path` later.
///
/// # Errors
/// [`Error::Output`]: a missing or read-only folder, another extension than `.npz`.
pub fn check_archive_output(path: &Path) -> Result<()> {
    if !path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npz")) {
        return Err(Error::output(path, "arrays are written as a NumPy archive; name it .npz"));
    }
    files::check_writable(path)
}
