//! `--checkpoint` and `impasto resume`: a run that goes on where it was, in another process.
//!
//! Each checkpoint carries the command line that began the run, the folder it was given in, and the hashes of the files that
//! were read, so that `resume` needs nothing but the checkpoint.

use std::cell::RefCell;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser};
use serde::{Deserialize, Serialize};

use super::args::{Cli, Command};
use super::inputs::file_sha256;
use super::notices::Notices;
use super::options::refuse;
use super::running::RunningArgs;
use super::{Ending, output, transfer};
use crate::error::{Error, Result};
use crate::optimize::StopReason;
use crate::run::{Checkpoint, Checkpoints, Observer, Request, StyleTransfer, Stylized};

/// Where a run saves itself.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Checkpoints")]
pub(super) struct CheckpointArgs {
    /// Save the run in FILE from time to time and when it is interrupted, so that `impasto resume FILE` goes on with it;
    /// FILE is removed when the picture is finished and written
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,
    /// Seconds between two checkpoints, 0 for one after every iteration [default: 30]
    #[arg(long, value_name = "SECONDS", requires = "checkpoint", allow_negative_numbers = true)]
    pub checkpoint_every: Option<f64>,
    /// The run to go on with.
    #[arg(skip)]
    pub resumed: RefCell<Option<Checkpoint>>,
}

/// What `resume` takes.
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// A file that `--checkpoint` wrote
    pub checkpoint: PathBuf,
}

/// What the command notes in its checkpoints.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    /// The folder that relative names begin at.
    folder: PathBuf,
    /// The command line, the program's name first.
    arguments: Vec<String>,
    /// Every file that was read.
    inputs: Vec<Input>,
}

/// A file with the SHA-256 of its bytes, in hexadecimal.
#[derive(Debug, Serialize, Deserialize)]
struct Input {
    file: PathBuf,
    sha256: String,
}

impl CheckpointArgs {
    /// Where the run saves itself, if it does; `inputs` are the files that it reads, `output` the one that it writes.
    ///
    /// # Errors
    /// A file that exists (of a new run), cannot be put there, or is also the result; a time that is none; inputs that cannot
    /// be read again; a command line that is no text.
    pub fn checkpoints(
        &self,
        running: &RunningArgs,
        inputs: &[&Path],
        output: &Path,
    ) -> Result<Option<Checkpoints>> {
        let Some(file) = &self.checkpoint else { return Ok(None) };
        let every = match self.checkpoint_every {
            None => None,
            Some(seconds) => match Duration::try_from_secs_f64(seconds) {
                Ok(every) => Some(every),
                Err(_) => {
                    let message = format!("{seconds} was given; give a number of seconds of at least 0");
                    return refuse("checkpoint_every", message);
                }
            },
        };
        let note = match &*self.resumed.borrow() {
            Some(checkpoint) => checkpoint.note().to_owned(),
            None => {
                self.refuse_unsafe(file, inputs, output)?;
                if running.log.is_some() {
                    let message = "would be begun anew by `impasto resume`; leave `log` or `checkpoint` out";
                    return refuse("log", message);
                }
                let inputs: Vec<&Path> = inputs.iter().copied().chain(running.settings.as_deref()).collect();
                let inputs = &inputs;
                // Strings, numbers and lists always have a JSON form.
                serde_json::to_string(&Note::of_this_run(inputs)?).unwrap_or_default()
            }
        };
        let checkpoints = Checkpoints::to(file)?.note(note);
        Ok(Some(match every {
            Some(every) => checkpoints.every(every),
            None => checkpoints,
        }))
    }

    fn refuse_unsafe(&self, file: &Path, inputs: &[&Path], output: &Path) -> Result<()> {
        if std::path::absolute(file).ok() == std::path::absolute(output).ok() {
            return refuse("checkpoint", "is also the result's file; name another one");
        }
        if inputs.iter().any(|input| input.as_os_str() == "-") {
            return refuse("checkpoint", "stdin (-) cannot be read again by `impasto resume`; name files");
        }
        // An empty file is what is left of a run that was killed while it proved that it could write there.
        if file.symlink_metadata().is_ok_and(|found| !found.is_file() || found.len() > 0) {
            let message = format!(
                "{} is there already; go on with its run by `impasto resume {0}`, or remove it first",
                file.display()
            );
            return refuse("checkpoint", message);
        }
        Ok(())
    }

