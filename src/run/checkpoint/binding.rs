//! What a checkpoint belongs to: hashes of everything that a run's result depends on.

use serde::{Deserialize, Serialize};

use crate::kernels::simd::Isa;
use crate::loss::PixelTerm;
use crate::network::Network;
use crate::picture::Picture;
use crate::run::fingerprint::{self, Hash};
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
            network: fingerprint::network(network),
            options: fingerprint::of(|h| h.text(&serde_json::to_string(&said).unwrap_or_default())),
            content: fingerprint::of(|h| h.all(request.content, picture)),
            styles: fingerprint::of(|h| h.all(&request.styles, style)),
            start: fingerprint::of(|h| start(h, &request.start)),
            masks: fingerprint::of(|h| {
                h.all(&request.keep, mask);
                h.all(&request.strength, mask);
            }),
            terms: fingerprint::of(|h| h.all(terms, |h, term| h.text(term.name()))),
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

fn picture(hash: &mut Hash, picture: &Picture) {
    hash.count(picture.width());
    hash.count(picture.height());
    hash.numbers(picture.rgb());
    hash.all(picture.alpha(), Hash::numbers);
}

fn mask(hash: &mut Hash, mask: &Mask) {
    hash.count(mask.width());
    hash.count(mask.height());
    hash.numbers(mask.values());
}

fn style(hash: &mut Hash, style: &Style) {
    hash.all(style.picture(), picture);
    hash.all(style.saved(), |hash, saved| hash.text(&saved.fingerprint()));
    hash.number(style.own_weight());
    hash.number(style.own_scale());
    hash.text(style.sizes().name());
    hash.all(style.region(), mask);
    hash.all(style.mask(), mask);
}

fn start(hash: &mut Hash, start: &Start) {
    match start {
        Start::Content => hash.text("content"),
        Start::Noise => hash.text("noise"),
        Start::Picture(start) => picture(hash, start),
    }
}
