//! The library as an embedding program uses it: run, watch, stop, repeat.

use std::ops::ControlFlow;

use impasto::picture::Picture;
use impasto::{
    Builder, Error, InputColours, Network, Progress, Request, Start, StopReason, Style, StyleTransfer,
    weights,
};

fn picture(width: usize, height: usize, kind: f32) -> Picture {
    let plane = width * height;
    let value = |c: usize, y: usize, x: usize| {
        let (x, y, c) = (x as f32, y as f32, c as f32);
        0.5 + 0.2 * (x * 0.29 * kind + c).sin() + 0.2 * (y * 0.37 - x * 0.1 * kind + 2.0 * c).cos()
    };
    let rgb = (0..3 * plane).map(|at| value(at / plane, at / width % height, at % width)).collect();
    Picture::from_rgb(width, height, rgb).unwrap()
}

/// Two sizes (24 and 48 px), a small network, one thread.
fn builder() -> Builder {
    let network = weights::random("6,6|8", 3).unwrap();
    StyleTransfer::builder()
        .network(network)
        .size(48)
        .coarsest(24)
        .size_step(2.0)
        .iterations(vec![8, 5])
        .tolerance(0.0)
        .threads(1)
}

fn content() -> Picture {
    picture(64, 48, 1.0)
}

fn style() -> Picture {
    picture(50, 50, 2.3)
}

