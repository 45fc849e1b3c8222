//! What must hold of every answer to the bytes of a network file.

use std::path::Path;

use impasto::weights;

/// Reads the bytes: a network that is whole, or one sentence.
pub fn judge(bytes: &[u8]) {
    match weights::decode(bytes, Path::new("fuzzed")) {
        Ok(network) => {
            let mut inputs = 3;
            for convolution in network.convolutions() {
                let outputs = convolution.outputs();
                assert_eq!((convolution.inputs(), convolution.bias().len()), (inputs, outputs));
                assert_eq!(convolution.weight().len(), 9 * inputs * outputs);
                assert!(convolution.weight().iter().chain(convolution.bias()).all(|value| value.is_finite()));
                inputs = outputs;
            }
            assert!(!network.convolutions().is_empty());
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with("network fuzzed: "), "{message}");
            assert!(!message.contains('\n') && message.chars().count() < 1500, "{message}");
        }
    }
}
