//! Checkpoints by the library: every one of a run leads to the same end, and none that is damaged or foreign is taken.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use impasto::picture::Picture;
use impasto::{
    Builder, Checkpoint, Checkpoints, ColourMode, Mask, Network, OptimizerName, Progress, Report, Request,
    Start, StopReason, Style, StyleTransfer, Stylized, weights,
};

fn network() -> Network {
    weights::random("8,8|12,12", 5).unwrap()
}

fn picture(width: usize, height: usize, kind: f32) -> Picture {
    let value = |at: usize| {
        let (x, y, c) = ((at % width) as f32, (at / width % height) as f32, (at / (width * height)) as f32);
        0.5 + 0.2 * (x * 0.29 * kind + c).sin() + 0.2 * (y * 0.37 - x * 0.1 * kind + 2.0 * c).cos()
    };
    Picture::from_rgb(width, height, (0..3 * width * height).map(value).collect()).unwrap()
}

/// Two sizes, a few iterations each.
fn builder() -> Builder {
    StyleTransfer::builder()
        .network(network())
        .size(48)
        .coarsest(24)
        .size_step(2.0)
        .iterations(vec![7, 5])
        .tolerance(0.0)
        .threads(1)
}

fn go_on(_: &Progress<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Runs with a checkpoint after every iteration; returns the end and every checkpoint.
fn every_checkpoint(
    transfer: &StyleTransfer,
    request: &Request<'_>,
    folder: &Path,
) -> (Stylized, Vec<PathBuf>) {
    let file = folder.join("run.checkpoint");
    let checkpoints = Checkpoints::to(&file).unwrap().every(Duration::ZERO).note("a note");
    let request = request.clone().checkpoints(checkpoints.clone());
    let mut copies = Vec::new();
    let mut keep = || {
        if file.exists() {
            let copy = folder.join(format!("{}.checkpoint", copies.len()));
            std::fs::copy(&file, &copy).unwrap();
            copies.push(copy);
        }
    };
    // What is there when an iteration is over is the checkpoint of the one before it.
    let stylized = transfer
        .run(&request, |_: &Progress<'_>| {
            keep();
            ControlFlow::Continue(())
        })
        .unwrap();
    keep();
    assert_eq!(checkpoints.failure(), None);
    (stylized, copies)
}

/// All of a report that does not tell the time.
fn timeless(report: &Report) -> Report {
    let mut report = report.clone();
    (report.seconds, report.evaluation_seconds, report.threads) = (0.0, 0.0, 0);
    report
}

#[test]
fn every_checkpoint_of_a_run_leads_to_the_same_end() {
    let (content, style, other) = (picture(60, 45, 1.0), picture(40, 40, 2.0), picture(33, 50, 3.0));
    let half = Mask::from_brightness(&picture(60, 45, 0.4));
    let plain = Request::picture(&content, [style.clone()]);
    let guided = Request::picture(&content, [Style::new(style.clone()).within(half), Style::new(other)]);
    let adam = || builder().optimizer(OptimizerName::Adam);
    let cases: Vec<(&str, Builder, Request<'_>)> = vec![
        ("L-BFGS", builder(), plain.clone()),
        ("Adam", adam(), plain.clone()),
        ("content's colours", builder().colour(ColourMode::Content), plain),
        ("regions", builder().history(2), guided.start(Start::Noise)),
        ("texture", adam(), Request::texture([style])),
    ];
    for (name, builder, request) in cases {
        let folder = tempfile::tempdir().unwrap();
        let transfer = builder.clone().build().unwrap();
        let whole = transfer.run(&request, go_on).unwrap();
        let (same, files) = every_checkpoint(&transfer, &request, folder.path());
        assert_eq!(
            (&same.picture, timeless(&same.report)),
            (&whole.picture, timeless(&whole.report)),
            "{name}"
        );
        assert!(files.len() >= 12, "{name}: {}", files.len());
        let again = builder.threads(2).build().unwrap();
        for file in files {
            let checkpoint = Checkpoint::load(&file).unwrap();
            assert_eq!(checkpoint.note(), "a note");
            let done = again.resume(&request, checkpoint, go_on).unwrap();
            assert_eq!(done.picture, whole.picture, "{name}, {}", file.display());
            assert_eq!(timeless(&done.report), timeless(&whole.report), "{name}, {}", file.display());
        }
    }
}

#[test]
fn a_run_that_is_cancelled_in_the_middle_of_an_evaluation_goes_on_to_the_same_end() {
    let (content, style) = (picture(60, 45, 1.0), picture(40, 40, 2.0));
    for optimizer in [OptimizerName::Lbfgs, OptimizerName::Adam] {
        let transfer = builder().optimizer(optimizer).build().unwrap();
        let request = Request::picture(&content, [style.clone()]);
        let whole = transfer.run(&request, go_on).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.checkpoint");
        for stop in 1..12 {
            let cancel = impasto::Cancel::new();
            let checkpoints = Checkpoints::to(&file).unwrap();
            let request = request.clone().cancelled_by(&cancel).checkpoints(checkpoints.clone());
            let mut seen = 0;
            let watch = |_: &Progress<'_>| {
                seen += 1;
                if seen == stop {
                    cancel.cancel();
                }
                ControlFlow::Continue(())
            };
            let half = transfer.run(&request, watch).unwrap();
            assert_eq!((half.report.stop, checkpoints.failure()), (StopReason::Cancelled, None));
            let checkpoint = Checkpoint::load(&file).unwrap();
            let mut first = None;
            let watch = |progress: &Progress<'_>| {
                first.get_or_insert((progress.evaluations, progress.seconds));
                ControlFlow::Continue(())
            };
            let request = Request::picture(&content, [style.clone()]);
            let done = transfer.resume(&request, checkpoint, watch).unwrap();
            let (evaluations, seconds) = first.unwrap();
            assert!(evaluations > stop && seconds >= half.report.evaluation_seconds, "counted on");
            assert_eq!(done.picture, whole.picture, "{optimizer}, {stop}");
            assert_eq!(timeless(&done.report), timeless(&whole.report), "{optimizer}, {stop}");
        }
    }
}

