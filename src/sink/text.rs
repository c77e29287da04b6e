//! Octets behind a 354 → where the text ends, and how long it is.
//!
//! Nothing is copied. Only CRLF `.` CRLF ends a text; a line feed alone never begins a line, so
//! that nothing can be smuggled behind `LF . LF`.

use std::io::BufRead;

/// Where the scan stands between two reads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// Behind a CRLF, or at the very beginning.
    LineStart,
    /// Behind a dot that began a line.
    Dot,
    /// Behind such a dot and a CR.
    DotCr,
    /// In a line.
    Inside,
    /// In a line, behind a CR.
    Cr,
}

/// One message's text while it is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    place: Place,
    octets: u64,
    lone_feeds: u64,
}

impl Text {
    pub(super) fn new() -> Self {
        Self { place: Place::LineStart, octets: 0, lone_feeds: 0 }
    }

    /// The octets so far, without stuffed dots and the final one.
    pub(super) fn octets(self) -> u64 {
        self.octets
    }

    /// Whether a line feed stood without its carriage return (RFC 5321 2.3.8 forbids it).
    pub(super) fn has_lone_feeds(self) -> bool {
        self.lone_feeds > 0
    }

    /// Reads on; gives the length up to the end of the final dot's line, if that was reached.
    pub(super) fn read(&mut self, octets: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(rest) = octets.get(at..).filter(|rest| !rest.is_empty()) {
            match (self.place, rest[0]) {
                (Place::DotCr, b'\n') => return Some(at + 1),
                (Place::LineStart, b'.') => at += self.go_on(Place::Dot),
                (Place::Dot, b'\r') => at += self.go_on(Place::DotCr),
                (Place::Dot, _) => self.place = Place::Inside,
                (Place::DotCr, _) => {
                    self.octets += 1;
                    self.place = Place::Cr;
                }
                (Place::LineStart | Place::Inside | Place::Cr, _) => at += self.read_line(rest),
            }
        }
        None
    }

    fn go_on(&mut self, place: Place) -> usize {
        self.place = place;
        1
    }

    fn read_line(&mut self, rest: &[u8]) -> usize {
        // On a slice this is the standard library's memchr, which it offers nowhere else.
        let length = { rest }.skip_until(b'\n').unwrap_or(rest.len());
        self.octets += length as u64;
        let before = if length >= 2 { rest[length - 2] == b'\r' } else { self.place == Place::Cr };
        self.place = match rest[length - 1] {
            b'\n' if before => Place::LineStart,
            b'\n' => {
                self.lone_feeds += 1;
                Place::Inside
            }
            b'\r' => Place::Cr,
            _ => Place::Inside,
        };
        length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_only_at_its_own_dot_wherever_it_is_split() {
        let table: [(&[u8], Option<usize>, u64); 12] = [
            (b".\r\n", Some(3), 0),
            (b"a\r\n.\r\n", Some(6), 3),
            (b"a\r\n.\r\nMAIL", Some(6), 3),
            (b"a\r\n..\r\n.\r\n", Some(10), 6),
            (b"a\r\n.b\r\n.\r\n", Some(10), 6),
            (b"a.\r\n.\r\n", Some(7), 4),
            (b"a\n.\n", None, 4),
            (b"a\n.\r\n", None, 5),
            (b"a\r\n.\n", None, 4),
            (b"\r\n.\r\r\n.\r\n", Some(9), 5),
            (b"\r\n.\r.\r\n.\r\n", Some(10), 6),
            (b"", None, 0),
        ];
        for (octets, end, length) in table {
            for split in 0..=octets.len() {
                let mut text = Text::new();
                let (first, second) = octets.split_at(split);
                let found =
                    text.read(first).or_else(|| text.read(second).map(|end| end + first.len()));
                let shown = String::from_utf8_lossy(octets);
                assert_eq!((found, text.octets()), (end, length), "{shown:?} at {split}");
            }
        }
    }

    #[test]
    fn a_line_feed_alone_is_noticed() {
        for (octets, expected) in
            [(&b"a\nb"[..], true), (b"\n", true), (b".\n", true), (b"a\r\nb\r", false)]
        {
            let mut text = Text::new();
            text.read(octets);
            assert_eq!(text.has_lone_feeds(), expected, "{octets:?}");
        }
    }
}
