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

use super::container::{Message, clip, plain};
use crate::network::{Layer, Network, WeightedLayer};
use crate::tensor::{Padding, Pooling};
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
                    if !(weight.is_finite() && weight > 0.0) {
                        return Err(A::Error::custom(format!("the weight of {layer} must be above 0")));
                    }
                    if layers.iter().any(|&(other, _)| other == layer) {
                        return Err(A::Error::custom(format!("{layer} is there twice")));
                    }
                    layers.push((layer, weight));
                    if layers.len() > 256 {
                        return Err(A::Error::custom("more than 256 layers"));
                    }
                }
                layers.sort_by_key(|&(layer, _)| layer);
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

/// Puts what the JSON says into the network and checks it against the network's layers.
pub(super) fn apply(json: &[u8], network: &mut Network) -> Message<()> {
    // Serde would also take a list, by position.
    if !json.trim_ascii_start().starts_with(b"{") {
        return Err("its metadata cannot be used: it is not a JSON object".into());
    }
    let metadata: Metadata = serde_json::from_slice(json)
        .map_err(|error| format!("its metadata cannot be used: {}", plain(error)))?;
    for (key, text) in
        [("name", &metadata.name), ("licence", &metadata.licence), ("description", &metadata.description)]
    {
        // They are printed on terminals.
        if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            return Err(format!("{key} in its metadata holds control characters; take them out"));
        }
    }
    network.name = metadata.name;
    network.licence = metadata.licence;
    network.description = metadata.description;
    network.pooling = match metadata.pooling {
        PoolingName::Max => Pooling::Max,
        PoolingName::Average => Pooling::Average,
    };
    network.padding = match metadata.padding {
        PaddingName::Zeros => Padding::Zeros,
        PaddingName::Reflect => Padding::Reflect,
    };
    network.content_layers = metadata.content_layers.0;
    network.style_layers = metadata.style_layers.0;
    check_layers(network)
}

/// Refuses recommended layers that the network lacks, and lists those it has.
pub(super) fn check_layers(network: &Network) -> Message<()> {
    let kinds = [("content_layers", &network.content_layers), ("style_layers", &network.style_layers)];
    for (key, layers) in kinds {
        for &(layer, weight) in layers {
            if network.position(layer).is_none() {
                let present: Vec<_> = network.layers().map(|layer| layer.to_string()).collect();
                return Err(format!(
                    "{key} in its metadata names {layer}, which it does not have; it has {}",
                    present.join(", ")
                ));
            }
            if !(weight.is_finite() && weight > 0.0) {
                return Err(format!(
                    "{key} in its metadata gives {layer} the weight {weight}; it must be above 0"
                ));
            }
        }
    }
    Ok(())
}

/// The JSON of a network, complete, so that a file says everything that it means.
pub(super) fn to_json(network: &Network) -> Message<Vec<u8>> {
    let metadata = Metadata {
        name: network.name.clone(),
        licence: network.licence.clone(),
        description: network.description.clone(),
        pooling: match network.pooling {
            Pooling::Max => PoolingName::Max,
            Pooling::Average => PoolingName::Average,
        },
        padding: match network.padding {
            Padding::Zeros => PaddingName::Zeros,
            Padding::Reflect => PaddingName::Reflect,
        },
        content_layers: Layers(network.content_layers.clone()),
        style_layers: Layers(network.style_layers.clone()),
    };
    serde_json::to_vec(&metadata).map_err(|error| format!("its metadata cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Message<Network> {
        let mut network = crate::weights::random("4,4|6", 1).unwrap();
        apply(json.as_bytes(), &mut network).map(|()| network)
    }

    #[test]
    fn every_key_is_optional_and_read() {
        let network = read("{}").unwrap();
        assert_eq!((network.pooling, network.padding), (Pooling::Max, Padding::Zeros));
        let json = r#"{"name":"n","licence":"MIT","description":"a\nb","pooling":"average","padding":"reflect",
                       "content_layers":{"conv1_2":1},"style_layers":{"relu2_1":0.5,"relu1_1":1.0}}"#;
        let network = read(json).unwrap();
        assert_eq!((network.pooling, network.padding), (Pooling::Average, Padding::Reflect));
        assert_eq!((&*network.name, &*network.licence, &*network.description), ("n", "MIT", "a\nb"));
        let names: Vec<_> = network.style_layers.iter().map(|(l, w)| (l.to_string(), *w)).collect();
        assert_eq!(names, [("relu1_1".into(), 1.0), ("relu2_1".into(), 0.5)]);
        let again = read(std::str::from_utf8(&to_json(&network).unwrap()).unwrap()).unwrap();
        assert_eq!(again.style_layers, network.style_layers);
        assert_eq!(again.padding, network.padding);
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
