//! The one public error type: every message says what was got, what was expected and what to do.

use std::path::PathBuf;

/// What lies under an error: the operating system's or a library's own.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Everything that can go wrong, as one clear sentence each.
///
/// The variant is the kind; the text never repeats the file or option that its prefix names. The cause, where there is
/// one, is [`source`](std::error::Error::source), and its words are part of the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A picture cannot be read, decoded or used.
    #[error("picture {}: {message}", file.display())]
    #[non_exhaustive]
    Picture {
        /// The picture's file, or the name that the caller gave to its bytes.
        file: PathBuf,
        /// What was got, what was expected, what to do.
        message: String,
        /// What lies under it.
        source: Option<Cause>,
    },
    /// A network file cannot be read or does not hold a usable network.
    #[error("network {}: {message}", file.display())]
    #[non_exhaustive]
    Network {
        /// The network's file, or the name that the caller gave to its bytes.
        file: PathBuf,
        /// What was got, what was expected, what to do.
        message: String,
        /// What lies under it.
        source: Option<Cause>,
    },
    /// An option has a value that cannot be used, or contradicts another.
    ///
    /// In messages, options stand in backquotes as the builder spells them; the command writes them as its own.
    #[error("{option}: {message}")]
    #[non_exhaustive]
    Option {
        /// The option as the [`Builder`](crate::Builder)'s method is called (`content_weight`).
        option: &'static str,
        /// What was got, what was expected, what to do.
        message: String,
    },
    /// A result cannot be written.
    #[error("output {}: {message}", file.display())]
    #[non_exhaustive]
    Output {
        /// The file that was to be written.
        file: PathBuf,
        /// What went wrong and what to do.
        message: String,
        /// What lies under it.
        source: Option<Cause>,
    },
    /// Another file (settings, a style, a checkpoint) cannot be read or used.
    #[error("{}: {message}", file.display())]
    #[non_exhaustive]
    File {
        /// The file.
        file: PathBuf,
        /// What was got, what was expected, what to do.
        message: String,
        /// What lies under it.
        source: Option<Cause>,
    },
    /// The numbers left the range in which the method works (a loss that is not finite at the start).
    #[error("{0}")]
    Numeric(String),
    /// The observer asked for the work to stop.
    #[error("cancelled")]
    Cancelled,
}

/// Shorthand for results with [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A [`Error::Picture`] from anything that prints.
    pub(crate) fn picture(file: impl Into<PathBuf>, message: impl std::fmt::Display) -> Self {
        Self::Picture { file: file.into(), message: message.to_string(), source: None }
    }

    /// A [`Error::Network`] from anything that prints.
    pub(crate) fn network(file: impl Into<PathBuf>, message: impl std::fmt::Display) -> Self {
        Self::Network { file: file.into(), message: message.to_string(), source: None }
    }

    /// A [`Error::Option`] from anything that prints.
    pub(crate) fn option(option: &'static str, message: impl std::fmt::Display) -> Self {
        Self::Option { option, message: message.to_string() }
    }

    /// A [`Error::Output`] from anything that prints.
    pub(crate) fn output(file: impl Into<PathBuf>, message: impl std::fmt::Display) -> Self {
        Self::Output { file: file.into(), message: message.to_string(), source: None }
    }

    /// A [`Error::File`] from anything that prints.
    #[allow(dead_code, reason = "for the files that the command reads")]
    pub(crate) fn file(file: impl Into<PathBuf>, message: impl std::fmt::Display) -> Self {
        Self::File { file: file.into(), message: message.to_string(), source: None }
    }

    /// The same error with what lies under it; the message must already say it in words.
    #[must_use]
    pub(crate) fn because(mut self, cause: impl Into<Cause>) -> Self {
        match &mut self {
            Self::Picture { source, .. }
            | Self::Network { source, .. }
            | Self::Output { source, .. }
            | Self::File { source, .. } => *source = Some(cause.into()),
            Self::Option { .. } | Self::Numeric(_) | Self::Cancelled => {}
        }
        self
    }
}
