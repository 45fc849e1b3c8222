//! The network inside the library: `weights/default.npz`, read once, on first use.
//!
//! The feature `embedded`, on by default, puts it there.

use super::open::decode;
#[cfg(not(feature = "embedded"))]
use crate::error::Error;
use crate::error::Result;
use crate::network::Network;
use std::path::Path;
use std::sync::OnceLock;

/// What stands for its file in messages.
const NAME: &str = "(embedded)";

/// The embedded network, parsed on first use and kept.
///
/// # Errors
///
/// [`Error::Network`](crate::Error::Network) if the library was built without the feature `embedded`, or if the file was
/// damaged when it was built; a test makes sure that it is not.
pub fn embedded() -> Result<Network> {
    static NETWORK: OnceLock<Network> = OnceLock::new();
    if let Some(network) = NETWORK.get() {
        return Ok(network.clone());
    }
    let network = decode(embedded_file()?, Path::new(NAME))?;
    Ok(NETWORK.get_or_init(|| network).clone())
}

/// The bytes of the embedded network's file, for its hash and to write it out again.
///
/// # Errors
///
/// [`Error::Network`](crate::Error::Network) if the library was built without the feature `embedded`.
#[cfg(feature = "embedded")]
pub fn embedded_file() -> Result<&'static [u8]> {
    Ok(include_bytes!("../../weights/default.npz"))
}

/// The bytes of the embedded network's file, for its hash and to write it out again.
///
/// # Errors
///
/// [`Error::Network`]: the library was built without the feature `embedded`.
#[cfg(not(feature = "embedded"))]
pub fn embedded_file() -> Result<&'static [u8]> {
    Err(Error::network(
        NAME,
        "there is none, since this program was built without the feature `embedded`; give a network file (--weights FILE) \
         or build with the feature",
    ))
}

#[cfg(all(test, feature = "embedded"))]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_network_is_usable() {
        let [one, other] = [embedded().unwrap(), embedded().unwrap()];
        assert!(std::sync::Arc::ptr_eq(one.convolutions()[0].weight(), other.convolutions()[0].weight()));
    }
}

#[cfg(all(test, not(feature = "embedded")))]
mod tests {
    #[test]
    fn a_build_without_it_says_so() {
        let message = super::embedded().unwrap_err().to_string();
        assert!(
            message.contains("without the feature `embedded`") && message.contains("--weights"),
            "{message}"
        );
    }
}
