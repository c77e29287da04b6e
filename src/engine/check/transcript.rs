//! What a session sends and hears → a transcript for people, without secrets.
//!
//! It is written from the octets that go over the wire, so whatever is sent while AUTH is under
//! way is masked here, before anybody sees it: the mechanism's name is all that stays.

use std::time::Duration;

use super::{Moment, Observe};
use crate::smtp::{CaseId, Code, Handshake, Reply, Step, Veil};

/// What stands for a secret.
const MASKED: &str = "<masked>";

/// One thing of a transcript. Texts are not escaped.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// The connection stands.
    Connected {
        /// How long that took.
        took: Duration,
    },
    /// What was sent before the session: a header of the PROXY protocol.
    Header(String),
    /// A command, or another line of a malformed case.
    Sent(String),
    /// A message's text as it was sent.
    Text {
        /// Its octets, dot-stuffed and with the final dot where the carrier wants them.
        octets: Vec<u8>,
        /// What asked for it.
        carrier: Carrier,
    },
    /// A reply.
    Heard {
        /// To which command.
        step: Option<Step>,
        /// Its code.
        code: Code,
        /// Its lines, without code.
        lines: Vec<String>,
        /// How long it took, where that is known.
        took: Option<Duration>,
    },
    /// The TLS handshake is done.
    Secured {
        /// What kind it was.
        kind: Handshake,
        /// The version, such as `TLSv1.3`.
        version: &'static str,
        /// The cipher suite.
        cipher: &'static str,
        /// How long it took.
        took: Duration,
    },
    /// What happened otherwise, such as the end of the connection.
    Note(String),
}

/// What carries a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Carrier {
    /// DATA: the text is answered.
    Data,
    /// BDAT: the text belongs to the command before it.
    Bdat,
}

/// Writes a transcript, and tells each entry at once.
pub(super) struct Log<'a> {
    entries: Vec<Entry>,
    observe: Observe<'a>,
    case: Option<CaseId>,
}

impl<'a> Log<'a> {
    pub(super) fn new(observe: Observe<'a>, case: Option<CaseId>) -> Self {
        Self { entries: Vec::new(), observe, case }
    }

    pub(super) fn add(&mut self, entry: Entry) {
        (self.observe)(Moment::Said { entry: &entry, case: self.case });
        self.entries.push(entry);
    }

    /// The lines of what is sent while a step is awaited.
    pub(super) fn sent(&mut self, octets: &[u8], awaited: Option<Step>) {
        for line in lines(octets) {
            self.add(Entry::Sent(masked(line, awaited)));
        }
    }

    /// A reply to a step; a veil covers the secrets that a server repeats.
    pub(super) fn heard(
        &mut self,
        reply: &Reply<'_>,
        step: Option<Step>,
        took: Option<Duration>,
        veil: Option<&Veil>,
    ) {
        let code = reply.code();
        let lines = if step == Some(Step::Auth) && code.number() == CHALLENGE {
            vec![MASKED.to_owned()]
        } else {
            let covered = |line: String| veil.map(|veil| veil.cover(&line)).unwrap_or(line);
            reply.lines().map(readable).map(covered).collect()
        };
        self.add(Entry::Heard { step, code, lines, took });
    }

    /// A header of the PROXY protocol: a line in version 1, octets in version 2.
    pub(super) fn header(&mut self, octets: &[u8]) {
        let text = match octets.strip_suffix(b"\r\n").filter(|line| line.is_ascii()) {
            Some(line) => readable(line),
            None => format!("<{} octets of a PROXY header>", octets.len()),
        };
        self.add(Entry::Header(text));
    }

    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}

/// RFC 4954 4: a challenge, or what asks for the next part.
const CHALLENGE: u16 = 334;

/// Lines without their CRLF; whatever else stands at their ends stays to be seen.
fn lines(octets: &[u8]) -> impl Iterator<Item = String> {
    let lines = octets.split_inclusive(|octet| *octet == b'\n');
    lines.map(|line| readable(line.strip_suffix(b"\r\n").unwrap_or(line)))
}

