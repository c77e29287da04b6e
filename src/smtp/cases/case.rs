//! What a malformed case is: octets to send, and what may come back, as data.

use super::super::Code;
use serde::{Deserialize, Serialize};

/// One case of the catalogue.
#[derive(Debug)]
pub struct Case {
    /// Its name in plans and results, such as `order-second-mail`.
    pub id: &'static str,
    /// What kind of wrong it is.
    pub group: Group,
    /// What it does, in one sentence.
    pub does: &'static str,
    /// Why it matters, in one sentence or two.
    pub why: &'static str,
    /// Where the rules stand.
    pub sections: &'static [&'static str],
    /// What is played, act by act: preambles are acts that several cases share.
    pub acts: &'static [&'static [Play]],
}

/// The kinds of malformed cases.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Group {
    /// Lines that are no commands.
    Syntax,
    /// Commands out of their turn.
    Order,
    /// Arguments beyond what is allowed.
    Parameters,
    /// Message texts that break the rules of a text.
    Data,
    /// Connections that end, or fall silent, in the middle.
    Abort,
}

/// One thing that a case does.
#[derive(Clone, Copy, Debug)]
pub enum Play {
    /// Sends octets and waits for nothing.
    Send(&'static [Piece]),
    /// Waits for a reply that lets the case go on to its point: one of these codes.
    Reach(Codes),
    /// Waits for replies and judges them.
    Judge(Judgement),
    /// Sends nothing for so many milliseconds.
    Wait(u16),
    /// Ends its own half of the connection (FIN) and reads on.
    HalfClose,
    /// Closes the connection (FIN).
    Close,
    /// Resets the connection (RST).
    Reset,
}

/// Octets of a case; long ones are made, not written out.
#[derive(Clone, Copy, Debug)]
pub enum Piece {
    /// These.
    Octets(&'static [u8]),
    /// One octet so often.
    Fill(u8, u32),
    /// A line so often, with its number from 1 between the two parts.
    Lines(u16, &'static str, &'static str),
    /// The name that the client gives of itself.
    Name,
}

/// Reply codes: single ones and classes, with spaces between them, such as `500 501 4xx`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Codes(pub &'static str);

/// What replies mean.
#[derive(Clone, Copy, Debug)]
pub struct Judgement {
    /// How many replies it is for.
    pub times: u16,
    /// How long each is waited for.
    pub patience: Patience,
    /// The replies that are right.
    pub right: &'static [Rule],
    /// Those that are not, and that nobody is hurt by.
    pub tolerated: &'static [Rule],
    /// What any other reply is.
    pub finding: &'static str,
    /// What it means that the connection ends in place of a reply.
    pub closed: CaseEnd,
    /// What it means that no reply comes.
    pub silent: CaseEnd,
}

/// Replies, and what is said for them.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Which.
    pub codes: Codes,
    /// The section, or the custom.
    pub because: &'static str,
}

/// How long something is waited for; the plan's timeouts say how long that is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Patience {
    /// As long as for the reply to any command.
    Reply,
    /// As long as for the reply to a final dot.
    EndOfData,
    /// So many milliseconds.
    Millis(u16),
}

/// How a case came to its end.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseEnd {
    /// The server did what the standard says.
    Right,
    /// It did not, in a way that hurts nobody, or it refused the session before the point.
    Tolerated,
    /// It ended the connection where a reply was due.
    Disconnect,
    /// It said nothing in time where a reply was due.
    Hang,
    /// It did what it must not do.
    Finding,
    /// The tester could not play it to its end.
    Local,
}

impl CaseEnd {
    /// All of them, the graver behind.
    pub const ALL: [Self; 6] =
        [Self::Right, Self::Tolerated, Self::Disconnect, Self::Hang, Self::Finding, Self::Local];

    /// The name in the results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Tolerated => "tolerated",
            Self::Disconnect => "disconnect",
            Self::Hang => "hang",
            Self::Finding => "finding",
            Self::Local => "local",
        }
    }

    /// The position in [`CaseEnd::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Whether the rest of the case is still worth playing.
    pub const fn goes_on(self) -> bool {
        matches!(self, Self::Right | Self::Tolerated)
    }
}

impl Group {
    /// All groups, in the order of the catalogue.
    pub const ALL: [Self; 5] =
        [Self::Syntax, Self::Order, Self::Parameters, Self::Data, Self::Abort];

