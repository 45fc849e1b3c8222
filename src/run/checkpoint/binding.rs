//! What a checkpoint belongs to: hashes of everything that a run's result depends on.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::kernels::simd::Isa;
use crate::loss::PixelTerm;
use crate::network::Network;
use crate::picture::Picture;
use crate::run::masks::Mask;
use crate::run::options::Options;
use crate::run::request::{Request, Start, Style};

/// The program, and the SHA-256 of each thing that goes into a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::run) struct Binding {
    program: String,
    isa: String,
    network: String,
    options: String,
    content: String,
    styles: String,
    start: String,
    masks: String,
    terms: String,
}

impl Binding {
    /// Of a run; `network` as it is computed.
    pub fn new<'t>(
        request: &Request<'_>,
        options: &Options,
        network: &Network,
        terms: impl Iterator<Item = &'t dyn PixelTerm>,
    ) -> Self {
        let mut said = options.clone();
        // Threads change nothing.
        said.network.threads = None;
        Self {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            isa: options.network.isa.unwrap_or_else(Isa::best).to_string(),
            network: hash(|h| h.network(network)),
            options: hash(|h| h.text(&serde_json::to_string(&said).unwrap_or_default())),
            content: hash(|h| h.all(request.content, Hash::picture)),
            styles: hash(|h| h.all(&request.styles, Hash::style)),
            start: hash(|h| h.start(&request.start)),
            masks: hash(|h| {
                h.all(&request.keep, Hash::mask);
                h.all(&request.strength, Hash::mask);
            }),
            terms: hash(|h| h.all(terms, |h, term| h.text(term.name()))),
        }
    }

    /// Refuses a checkpoint of another version, whose numbers may be others.
    pub fn check_program(&self) -> Result<(), String> {
        let ours = env!("CARGO_PKG_VERSION");
        if self.program == ours {
            return Ok(());
        }
        Err(format!(
            "was written by version {} and this is {ours}, which may compute other numbers; go on with that version, or \
             begin anew",
            crate::text::clip(&self.program)
        ))
    }

    /// Refuses a run that is not the one of this checkpoint.
    pub fn check(&self, run: &Self) -> Result<(), String> {
        if self.isa != run.isa {
            return Err(format!(
                "was computed with {} and this run computes with {}, which rounds differently; go on where it was begun, \
                 or begin anew",
                crate::text::clip(&self.isa),
                run.isa
            ));
        }
        let parts = [
            ("network", &self.network, &run.network),
            ("content picture", &self.content, &run.content),
            ("style", &self.styles, &run.styles),
            ("start picture", &self.start, &run.start),
            ("mask", &self.masks, &run.masks),
            ("set of options", &self.options, &run.options),
            ("set of own terms", &self.terms, &run.terms),
        ];
        match parts.into_iter().find(|(_, then, now)| then != now) {
            None => Ok(()),
            Some((part, ..)) => Err(format!(
                "belongs to a run with another {part}; give what it was begun with, or begin anew"
            )),
        }
    }
}

fn hash(fill: impl FnOnce(&mut Hash)) -> String {
    let mut hash = Hash(Sha256::new());
    fill(&mut hash);
    hash.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hash of values, each with its length before it where that is not fixed.
struct Hash(Sha256);

impl Hash {
    fn count(&mut self, count: usize) {
        self.0.update((count as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text);
    }

    fn number(&mut self, number: f64) {
        self.0.update(number.to_le_bytes());
    }

    fn numbers(&mut self, numbers: &[f32]) {
        self.count(numbers.len());
        let mut part = Vec::with_capacity(1 << 16);
        for numbers in numbers.chunks(1 << 14) {
            part.clear();
            numbers.iter().for_each(|number| part.extend(number.to_le_bytes()));
            self.0.update(&part);
        }
    }

    /// Each of a list, with a mark before it and another behind the last.
    fn all<T>(&mut self, list: impl IntoIterator<Item = T>, mut hash: impl FnMut(&mut Self, T)) {
        for item in list {
            self.0.update([1]);
            hash(self, item);
        }
        self.0.update([0]);
    }

    fn picture(&mut self, picture: &Picture) {
        self.count(picture.width());
        self.count(picture.height());
        self.numbers(picture.rgb());
        self.all(picture.alpha(), Self::numbers);
    }

    fn mask(&mut self, mask: &Mask) {
        self.count(mask.width());
        self.count(mask.height());
        self.numbers(mask.values());
    }

    fn style(&mut self, style: &Style) {
        self.picture(style.picture());
        self.number(style.own_weight());
        self.number(style.own_scale());
        self.text(style.sizes().name());
        self.all(style.region(), Self::mask);
        self.all(style.mask(), Self::mask);
    }

    fn start(&mut self, start: &Start) {
        match start {
            Start::Content => self.text("content"),
            Start::Noise => self.text("noise"),
            Start::Picture(picture) => self.picture(picture),
        }
    }

    fn network(&mut self, network: &Network) {
        self.numbers(network.input_weight());
        self.numbers(network.input_bias());
        self.text(network.pooling().name());
        self.text(network.padding().name());
        self.all(network.convolutions(), |hash, convolution| {
            hash.text(&convolution.name());
            hash.count(convolution.inputs());
            hash.numbers(convolution.weight());
            hash.numbers(convolution.bias());
        });
        for list in [network.content_layers(), network.style_layers()] {
            self.all(list, |hash, (layer, weight)| {
                hash.text(&layer.to_string());
                hash.number(*weight);
            });
        }
    }
}
