//! Who may begin a session: the header of a proxy, and the limits on connections.

use std::net::IpAddr;

use super::{Behaviour, Dialogue, Ending, Stage, Turn};
use crate::sink::limits::{Limit, Place};
use crate::sink::proxy::{Header, NoHeader};

/// Whether a session was let in.
#[derive(Debug)]
pub(super) enum Admission {
    /// It was, and holds a place where these are counted.
    Granted(#[expect(dead_code, reason = "held until the session ends")] Option<Place>),
    /// It was not: the greeting will say so.
    Denied(Limit),
    /// The header is to come; until it has, the connection is of this address.
    AwaitHeader(Header, Option<IpAddr>),
}

impl Admission {
    /// A connection from an address.
    pub(super) fn of(behaviour: &Behaviour, peer: Option<IpAddr>) -> Self {
        let Some(limits) = &behaviour.limits else { return Self::Granted(None) };
        match limits.enter(peer) {
            Ok(place) => Self::Granted(Some(place)),
            Err(limit) => Self::Denied(limit),
        }
    }
}

impl Dialogue {
    /// Reads the header; a connection that begins otherwise is closed without a word, as the
    /// specification of the protocol asks for.
    pub(super) fn read_header(&mut self, rest: &[u8], turn: &mut Turn<'_>) -> usize {
        let Admission::AwaitHeader(header, peer) = &mut self.admission else {
            self.stage = Stage::after_admission(turn.behaviour);
            return 0;
        };
        let (used, read) = header.read(rest);
        match read {
            None => {}
            Some(Ok(client)) => {
                self.admission = Admission::of(turn.behaviour, client.or(*peer));
                self.stage = Stage::after_admission(turn.behaviour);
            }
            Some(Err(NoHeader)) => self.stage = Stage::Over(Ending::Unannounced),
        }
        used
    }
}