/// A checkpoint of a run that has begun its second size.
fn checkpoint(folder: &Path, request: &Request<'_>) -> PathBuf {
    let transfer = builder().build().unwrap();
    every_checkpoint(&transfer, request, folder).1.swap_remove(9)
}

#[test]
fn damage_anywhere_is_refused_with_the_reason() {
    let (content, style) = (picture(60, 45, 1.0), picture(40, 40, 2.0));
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(checkpoint(folder.path(), &Request::picture(&content, [style]))).unwrap();
    let file = folder.path().join("damaged.checkpoint");
    let refused = |bytes: &[u8], what: &str| {
        std::fs::write(&file, bytes).unwrap();
        let message = Checkpoint::load(&file).expect_err(what).to_string();
        let told = message
            .contains("damaged.checkpoint: is no checkpoint of this program; name another file")
            || message
                .contains("is damaged or cut short: its checksum is not that of what it holds; begin anew");
        assert!(told, "{what}: {message}");
    };
    for k in 0..200 {
        let at = if k < 60 { k } else { (bytes.len() - 1) * (k - 60) / 139 };
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (k % 8);
        refused(&flipped, &format!("a bit flipped at {at}"));
        refused(&bytes[..at], &format!("cut at {at}"));
    }
    refused(&[&bytes[..], b"more"].concat(), "longer");
    refused(b"a text", "another file");
    for nothing in [folder.path().to_owned(), folder.path().join("missing")] {
        let message = Checkpoint::load(&nothing).unwrap_err().to_string();
        assert!(message.contains("is a folder") || message.contains("cannot be read"), "{message}");
    }
    std::fs::write(&file, &bytes).unwrap();
    assert!(Checkpoint::load(&file).is_ok());
}

#[test]
fn a_checkpoint_of_another_run_is_refused_with_the_difference() {
    let (content, style) = (picture(60, 45, 1.0), picture(40, 40, 2.0));
    let folder = tempfile::tempdir().unwrap();
    let request = Request::picture(&content, [style.clone()]);
    let file = checkpoint(folder.path(), &request);
    let refused = |transfer: Builder, request: &Request<'_>, part: &str| {
        let checkpoint = Checkpoint::load(&file).unwrap();
        let message = transfer.build().unwrap().resume(request, checkpoint, ()).unwrap_err().to_string();
        assert!(message.contains(&format!("another {part}; give what it was begun with")), "{message}");
    };
    let changed = picture(60, 45, 1.0001);
    refused(builder(), &Request::picture(&changed, [style.clone()]), "content picture");
    refused(builder(), &Request::texture([style.clone()]), "content picture");
    refused(builder(), &Request::picture(&content, [changed]), "style");
    let heavier = [Style::new(style.clone()).weight(2.0)];
    refused(builder(), &Request::picture(&content, heavier), "style");
    let mask = Mask::from_brightness(&content);
    refused(
        builder(),
        &Request::picture(&content, [Style::new(style.clone()).within(mask.clone())]),
        "style",
    );
    refused(builder(), &request.clone().keep(mask), "mask");
    refused(builder(), &request.clone().start(Start::Noise), "start picture");
    refused(builder().network(weights::random("8,8|12,12", 6).unwrap()), &request, "network");
    refused(builder().tv_weight(0.5), &request, "set of options");
    refused(builder().iterations(vec![7, 6]), &request, "set of options");
    let checkpoint = Checkpoint::load(&file).unwrap();
    assert!(builder().threads(3).build().unwrap().resume(&request, checkpoint, ()).is_ok());
}

/// What cannot be written is told and costs nothing else.
#[test]
fn a_checkpoint_that_cannot_be_written_does_not_end_the_run() {
    let (content, style) = (picture(60, 45, 1.0), picture(40, 40, 2.0));
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let checkpoints = Checkpoints::to(&inner.join("run.checkpoint")).unwrap().every(Duration::ZERO);
    std::fs::remove_dir(&inner).unwrap();
    let request = Request::picture(&content, [style]);
    let transfer = builder().build().unwrap();
    let whole = transfer.run(&request, ()).unwrap();
    let done = transfer.run(&request.clone().checkpoints(checkpoints.clone()), ()).unwrap();
    assert_eq!(done.picture, whole.picture);
    assert!(checkpoints.failure().unwrap().contains("could not be written"));
    assert!(Checkpoints::to(&inner.join("run.checkpoint")).is_err());
}