    /// The name in plans.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Order => "order",
            Self::Parameters => "parameters",
            Self::Data => "data",
            Self::Abort => "abort",
        }
    }

    /// What its cases have in common.
    pub const fn does(self) -> &'static str {
        match self {
            Self::Syntax => "lines that are no commands",
            Self::Order => "commands out of their turn",
            Self::Parameters => "arguments beyond what is allowed",
            Self::Data => "texts that break the rules of a text",
            Self::Abort => "connections that end, or fall silent, in the middle",
        }
    }
}

impl Case {
    /// All plays, one behind the other.
    pub fn plays(&self) -> impl Iterator<Item = &'static Play> + use<> {
        self.acts.iter().copied().flatten()
    }

    /// All judgements.
    pub fn judgements(&self) -> impl Iterator<Item = &'static Judgement> + use<> {
        self.plays().filter_map(|play| match play {
            Play::Judge(judgement) => Some(judgement),
            Play::Send(_)
            | Play::Reach(_)
            | Play::Wait(_)
            | Play::HalfClose
            | Play::Close
            | Play::Reset => None,
        })
    }
}

impl Codes {
    /// Whether a code is among them.
    pub fn hold(self, code: Code) -> bool {
        let number = code.number();
        let digits = [number / 100, number / 10 % 10, number % 10];
        self.0.split(' ').any(|pattern| {
            let mut each = pattern.bytes().zip(digits);
            each.all(|(wanted, digit)| wanted == b'x' || u16::from(wanted) == digit + 48)
        })
    }
}

impl Judgement {
    /// What a reply means.
    pub(super) fn of(&self, code: Code) -> CaseEnd {
        let named = |rules: &[Rule]| rules.iter().any(|rule| rule.codes.hold(code));
        if named(self.right) {
            CaseEnd::Right
        } else if named(self.tolerated) || code == Code::CLOSING {
            // RFC 5321 3.8: a server may say 421 at any moment, and leave.
            CaseEnd::Tolerated
        } else {
            CaseEnd::Finding
        }
    }

    pub(super) const fn times(self, times: u16) -> Self {
        Self { times, ..self }
    }

    pub(super) const fn waits(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    pub(super) const fn if_closed(self, closed: CaseEnd) -> Self {
        Self { closed, ..self }
    }

    pub(super) const fn if_silent(self, silent: CaseEnd) -> Self {
        Self { silent, ..self }
    }
}

/// One reply is waited for; the end of the connection and silence are what they are.
pub(super) const fn judge(
    right: &'static [Rule],
    tolerated: &'static [Rule],
    finding: &'static str,
) -> Judgement {
    Judgement {
        times: 1,
        patience: Patience::Reply,
        right,
        tolerated,
        finding,
        closed: CaseEnd::Disconnect,
        silent: CaseEnd::Hang,
    }
}

pub(super) const fn rule(codes: &'static str, because: &'static str) -> Rule {
    Rule { codes: Codes(codes), because }
}

pub(super) const fn text(text: &'static str) -> Piece {
    Piece::Octets(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(number: u16) -> Code {
        Code::new(number).unwrap()
    }

    #[test]
    fn codes_hold_single_ones_and_classes() {
        let codes = Codes("500 4xx");

        for (number, held) in [(500, true), (501, false), (450, true), (421, true), (250, false)] {
            assert_eq!(codes.hold(code(number)), held, "{number}");
        }
    }

    #[test]
    fn a_reply_is_right_tolerated_or_a_finding() {
        const RIGHT: &[Rule] = &[rule("500", "a")];
        const TOLERATED: &[Rule] = &[rule("5xx", "b")];
        let judgement = judge(RIGHT, TOLERATED, "c");

        for (number, end) in [
            (500, CaseEnd::Right),
            (502, CaseEnd::Tolerated),
            (421, CaseEnd::Tolerated),
            (450, CaseEnd::Finding),
            (250, CaseEnd::Finding),
        ] {
            assert_eq!(judgement.of(code(number)), end, "{number}");
        }
    }

    #[test]
    fn every_end_stands_at_its_index() {
        for (index, end) in CaseEnd::ALL.into_iter().enumerate() {
            assert_eq!(end.index(), index);
        }
    }
}
