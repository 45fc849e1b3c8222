//! What the command says to a command line that it does not understand: one sentence, with what was probably meant and
//! where to read more.

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::args::Cli;

/// What people who know other programs write, and what does it here.
const MEANT: &[(&str, &str)] = &[
    ("--tile", "--tileable makes a texture that continues on its other side"),
    ("--seamless", "--tileable makes a texture that continues on its other side"),
    ("--keep-colors", "--colour content keeps the content's colours"),
    ("--keep-colours", "--colour content keeps the content's colours"),
    ("--preserve-color", "--colour content keeps the content's colours"),
    ("--preserve-colors", "--colour content keeps the content's colours"),
    ("--preserve-colours", "--colour content keeps the content's colours"),
    ("--out", "-o FILE says where the result goes"),
    ("--output-image", "-o FILE says where the result goes"),
    ("--force", "--overwrite replaces an existing file"),
    ("--yes", "--overwrite replaces an existing file"),
    ("--jpeg-quality", "--compression-quality N is JPEG's quality"),
    ("--image-size", "--size N is the longer side of the result"),
    ("--resolution", "--size N is the longer side of the result"),
    ("--width", "--size 1024x is a width, --size x768 a height"),
    ("--height", "--size 1024x is a width, --size x768 a height"),
    ("--steps", "--iterations N says how long each size is painted"),
    ("--num-iterations", "--iterations N says how long each size is painted"),
    ("--epochs", "--iterations N says how long each size is painted"),
    ("--lr", "--learning-rate STEP, for --optimizer adam"),
    ("--alpha", "--strength S, from 0 (the content) to 1 (all the style)"),
    ("--style-strength", "--strength S, from 0 (the content) to 1 (all the style)"),
    ("--intensity", "--strength S, from 0 (the content) to 1 (all the style)"),
    ("--smooth", "--tv-weight T smooths"),
    ("--smoothness", "--tv-weight T smooths"),
    ("--brush-size", "--style-scale FACTOR, above 1 for larger strokes"),
    ("--stroke-size", "--style-scale FACTOR, above 1 for larger strokes"),
    ("--model", "--weights FILE is another network"),
    ("--network", "--weights FILE is another network"),
    ("--gpu", "this program computes on the processor; --threads N says with how many threads"),
    ("--device", "this program computes on the processor; --threads N says with how many threads"),
    ("--cuda", "this program computes on the processor; --threads N says with how many threads"),
    ("--cores", "--threads N"),
    ("--jobs", "--threads N"),
    ("--silent", "--quiet"),
    ("--config", "--settings FILE takes options from a file"),
    ("--content", "the content is the first file, without an option: impasto transfer CONTENT STYLE"),
    ("--content-image", "the content is the first file, without an option: impasto transfer CONTENT STYLE"),
    (
        "--style",
        "styles are the files after the content, without an option: impasto transfer CONTENT STYLE...",
    ),
    (
        "--style-image",
        "styles are the files after the content, without an option: impasto transfer CONTENT STYLE...",
    ),
];

/// neural-style's options, which it writes with one dash, and ours.
const NEURAL_STYLE: &[(&str, &str)] = &[
    ("content_image", "the content is the first file: impasto transfer CONTENT STYLE"),
    ("style_image", "styles are the files after the content: impasto transfer CONTENT STYLE..."),
    ("output_image", "-o FILE"),
    ("image_size", "--size N"),
    ("num_iterations", "--iterations N"),
    ("content_weight", "--content-weight A (with --normalisation johnson for its scale)"),
    ("style_weight", "--style-weight B (with --normalisation johnson for its scale)"),
    ("tv_weight", "--tv-weight T"),
    ("style_scale", "--style-scale FACTOR"),
    ("style_blend_weights", "--style-blend 0.7,0.3"),
    ("original_colors", "--colour content"),
    ("init", "--init content|noise|FILE"),
    ("init_image", "--init FILE"),
    ("content_layers", "--content-layers relu4_2"),
    ("style_layers", "--style-layers relu1_1,relu2_1"),
    ("optimizer", "--optimizer lbfgs|adam"),
    ("learning_rate", "--learning-rate STEP"),
    ("lbfgs_num_correction", "--history N"),
    ("pooling", "--pooling max|average"),
    ("model_file", "--weights FILE"),
    ("proto_file", "--weights FILE, which needs no second file"),
    ("seed", "--seed N"),
    ("gpu", "nothing: this program computes on the processor"),
    ("backend", "--convolution NAME"),
    ("save_iter", "--preview-file FILE"),
    ("print_iter", "-vv"),
    ("normalize_gradients", "--normalisation relative, which is the default"),
];

