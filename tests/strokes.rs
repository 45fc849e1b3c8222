//! The method `strokes` as an embedding program uses it, and whether its pictures are made of the style's patches.

use std::ops::ControlFlow;

use impasto::picture::Picture;
use impasto::{
    Builder, Cancel, ColourMode, Mask, Method, Normalisation, Progress, Request, StopReason, Style,
    StyleStatistic, StyleTransfer, Stylized, weights,
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

/// Two sizes (24 and 48 px), a small network of four blocks, one thread.
fn builder() -> Builder {
    StyleTransfer::builder()
        .network(weights::random("6,6|8|6|5", 3).unwrap())
        .method(Method::Strokes)
        .size(48)
        .coarsest(24)
        .iterations(vec![8, 5])
        .tolerance(0.0)
        .threads(1)
}

fn content() -> Picture {
    picture(64, 48, 1.0)
}

fn style() -> Picture {
    picture(50, 44, 2.3)
}

fn run(builder: Builder, request: &Request<'_>) -> Stylized {
    builder.build().unwrap().run(request, ()).unwrap()
}

fn distance(a: &Picture, b: &Picture) -> f64 {
    let pairs = a.rgb().iter().zip(b.rgb());
    pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / a.rgb().len() as f64
}

fn message<T>(result: impasto::Result<T>) -> String {
    match result {
        Ok(_) => panic!("this should have been refused"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_iteration_is_told_in_order_and_the_report_adds_up() {
    let mut told = Vec::new();
    let transfer = builder().build().unwrap();
    let result = transfer.run(&Request::picture(&content(), [style()]), |progress: &Progress| {
        assert!(progress.terms.total > 0.0 && progress.seconds_left >= 0.0);
        told.push((progress.size_index, progress.width, progress.iteration));
        ControlFlow::Continue(())
    });
    let result = result.unwrap();
    let expected: Vec<_> = (1..=8).map(|i| (1, 24, i)).chain((1..=5).map(|i| (2, 48, i))).collect();
    assert_eq!(told, expected);
    assert_eq!((result.picture.width(), result.picture.height()), (48, 36));
    assert_eq!(result.report.sizes.iter().map(|size| size.iterations).collect::<Vec<_>>(), [8, 5]);
    let evaluations = result.report.sizes.iter().map(|size| size.evaluations).sum::<usize>();
    assert_eq!(result.report.evaluations, evaluations);
    assert_eq!(result.report.stop, StopReason::Iterations);
}

#[test]
fn the_same_pixels_come_out_for_any_number_of_threads() {
    let paint = |threads| run(builder().threads(threads), &Request::picture(&content(), [style()])).picture;
    let one = paint(1);
    assert_eq!(one, paint(2));
    assert_eq!(one, paint(3));
}

#[test]
fn a_cancelled_run_returns_its_best_picture_at_the_full_size() {
    let transfer = builder().build().unwrap();
    let (content, request) = (content(), content());
    let request = Request::picture(&request, [style()]);
    let result =
        transfer.run(&request, |progress: &Progress| match (progress.size_index, progress.iteration) {
            (1, 6) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
    let result = result.unwrap();
    assert_eq!((result.picture.width(), result.picture.height()), (48, 36));
    assert_eq!((result.report.stop, result.report.sizes.len()), (StopReason::Cancelled, 1));
    assert!(distance(&result.picture, &content.resized(48, 36).unwrap()) > 1e-6, "six iterations are in it");
    let cancel = Cancel::new();
    cancel.cancel();
    let result = transfer.run(&request.cancelled_by(&cancel), ()).unwrap();
    assert_eq!((result.report.stop, result.report.evaluations), (StopReason::Cancelled, 0));
    assert!(distance(&result.picture, &content.resized(48, 36).unwrap()) < 1e-4, "the start comes back");
}

#[test]
fn more_content_weight_and_less_strength_keep_more_of_the_content() {
    let (content, seen) = (content(), content().resized(48, 36).unwrap());
    let request = Request::picture(&content, [style()]);
    let away = |builder: Builder| distance(&run(builder, &request).picture, &seen);
    let by_weight = [0.02, 0.3, 20.0].map(|weight| away(builder().content_weight(weight)));
    assert!(by_weight[0] > by_weight[1] && by_weight[1] > by_weight[2], "{by_weight:?}");
    let by_strength = [0.5, 0.25, 0.05, 0.0].map(|strength| away(builder().strength(strength)));
    assert!(by_strength.windows(2).all(|pair| pair[0] > pair[1]), "{by_strength:?}");
    assert_eq!(by_strength[0], by_weight[0], "both defaults are the same");
    assert!(by_strength[3] < 1e-9, "no style at all");
}

#[test]
fn styles_count_by_their_weights() {
    let content = content();
    let paint = |weights: [f64; 2]| {
        let styles = [style(), picture(40, 40, 0.7)];
        let styles = styles.into_iter().zip(weights).map(|(style, weight)| Style::new(style).weight(weight));
        run(builder(), &Request::picture(&content, styles)).picture
    };
    let alone = run(builder(), &Request::picture(&content, [style()])).picture;
    assert_eq!(paint([1.0, 0.0]), alone, "a style without weight is not there");
    // A style that counts a millionth must match better by more than most do.
    assert!(distance(&paint([1.0, 1e-9]), &alone) <= distance(&paint([1.0, 1.0]), &alone));
    assert_ne!(paint([1.0, 1.0]), alone);
}

/// 1 in the left half, 0 in the right.
fn left(width: usize, height: usize) -> Mask {
    let value = |at: usize| if at % width < width / 2 { 1.0 } else { 0.0 };
    Mask::new(width, height, (0..width * height).map(value).collect()).unwrap()
}

/// The mean of a channel over columns of a picture.
fn mean(picture: &Picture, channel: usize, columns: std::ops::Range<usize>) -> f32 {
    let (width, height) = (picture.width(), picture.height());
    let plane = &picture.rgb()[channel * width * height..][..width * height];
    let rows = plane.chunks(width).flat_map(|row| &row[columns.clone()]);
    rows.sum::<f32>() / (columns.len() * height) as f32
}

#[test]
fn each_region_is_painted_in_its_own_style_and_from_its_own_part() {
    let content = content();
    let tinted = |red: f32, blue: f32| {
        let style = picture(48, 48, 1.7);
        let plane = 48 * 48;
        let tint = [red, 0.4, blue];
        let rgb = style.rgb().iter().enumerate().map(|(at, value)| 0.8 * tint[at / plane] + 0.2 * value);
        Picture::from_rgb(48, 48, rgb.collect()).unwrap()
    };
    let red_at_left = |painted: &Picture| mean(painted, 0, 0..20) - mean(painted, 0, 28..48);
    let (red, blue) = (tinted(0.9, 0.1), tinted(0.1, 0.9));
    let builder = || builder().iterations(vec![60, 40]);
    let guided = [Style::new(red.clone()).within(left(64, 48)), Style::new(blue.clone())];
    let painted = run(builder(), &Request::picture(&content, guided)).picture;
    let free = run(builder(), &Request::picture(&content, [red.clone(), blue.clone()])).picture;
    let (guided, free) = (red_at_left(&painted), red_at_left(&free));
    assert!(guided > 0.1 && guided > free + 0.05, "{guided} {free}");
    // One picture, half red and half blue, of which only the red half serves.
    let half = (0..3 * 48 * 48).map(|at| if at % 48 < 24 { red.rgb()[at] } else { blue.rgb()[at] }).collect();
    let half = Picture::from_rgb(48, 48, half).unwrap();
    let blueness = |painted: Picture| mean(&painted, 2, 0..48) - mean(&painted, 0, 0..48);
    let masked = blueness(
        run(builder(), &Request::picture(&content, [Style::new(half.clone()).masked(left(48, 48))])).picture,
    );
    let whole = blueness(run(builder(), &Request::picture(&content, [half])).picture);
    assert!(masked < whole - 0.1 && masked < -0.2, "{masked} {whole}");
}

#[test]
fn masks_say_where_the_content_stays() {
    let (content, seen) = (content(), content().resized(48, 36).unwrap());
    let request = Request::picture(&content, [style()]);
    let away = |painted: &Picture, columns: std::ops::Range<usize>| {
        let pairs = painted.rgb().iter().zip(seen.rgb()).enumerate();
        pairs
            .filter(|(at, _)| columns.contains(&(at % 48)))
            .map(|(_, (a, b))| f64::from(a - b).powi(2))
            .sum::<f64>()
    };
    let kept = run(builder(), &request.clone().keep(left(64, 48))).picture;
    assert_eq!(away(&kept, 0..23), 0.0, "the content's own pixels");
    assert!(away(&kept, 28..48) > 0.1);
    let everywhere = request.clone().strength(Mask::new(64, 48, vec![0.25; 64 * 48]).unwrap());
    let scalar = run(builder().strength(0.25), &request).picture;
    let apart = distance(&run(builder(), &everywhere).picture, &scalar);
    assert!(apart < 1e-6, "one number is the same mask everywhere: {apart}");
    let builder = || builder().iterations(vec![60, 40]);
    let half = left(64, 48);
    let weak = half.values().iter().map(|value| if *value > 0.5 { 0.1 } else { 0.5 }).collect();
    let weak = Mask::new(64, 48, weak);
    let by_place = run(builder(), &request.clone().strength(weak.unwrap())).picture;
    let even = run(builder(), &request).picture;
    let (weak, full) = (away(&by_place, 0..20), away(&even, 0..20));
    assert!(weak < 0.5 * full, "{weak} {full}");
    let (weak, full) = (away(&by_place, 28..48), away(&even, 28..48));
    assert!((weak / full - 1.0).abs() < 0.3, "{weak} {full}");
}

#[test]
fn textures_colours_and_alpha_go_with_it() {
    let texture = |seed| run(builder().seed(seed), &Request::texture([style()])).picture;
    assert_eq!((texture(1).width(), texture(1).height()), (48, 48));
    assert_eq!(texture(1), texture(1));
    assert_ne!(texture(1), texture(2));
    let content = content();
    let request = Request::picture(&content, [style()]);
    for mode in [ColourMode::Content, ColourMode::Match, ColourMode::Luminance] {
        let painted = run(builder().colour(mode), &request).picture;
        assert_ne!(painted, run(builder(), &request).picture, "{mode}");
    }
    let larger = run(builder().style_scale(1.5), &request).picture;
    assert_ne!(larger, run(builder(), &request).picture);
}

#[test]
fn what_strokes_cannot_do_is_refused_with_the_reason() {
    let refused = |builder: Builder| message(builder.build());
    for (option, text) in [
        ("normalisation", refused(builder().normalisation(Normalisation::Gatys))),
        ("style_statistic", refused(builder().style_statistic(StyleStatistic::Covariance))),
        ("style_weight", refused(builder().style_weight(2.0))),
        ("style_layers", refused(builder().style_layers("relu1_1".parse::<impasto::LayerList>().unwrap()))),
        (
            "content_layers",
            refused(builder().content_layers("relu1_1".parse::<impasto::LayerList>().unwrap())),
        ),
    ] {
        assert!(text.starts_with(option) && text.contains("belongs to `method` gram"), "{text}");
    }
    let content = content();
    let request = Request::picture(&content, [style()]);
    let text = message(builder().size(3).coarsest(3).iterations(1).build().unwrap().run(&request, ()));
    assert!(text.starts_with("size: "), "{text}");
    let grey = Picture::uniform(32, 32, [0.5; 3]).unwrap();
    assert!(builder().build().unwrap().run(&Request::picture(&content, [grey]), ()).is_ok(), "a plain style");
}

/// The squared distance of each patch of 5×5 pixels of `result`, every third one, to the nearest of `style`.
#[cfg(feature = "embedded")]
fn to_the_nearest_patch(result: &Picture, style: &Picture) -> Vec<f32> {
    const SIDE: usize = 5;
    let patches = |picture: &Picture, step: usize| -> Vec<Vec<f32>> {
        let (width, height) = (picture.width(), picture.height());
        let rows = (0..=height - SIDE).step_by(step);
        let corners = rows.flat_map(|y| (0..=width - SIDE).step_by(step).map(move |x| (y, x)));
        let patch = |(y, x): (usize, usize)| {
            let inside = (0..3 * SIDE * SIDE).map(|i| (i / SIDE / SIDE, i / SIDE % SIDE, i % SIDE));
            inside.map(|(c, dy, dx)| picture.rgb()[(c * height + y + dy) * width + x + dx]).collect()
        };
        corners.map(patch).collect()
    };
    let pool = patches(style, 1);
    let nearest = |patch: Vec<f32>| {
        let squared = |other: &Vec<f32>| patch.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
        pool.iter().map(squared).fold(f32::INFINITY, f32::min)
    };
    patches(result, 3).into_iter().map(nearest).collect()
}

#[cfg(feature = "embedded")]
#[test]
fn its_pictures_are_made_of_the_style_s_patches() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    let load = |name: &str| Picture::load(&folder.join(name)).unwrap().fitted(96).unwrap();
    let (content, style) = (load("scene.jpg"), load("painting.jpg"));
    let paint = |method| {
        let builder = StyleTransfer::builder().method(method).size(96);
        let picture = run(builder, &Request::picture(&content, [style.clone()])).picture;
        to_the_nearest_patch(&picture, &style)
    };
    let (strokes, gram) = (paint(Method::Strokes), paint(Method::Gram));
    let closer = strokes.iter().zip(&gram).filter(|(strokes, gram)| strokes < gram).count();
    let share = closer as f64 / strokes.len() as f64;
    println!("{share:.3} of the patches are closer to the style than those of the method gram");
    assert!(share > 0.6, "{share}");
}
