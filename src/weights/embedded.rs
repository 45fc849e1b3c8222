//! The network inside the library: `weights/default.npz`, read once, on first use.

use super::open::decode;
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
pub fn embedded() -> Result<Network> {
    static NETWORK: OnceLock<Network> = OnceLock::new();
    if let Some(network) = NETWORK.get() {
        return Ok(network.clone());
    }
    let network = decode(EMBEDDED, Path::new("(embedded)"))?;
    Ok(NETWORK.get_or_init(|| network).clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_network_is_usable() {
        let [one, other] = [embedded().unwrap(), embedded().unwrap()];
        assert!(std::sync::Arc::ptr_eq(one.convolutions()[0].weight(), other.convolutions()[0].weight()));
    }
}
