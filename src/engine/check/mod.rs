//! A client and an address → one transaction, or each of its malformed cases once, with all that
//! was said.
//!
//! Dialogs, players, transports and messages are those of a run. What a run has beyond them
//! (a timeline in force, books, pools) a check has no use for, so that it is one task which
//! does one thing after the other, and the load loop knows nothing of it.

mod case;
mod first;
mod talk;
mod transcript;
mod wire;

use std::future::Future;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

pub use case::PlayedCase;
pub use talk::Verdict;
pub use transcript::{Carrier, Entry};

use super::connect::Unconnected;
use super::dialer::{Dialer, Route};
use super::sender::Sender;
use super::server_address::ServerAddress;
use super::tls::TlsSetups;
use super::worker::{pick, route};
use crate::draw::Purpose;
use crate::message::{Composer, ComposerError, Mail, Numbering, Order, RunIdentity};
use crate::plan::{Client, ClientId, Plan, Timeouts};
use crate::smtp::{BodyType, CaseId, Dialog, Expectations, Outcome, Proof, Step};
use crate::timeline::Timeline;
use first::First;
use talk::Talk;
use transcript::Log;

/// Among so many sessions one is looked for that logs in with the right password.
const SESSIONS_LOOKED_AT: u64 = 1000;

/// What came out of one client at one address.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The client's name.
    pub client: String,
    /// Its target's name.
    pub target: String,
    /// Where it went.
    pub address: ServerAddress,
    /// What it did there.
    pub played: Played,
}

/// What a client did.
#[derive(Clone, Debug)]
pub enum Played {
    /// One transaction.
    Mail {
        /// All that was said.
        transcript: Vec<Entry>,
        /// What became of it.
        verdict: Verdict,
    },
    /// Its malformed cases, each in a connection of its own.
    Cases(Vec<PlayedCase>),
}

/// What happens while a client is checked, for a person to see.
#[derive(Clone, Copy, Debug)]
pub enum Moment<'a> {
    /// A client begins at an address.
    Client {
        /// The client's name.
        client: &'a str,
        /// Its target's name.
        target: &'a str,
        /// Where it goes.
        address: &'a ServerAddress,
    },
    /// A malformed case begins.
    Case(CaseId),
    /// Something was said.
    Said {
        /// What.
        entry: &'a Entry,
        /// In which malformed case, if in one.
        case: Option<CaseId>,
    },
    /// A malformed case has come to its end.
    Judged(&'a PlayedCase),
}

