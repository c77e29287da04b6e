//! The octets of a mail → the parts of a message: what is sent as it is, and where a fresh Date
//! and a fresh Message-ID stand in place of the mail's own.
//!
//! A mail that has none gets none: what a filter sees of it stays what it was.

use memchr::memchr2;

use super::envelope::Addresses;
use super::{CorpusEnvelope, CorpusSpec};
use crate::message::wire::Wire;

/// One mail of a corpus, ready to be put into a message.
#[derive(Debug)]
pub(crate) struct Letter {
    /// Its parts, in order.
    pub(crate) parts: Vec<Part>,
    /// Whom it goes from and to, where the plan wants the mail to say.
    pub(crate) addresses: Addresses,
}

/// A part of a mail.
#[derive(Debug)]
pub(crate) enum Part {
    /// Lines as they stand.
    Text(Wire),
    /// Here stands the field Date.
    Date,
    /// Here stands the field Message-ID.
    MessageId,
}

impl Letter {
    /// The mail with these octets, as a corpus wants it sent.
    pub(super) fn new(raw: &[u8], spec: &CorpusSpec) -> Self {
        let parts = if spec.rewrite { rewritten(raw) } else { text(raw).into_iter().collect() };
        let addresses = match spec.envelope {
            CorpusEnvelope::Plan => Addresses::default(),
            CorpusEnvelope::Mail => Addresses::of(raw),
        };
        Self { parts, addresses }
    }

    /// About how many octets of memory it takes.
    pub(super) fn weight(&self) -> u64 {
        let of_part = |part: &Part| match part {
            Part::Text(wire) => wire.size(),
            Part::Date | Part::MessageId => 0,
        };
        let fixed = size_of::<Self>() + self.parts.len() * size_of::<Part>();
        fixed as u64 + self.parts.iter().map(of_part).sum::<u64>() + self.addresses.octets()
    }
}

fn text(lines: &[u8]) -> Option<Part> {
    let mut wire = Wire::default();
    wire.put_lines(lines);
    (!lines.is_empty()).then_some(Part::Text(wire))
}

/// What the trace fields of a mail begin with.
const TRACE: &[u8] = b"X-Mailquake-";

/// What becomes of a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Field {
    Kept,
    Date,
    MessageId,
    /// The line that an mbox has before a mail is no field, and a server may object to it; the fields
    /// that told a mail of another run apart would be taken for those of this one.
    Dropped,
}

fn rewritten(raw: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let (mut from, mut at) = (0, 0);
    let mut field = Field::Kept;
    while let Some(rest) = raw.get(at..).filter(|rest| !rest.is_empty()) {
        let line = rest.get(..line_length(rest)).unwrap_or(rest);
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            if field != Field::Kept {
                from = at;
            }
            let Some(next) = field_of(line, at) else { break };
            field = next;
            if field != Field::Kept {
                parts.extend(text(raw.get(from..at).unwrap_or_default()));
                parts.extend(field.part());
            }
        }
        at += line.len();
    }
    if field != Field::Kept && at == raw.len() {
        from = at;
    }
    parts.extend(text(raw.get(from..).unwrap_or_default()));
    parts
}

impl Field {
    fn part(self) -> Option<Part> {
        match self {
            Self::Date => Some(Part::Date),
            Self::MessageId => Some(Part::MessageId),
            Self::Kept | Self::Dropped => None,
        }
    }
}

/// The field that a line begins; none where the header has come to its end.
fn field_of(line: &[u8], at: usize) -> Option<Field> {
    if at == 0 && line.starts_with(b"From ") {
        return Some(Field::Dropped);
    }
    let colon = line.iter().position(|octet| *octet == b':')?;
    let name = line.get(..colon)?.trim_ascii_end();
    Some(if name.eq_ignore_ascii_case(b"Date") {
        Field::Date
    } else if name.eq_ignore_ascii_case(b"Message-ID") {
        Field::MessageId
    } else if name.get(..TRACE.len()).is_some_and(|name| name.eq_ignore_ascii_case(TRACE)) {
        Field::Dropped
    } else {
        Field::Kept
    })
}

/// The length of the first line with its end: CR, LF or CRLF, as [`Wire::put_lines`] has it.
fn line_length(text: &[u8]) -> usize {
    match memchr2(b'\r', b'\n', text) {
        None => text.len(),
        Some(end) => {
            let is_pair = text.get(end..).is_some_and(|rest| rest.starts_with(b"\r\n"));
            end + if is_pair { 2 } else { 1 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts, with `<D>` and `<M>` for the fresh fields.
    fn shown(raw: &str) -> String {
        let parts = rewritten(raw.as_bytes()).into_iter();
        let shown = parts.map(|part| match part {
            Part::Text(wire) => String::from_utf8(wire.into_octets()).unwrap(),
            Part::Date => "<D>".to_owned(),
            Part::MessageId => "<M>".to_owned(),
        });
        shown.collect::<String>().replace("\r\n", "|")
    }

    #[test]
    fn date_and_message_id_are_replaced_where_they_stand() {
        for (raw, expected) in [
            ("A: 1\nDate: x\nB: 2\n\nDate: y\n", "A: 1|<D>B: 2||Date: y|"),
            ("date: x\r\n y\r\n\tz\r\nMESSAGE-ID :\r\n <a@b>\r\n\r\ntext", "<D><M>|text|"),
            ("Message-Id: <a>\rDate: x\r\r.text", "<M><D>|..text|"),
            ("A: 1\nMessage-ID: <a>\n b", "A: 1|<M>"),
            ("Date: x", "<D>"),
            ("Date: x\n\n", "<D>|"),
            ("A: 1\n\ntext\n", "A: 1||text|"),
            ("Resent-Date: x\nX-Message-ID: y\n\n", "Resent-Date: x|X-Message-ID: y||"),
            ("no field\nDate: x\n", "no field|Date: x|"),
            ("\nDate: x\n", "|Date: x|"),
            ("From me Mon\nDate: x\n\nFrom you\n", "<D>|From you|"),
            ("From me Mon\nA: 1\n\n", "A: 1||"),
            ("From me Mon", ""),
            ("", ""),
        ] {
            assert_eq!(shown(raw), expected, "{raw:?}");
        }
    }
}
