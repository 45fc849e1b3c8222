//! Sequences: what is painted moves with what it is painted on.

#[cfg_attr(not(feature = "embedded"), allow(dead_code, reason = "what is measured needs the network"))]
#[path = "../examples/sequence/drawing.rs"]
mod drawing;

use drawing::Drawn;
use impasto::picture::Picture;
use impasto::{Error, Request, StyleTransfer, Stylized, weights};

const DRAWN: Drawn = Drawn { width: 96, height: 72 };

fn style() -> Picture {
    let value = |at: usize| {
        let (x, y, c) = ((at % 80) as f32, (at / 80 % 80) as f32, (at / 6400) as f32);
        (0.5 + 0.3 * (0.9 * x + 0.5 * y + c).sin() + 0.25 * (0.35 * y - 0.6 * x + 2.0 * c).sin())
            .clamp(0.0, 1.0)
    };
    Picture::from_rgb(80, 80, (0..3 * 6400).map(value).collect()).unwrap()
}

/// Paints frames one after the other; `alone`, each by itself.
fn paint(transfer: &StyleTransfer, frames: &[Picture], alone: bool) -> Vec<Stylized> {
    let mut results: Vec<Stylized> = Vec::new();
    for (k, frame) in frames.iter().enumerate() {
        let request = Request::picture(frame, [style()]);
        let result = match results.last().filter(|_| !alone) {
            Some(before) => transfer.run(&request.after(&frames[k - 1], &before.picture), ()),
            None => transfer.run(&request, ()),
        };
        results.push(result.unwrap());
    }
    results
}

#[cfg(feature = "embedded")]
#[test]
fn frames_hang_together_three_times_as_well_as_those_painted_alone() {
    let transfer = StyleTransfer::builder().size(96).coarsest(48).iterations(60).build().unwrap();
    let frames: Vec<Picture> = (0..3).map(|k| DRAWN.frame(k)).collect();
    let errors = |alone| -> f64 {
        let results = paint(&transfer, &frames, alone);
        (1..3).map(|k| DRAWN.warping_error(k, &results[k - 1].picture, &results[k].picture)).sum::<f64>()
    };
    let (together, alone) = (errors(false), errors(true));
    assert!(together <= alone / 3.0, "{together} {alone}");
    // The picture is there all the same: the frames of a sequence are no blur.
    assert!(alone > 1e-3, "{alone}");
}

#[test]
fn threads_change_nothing_and_a_frame_takes_the_finest_sizes() {
    let network = weights::random("8|8", 2).unwrap();
    let frames: Vec<Picture> = (0..2).map(|k| DRAWN.frame(k)).collect();
    let painted = |threads: usize| {
        let builder = StyleTransfer::builder().network(network.clone()).size(96).coarsest(24).size_step(2.0);
        let transfer = builder
            .iterations(4)
            .frame_iterations(vec![5, 3])
            .tolerance(0.0)
            .threads(threads)
            .build()
            .unwrap();
        paint(&transfer, &frames, false)
    };
    let (one, three) = (painted(1), painted(3));
    assert_eq!(one[1].picture, three[1].picture);
    let sizes = |stylized: &Stylized| -> Vec<(usize, usize)> {
        stylized.report.sizes.iter().map(|size| (size.width, size.iterations)).collect()
    };
    assert_eq!(sizes(&one[0]), [(24, 4), (48, 4), (96, 4)]);
    assert_eq!(sizes(&one[1]), [(48, 5), (96, 3)]);
    assert!(one[1].report.loss.pixel("temporal") > 0.0 && one[0].report.loss.pixel("temporal") == 0.0);
}

#[test]
fn a_frame_that_does_not_belong_is_refused() {
    let builder =
        || StyleTransfer::builder().network(weights::random("8|8", 2).unwrap()).size(48).iterations(2);
    let transfer = builder().build().unwrap();
    let (frame, small) = (DRAWN.frame(0), Drawn { width: 48, height: 36 }.frame(0));
    let refused = |content: &Picture, result: &Picture| {
        let request = Request::picture(&frame, [style()]).after(content, result);
        transfer.run(&request, ()).unwrap_err().to_string()
    };
    assert!(refused(&small, &small).contains("the content before has 48x36 pixels and this frame 96x72"));
    assert!(refused(&frame, &frame).contains("the result before has 96x72 pixels and this frame 48x36"));
    let texture = Request::texture([style()]).after(&frame, &small);
    assert!(transfer.run(&texture, ()).unwrap_err().to_string().contains("texture"));
    let error = builder().temporal_weight(-1.0).build().err().unwrap();
    assert!(matches!(error, Error::Option { option: "temporal_weight", .. }), "{error}");
}
