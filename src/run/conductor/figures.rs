//! The figures of a run that goes on, for those who scrape them.

use std::sync::Arc;

use tokio::sync::mpsc::Receiver;
use tokio::task::JoinSet;

use super::{Conductor, Observe};
use crate::record::Results;
use crate::report::{Exposed, Standing};
use crate::run::Update;
use crate::run::scrape::{Scrape, ScrapePort};

impl Conductor {
    /// Serves the figures too.
    pub(in crate::run) fn serve(&mut self, port: ScrapePort) {
        self.port = Some(port);
    }

    /// Serves the figures from now on, where they are asked for.
    pub(super) fn open(
        &mut self,
        servers: &mut JoinSet<()>,
        observe: Observe<'_>,
    ) -> Option<Receiver<Scrape>> {
        match self.port.take()?.serve(servers) {
            Ok(scrapes) => Some(scrapes),
            Err(error) => {
                observe(&Update::Trouble(format!("the figures are not served: {error}")));
                None
            }
        }
    }

    /// Gives the figures, which are the same until the next frame.
    pub(super) fn expose(&mut self, scrape: Scrape) {
        let exposed = self.exposed.take().unwrap_or_else(|| Arc::new(self.exposition()));
        // Who went away needs no answer.
        let _ = scrape.send(Arc::clone(&exposed));
        self.exposed = Some(exposed);
    }

    fn exposition(&self) -> Exposed {
        let now = self.now();
        let spans = self.phases.spans(&self.shared, now);
        let (plan, ledger) = (&self.shared.plan, &self.ledger);
        let results = Results { plan, ledger, spans: &spans, addresses: &[] };
        let progress = self.progress(now, self.last_second, u64::from(self.shared.open()));
        let standing = Standing::Running(Box::new(progress));
        Exposed { plan: plan.name.clone(), phases: results.clients_by_phase(), standing }
    }
}

/// The next who wants the figures.
pub(super) async fn asked(scrapes: Option<&mut Receiver<Scrape>>) -> Option<Scrape> {
    match scrapes {
        Some(scrapes) => scrapes.recv().await,
        None => std::future::pending().await,
    }
}
