//! A plan → the mails of a run of it, composed and not sent.
//!
//! Client, message, phase, number and draw of each are found as a worker finds them, so that the
//! same seed gives the same mails. What a run knows only from its server, the session, is the first
//! one of the client.

use std::sync::Arc;
use std::time::SystemTime;

use super::worker::pick;
use crate::draw::Purpose;
use crate::message::{ComposeError, Composer, ComposerError, Mail, Numbering, Order, RunIdentity};
use crate::plan::{ClientId, MessageId, PhaseId, Plan};
use crate::smtp::BodyType;
use crate::timeline::{Line, Model, Numbered, Timeline};

/// Among so many messages of a phase one is looked for that is wanted.
const LOOKED_AT: usize = 1_000_000;

/// The number of the session that messages are composed for.
const SESSION: u64 = 0;

/// One message of a run, found and not yet composed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Which message of the plan.
    pub message: MessageId,
    /// In which phase it starts.
    pub phase: PhaseId,
    /// Its number, its client and its draw.
    pub start: Numbered,
    numbering: Numbering,
}

/// Finds the messages of a run of a plan, and composes them.
#[derive(Debug)]
pub struct Renderer {
    plan: Arc<Plan>,
    timeline: Timeline,
    composer: Composer,
    body: BodyType,
}

impl Renderer {
    /// Compiles a plan, for servers that take this.
    ///
    /// # Errors
    /// As those of [`Composer::new`].
    pub fn new(plan: Arc<Plan>, run: RunIdentity, body: BodyType) -> Result<Self, ComposerError> {
        let composer = Composer::new(&plan.messages, &plan.feeds, run)?;
        let timeline = Timeline::new(&plan);
        Ok(Self { plan, timeline, composer, body })
    }

    /// The first messages of these kinds in the order of the run, phase by phase: as many of each
    /// as stand beside it, or all that there are.
    pub fn first(&self, wanted: &[(MessageId, u64)]) -> First {
        let mut left = vec![0; self.plan.messages.len()];
        for (message, count) in wanted {
            if let Some(left) = left.get_mut(message.index()) {
                *left = *count;
            }
        }
        let lines = self.timeline.lines().to_vec().into_iter();
        First { plan: Arc::clone(&self.plan), lines, walk: None, left }
    }

    /// The message with a number; none where no mail of a run bears it.
    pub fn numbered(&self, seq: u64) -> Option<Found> {
        let mut lines = self.timeline.lines().iter();
        lines.find_map(|line| found(&self.plan, line, line.numbered(seq)?))
    }

    /// Composes a message as it would be sent now, into the buffers of `mail`.
    ///
    /// # Errors
    /// As those of [`Composer::compose`].
    pub fn compose(&mut self, found: &Found, mail: &mut Mail) -> Result<(), ComposeError> {
        let client = &self.plan.clients[found.start.client.index()];
        let login = client.auth.as_ref().and_then(|auth| auth.login(SESSION));
        let order = Order {
            message: found.message.index(),
            draw: found.start.draw,
            seq: found.start.seq,
            numbering: found.numbering,
            turns: None,
            client: &client.name,
            phase: &self.plan.phases[found.phase.index()].name,
            session: Some(SESSION),
            user: login.map(|login| &*login.user),
            recipients: client.recipients,
            body: self.body,
            now: SystemTime::now(),
        };
        self.composer.compose(&order, mail)
    }
}

/// The first messages of some kinds, see [`Renderer::first`].
pub struct First {
    plan: Arc<Plan>,
    lines: std::vec::IntoIter<Arc<Line>>,
    walk: Option<Walk>,
    /// By message: how many are still wanted.
    left: Vec<u64>,
}

/// A phase that is being walked over.
struct Walk {
    line: Arc<Line>,
    messages: Box<dyn Iterator<Item = Numbered> + Send>,
}

impl Walk {
    fn new(plan: &Plan, line: Arc<Line>) -> Self {
        let count = plan.phases[line.id().index()].count.unwrap_or(u64::MAX);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Self { messages: Box::new(line.in_order().take(count)), line }
    }
}

impl First {
    /// Whether a client sends a message that is wanted.
    fn is_of_use(&self, client: ClientId) -> bool {
        let client = &self.plan.clients[client.index()];
        let is_wanted = |(message, weight): &(MessageId, f64)| {
            *weight > 0.0 && self.left.get(message.index()).is_some_and(|left| *left > 0)
        };
        client.cases.is_none() && client.messages.choices.iter().any(is_wanted)
    }

    fn may_have_one(&self, line: &Line) -> bool {
        let mix = &self.plan.phases[line.id().index()].mix;
        mix.choices.iter().any(|(client, weight)| *weight > 0.0 && self.is_of_use(*client))
    }

    /// The next phase that may have a message that is wanted.
    fn next_walk(&mut self) -> Option<Walk> {
        loop {
            let line = self.lines.next()?;
            if self.may_have_one(&line) {
                return Some(Walk::new(&self.plan, line));
            }
        }
    }

    fn next_of(&mut self, walk: &mut Walk) -> Option<Found> {
        if !self.may_have_one(&walk.line) {
            return None;
        }
        for message in walk.messages.by_ref().take(LOOKED_AT) {
            let Some(found) = found(&self.plan, &walk.line, message) else { continue };
            match self.left.get_mut(found.message.index()) {
                Some(left) if *left > 0 => *left -= 1,
                Some(_) | None => continue,
            }
            return Some(found);
        }
        None
    }
}

impl Iterator for First {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            let mut walk = match self.walk.take() {
                Some(walk) => walk,
                None => self.next_walk()?,
            };
            if let Some(found) = self.next_of(&mut walk) {
                self.walk = Some(walk);
                return Some(found);
            }
        }
    }
}

/// What a start sends; none where it plays a malformed case.
fn found(plan: &Plan, line: &Line, start: Numbered) -> Option<Found> {
    let client = &plan.clients[start.client.index()];
    if client.cases.is_some() {
        return None;
    }
    let message = pick(&client.messages, || start.draw.of(Purpose::Message).unit());
    let numbering = match line.model() {
        Model::Open => Numbering::Dense,
        Model::Closed | Model::Pause => Numbering::Sparse,
    };
    Some(Found { message, phase: line.id(), start, numbering })
}