    /// Paints, from the beginning or from the checkpoint that is to be resumed.
    pub fn run(
        &self,
        transfer: &StyleTransfer,
        request: &Request<'_>,
        observer: impl Observer,
    ) -> Result<Stylized> {
        match self.resumed.take() {
            Some(checkpoint) => transfer.resume(request, checkpoint, observer),
            None => transfer.run(request, observer),
        }
    }

    /// Tells of a checkpoint that could not be written.
    pub fn tell(&self, checkpoints: Option<&Checkpoints>, notices: &mut Notices) {
        let failure = checkpoints.and_then(Checkpoints::failure);
        if let (Some(file), Some(why)) = (&self.checkpoint, failure) {
            notices.add(file.display().to_string(), "checkpoint", why);
        }
    }

    /// Once the result is written: removes the checkpoint of a run that is done, and says how to go on with one that is not.
    pub fn end(&self, stop: StopReason, running: &RunningArgs) {
        let Some(file) = &self.checkpoint else { return };
        if stop == StopReason::Cancelled {
            if file.exists() && !running.quiet && !running.json {
                output::message(&format!("go on with: impasto resume {}", file.display()));
            }
            return;
        }
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                output::message(&format!("impasto: {}: cannot be removed ({error})", file.display()));
            }
            _ => {}
        }
    }
}

/// Goes on with a run.
pub(super) fn resume(args: &ResumeArgs) -> Result<Ending> {
    let file = std::path::absolute(&args.checkpoint)
        .map_err(|error| Error::file(&args.checkpoint, format!("cannot be found ({error})")))?;
    let checkpoint = Checkpoint::load(&args.checkpoint)?;
    let wrong = |message: String| Error::file(&args.checkpoint, message);
    let note: Note = serde_json::from_str(checkpoint.note()).map_err(|_| {
        wrong("was written by another program with this library; go on with that program".to_owned())
    })?;
    std::env::set_current_dir(&note.folder).map_err(|error| {
        let folder = note.folder.display();
        wrong(format!(
            "belongs to a run in {folder}, which cannot be entered ({error}); put it back, or begin anew"
        ))
    })?;
    note.check_inputs().map_err(wrong)?;
    let cli = Cli::try_parse_from(&note.arguments).map_err(|_| {
        wrong("was begun by a command line that this program does not understand; begin anew".to_owned())
    })?;
    let resumed = |painting: &mut super::args::PaintingArgs| {
        painting.checkpoint.checkpoint = Some(file);
        painting.checkpoint.resumed = RefCell::new(Some(checkpoint));
        // What is there is what the run left when it was interrupted.
        painting.saving.overwrite = true;
        // Who goes on need not be at a terminal.
        painting.running.preview &= std::io::stdout().is_terminal();
    };
    match cli.command {
        Command::Transfer(mut args) => {
            resumed(&mut args.painting);
            transfer::transfer(&args)
        }
        Command::Texture(mut args) => {
            resumed(&mut args.painting);
            transfer::texture(&args)
        }
        _ => Err(wrong("was begun by a command that has no checkpoints; begin anew".to_owned())),
    }
}

impl Note {
    fn of_this_run(inputs: &[&Path]) -> Result<Self> {
        let folder = std::env::current_dir()
            .map_err(|error| Error::option("checkpoint", format!("the working folder is gone ({error})")))?;
        let arguments = std::env::args_os().map(|argument| argument.into_string().ok());
        let arguments: Option<Vec<_>> = arguments.collect();
        let Some(arguments) = arguments.filter(|_| folder.to_str().is_some()) else {
            let message =
                "keeps the command line as text, and a name in it is none (not UTF-8); rename the file";
            return refuse("checkpoint", message);
        };
        let mut files: Vec<&Path> = Vec::new();
        inputs.iter().for_each(|file| {
            if !files.contains(file) {
                files.push(file);
            }
        });
        let input = |file: &&Path| match file_sha256(file) {
            Ok(sha256) => Ok(Input { file: file.to_path_buf(), sha256 }),
            Err(error) => Err(Error::file(*file, format!("cannot be read ({error})"))),
        };
        Ok(Self { folder, arguments, inputs: files.iter().map(input).collect::<Result<_>>()? })
    }

    fn check_inputs(&self) -> std::result::Result<(), String> {
        for Input { file, sha256: then } in &self.inputs {
            let name = file.display();
            match file_sha256(file) {
                Ok(now) if now == *then => {}
                Ok(_) => {
                    return Err(format!(
                        "was begun with other bytes in {name}; put that file back, or begin anew"
                    ));
                }
                Err(error) => {
                    return Err(format!(
                        "needs {name}, which cannot be read ({error}); put it back, or begin anew"
                    ));
                }
            }
        }
        Ok(())
    }
}