/// The sentence for a mistake that clap found in `arguments`, the command line without the program.
pub(super) fn sentence(error: &clap::Error, arguments: &[String]) -> String {
    let help = help(arguments);
    if let Some((word, ours)) = arguments.iter().find_map(|word| single_dash(word)) {
        return format!("`{word}` is neural-style's; here it is {ours} (see `{help}`)");
    }
    if let Some(word) = arguments.iter().find(|word| is_long_with_one_dash(word, arguments)) {
        return format!("`{word}` needs a second dash: -{word} (see `{help}`)");
    }
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(list)) => list.first().cloned(),
        _ => None,
    };
    let said = plain(error);
    let hint = match error.kind() {
        ErrorKind::UnknownArgument => {
            let argument = text(ContextKind::InvalidArg).unwrap_or_default();
            let name = argument.split('=').next().unwrap_or_default().replace('_', "-");
            let meant = MEANT.iter().find(|(theirs, _)| *theirs == name).map(|(_, ours)| (*ours).to_owned());
            meant.or_else(|| near(&name, arguments).map(|near| format!("did you mean {near}?")))
        }
        ErrorKind::InvalidSubcommand => {
            let similar = text(ContextKind::SuggestedSubcommand).map(|near| format!("did you mean {near}?"));
            let file = text(ContextKind::InvalidSubcommand).is_some_and(|name| name.contains('.'));
            let painting = "impasto transfer CONTENT STYLE paints";
            similar.or_else(|| file.then(|| painting.to_owned()))
        }
        _ => None,
    };
    match hint {
        Some(hint) => format!("{said}; {hint} (see `{help}`)"),
        None => format!("{said} (see `{help}`)"),
    }
}

/// clap's own sentence, on one line, without tips.
fn plain(error: &clap::Error) -> String {
    let text = error.to_string();
    let end = ["\n\n  tip:", "\n\nUsage:", "\n\nFor more"].iter().filter_map(|mark| text.find(mark)).min();
    let said: Vec<&str> = text[..end.unwrap_or(text.len())].split_whitespace().collect();
    let said = said.join(" ");
    said.strip_prefix("error: ").unwrap_or(&said).to_owned()
}

/// The call that prints the help of the command that was meant.
fn help(arguments: &[String]) -> String {
    let mut command = Cli::command();
    let mut names = vec!["impasto".to_owned()];
    for word in arguments {
        match command.find_subcommand(word) {
            Some(found) => {
                names.push(word.clone());
                command = found.clone();
            }
            None => break,
        }
    }
    names.join(" ") + " --help"
}

/// An option of neural-style in the form that it has there, and what it is here.
fn single_dash(word: &str) -> Option<(&str, &'static str)> {
    let name = word.strip_prefix('-').filter(|rest| !rest.starts_with('-'))?;
    let found = NEURAL_STYLE.iter().find(|(theirs, _)| *theirs == name)?;
    Some((word, found.1))
}

/// Whether this is an option of the command at hand but for its second dash.
fn is_long_with_one_dash(word: &str, arguments: &[String]) -> bool {
    let name = word.strip_prefix('-').filter(|rest| rest.len() > 1 && !rest.starts_with('-'));
    name.is_some_and(|name| {
        command(arguments).get_arguments().any(|argument| argument.get_long() == Some(name))
    })
}

/// The command that is meant.
fn command(arguments: &[String]) -> clap::Command {
    let mut command = Cli::command();
    for word in arguments {
        match command.find_subcommand(word) {
            Some(found) => command = found.clone(),
            None => break,
        }
    }
    command
}

/// The option of the command at hand that is written most like `name`: a slip of the fingers, not another word.
fn near(name: &str, arguments: &[String]) -> Option<String> {
    let name = name.strip_prefix("--")?;
    let command = command(arguments);
    let flags = || command.get_arguments().filter_map(|argument| argument.get_long());
    // A name that was not written to its end, or a third of its letters wrong.
    let cut = flags().find(|flag| name.len() > 3 && flag.starts_with(name));
    let slip = || {
        let (wrong, flag) = flags().map(|flag| (distance(name, flag), flag)).min()?;
        (wrong <= name.len().min(flag.len()) / 3).then_some(flag)
    };
    cut.or_else(slip).map(|flag| format!("--{flag}"))
}

/// Letters to be changed, put in, left out or swapped with their neighbour (optimal string alignment).
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![(0..=other.len()).collect::<Vec<usize>>()];
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let change = usize::from(one[i - 1] != other[j - 1]);
            let mut least = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_told_from_other_words() {
        let arguments = ["transfer".to_owned()];
        for (name, expected) in [
            ("--sise", Some("--size")),
            ("--iteratoins", Some("--iterations")),
            ("--overwrit", Some("--overwrite")),
            ("--iter", Some("--iterations")),
            ("--frobnicate", None),
            ("--mosaic", None),
            ("--mask", None),
        ] {
            assert_eq!(near(name, &arguments).as_deref(), expected, "{name}");
        }
        assert_eq!((distance("ab", "ba"), distance("", "abc"), distance("size", "size")), (1, 3, 0));
    }

    #[test]
    fn what_is_recommended_exists() {
        let command = Cli::command();
        let transfer = command.find_subcommand("transfer").unwrap();
        let flags: Vec<&str> = transfer.get_arguments().filter_map(|argument| argument.get_long()).collect();
        for (theirs, ours) in MEANT.iter().chain(NEURAL_STYLE) {
            for word in ours.split_whitespace().filter(|word| word.starts_with("--")) {
                let word = word.trim_end_matches(',');
                assert!(flags.contains(&&word[2..]), "{theirs}: {word}");
            }
            let own = theirs.trim_start_matches('-').replace('_', "-");
            assert!(!theirs.starts_with("--") || !flags.contains(&own.as_str()), "{theirs} exists by now");
        }
    }
}
