//! `impasto completions` and `impasto man`: made from the definition of the command, so that they cannot be out of date.

use std::io::Write;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use super::args::Cli;
use super::{Ending, output};
use crate::error::{Error, Result};
use crate::files;

/// Prints the completions for a shell.
pub(super) fn completions(shell: Shell) -> Result<Ending> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "impasto", &mut script);
    print(&script)
}

/// Prints the man page of the whole command, or writes one for it and one for each of its commands into a folder.
pub(super) fn man(folder: Option<&Path>) -> Result<Ending> {
    let mut command = Cli::command();
    command.build();
    let Some(folder) = folder else { return print(&page(&command)) };
    if !folder.is_dir() {
        return Err(Error::output(folder, "is no folder; create it first"));
    }
    write(folder, &command, "impasto")?;
    Ok(Ending::Done)
}

fn write(folder: &Path, command: &Command, name: &str) -> Result<()> {
    let page = page(&command.clone().name(name.to_owned()));
    files::replace(&folder.join(format!("{name}.1")), |bytes| bytes.write_all(&page))?;
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        write(folder, command, &format!("{name}-{}", command.get_name()))?;
    }
    Ok(())
}

fn page(command: &Command) -> Vec<u8> {
    let mut page = Vec::new();
    // Writing into memory does not fail.
    let _ = clap_mangen::Man::new(command.clone()).render(&mut page);
    page
}

fn print(bytes: &[u8]) -> Result<Ending> {
    output::result(String::from_utf8_lossy(bytes).trim_end())?;
    Ok(Ending::Done)
}
