//! The options about how a run goes and what it tells, which change nothing of the picture.

use std::path::PathBuf;

use clap::{ArgAction, Args};

/// How a run goes.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct RunningArgs {
    /// Say what would be done and written, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Options from a file, where the command line says nothing else: JSON like {"size": 1024}, or a picture that was
    /// painted before
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// No progress, no messages but errors
    #[arg(short, long)]
    pub quiet: bool,
    /// Say more: what will be done (-v), every iteration with its terms (-vv)
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// JSON on stdout: one object a line for progress (none with --quiet), and a last one for the result
    #[arg(long)]
    pub json: bool,
    /// Keep a picture of the work so far in this file, for a viewer that reloads it; written anew at every size and every
    /// two seconds
    #[arg(long, value_name = "FILE")]
    pub preview_file: Option<PathBuf>,
    /// Show the work so far in the terminal: the coarsest size first, each over the one before
    #[arg(long, conflicts_with_all = ["quiet", "json", "dry_run"])]
    pub preview: bool,
    /// Write every term of every evaluation to a table (.csv) or to JSON lines (.jsonl)
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
}
