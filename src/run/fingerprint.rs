//! SHA-256 of what a result depends on: values, each with its length before it where that is not fixed.

use sha2::{Digest, Sha256};

use crate::network::Network;

/// The hash of what `fill` gives, in hexadecimal.
pub(crate) fn of(fill: impl FnOnce(&mut Hash)) -> String {
    let mut hash = Hash(Sha256::new());
    fill(&mut hash);
    hash.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hash of a network: its weights, its structure and the layers that it recommends.
pub(crate) fn network(network: &Network) -> String {
    of(|hash| {
        hash.numbers(network.input_weight());
        hash.numbers(network.input_bias());
        hash.text(network.pooling().name());
        hash.text(network.padding().name());
        hash.all(network.convolutions(), |hash, convolution| {
            hash.text(&convolution.name());
            hash.count(convolution.inputs());
            hash.numbers(convolution.weight());
            hash.numbers(convolution.bias());
        });
        for list in [network.content_layers(), network.style_layers()] {
            hash.all(list, |hash, (layer, weight)| {
                hash.text(&layer.to_string());
                hash.number(*weight);
            });
        }
    })
}

/// A hash that grows.
pub(crate) struct Hash(Sha256);

impl Hash {
    pub fn count(&mut self, count: usize) {
        self.0.update((count as u64).to_le_bytes());
    }

    pub fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text);
    }

    pub fn number(&mut self, number: f64) {
        self.0.update(number.to_le_bytes());
    }

    pub fn numbers(&mut self, numbers: &[f32]) {
        self.count(numbers.len());
        let mut part = Vec::with_capacity(1 << 16);
        for numbers in numbers.chunks(1 << 14) {
            part.clear();
            numbers.iter().for_each(|number| part.extend(number.to_le_bytes()));
            self.0.update(&part);
        }
    }

    /// Each of a list, with a mark before it and another behind the last.
    pub fn all<T>(&mut self, list: impl IntoIterator<Item = T>, mut hash: impl FnMut(&mut Self, T)) {
        for item in list {
            self.0.update([1]);
            hash(self, item);
        }
        self.0.update([0]);
    }
}
