//! A malformed case, played once in a connection of its own, with all that was said.

use std::time::Duration;

use tokio::time::Instant;

use super::super::dialer::Connection;
use super::Stand;
use super::transcript::{Entry, Log};
use super::wire::{Happening, Wire};
use crate::smtp::{
    Case, CaseEnd, CaseEnding, CaseEvent, CaseId, Cue, Input, Mark, Patience, Player, Reply,
};

/// So long a server has for taking the last octets before the connection ends.
const LAST_OCTETS: Duration = Duration::from_secs(1);

/// A case that was played.
#[derive(Clone, Debug)]
pub struct PlayedCase {
    /// Which.
    pub case: CaseId,
    /// How it ended.
    pub end: CaseEnd,
    /// What was wrong; empty where all was right. Not escaped.
    pub words: String,
    /// Whether there was a connection.
    pub connected: bool,
    /// All that was said.
    pub transcript: Vec<Entry>,
}

impl PlayedCase {
    /// An ending, or why there was no connection.
    pub(super) fn new(
        case: CaseId,
        ending: Result<CaseEnding, String>,
        transcript: Vec<Entry>,
    ) -> Self {
        let connected = ending.is_ok();
        let never = |words| CaseEnding { end: CaseEnd::Local, words };
        let CaseEnding { end, words } = ending.unwrap_or_else(never);
        Self { case, end, words, connected, transcript }
    }

    /// Whether the server did what it should, or nothing that hurts.
    pub const fn is_well(&self) -> bool {
        self.end.goes_on()
    }
}

/// Plays a case.
pub(super) async fn play<C: Connection>(
    connection: C,
    case: &Case,
    stand: &Stand<'_>,
    log: &mut Log<'_>,
) -> CaseEnding {
    let player = Player::new(case, stand.client.ehlo.as_str());
    let wire = Wire::new(connection);
    let events = Vec::new();
    let mut performance = Performance { stand, log, wire, player, events, unread: Vec::new() };
    performance.run().await;
    let mut endings = performance.events.into_iter().filter_map(|event| match event {
        CaseEvent::Ended(ending) => Some(ending),
        CaseEvent::Replied(_) => None,
    });
    let cut_off = || CaseEnding { end: CaseEnd::Local, words: "it has no end".to_owned() };
    endings.next_back().unwrap_or_else(cut_off)
}

struct Performance<'a, 'b, C> {
    stand: &'a Stand<'a>,
    log: &'a mut Log<'b>,
    wire: Wire<C>,
    player: Player<'a>,
    events: Vec<CaseEvent>,
    unread: Vec<u8>,
}

impl<C: Connection> Performance<'_, '_, C> {
    async fn run(&mut self) {
        let mut cue = self.on(Input::Opened);
        loop {
            let deadline = Instant::now() + self.patience();
            cue = match cue {
                Cue::Read => self.wait(deadline).await,
                Cue::ShutdownWrite => {
                    self.flush(deadline).await;
                    self.wire.shut_down().await;
                    self.log.add(Entry::Note("closed the writing half".to_owned()));
                    self.on(Input::Flushed)
                }
                Cue::Close => return self.flush(Instant::now() + LAST_OCTETS).await,
                Cue::Reset => {
                    self.flush(Instant::now() + LAST_OCTETS).await;
                    self.wire.transport.reset_on_close();
                    return self.log.add(Entry::Note("reset the connection".to_owned()));
                }
            };
        }
    }

    /// Gives the player what happened, and writes what it says.
    fn on(&mut self, input: Input<'_>) -> Cue {
        let mut out = Vec::new();
        let cue = self.player.on(input, &mut out, &mut self.events);
        self.log.sent(&out, None);
        self.wire.put(out, Mark::Commands);
        cue
    }

    fn patience(&self) -> Duration {
        match self.player.patience() {
            Patience::Reply => self.stand.timeouts.reply,
            Patience::EndOfData => self.stand.timeouts.end_of_data,
            Patience::Millis(millis) => Duration::from_millis(millis.into()),
        }
    }

    /// Writes and reads until the case has something new to do.
    async fn wait(&mut self, deadline: Instant) -> Cue {
        if let Some(cue) = self.replies() {
            return cue;
        }
        loop {
            match self.wire.happening(deadline).await {
                Happening::Written(_) => {}
                Happening::Read(octets) => {
                    self.unread.extend_from_slice(&octets);
                    if let Some(cue) = self.replies() {
                        return cue;
                    }
                }
                // Cases are played in clear: no handshake is ever begun.
                Happening::Ended(_) | Happening::Shaken(_) => {
                    self.log.add(Entry::Note("the server closed the connection".to_owned()));
                    return self.on(Input::Eof);
                }
                Happening::Overdue => return self.on(Input::Deadline),
            }
        }
    }

    /// Gives all complete replies to the case; none where there was none.
    fn replies(&mut self) -> Option<Cue> {
        let unread = std::mem::take(&mut self.unread);
        let mut rest = &unread[..];
        let mut last = None;
        while last.is_none_or(|cue| cue == Cue::Read) {
            match Reply::parse(rest) {
                Ok(Some((reply, length))) => {
                    self.log.heard(&reply, None, None, None);
                    last = Some(self.on(Input::Reply(reply)));
                    rest = rest.get(length..).unwrap_or_default();
                }
                Ok(None) => break,
                Err(_) => return Some(self.on(Input::Illegal)),
            }
        }
        self.unread = rest.to_vec();
        last
    }

    /// Gives what is left to the kernel; what the server says meanwhile is kept.
    async fn flush(&mut self, deadline: Instant) {
        while self.wire.writes() {
            match self.wire.happening(deadline).await {
                Happening::Read(octets) => self.unread.extend_from_slice(&octets),
                Happening::Written(_) => {}
                Happening::Ended(_) | Happening::Shaken(_) | Happening::Overdue => return,
            }
        }
    }
}
