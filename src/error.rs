//! The one public error type: every message says what came, what was expected and what to do.

use std::path::PathBuf;

/// Everything that can go wrong, as one clear sentence each.
///
/// The text of a variant never repeats the file or option that its prefix names.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A picture cannot be read, decoded or used.
    #[error("picture {}: {message}", file.display())]
    Picture {
        /// The picture's file, or the name that the caller gave to its bytes.
        file: PathBuf,
        /// What came, what was expected, what to do.
        message: String,
    },
    /// A network file cannot be read or does not hold a usable network.
    #[error("network {}: {message}", file.display())]
    Network {
        /// The network's file, or the name that the caller gave to its bytes.
        file: PathBuf,
        /// What came, what was expected, what to do.
        message: String,
    },
    /// An option has a value that cannot be used, or contradicts another.
    #[error("{option}: {message}")]
    Option {
        /// The option as the command spells it (`--size`), which is also the builder's method.
        option: &'static str,
        /// What came, what was expected, what to do.
        message: String,
    },
    /// A result cannot be written.
    #[error("output {}: {message}", file.display())]
    Output {
        /// The file that was to be written.
        file: PathBuf,
        /// What went wrong and what to do.
        message: String,
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
        Self::Picture { file: file.into(), message: message.to_string() }
    }

    /// A [`Error::Network`] from anything that prints.
    pub(crate) fn network(file: impl Into<PathBuf>, message: impl std::fmt::Display) -> Self {
        Self::Network { file: file.into(), message: message.to_string() }
    }

    /// A [`Error::Option`] from anything that prints.
    pub(crate) fn option(option: &'static str, message: impl std::fmt::Display) -> Self {
        Self::Option { option, message: message.to_string() }
    }

    /// A [`Error::Output`] from anything that prints.
    pub(crate) fn output(file: impl Into<PathBuf>, message: impl std::fmt::Display) -> Self {
        Self::Output { file: file.into(), message: message.to_string() }
    }
}
