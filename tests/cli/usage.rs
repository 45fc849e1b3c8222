//! Help, and options that cannot be used.

use super::Workshop;
use impasto::defaults;
use impasto::internals::loss::Normalisation;

#[test]
fn help_goes_to_stdout_and_names_every_option_of_its_command() {
    let workshop = Workshop::new();
    let transfer = [
        "--output",
        "--size",
        "--weights",
        "--normalisation",
        "--iterations",
        "--content-weight",
        "--style-weight",
        "--tv-weight",
        "--content-layers",
        "--style-layers",
        "--pooling",
        "--init",
        "--seed",
        "--threads",
        "--quiet",
        "--json",
        "--optimizer",
        "--learning-rate",
        "--style-blend",
        "--style-scale",
        "--original-colours",
        "--convolution",
        "--isa",
        "--coarsest",
        "--size-step",
        "--tolerance",
    ];
    let commands: [(&str, &[&str]); 9] = [
        ("", &["transfer", "texture", "evaluate", "check", "bench", "weights", "Exit status"]),
        ("transfer", &transfer),
        ("texture", &["--size", "--init", "--output"]),
        ("evaluate", &["--content", "--style", "--image", "--gradient", "--precision", "--json"]),
        ("check", &["--weights", "--json"]),
        ("bench", &["--weights", "--architecture", "--size", "--json"]),
        ("weights", &["inspect", "convert"]),
        ("weights inspect", &["--json"]),
        ("weights convert", &["--precision", "--input"]),
    ];
    for (command, words) in commands {
        let ran = workshop.run(&format!("{command} --help")).succeeds();
        assert_eq!(ran.stderr, "");
        for word in words {
            assert!(ran.stdout.contains(word), "{command}: {word}\n{}", ran.stdout);
        }
    }
    let version = workshop.run("--version").succeeds();
    assert_eq!(version.stdout.trim(), format!("impasto {}", env!("CARGO_PKG_VERSION")));
    let nothing = workshop.run("");
    assert_eq!((nothing.code, nothing.stdout.as_str()), (2, ""));
    assert!(nothing.stderr.contains("transfer"));
}

#[test]
fn the_help_states_the_defaults_that_hold() {
    let help = Workshop::new().run("transfer --help").succeeds().stdout;
    // The help is wrapped, so that spaces may be line breaks.
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let (content, style) = defaults::weights(Normalisation::Relative);
    for text in [
        format!("an area like 2MP [default: {}]", defaults::SIZE),
        format!("by normalisation; {content} for relative"),
        format!("by normalisation; {style} for relative"),
        format!("which smooths [default: {} for a picture", defaults::TV_WEIGHT),
        format!("cuts them off at the end [default: {}]", defaults::RANGE_WEIGHT),
        format!("at least {} [default: {}]", defaults::FEWEST_ITERATIONS, defaults::ITERATIONS),
        format!("but stays at least {}", defaults::FEWEST_ITERATIONS),
        format!("for one size only [default: {}]", defaults::COARSEST),
        format!("0 for never [default: {}]", defaults::TOLERANCE),
        format!("larger strokes [default: {}, or less", defaults::STYLE_SCALE),
        format!("from 0 to 1 [default: {}]", defaults::LEARNING_RATE),
    ] {
        assert!(help.contains(&text), "{text}: {help}");
    }
}

#[test]
fn mistakes_in_the_arguments_are_wrong_usage() {
    let workshop = Workshop::new();
    for (arguments, needle) in [
        ("paint", "paint"),
        ("transfer", "<CONTENT> <STYLE>"),
        ("transfer content.png -o out.png", "<STYLE>"),
        ("transfer content.png style.png -o out.png --frobnicate", "--frobnicate"),
        (
            "transfer content.png style.png -o out.png --normalisation best",
            "frobenius, gatys, johnson, relative",
        ),
        ("transfer content.png style.png -o out.png --pooling median", "max, average"),
        ("transfer content.png style.png -o out.png --style-layers 3_1", "write it like relu3_1"),
        ("transfer content.png style.png -o out.png --optimizer sgd", "lbfgs, adam"),
        ("transfer content.png style.png -o out.png --isa sse", "avx512, avx2, portable"),
        ("evaluate --content content.png", "--image"),
        ("bench --architecture vgg99", "vgg16, vgg19"),
        ("bench --repeats 0", "--repeats"),
        ("texture style.png -o out.png --size", "--size"),
        ("weights convert net.npz", "<OUTPUT>"),
    ] {
        workshop.run(arguments).fails(2, needle);
    }
    assert!(!workshop.path("out.png").exists());
}

