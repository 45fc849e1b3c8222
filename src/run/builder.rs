//! The builder of a [`StyleTransfer`]: what is said about runs, checked before the first one.

use std::sync::Arc;

use super::StyleTransfer;
use super::options::Options;
use super::settings::{Computing, Purpose, Settings, for_method, losses};
use crate::error::{Error, Result};
use crate::loss::{Losses, PixelTerm};
use crate::network::Network;
use crate::weights;

/// Says how to paint; [`Builder::build`] checks it. Nothing said means [`defaults`](crate::defaults).
#[derive(Clone, Default)]
#[must_use]
pub struct Builder {
    pub(crate) network: Option<Network>,
    pub(crate) options: Options,
    pub(crate) terms: Vec<Arc<dyn PixelTerm>>,
}

impl Builder {
    /// The network that looks; without one, the embedded.
    pub fn network(mut self, network: Network) -> Self {
        self.network = Some(network);
        self
    }

    /// Everything at once, in place of what was said before (but for the network).
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Adds a term of your own to the loss, over the pixels of the picture that is made.
    pub fn term(mut self, term: impl PixelTerm + 'static) -> Self {
        self.terms.push(Arc::new(term));
        self
    }

    /// The network that was given, or the embedded one.
    pub(crate) fn resolved_network(&self) -> Result<Network> {
        match &self.network {
            Some(network) => Ok(network.clone()),
            None => weights::embedded(),
        }
    }

    /// Checks everything that does not depend on the pictures.
    ///
    /// # Errors
    /// [`Error::Option`](crate::Error::Option) that names the option and what it takes; nothing is ignored.
    /// [`Error::Network`](crate::Error::Network) for a network that cannot be used.
    pub fn build(self) -> Result<StyleTransfer> {
        let network = self.resolved_network()?;
        let options = self.options.with_bundles();
        let mut settings = Settings::new(&options, &network)?;
        settings.losses.terms = self.terms;
        let computing = Computing::new(&options.network, &network, settings.tileable)?;
        Ok(StyleTransfer { settings, options: self.options, computing, identity: Arc::new(()) })
    }
}

impl StyleTransfer {
    /// The losses of a texture, as the options say.
    pub(crate) fn texture_losses(&self) -> Result<Losses> {
        if let Some(option) = self.options.picture.first_said() {
            let message = "cannot be used for a texture, which has no content; leave it out";
            return Err(Error::option(option, message));
        }
        let network = self.computing.backend.network();
        // A preset's content side falls away; one that was said is refused.
        let loss = for_method(&self.options.with_bundles().loss, self.settings.method);
        let losses = losses(&self.options.content, &loss, network, Purpose::Texture)?;
        Ok(Losses { terms: self.settings.losses.terms.clone(), ..losses })
    }
}