/// Whom moments are told.
pub type Observe<'a> = &'a mut dyn FnMut(Moment<'_>);

/// Checks the clients of a plan, one after the other.
pub struct Checker<D> {
    plan: Arc<Plan>,
    timeline: Timeline,
    composer: Composer,
    tls: TlsSetups,
    dialer: D,
}

impl<D: Dialer> Checker<D> {
    /// Prepares for all clients of a plan; `tls` is of the same plan.
    pub fn new(
        plan: Arc<Plan>,
        tls: TlsSetups,
        run: RunIdentity,
        dialer: D,
    ) -> Result<Self, ComposerError> {
        let composer = Composer::new(&plan.messages, &plan.feeds, run)?;
        let timeline = Timeline::new(&plan);
        Ok(Self { plan, timeline, composer, tls, dialer })
    }

    /// Checks a client at one of its target's addresses. Dropping it closes the connection.
    pub async fn check(
        &mut self,
        id: ClientId,
        address: &ServerAddress,
        observe: Observe<'_>,
    ) -> Checked {
        let plan = Arc::clone(&self.plan);
        let client = &plan.clients[id.index()];
        let target = &plan.targets[client.target.index()];
        let (name, target_name) = (client.name.as_str(), target.name.as_str());
        observe(Moment::Client { client: name, target: target_name, address });
        let sender = Sender::new(client, &plan, self.tls.connector(id.index()));
        let stand = Stand { client, sender: &sender, address, timeouts: target.timeouts };
        let played = match &client.cases {
            None => self.mail(id, &stand, observe).await,
            Some(cases) => self.cases(cases, id, &stand, observe).await,
        };
        let (client, target) = (client.name.clone(), target.name.clone());
        Checked { client, target, address: address.clone(), played }
    }

    async fn mail(&mut self, id: ClientId, stand: &Stand<'_>, observe: Observe<'_>) -> Played {
        let plan = Arc::clone(&self.plan);
        let first = First::of(&self.timeline, &plan, id);
        let number = self.session(id, stand.client);
        let mut log = Log::new(observe, None);
        let verdict = match self.compose(&first, number, stand.client) {
            Err(why) => Verdict::never(Outcome::Local, Step::Mail, why),
            Ok((mail, message)) => match self.connect(id, number, stand, &mut log).await {
                Err(verdict) => verdict,
                Ok(connection) => {
                    let expect = stand.sender.expected.of(message, mail.class);
                    let dialog = self.dialog(id, number, stand, expect.as_deref());
                    let part = (first.seq, &mail, expect);
                    Talk::new(connection, stand, dialog, part, &mut log).run().await
                }
            },
        };
        Played::Mail { transcript: log.into_entries(), verdict }
    }

    /// The number of the client's first session that does not try a wrong password on purpose.
    fn session(&self, id: ClientId, client: &Client) -> u64 {
        let is_right = |number: &u64| {
            let draw = self.timeline.session_draw(id, *number);
            let attempt = client.auth.as_ref().and_then(|auth| auth.attempt(*number, draw));
            attempt.is_none_or(|attempt| matches!(attempt.proof, Proof::Right))
        };
        (0..SESSIONS_LOOKED_AT).find(is_right).unwrap_or(0)
    }

    fn dialog(
        &self,
        id: ClientId,
        number: u64,
        stand: &Stand<'_>,
        expect: Option<&Expectations>,
    ) -> Dialog {
        let dialog = Dialog::new(Rc::clone(&stand.sender.manners)).numbered(number);
        let draw = self.timeline.session_draw(id, number);
        stand.sender.logging_in(stand.client.auth.as_ref(), dialog, (number, draw), expect)
    }

    fn compose(
        &mut self,
        first: &First<'_>,
        number: u64,
        client: &Client,
    ) -> Result<(Mail, usize), String> {
        let message = pick(&client.messages, || first.draw.of(Purpose::Message).unit()).index();
        let order = Order {
            message,
            draw: first.draw,
            seq: first.seq,
            numbering: Numbering::Sparse,
            turns: None,
            client: &client.name,
            phase: first.phase,
            session: Some(number),
            user: client.auth.as_ref().and_then(|auth| Some(&*auth.login(number)?.user)),
            body: BodyType::SevenBit,
            recipients: client.recipients,
            now: SystemTime::now(),
        };
        let mut mail = Mail::default();
        let composed = self.composer.compose(&order, &mut mail);
        composed.map(|()| (mail, message)).map_err(|error| error.to_string())
    }

    /// Plays each case once; where the first finds no server, the others would not either.
    async fn cases(
        &self,
        cases: &[CaseId],
        id: ClientId,
        stand: &Stand<'_>,
        observe: Observe<'_>,
    ) -> Played {
        let mut played: Vec<PlayedCase> = Vec::new();
        for (number, case) in (0..).zip(cases) {
            observe(Moment::Case(*case));
            let mut log = Log::new(&mut *observe, Some(*case));
            let ending = match self.connect(id, number, stand, &mut log).await {
                Err(verdict) => Err(verdict.words),
                Ok(connection) => Ok(case::play(connection, case.case(), stand, &mut log).await),
            };
            let ended = PlayedCase::new(*case, ending, log.into_entries());
            observe(Moment::Judged(&ended));
            let goes_on = ended.connected || !played.is_empty();
            played.push(ended);
            if !goes_on {
                break;
            }
        }
        Played::Cases(played)
    }

    /// Connects as session `number` of the client, and says what stands before a session.
    async fn connect(
        &self,
        id: ClientId,
        number: u64,
        stand: &Stand<'_>,
        log: &mut Log<'_>,
    ) -> Result<D::Connection, Verdict> {
        let draw = || self.timeline.session_draw(id, number);
        let route = route(stand.client, number, stand.address, draw);
        let began = Instant::now();
        let connected = within(stand.timeouts.connect, self.dialer.connect(&route)).await;
        let took = began.elapsed();
        let connected = match connected {
            Ok(connection) => announce(connection, &route, log, took).await,
            Err(error) => Err(error),
        };
        connected.map_err(|failure| {
            let (outcome, words) = failure.outcome(took);
            log.add(Entry::Note(words.clone()));
            Verdict::never(outcome, Step::Connect, words)
        })
    }
}

/// Where a client is checked.
struct Stand<'a> {
    client: &'a Client,
    sender: &'a Sender,
    address: &'a ServerAddress,
    timeouts: Timeouts,
}

async fn within<C>(
    limit: Duration,
    connecting: impl Future<Output = io::Result<C>>,
) -> Result<C, Unconnected> {
    match tokio::time::timeout(limit, connecting).await {
        Ok(connected) => connected.map_err(Unconnected::System),
        Err(_) => Err(Unconnected::TooLate),
    }
}

/// Sends the header of the PROXY protocol, if there is one.
async fn announce<C: super::Connection>(
    mut connection: C,
    route: &Route,
    log: &mut Log<'_>,
    took: Duration,
) -> Result<C, Unconnected> {
    log.add(Entry::Connected { took });
    if !route.preamble.is_empty() {
        log.header(&route.preamble);
        connection.write_all(&route.preamble).await.map_err(Unconnected::System)?;
    }
    Ok(connection)
}

impl Checked {
    /// Whether all went as it should.
    pub fn is_well(&self) -> bool {
        match &self.played {
            Played::Mail { verdict, .. } => verdict.is_well(),
            Played::Cases(cases) => cases.iter().all(PlayedCase::is_well),
        }
    }

    /// Whether no connection could be made.
    pub fn is_unconnected(&self) -> bool {
        match &self.played {
            Played::Mail { verdict, .. } => verdict.step == Step::Connect,
            Played::Cases(cases) => cases.iter().all(|case| !case.connected),
        }
    }

    /// Whether it failed before a transaction could begin: connection, greeting, TLS, AUTH.
    pub fn could_not_start(&self) -> bool {
        match &self.played {
            Played::Mail { verdict, .. } => {
                !verdict.is_well() && verdict.step.index() < Step::Mail.index()
            }
            Played::Cases(_) => self.is_unconnected(),
        }
    }
}
