//! Every loss term and gradient against float64 PyTorch with autograd, an independent implementation
//! (`tools/gatys_reference.py`, written down by `tools/make_fixtures.py`): the presets' constants, layer weights,
//! blended styles of several sizes, both paddings and poolings, odd sizes.

mod common;

use common::fixtures::{Expected, read_cases};
use common::{Case, cast, compare_terms, double, relative_l2};
use impasto::Padding;
use impasto::internals::engine::Engine;
use impasto::internals::loss::Normalisation;
use impasto::internals::network::plan::Plan;

fn agrees<E: Engine>(
    engine_name: &str,
    case: &Case,
    expected: &Expected,
    engine: impl Fn(Plan) -> E,
    bar: f64,
) {
    let mut objective = case.objective(engine);
    let rgb = cast(&case.picture.rgb);
    let mut gradient = rgb.clone();
    let terms = objective.evaluate(&rgb, &mut gradient);
    let what = format!("{engine_name}: {}", case.name);
    compare_terms(&what, terms, &expected.terms, bar);
    let error = relative_l2(&gradient, &expected.gradient);
    assert!(error <= bar, "{what}: the gradient is {error:e} from PyTorch's");
    println!("{error:.1e} {what}");
}

#[test]
fn f64_agrees_with_pytorch_to_nine_digits() {
    for (case, expected) in read_cases() {
        agrees("f64", &case, &expected, double, 1e-9);
    }
}

#[test]
fn every_f32_engine_agrees_with_pytorch() {
    for (case, expected) in read_cases() {
        for (name, algorithm, isa) in common::engines() {
            agrees(&name, &case, &expected, |plan| common::single(&plan, algorithm, isa), 1e-4);
        }
    }
}

#[test]
fn the_fixtures_cover_every_preset_padding_and_pooling() {
    let cases = read_cases();
    for preset in Normalisation::ALL.map(|(_, preset)| preset) {
        // The fixtures are of networks as their files have them: only textures that tile wrap.
        for padding in [Padding::Zeros, Padding::Reflect] {
            for pooling in common::POOLINGS {
                let covered = |(case, _): &(Case, Expected)| {
                    (case.losses.normalisation, case.network.padding(), case.network.pooling())
                        == (preset, padding, pooling)
                };
                assert!(cases.iter().any(covered), "{preset}, {padding:?}, {pooling:?}");
            }
        }
    }
}