#[test]
fn options_that_cannot_be_used_are_refused_before_the_work() {
    let workshop = Workshop::new();
    for (options, needle) in [
        ("--size 0", "--size"),
        ("--size 1", "each side must be from 2"),
        ("--size -5", "--size"),
        ("--size 1.5", "--size"),
        ("--size 99999999999999999999999", "--size"),
        ("--size 9999999", "to 65536 pixels"),
        (
            "--size 64x64",
            "another shape than the content's 40x30; give the longer side alone (64, which makes 64x48)",
        ),
        ("--iterations 0", "at least 1 iteration"),
        ("--iterations 5,5", "1 size (40x30)"),
        ("--iterations many", "200,100,50"),
        ("--coarsest 0", "--coarsest"),
        ("--size-step 1", "--size-step"),
        ("--size-step 2 --size 64", "--size-step"),
        ("--threads 0", "--threads"),
        ("--threads 100000", "1 to 1024"),
        ("--content-weight -1", "--content-weight"),
        ("--style-weight nan", "--style-weight"),
        ("--tv-weight inf", "--tv-weight"),
        ("--content-weight 0 --style-weight 0", "nothing to compare"),
        ("--style-layers relu9_1", "conv1_1, relu1_1, conv1_2"),
        ("--content-layers relu4_2", "its layers are conv1_1"),
        ("--style-layers relu1_1,relu1_1", "named twice"),
        ("--style-layers relu1_1:0", "sum to 0"),
        ("--style-scale 0", "--style-scale"),
        ("--style-scale nan", "--style-scale"),
        ("--tolerance 1", "--tolerance"),
        ("--tolerance -0.1", "--tolerance"),
        ("--style-blend 0.5,0.5", "2 weights were given for 1 style"),
        ("--style-blend -1", "--style-blend"),
        ("--style-blend 0", "--style-blend"),
        ("--style-scale 0.02", "for the style"),
        ("--init style.png", "another shape"),
        ("--optimizer adam --learning-rate 0", "--learning-rate"),
    ] {
        let command =
            format!("transfer content.png style.png -o out.png --weights net.npz --size 40 {options}");
        let command = if options.starts_with("--size") { command.replace("--size 40 ", "") } else { command };
        workshop.run(&command).fails(2, needle);
    }
    assert!(!workshop.path("out.png").exists());
}

#[test]
fn options_that_contradict_each_other_are_refused_by_both_names() {
    let workshop = Workshop::new();
    let evaluate = "evaluate --image content.png --weights net.npz";
    for (arguments, one, other) in [
        (
            "transfer content.png style.png -o out.png --learning-rate 0.1",
            "--learning-rate",
            "--optimizer adam",
        ),
        (
            "transfer content.png style.png -o out.png --convolution im2col --isa portable --weights net.npz",
            "--isa",
            "--convolution",
        ),
        ("bench --weights net.npz --architecture vgg16", "--architecture", "--weights"),
        ("transfer content.png style.png -o out.png --seed 3", "--seed", "noise"),
        ("transfer content.png style.png -o out.png --coarsest 512 --size 64", "--coarsest", "64"),
        (
            "transfer content.png style.png -o out.png --content-weight 0 --content-layers relu1_1",
            "--content-layers",
            "--content-weight",
        ),
        (
            "transfer content.png style.png -o out.png --style-weight 0 --style-layers relu1_1",
            "--style-layers",
            "--style-weight",
        ),
        (
            "transfer content.png style.png -o out.png --style-weight 0 --style-scale 2",
            "--style-scale",
            "--style-weight",
        ),
        (
            "transfer content.png style.png -o out.png --strength 0.7 --content-weight 1",
            "--content-weight",
            "--strength",
        ),
        (
            "transfer content.png style.png -o out.png --strength 0.7 --style-weight 1",
            "--style-weight",
            "--strength",
        ),
        (
            "transfer content.png style.png -o out.png --original-colours --colour match",
            "--original-colours",
            "--colour",
        ),
        ("transfer content.png style.png -o out.png --colour-strength 0.5", "--colour-strength", "--colour"),
        (
            "transfer content.png style.png -o out.png --colour luminance --colour-strength 0.5",
            "--colour-strength",
            "--colour",
        ),
        (
            "transfer content.png style.png:weight=1 -o out.png --style-blend 1",
            "--style-blend",
            "weight of its own",
        ),
        ("texture style.png -o out.png --size 8 --original-colours", "--original-colours", "unexpected"),
        (
            "transfer content.png style.png -o out.png --style-statistic covariance --normalisation gatys",
            "--style-statistic",
            "--normalisation",
        ),
        ("bench --style-blend 1 --weights net.npz", "--style-blend", "unexpected"),
        ("texture style.png -o out.png --size 32 --init content --weights net.npz", "--init", "texture"),
        (
            "transfer content.png style.png -o content.png --weights net.npz",
            "--output",
            "content.png is also an input",
        ),
        (
            "transfer content.png style.png -o style.png --weights net.npz",
            "--output",
            "style.png is also an input",
        ),
        (evaluate, "--content", "--style"),
        (
            &format!("{evaluate} --style style.png --content-weight 1"),
            "--content-weight",
            "without --content",
        ),
        (
            &format!("{evaluate} --content content.png --style-layers relu1_1"),
            "--style-layers",
            "without --style",
        ),
        (&format!("{evaluate} --content style.png"), "40x30", "36x36"),
        (
            &format!("{evaluate} --content content.png --precision f64 --convolution winograd"),
            "--convolution",
            "--precision",
        ),
        (&format!("{evaluate} --content content.png --precision f64 --isa portable"), "--isa", "--precision"),
    ] {
        workshop.run(arguments).fails(2, one);
        workshop.run(arguments).fails(2, other);
    }
    assert!(!workshop.path("out.png").exists());
}