/// Octets as text; what is not UTF-8 as `\xNN`.
fn readable(octets: &[u8]) -> String {
    let mut text = String::new();
    for chunk in octets.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().flat_map(|octet| octet.escape_ascii()).map(char::from));
    }
    text
}

/// Everything that belongs to AUTH, but the mechanism's name.
fn masked(line: String, awaited: Option<Step>) -> String {
    let mut words = line.splitn(3, ' ');
    let verb = words.next().unwrap_or_default();
    if verb.eq_ignore_ascii_case("AUTH") {
        let mechanism = words.next().unwrap_or_default();
        let rest = if words.next().is_some() { format!(" {MASKED}") } else { String::new() };
        return format!("{verb} {mechanism}{rest}");
    }
    if awaited == Some(Step::Auth) { MASKED.to_owned() } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(with: impl FnOnce(&mut Log<'_>)) -> Vec<Entry> {
        let mut ignore = |_: Moment<'_>| {};
        let mut log = Log::new(&mut ignore, None);
        with(&mut log);
        log.into_entries()
    }

    fn sent(octets: &[u8], awaited: Option<Step>) -> Vec<String> {
        let entries = log(|log| log.sent(octets, awaited));
        let line = |entry: Entry| if let Entry::Sent(line) = entry { Some(line) } else { None };
        entries.into_iter().filter_map(line).collect()
    }

    fn heard(text: &str, step: Step) -> Vec<String> {
        let (reply, _) = Reply::parse(text.as_bytes()).unwrap().unwrap();
        match log(|log| log.heard(&reply, Some(step), None, None)).pop() {
            Some(Entry::Heard { lines, .. }) => lines,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_of_auth_stays_but_the_mechanism() {
        let table = [
            ("AUTH PLAIN AHUAcGFzcw==\r\n", "AUTH PLAIN <masked>"),
            ("AUTH LOGIN\r\n", "AUTH LOGIN"),
            ("AHUAcGFzcw==\r\n", "<masked>"),
            ("\r\n", "<masked>"),
        ];
        for (octets, shown) in table {
            assert_eq!(sent(octets.as_bytes(), Some(Step::Auth)), [shown], "{octets}");
        }
        assert_eq!(sent(b"auth plain AHUAcGFzcw==\r\n", None), ["auth plain <masked>"]);
        assert_eq!(sent(b"MAIL FROM:<auth@x>\r\n", Some(Step::Mail)), ["MAIL FROM:<auth@x>"]);
    }

    #[test]
    fn challenges_are_masked_and_other_replies_to_auth_are_not() {
        assert_eq!(heard("334 VXNlcm5hbWU6\r\n", Step::Auth), ["<masked>"]);
        assert_eq!(heard("535 5.7.8 no\r\n", Step::Auth), ["5.7.8 no"]);
    }

    #[test]
    fn a_reply_keeps_all_its_lines_and_octets_that_are_no_text_are_told() {
        assert_eq!(heard("250-a\r\n250-B \u{e9}\r\n250 c\r\n", Step::Ehlo).len(), 3);
        assert_eq!(readable(b"a\xff\xc3\xa9"), "a\\xff\u{e9}");
    }

    #[test]
    fn a_group_is_a_line_for_each_command_and_bare_line_ends_stay_to_be_seen() {
        assert_eq!(sent(b"MAIL\r\nRCPT\r\nDATA\r\n", Some(Step::Mail)), ["MAIL", "RCPT", "DATA"]);
        assert_eq!(sent(b"NOOP\nRSET", Some(Step::Mail)), ["NOOP\n", "RSET"]);
    }

    #[test]
    fn a_proxy_header_is_a_line_or_a_number_of_octets() {
        let header = |octets: &[u8]| log(|log| log.header(octets));
        let line = Entry::Header("PROXY TCP4 1.2.3.4 127.0.0.1 1 2".to_owned());
        assert_eq!(header(b"PROXY TCP4 1.2.3.4 127.0.0.1 1 2\r\n"), [line]);
        let count = Entry::Header("<14 octets of a PROXY header>".to_owned());
        assert_eq!(header(b"\r\n\r\n\x00\r\nQUIT\n\x21\x11"), [count]);
    }
}
