//! The network inside the library: `weights/default.npz`, read once, on first use.

use super::decode;
use crate::error::Result;
use crate::network::Network;
use std::path::Path;
use std::sync::OnceLock;

/// The bytes of the embedded network's file, for its hash and to write it out again.
pub const EMBEDDED: &[u8] = include_bytes!("../../weights/default.npz");

/// The embedded network, parsed on first use and kept.
///
/// # Errors
///
/// [`Error::Network`](crate::Error::Network) if the file was damaged when the library was built; a test
/// makes sure that it is not.
pub fn embedded() -> Result<&'static Network> {
    static NETWORK: OnceLock<Network> = OnceLock::new();
    if let Some(network) = NETWORK.get() {
        return Ok(network);
    }
    let network = decode(EMBEDDED, Path::new("(embedded)"))?;
    Ok(NETWORK.get_or_init(|| network))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_network_is_usable() {
        let network = embedded().unwrap();
        crate::weights::check(network).unwrap();
        assert!(std::ptr::eq(network, embedded().unwrap()));
    }
}
