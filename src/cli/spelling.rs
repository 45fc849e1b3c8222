//! The library's messages name options as the builder does; a command's user knows them as flags.

use clap::CommandFactory;

use super::args::Cli;
use crate::error::Error;

/// The error's sentence with every option as the command spells it: `content_weight` becomes `--content-weight`.
pub(super) fn spelled(error: &Error) -> String {
    let flags = flags(&Cli::command());
    let flag = |name: &str| {
        let flag = name.replace('_', "-");
        flags.contains(&flag).then(|| format!("--{flag}"))
    };
    let text = match error {
        Error::Option { option, message } => {
            format!("{}: {message}", flag(option).unwrap_or_else(|| (*option).to_owned()))
        }
        other => other.to_string(),
    };
    // What stands in backquotes may be an option.
    let mut spelled = String::with_capacity(text.len());
    let mut parts = text.split('`').peekable();
    let mut quoted = false;
    while let Some(part) = parts.next() {
        let closed = quoted && parts.peek().is_some();
        match flag(part).filter(|_| closed) {
            Some(flag) => spelled += &flag,
            None if quoted => {
                spelled.push('`');
                spelled += part;
                if closed {
                    spelled.push('`');
                }
            }
            None => spelled += part,
        }
        quoted = !quoted;
    }
    spelled
}

/// The long names of all options of a command and its subcommands.
fn flags(command: &clap::Command) -> Vec<String> {
    let own = command.get_arguments().filter_map(|argument| argument.get_long()).map(str::to_owned);
    own.chain(command.get_subcommands().flat_map(flags)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_flags_and_nothing_else_changes() {
        for (error, expected) in [
            (Error::option("content_weight", "is odd"), "--content-weight: is odd"),
            (
                Error::option("isa", "leave `isa` or `convolution` out"),
                "--isa: leave --isa or --convolution out",
            ),
            (Error::option("style", "`what` is `size"), "--style: `what` is `size"),
            (Error::Numeric("a ` b `tolerance`".into()), "a ` b `tolerance`"),
            (Error::picture("x.png", "see `size`"), "picture x.png: see --size"),
        ] {
            assert_eq!(spelled(&error), expected);
        }
    }
}
