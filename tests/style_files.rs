//! Style files: the same bits as the pictures that they were saved of, at the sizes they were saved for, and nowhere else.

use impasto::picture::Picture;
use impasto::{
    Builder, ColourMode, Mask, Pooling, Request, SavedStyle, Start, Style, StyleSizes, StyleStatistic,
    StyleTransfer, weights,
};

fn picture(width: usize, height: usize, kind: f32) -> Picture {
    let value = |at: usize| {
        let (x, y, c) = ((at % width) as f32, (at / width % height) as f32, (at / (width * height)) as f32);
        0.5 + 0.2 * (x * 0.29 * kind + c).sin() + 0.2 * (y * 0.37 - x * 0.1 * kind + 2.0 * c).cos()
    };
    Picture::from_rgb(width, height, (0..3 * width * height).map(value).collect()).unwrap()
}

fn builder() -> Builder {
    let network = weights::random("8,8|12,12", 5).unwrap();
    StyleTransfer::builder()
        .network(network)
        .coarsest(24)
        .size_step(2.0)
        .iterations(3)
        .tolerance(0.0)
        .threads(1)
}

/// Saved for results of 48 and 64 px, and read from its file.
fn saved(transfer: &StyleTransfer, styles: &[Style]) -> SavedStyle {
    let mut saver = transfer.save_style(["one.png".to_owned(), "other.png".to_owned()]);
    saver.add(48, styles).unwrap();
    saver.add(64, styles).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two.style");
    let _ = saver.finish().save(&file).unwrap();
    assert!(SavedStyle::is_in(&file));
    SavedStyle::load(&file).unwrap()
}

fn styles() -> [Style; 2] {
    [Style::new(picture(70, 40, 2.0)).weight(2.0), Style::new(picture(33, 50, 3.0))]
}

#[test]
fn a_saved_style_paints_the_bytes_of_its_pictures() {
    let content = picture(60, 45, 1.0);
    let covariance = || builder().style_statistic(StyleStatistic::Covariance).style_scale(1.3);
    for (name, builder) in [("Gram", builder()), ("covariance", covariance())] {
        let file = saved(&builder.clone().build().unwrap(), &styles());
        for size in [48, 64] {
            let transfer = builder.clone().size(size).threads(2).build().unwrap();
            let run = |request: Request<'_>| transfer.run(&request, ()).unwrap();
            for start in [Start::Content, Start::Noise] {
                let with = run(Request::picture(&content, styles()).start(start.clone()));
                let without = run(Request::picture(&content, [file.clone()]).start(start));
                assert_eq!(with.picture, without.picture, "{name}, {size}");
                assert_eq!(with.report.loss, without.report.loss, "{name}, {size}");
            }
            let (with, without) = (run(Request::texture(styles())), run(Request::texture([file.clone()])));
            assert_eq!(with.picture, without.picture, "texture, {name}, {size}");
        }
        assert_eq!(
            (file.pictures(), file.sizes().len()),
            (&["one.png".to_owned(), "other.png".to_owned()][..], 2)
        );
    }
}

/// Beside other styles, in a region and at some sizes, it counts as a picture does.
#[test]
fn a_saved_style_goes_wherever_a_picture_goes() {
    let (content, one, other) = (picture(60, 45, 1.0), picture(70, 40, 2.0), picture(33, 50, 3.0));
    let transfer = builder().size(48).build().unwrap();
    let file = saved(&transfer, &[Style::new(one.clone())]);
    let region = Mask::from_brightness(&picture(60, 45, 0.4));
    let paint = |style: Style| {
        let place = |style: Style| style.weight(0.4).at_sizes(StyleSizes::Coarse).within(region.clone());
        let request = Request::picture(&content, [place(style), Style::new(other.clone())]);
        transfer.run(&request, ()).unwrap().picture
    };
    assert_eq!(paint(one.into()), paint(file.into()));
}

#[test]
fn what_a_file_does_not_have_is_refused_with_what_to_do() {
    let content = picture(60, 45, 1.0);
    let file = saved(&builder().build().unwrap(), &styles());
    let refused = |builder: Builder, style: Style, needle: &str| {
        let request = Request::picture(&content, [style]);
        let error = builder.build().unwrap().run(&request, ()).unwrap_err().to_string();
        assert!(error.contains("two.style: ") && error.contains(needle), "{error}");
    };
    let style = || Style::from(file.clone());
    let ours = || builder().size(48);
    refused(
        builder().size(50),
        style(),
        "have 48, 64 px on their longer side, not 50; choose one of these sizes, or save it",
    );
    refused(ours().style_scale(1.1), style(), "not 53");
    refused(ours(), style().scale(2.0), "not 96");
    refused(ours().coarsest(12), style(), "no statistics at 12 px");
    refused(ours().pooling(Pooling::Average), style(), "another network or pooling");
    refused(ours().network(weights::random("8,8|12,12", 6).unwrap()), style(), "another network");
    refused(
        ours().style_statistic(StyleStatistic::Covariance),
        style(),
        "for `style_statistic` gram, not covariance",
    );
    let layers: impasto::LayerList = "relu1_1,conv2_2".parse().unwrap();
    refused(ours().style_layers(layers), style(), "no statistics of conv2_2");
    refused(ours().colour(ColourMode::Content), style(), "whose colours `colour` content could change");
    refused(ours().colour(ColourMode::Luminance), style(), "`colour` luminance");
    refused(
        ours(),
        style().masked(Mask::from_brightness(&content)),
        "no picture of which a part could be taken",
    );
}

#[test]
fn damaged_style_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let transfer = builder().build().unwrap();
    let mut saver = transfer.save_style(["one.png".to_owned()]);
    saver.add(48, &[picture(70, 40, 2.0).into()]).unwrap();
    let file = folder.path().join("one.style");
    let _ = saver.finish().save(&file).unwrap();
    let bytes = std::fs::read(&file).unwrap();
    for k in 0..200 {
        let at = if k < 60 { k } else { (bytes.len() - 1) * (k - 60) / 139 };
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (k % 8);
        for damaged in [&flipped[..], &bytes[..at]] {
            std::fs::write(&file, damaged).unwrap();
            let message = SavedStyle::load(&file).unwrap_err().to_string();
            assert!(
                message.contains("is no style file") || message.contains("is damaged or cut short"),
                "{message}"
            );
        }
    }
}

#[test]
fn pictures_that_cannot_be_measured_are_refused() {
    let transfer = builder().build().unwrap();
    let mut saver = transfer.save_style([]);
    assert!(saver.add(48, &[]).unwrap_err().to_string().contains("no style picture"));
    let bad = Style::new(picture(40, 40, 1.0)).weight(-1.0);
    assert!(saver.add(48, &[bad]).unwrap_err().to_string().contains("-1 cannot be a weight"));
    let line = Style::new(picture(600, 2, 1.0));
    assert!(saver.add(48, &[line]).unwrap_err().to_string().contains("for the style"));
}
