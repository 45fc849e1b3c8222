//! The command: reads options, calls the library, reports.
//!
//! Results go to files and stdout, progress and messages to stderr. Exit status: 0 done, 1 failed, 2 wrong
//! usage, 130 interrupted.

#![allow(missing_docs)] // not part of the interface

mod args;
mod batch;
mod bench;
mod check;
mod checkpoint;
mod dry_run;
mod evaluate;
mod examples;
mod frames;
mod inputs;
mod inspect;
mod interrupt;
mod masks;
mod notices;
mod options;
mod output;
mod progress;
mod receipt;
mod replay;
mod running;
mod saving;
mod settings_file;
mod sheet;
mod shell;
mod spelling;
mod style;
mod terminal;
mod transfer;
mod values;
mod watching;
mod weights;
mod words;
mod work;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::error::Error;

/// How a command ended without an error.
enum Ending {
    /// Everything was done.
    Done,
    /// The work was done and the answer is bad (`check`).
    Bad,
    /// Ctrl-C came; what there was is written.
    Interrupted,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let ending = match cli.command {
        args::Command::Transfer(args) => transfer::transfer(&args),
        args::Command::Texture(args) => transfer::texture(&args),
        args::Command::Batch(args) => batch::run(&args),
        args::Command::Frames(args) => frames::run(&args),
        args::Command::Sheet(args) => sheet::run(&args),
        args::Command::Resume(args) => checkpoint::resume(&args),
        args::Command::Style(args) => style::run(&args),
        args::Command::Inspect { picture, json } => inspect::run(&picture, json),
        args::Command::Replay(args) => replay::run(&args),
        args::Command::Evaluate(args) => evaluate::run(&args),
        args::Command::Check(args) => check::run(&args),
        args::Command::Bench(args) => bench::run(&args),
        args::Command::Weights(args) => weights::run(&args),
        args::Command::Completions { shell } => shell::completions(shell),
        args::Command::Man { folder } => shell::man(folder.as_deref()),
    };
    match ending {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::Bad) => ExitCode::from(1),
        Ok(Ending::Interrupted) => ExitCode::from(130),
        Err(error) => {
            output::message(&format!("impasto: error: {}", spelling::spelled(&error)));
            ExitCode::from(if matches!(error, Error::Option { .. }) { 2 } else { 1 })
        }
    }
}

/// What clap found: help and version go to stdout, a mistake becomes one sentence.
fn usage(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            return match output::result(error.to_string().trim_end()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    output::message(&format!("impasto: error: {error}"));
                    ExitCode::FAILURE
                }
            };
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            output::message(error.to_string().trim_end());
            return ExitCode::from(2);
        }
        _ => {}
    }
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    output::message(&format!("impasto: error: {}", words::sentence(error, &arguments)));
    ExitCode::from(2)
}
