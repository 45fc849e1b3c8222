//! Flows of drawn pictures whose motion is known.

use super::*;

/// A smooth texture that goes on for ever.
fn texture(x: f32, y: f32, c: usize) -> f32 {
    let waves =
        [(0.31, 0.12, 0.0), (-0.17, 0.41, 1.0), (0.53, -0.36, 2.0), (0.09, 0.07, 3.0), (0.75, 0.68, 4.0)];
    let sum: f32 = waves.iter().map(|(a, b, phase)| (a * x + b * y + phase + 0.3 * c as f32).sin()).sum();
    0.5 + 0.09 * sum
}

/// A picture whose pixel (x, y) shows the texture at `place(x, y)`.
fn picture(width: usize, height: usize, place: impl Fn(f32, f32) -> (f32, f32, f32)) -> Picture {
    let value = |at: usize| {
        let (x, y) = (at % width, at / width % height);
        let (x, y, shade) = place(x as f32, y as f32);
        (texture(x, y, at / (width * height)) + shade).clamp(0.0, 1.0)
    };
    Picture::from_rgb(width, height, (0..3 * width * height).map(value).collect()).unwrap()
}

/// The mean distance of a flow from the truth, `edge` pixels from the border.
fn error(flow: &Flow, edge: usize, truth: impl Fn(f32, f32) -> (f32, f32)) -> f64 {
    let (mut sum, mut count) = (0.0, 0);
    for y in edge..flow.height() - edge {
        for x in edge..flow.width() - edge {
            let ((u, v), (true_u, true_v)) = (flow.at(x, y), truth(x as f32, y as f32));
            sum += f64::from((u - true_u).hypot(v - true_v));
            count += 1;
        }
    }
    sum / f64::from(count)
}

#[test]
fn a_translation_is_found_to_a_twentieth_of_a_pixel() {
    for (dx, dy) in [(0.0, 0.0), (0.4, -0.3), (3.4, -2.2)] {
        let first = picture(96, 72, |x, y| (x, y, 0.0));
        let second = picture(96, 72, |x, y| (x - dx, y - dy, 0.0));
        let off = error(&Flow::between(&first, &second), 10, |_, _| (dx, dy));
        assert!(off < 0.05, "{dx} {dy}: {off}");
    }
}

#[test]
fn a_rotation_is_found_to_a_tenth_of_a_pixel() {
    let (sin, cos) = 0.06f32.sin_cos();
    let turned = |x: f32, y: f32| {
        let (x, y) = (x - 48.0, y - 36.0);
        (48.0 + cos * x - sin * y, 36.0 + sin * x + cos * y)
    };
    let first = picture(96, 72, |x, y| (x, y, 0.0));
    // What is at p in the first is at turned(p) in the second, which shows at q the first's at the inverse.
    let second = picture(96, 72, |x, y| {
        let (x, y) = (x - 48.0, y - 36.0);
        (48.0 + cos * x + sin * y, 36.0 - sin * x + cos * y, 0.0)
    });
    let truth = |x: f32, y: f32| {
        let (there_x, there_y) = turned(x, y);
        (there_x - x, there_y - y)
    };
    let off = error(&Flow::between(&first, &second), 8, truth);
    assert!(off < 0.1, "{off}");
}

/// A bright disc that moves over a background.
fn disc(at: (f32, f32)) -> Picture {
    picture(96, 72, |x, y| {
        let (dx, dy) = (x - at.0, y - at.1);
        if dx.hypot(dy) < 15.0 { (dx + 200.0, dy - 80.0, 0.2) } else { (x, y, -0.1) }
    })
}

#[test]
fn what_a_disc_uncovers_is_not_trusted_and_the_rest_is() {
    let (before, after) = (disc((40.0, 36.0)), disc((46.0, 36.0)));
    let (back, forth) = (Flow::between(&after, &before), Flow::between(&before, &after));
    let trust = back.trust(&forth);
    let mean = |inside: &dyn Fn(f32, f32) -> bool| {
        let (mut sum, mut count) = (0.0, 0);
        for (at, weight) in trust.values.iter().enumerate() {
            if inside((at % 96) as f32, (at / 96) as f32) {
                sum += f64::from(*weight);
                count += 1;
            }
        }
        sum / f64::from(count)
    };
    let was = |x: f32, y: f32| (x - 40.0).hypot(y - 36.0) < 14.0;
    let is = |x: f32, y: f32| (x - 46.0).hypot(y - 36.0) < 16.0;
    assert!(
        mean(&|x, y| was(x, y) && !is(x, y)) < 0.2,
        "uncovered: {}",
        mean(&|x, y| was(x, y) && !is(x, y))
    );
    let far = |x: f32, y: f32| (x - 43.0).hypot(y - 36.0) > 26.0;
    assert!(mean(&far) > 0.94, "background: {}", mean(&far));
    let deep = |x: f32, y: f32| (x - 46.0).hypot(y - 36.0) < 10.0;
    assert!(mean(&deep) > 0.9, "disc: {}", mean(&deep));
}

#[test]
fn warping_by_the_flow_gives_the_picture_back() {
    let first = picture(96, 72, |x, y| (x, y, 0.0));
    let second = picture(96, 72, |x, y| (x - 4.3, y + 1.6, 0.0));
    let flow = Flow::between(&first, &second);
    let warped = flow.warp(second.rgb());
    let far = |planes: &[f32]| {
        let inside = |at: usize| (8..88).contains(&(at % 96)) && (8..64).contains(&(at / 96 % 72));
        let squares = planes.iter().zip(first.rgb()).enumerate().filter(|(at, _)| inside(*at));
        squares.map(|(_, (a, b))| f64::from((a - b) * (a - b))).sum::<f64>()
    };
    assert!(far(&warped) < 0.001 * far(second.rgb()), "{} {}", far(&warped), far(second.rgb()));
    // The naive version: one pixel at a time.
    let (x, y) = (31, 20);
    let (u, v) = flow.at(x, y);
    let green = Plane { width: 96, height: 72, values: second.rgb()[96 * 72..2 * 96 * 72].to_vec() };
    assert_eq!(warped[96 * 72 + y * 96 + x], green.sample(x as f32 + u, y as f32 + v));
}

#[test]
fn the_threads_change_nothing_and_small_pictures_have_a_flow() {
    let (first, second) = (disc((40.0, 30.0)), disc((43.0, 31.0)));
    let flow = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Flow::between(&first, &second))
    };
    assert_eq!(flow(1), flow(3));
    for (width, height) in [(1, 1), (2, 9), (40, 1)] {
        let tiny = picture(width, height, |x, y| (x, y, 0.0));
        let flow = Flow::between(&tiny, &tiny);
        assert!(flow.across.values.iter().chain(&flow.down.values).all(|value| value.abs() < 1e-3));
    }
}

#[test]
fn a_flow_at_another_size_is_the_same_motion() {
    let flow = Flow { across: Plane::from_fn(20, 10, |_, _| 3.0), down: Plane::from_fn(20, 10, |_, _| -1.0) };
    let large = flow.resized(60, 20);
    assert!(large.across.values.iter().all(|value| (value - 9.0).abs() < 1e-5));
    assert!(large.down.values.iter().all(|value| (value + 2.0).abs() < 1e-5));
}
