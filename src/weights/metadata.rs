//! What belongs to a network besides its arrays: pooling, padding, recommended layers, name, licence.
//!
//! It travels as one more array, `metadata`: one-dimensional, uint8, UTF-8 JSON, every key optional.
//! NumPy writes it with `numpy.frombuffer(json.dumps(…).encode(), numpy.uint8)`:
//!
//! ```json
//! {"name": "…", "licence": "…", "description": "…", "pooling": "max", "padding": "reflect",
//!  "content_layers": {"relu3_1": 1.0}, "style_layers": {"relu1_1": 1.0, "relu2_1": 0.5}}
//! ```
//!
//! A key that is not known is an error: one that a later version adds would change the picture, and
//! nothing is silently ignored.

use crate::network::{Layer, Network, NetworkBuilder, WeightedLayer};
use crate::tensor::{Padding, Pooling};
use crate::text::{Message, clip, plain};
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

/// A page of text; a longer one is not metadata.
pub(super) const MAX_SIZE: usize = 1 << 16;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Metadata {
    name: String,
    licence: String,
    description: String,
    pooling: PoolingName,
    padding: PaddingName,
    content_layers: Layers,
    style_layers: Layers,
}

#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PoolingName {
    #[default]
    Max,
    Average,
}

#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PaddingName {
    #[default]
    Zeros,
    Reflect,
    Wrap,
}

/// Layers with weights, as a JSON object in the order of depth.
#[derive(Debug, Default)]
struct Layers(Vec<WeightedLayer>);

impl<'de> Deserialize<'de> for Layers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Layers;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of layers and weights like {\"relu3_1\": 1.0}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Layers, A::Error> {
                let mut layers: Vec<WeightedLayer> = Vec::new();
                while let Some((name, weight)) = map.next_entry::<String, f64>()? {
                    let layer: Layer = name.parse().map_err(|text: String| A::Error::custom(clip(&text)))?;
                    layers.push((layer, weight));
                }
                Ok(Layers(layers))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

impl Serialize for Layers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (layer, weight) in &self.0 {
            map.serialize_entry(&layer.to_string(), weight)?;
        }
        map.end()
    }
}

/// Says what the JSON says to the builder, which checks it.
pub(super) fn apply(json: &[u8], builder: NetworkBuilder) -> Message<NetworkBuilder> {
    // Serde would also take a list, by position.
    if !json.trim_ascii_start().starts_with(b"{") {
        return Err("its metadata cannot be used: it is not a JSON object".into());
    }
    let metadata: Metadata = serde_json::from_slice(json)
        .map_err(|error| format!("its metadata cannot be used: {}", plain(error)))?;
    Ok(builder
        .name(metadata.name)
        .licence(metadata.licence)
        .description(metadata.description)
        .pooling(match metadata.pooling {
            PoolingName::Max => Pooling::Max,
            PoolingName::Average => Pooling::Average,
        })
        .padding(match metadata.padding {
            PaddingName::Zeros => Padding::Zeros,
            PaddingName::Reflect => Padding::Reflect,
            PaddingName::Wrap => Padding::Wrap,
        })
        .content_layers(metadata.content_layers.0)
        .style_layers(metadata.style_layers.0))
}

/// The JSON of a network, complete, so that a file says everything that it means.
pub(super) fn to_json(network: &Network) -> Message<Vec<u8>> {
    let metadata = Metadata {
        name: network.name().into(),
        licence: network.licence().into(),
        description: network.description().into(),
        pooling: match network.pooling() {
            Pooling::Max => PoolingName::Max,
            Pooling::Average => PoolingName::Average,
        },
        padding: match network.padding() {
            Padding::Zeros => PaddingName::Zeros,
            Padding::Reflect => PaddingName::Reflect,
            Padding::Wrap => PaddingName::Wrap,
        },
        content_layers: Layers(network.content_layers().into()),
        style_layers: Layers(network.style_layers().into()),
    };
    serde_json::to_vec(&metadata).map_err(|error| format!("its metadata cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Message<Network> {
        let part =
            |outputs: usize, inputs: usize| (outputs, vec![0.5; outputs * inputs * 9], vec![0.5; outputs]);
        let builder = Network::builder("").colours(crate::network::InputColours::Caffe);
        apply(json.as_bytes(), builder.block([part(4, 3), part(4, 4)]).block([part(6, 4)]))?.finish()
    }

    #[test]
    fn every_key_is_optional_and_read() {
        let network = read("{}").unwrap();
        assert_eq!((network.pooling(), network.padding()), (Pooling::Max, Padding::Zeros));
        let json = r#"{"name":"n","licence":"MIT","description":"a\nb","pooling":"average","padding":"reflect",
                       "content_layers":{"conv1_2":1},"style_layers":{"relu2_1":0.5,"relu1_1":1.0}}"#;
        let network = read(json).unwrap();
        assert_eq!((network.pooling(), network.padding()), (Pooling::Average, Padding::Reflect));
        assert_eq!((network.name(), network.licence(), network.description()), ("n", "MIT", "a\nb"));
        let names: Vec<_> = network.style_layers().iter().map(|(l, w)| (l.to_string(), *w)).collect();
        assert_eq!(names, [("relu1_1".into(), 1.0), ("relu2_1".into(), 0.5)]);
        let again = read(std::str::from_utf8(&to_json(&network).unwrap()).unwrap()).unwrap();
        assert_eq!(again.style_layers(), network.style_layers());
        assert_eq!(again.padding(), network.padding());
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let deep = "[".repeat(10_000);
        for (json, expected) in [
            ("", "cannot be used"),
            ("[]", "cannot be used"),
            (&deep, "cannot be used"),
            (r#"{"poolign":"max"}"#, "poolign"),
            (r#"{"pooling":"median"}"#, "median"),
            (r#"{"padding":"reflect","padding":"zeros"}"#, "duplicate"),
            (r#"{"style_layers":["relu1_1"]}"#, "relu3_1"),
            (r#"{"style_layers":{"relu9":1}}"#, "relu9"),
            (r#"{"style_layers":{"relu1_1":0}}"#, "above 0"),
            (r#"{"style_layers":{"relu1_1":1,"relu1_1":2}}"#, "twice"),
            (
                r#"{"content_layers":{"relu5_1":1}}"#,
                "it has conv1_1, relu1_1, conv1_2, relu1_2, conv2_1, relu2_1",
            ),
            (r#"{"name":"\u001b[2J"}"#, "control characters"),
        ] {
            let message = read(json).map(drop).unwrap_err();
            assert!(message.contains(expected), "{json}: {message}");
            assert!(message.chars().count() < 300, "{message}");
        }
    }
}