fn message<T>(result: impasto::Result<T>) -> String {
    match result {
        Ok(_) => panic!("this should have been refused"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_iteration_of_every_size_is_told_and_the_loss_falls() {
    let transfer = builder().build().unwrap();
    let mut told: Vec<(usize, usize, usize, f64)> = Vec::new();
    let result = transfer
        .run(&Request::picture(&content(), [style()]), |progress: &Progress| {
            let picture = progress.picture().unwrap();
            assert_eq!((picture.width(), picture.height()), (progress.width, progress.height));
            assert!(progress.seconds > 0.0 && progress.seconds_left >= 0.0);
            assert_eq!((progress.size_count, progress.iterations), (2, [8, 5][progress.size_index - 1]));
            told.push((progress.size_index, progress.width, progress.iteration, progress.terms.total));
            ControlFlow::Continue(())
        })
        .unwrap();
    let expected: Vec<_> = (1..=8).map(|i| (1, 24, i)).chain((1..=5).map(|i| (2, 48, i))).collect();
    assert_eq!(told.iter().map(|&(size, width, i, _)| (size, width, i)).collect::<Vec<_>>(), expected);
    for size in [1, 2] {
        let losses: Vec<f64> = told.iter().filter(|t| t.0 == size).map(|t| t.3).collect();
        assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
    }
    assert_eq!((result.picture.width(), result.picture.height()), (48, 36));
    assert_eq!(result.report.stop, StopReason::Iterations);
    assert_eq!(result.report.loss.total, told.last().unwrap().3);
    assert_eq!(result.report.sizes.len(), 2);
    assert_eq!(
        result.report.sizes.iter().map(|size| size.evaluations).sum::<usize>(),
        result.report.evaluations
    );
    assert!(result.picture.rgb().iter().all(|value| (0.0..=1.0).contains(value)));
}

#[cfg(feature = "embedded")]
#[test]
fn an_iteration_costs_hardly_more_than_one_evaluation_of_the_real_objective() {
    let load = |name: &str| {
        let file = format!("{}/docs/pictures/{name}.jpg", env!("CARGO_MANIFEST_DIR"));
        Picture::load(file.as_ref()).unwrap()
    };
    let transfer = StyleTransfer::builder()
        .size(128)
        .coarsest(64)
        .size_step(2.0)
        .iterations(vec![60, 30])
        .tolerance(0.0);
    let result = transfer
        .build()
        .unwrap()
        .run(&Request::picture(&load("scene"), [load("painting")]), |_: &Progress| ControlFlow::Continue(()));
    let result = result.unwrap();
    let iterations: usize = result.report.sizes.iter().map(|size| size.iterations).sum();
    assert_eq!(iterations, 90);
    let evaluations = result.report.evaluations;
    assert!(evaluations * 10 <= iterations * 11, "{evaluations} evaluations for {iterations} iterations");
}

#[test]
fn a_cancelled_run_returns_its_best_picture_at_the_full_size() {
    let transfer = builder().build().unwrap();
    for stop_at in [1, 5, 10] {
        let mut calls = 0;
        let result = transfer
            .run(&Request::picture(&content(), [style()]), |_: &Progress| {
                calls += 1;
                if calls == stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
        assert_eq!((calls, result.report.stop), (stop_at, StopReason::Cancelled));
        assert_eq!((result.picture.width(), result.picture.height()), (48, 36));
        assert_eq!(result.report.sizes.len(), if stop_at <= 8 { 1 } else { 2 });
    }
}

#[test]
fn the_same_pixels_come_out_again_and_for_any_number_of_threads() {
    let paint = |threads| {
        let transfer = builder().threads(threads).seed(5).build().unwrap();
        assert_eq!(transfer.threads(), threads);
        transfer.run(&Request::picture(&content(), [style()]).start(Start::Noise), ()).unwrap().picture
    };
    let first = paint(1);
    for threads in [1, 2, 3, 8] {
        assert_eq!(paint(threads), first, "{threads} threads");
    }
}

#[test]
fn a_size_that_gains_little_ends_early() {
    let transfer = builder().iterations(vec![400, 400]).tolerance(0.2).build().unwrap();
    let result = transfer.run(&Request::picture(&content(), [style()]), ()).unwrap();
    for size in &result.report.sizes {
        assert_eq!(size.stop, StopReason::Converged);
        assert!(size.iterations < 400, "{size:?}");
    }
}

#[test]
fn more_content_weight_keeps_more_of_the_content() {
    let distance = |weight| {
        let transfer = builder().content_weight(weight).build().unwrap();
        let painted = transfer.run(&Request::picture(&content(), [style()]), ()).unwrap().picture;
        let content = content().resized(48, 36).unwrap();
        painted.rgb().iter().zip(content.rgb()).map(|(a, b)| (a - b).powi(2)).sum::<f32>()
    };
    assert!(distance(100.0) < distance(0.001));
}

#[test]
fn pictures_and_textures_share_a_builder_but_not_every_option() {
    let paint = |builder: Builder, styles: &[Style]| {
        builder.build().unwrap().run(&Request::texture(styles.to_vec()), ())
    };
    let styles = [style().into()];
    let texture = paint(small().size((40, 28)), &styles).unwrap();
    assert_eq!((texture.picture.width(), texture.picture.height()), (40, 28));
    assert!(texture.report.loss.content.is_empty());
    let refused = |builder: Builder| message(paint(builder, &styles));
    assert!(
        refused(small().original_colours(true)).starts_with("original_colours: cannot be used for a texture")
    );
    assert!(refused(small().content_weight(1.0)).starts_with("content_weight: "));
    assert!(message(small().size((0, 28)).build()).starts_with("size: "));
    assert!(message(paint(small(), &[])).contains("no style picture"));
}

fn small() -> Builder {
    let network = weights::random("6,6|8", 3).unwrap();
    StyleTransfer::builder().network(network).iterations(3).threads(1)
}

#[test]
fn a_start_picture_must_have_the_shape_of_the_result() {
    let transfer = builder().build().unwrap();
    let (content, style) = (content(), Style::new(style()));
    let paint =
        |start| transfer.run(&Request::picture(&content, [style.clone()]).start(Start::Picture(start)), ());
    paint(picture(200, 150, 4.0)).unwrap();
    paint(picture(49, 36, 4.0)).unwrap();
    let message = message(paint(picture(48, 48, 4.0)));
    assert!(message.contains("48x48") && message.contains("48x36"), "{message}");
}

#[test]
fn a_style_that_was_measured_before_paints_the_same_picture() {
    let (first, second) =
        (builder().build().unwrap(), builder().pooling(impasto::Pooling::Average).build().unwrap());
    let (content, other, style) = (content(), picture(48, 48, 3.1), Style::new(style()));
    let paint = |transfer: &StyleTransfer, content: &Picture, style: &Style| {
        transfer.run(&Request::picture(content, [style.clone()]), ()).unwrap().picture
    };
    let fresh = || Style::new(style.picture().unwrap().clone());
    for (transfer, content) in [(&first, &content), (&first, &other), (&second, &content), (&first, &content)]
    {
        assert_eq!(paint(transfer, content, &style), paint(transfer, content, &fresh()));
    }
}

#[test]
fn styles_count_by_their_weights() {
    let transfer = builder().build().unwrap();
    let content = content();
    let (one, two) = (Style::new(style()), Style::new(picture(40, 60, 0.9)));
    let paint = |styles: &[Style]| transfer.run(&Request::picture(&content, styles.to_vec()), ());
    let alone = paint(std::slice::from_ref(&one)).unwrap().picture;
    assert_eq!(paint(&[one.clone().weight(3.0), two.clone().weight(0.0)]).unwrap().picture, alone);
    assert_ne!(paint(&[one.clone().weight(3.0), two.clone()]).unwrap().picture, alone);
    for bad in [-1.0, f64::NAN, f64::INFINITY, 0.0] {
        let refused = message(paint(&[one.clone().weight(bad)]));
        assert!(refused.starts_with("style_blend: "), "{refused}");
    }
}

#[test]
fn a_loss_that_is_no_number_is_an_error_not_a_picture() {
    // Finite weights whose features are not.
    let layer =
        |outputs: usize, inputs: usize| (outputs, vec![3e38f32; outputs * inputs * 9], vec![0.0f32; outputs]);
    let network = Network::builder("huge")
        .colours(InputColours::Torchvision)
        .block([layer(6, 3), layer(6, 6)])
        .block([layer(8, 6)]);
    let transfer = builder().network(network.build().unwrap()).build().unwrap();
    let result = transfer.run(&Request::picture(&content(), [style()]), ());
    assert!(matches!(result, Err(Error::Numeric(_))), "{}", message(result));
}

/// What L-BFGS remembers is foreseen, with a limit and without: a pair is two vectors of half precision, one in f32.
#[test]
fn memory_foreseen_holds_what_the_optimiser_remembers() {
    let (content, style) = (picture(160, 120, 1.0), picture(120, 120, 2.3));
    let foreseen = |history: usize, limit: Option<usize>| {
        let builder = StyleTransfer::builder().network(weights::random("8|8", 3).unwrap()).size(160);
        let builder = limit.map_or(builder.clone(), |limit| builder.max_memory(limit)).history(history);
        builder.build().unwrap().forecast(&Request::picture(&content, [style.clone()])).unwrap().memory_bytes
    };
    for limit in [None, Some(10_000_000_000)] {
        let vector = 4 * 3 * 160 * 120;
        assert_eq!(foreseen(90, limit) - foreseen(10, limit), 80 * vector, "{limit:?}");
    }
}

/// A limit of memory that the whole picture does not keep gives tiles: the same picture but for rounding, the same bytes for
/// any number of threads, and the number that a refusal tells would do.
#[test]
fn a_limit_of_memory_is_kept_in_tiles() {
    let (content, style) = (picture(160, 120, 1.0), picture(120, 120, 2.3));
    let transfer = |threads: usize, limit: Option<usize>| {
        let network = weights::random("8,8|8", 3).unwrap();
        let builder = StyleTransfer::builder().network(network).size(160).coarsest(160);
        let builder = builder.iterations(vec![2]).tolerance(0.0).threads(threads);
        limit.map_or(builder.clone(), |limit| builder.max_memory(limit)).build().unwrap()
    };
    let request = || Request::picture(&content, [style.clone()]);
    let whole = transfer(2, Some(10_000_000_000)).forecast(&request()).unwrap();
    assert_eq!(whole.sizes[0].tiles, 1);
    let limit = whole.memory_bytes as usize - 2_000_000;
    let tiled = transfer(2, Some(limit)).forecast(&request()).unwrap();
    assert!(tiled.sizes[0].tiles > 1 && tiled.memory_bytes as usize <= limit, "{tiled:?}");

    let paint = |threads, limit| transfer(threads, limit).run(&request(), ()).unwrap();
    let (whole, tiled) = (paint(1, None), paint(1, Some(limit)));
    let largest = |a: &Picture, b: &Picture| {
        a.rgb().iter().zip(b.rgb()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    let difference = largest(&whole.picture, &tiled.picture);
    assert!(difference > 0.0 && difference < 1e-3, "{difference}");
    assert!((whole.report.loss.total / tiled.report.loss.total - 1.0).abs() < 1e-4);
    assert_eq!(paint(3, Some(limit)).picture, tiled.picture);
    assert_eq!(paint(2, Some(10_000_000_000)).picture, whole.picture, "what fits is one tile");

    let text = message(transfer(1, Some(30_000_000)).run(&request(), ()));
    assert!(text.starts_with("max_memory: 30M is too little for 160x120 pixels"), "{text}");
    let would_do = text.split("about ").nth(1).unwrap().split('M').next().unwrap();
    let would_do = 1_000_000 * would_do.parse::<usize>().unwrap();
    assert!(transfer(1, Some(would_do)).size(&request()).is_ok(), "{text}");
    assert!(transfer(1, Some(would_do - 1_000_000)).size(&request()).is_err(), "{text}");
}
