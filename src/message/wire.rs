//! Text → octets as they go over the wire after the 354.
//!
//! A [`Wire`] is always dot-stuffed (RFC 5321 4.5.2) and knows how many dots that took. So what
//! is constant in a message is stuffed once and then only copied.

use memchr::memchr2;

/// Filler goes in lines of this many octets with their line end (RFC 5322 2.1.1).
const LINE: usize = 78;
/// Lines that are filled in one copy.
const LINES: usize = 64;
/// What the lines hold.
const LETTERS: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";
/// Lines of filler.
static FILLER: [u8; LINE * LINES] = filler();

/// The longest line that RFC 5322 2.1.1 allows, without its end.
const LONGEST_LINE: usize = 998;
/// The longest line that RFC 2045 6.7 allows in quoted-printable, without its end.
const LONGEST_QUOTED_LINE: usize = 76;

const fn filler() -> [u8; LINE * LINES] {
    let mut page = [0; LINE * LINES];
    let mut at = 0;
    while at < page.len() {
        page[at] = match at % LINE {
            76 => b'\r',
            77 => b'\n',
            column => LETTERS[(at / LINE + column) % LETTERS.len()],
        };
        at += 1;
    }
    page
}

/// A part of a message, or the whole.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    octets: Vec<u8>,
    dots: usize,
    eight_bit: bool,
    /// Whether the blank line behind the header is known to stand in it.
    has_body: bool,
    /// Where filler goes; at the end where it is not set.
    filler_at: Option<usize>,
}

impl Wire {
    /// An empty one in a used buffer.
    pub(crate) fn reusing(mut octets: Vec<u8>) -> Self {
        octets.clear();
        Self { octets, dots: 0, eight_bit: false, has_body: false, filler_at: None }
    }

    /// What was put so far.
    pub(crate) fn into_octets(self) -> Vec<u8> {
        self.octets
    }

    /// Whether there is an octet above 127.
    pub(crate) fn eight_bit(&self) -> bool {
        self.eight_bit
    }

    /// The size of the message: what the receiver has left without the stuffed dots.
    pub(crate) fn size(&self) -> u64 {
        (self.octets.len() - self.dots) as u64
    }

    /// Appends another part.
    pub(crate) fn put_wire(&mut self, part: &Self) {
        if let Some(place) = part.filler_at {
            self.filler_at = Some(self.octets.len() + place);
        }
        self.octets.extend_from_slice(&part.octets);
        self.dots += part.dots;
        self.eight_bit |= part.eight_bit;
        self.has_body |= part.has_body;
    }

    /// Looks for the blank line behind the header once, so that it need not be looked for in
    /// each message that this part is copied into.
    pub(crate) fn note_body(&mut self) {
        self.has_body = self.body().is_some();
    }

    /// Appends a part of a header, in which no line begins with a dot.
    pub(crate) fn put_header(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
        self.eight_bit |= !octets.is_ascii();
    }

    /// Appends whole lines: every CR, LF or CRLF becomes CRLF, and the last line gets one.
    pub(crate) fn put_lines(&mut self, text: &[u8]) {
        self.octets.reserve(text.len() + text.len() / 32 + 2);
        self.eight_bit |= !text.is_ascii();
        let mut rest = text;
        while let Some(first) = rest.first() {
            if *first == b'.' {
                self.octets.push(b'.');
                self.dots += 1;
            }
            let end = memchr2(b'\r', b'\n', rest);
            let (line, tail) = rest.split_at(end.unwrap_or(rest.len()));
            self.octets.extend_from_slice(line);
            self.octets.extend_from_slice(b"\r\n");
            rest = match tail {
                [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
                [] => &[],
            };
        }
    }

    /// How many octets stand on the wire so far.
    pub(crate) fn len(&self) -> usize {
        self.octets.len()
    }

    /// Filler goes here, behind a text in the midst of other parts.
    pub(crate) fn mark_filler(&mut self) {
        self.filler_at = Some(self.octets.len());
    }

    /// What stands on the wire so far.
    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Puts header fields in ASCII in front of all.
    pub(crate) fn put_in_front(&mut self, fields: &[u8]) {
        self.octets.splice(..0, fields.iter().copied());
        self.filler_at = self.filler_at.map(|place| place + fields.len());
    }

    /// Puts lines of filler in until the message has this size, if it is smaller.
    ///
    /// It stays one octet smaller only where that octet has no legal place: no line is shorter
    /// than its CRLF.
    pub(crate) fn pad_to(&mut self, size: u64) {
        let missing = usize::try_from(size.saturating_sub(self.size())).unwrap_or(0);
        let behind = self.filler_at.map(|place| self.octets.split_off(place));
        self.fill(missing);
        self.octets.extend(behind.unwrap_or_default());
    }

    /// The same with empty lines, which a body in Base64 may hold (RFC 2045 6.8).
    pub(crate) fn pad_with_empty_lines_to(&mut self, size: u64) {
        for _ in 0..size.saturating_sub(self.size()) / 2 {
            self.octets.extend_from_slice(b"\r\n");
        }
    }

    /// Whether the body is said to be in Base64.
    pub(crate) fn is_base64(&self) -> bool {
        const NAME: &[u8] = b"content-transfer-encoding:";
        let body = self.body().map_or(0, <[u8]>::len);
        let header = self.octets.get(..self.octets.len() - body).unwrap_or_default();
        header.split(|octet| *octet == b'\n').any(|line| {
            let value = line.split_at_checked(NAME.len());
            value.is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case(NAME)
                    && value.trim_ascii().eq_ignore_ascii_case(b"base64")
            })
        })
    }

    fn fill(&mut self, missing: usize) {
        let mut missing = missing;
        if missing >= 2 && !self.has_body && self.body().is_none() {
            self.octets.extend_from_slice(b"\r\n");
            missing -= 2;
        }
        self.octets.reserve(missing + 3);
        match (missing / LINE, missing % LINE) {
            (0, 0) => {}
            (0, 1) => self.lengthen_last_line(),
            // A single octet must not be left over.
            (lines, 1) => {
                self.fill_lines(lines - 1);
                self.fill_line(LINE - 1);
                self.fill_line(2);
            }
            (lines, 0) => self.fill_lines(lines),
            (lines, rest) => {
                self.fill_lines(lines);
                self.fill_line(rest);
            }
        }
    }

    fn fill_lines(&mut self, count: usize) {
        let mut left = count;
        while left > 0 {
            let lines = left.min(LINES);
            self.octets.extend_from_slice(FILLER.get(..lines * LINE).unwrap_or_default());
            left -= lines;
        }
    }

    /// Appends one line of so many octets, with its line end.
    fn fill_line(&mut self, octets: usize) {
        self.octets.extend_from_slice(FILLER.get(..octets - 2).unwrap_or_default());
        self.octets.extend_from_slice(b"\r\n");
    }

    /// Appends the final dot.
    pub(crate) fn finish(&mut self) {
        self.octets.extend_from_slice(b".\r\n");
    }

    /// What follows the header's blank line.
    fn body(&self) -> Option<&[u8]> {
        if let Some(body) = self.octets.strip_prefix(b"\r\n") {
            return Some(body);
        }
        let blank = self.octets.windows(4).position(|octets| octets == b"\r\n\r\n")?;
        self.octets.get(blank + 4..)
    }

    fn lengthen_last_line(&mut self) {
        let Some(lines) = self.body().and_then(|body| body.strip_suffix(b"\r\n")) else { return };
        let length = lines.iter().rev().take_while(|octet| **octet != b'\n').count();
        // Behind `=` the line end is part of quoted-printable.
        if length < LONGEST_LINE && length != LONGEST_QUOTED_LINE && !lines.ends_with(b"=") {
            self.octets.insert(self.octets.len() - 2, b'x');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> String {
        let mut wire = Wire::default();
        wire.put_lines(text.as_bytes());
        String::from_utf8(wire.into_octets()).unwrap()
    }

    #[test]
    fn every_line_end_becomes_crlf() {
        for (text, expected) in [
            ("", ""),
            ("a", "a\r\n"),
            ("a\nb\r\nc\rd", "a\r\nb\r\nc\r\nd\r\n"),
            ("a\n\r\n\rb\r\r\n", "a\r\n\r\n\r\nb\r\n\r\n"),
            ("\n", "\r\n"),
        ] {
            assert_eq!(lines(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_dot_that_begins_a_line_is_doubled_and_not_counted() {
        assert_eq!(lines(".\n..\na.b\n\r.c"), "..\r\n...\r\na.b\r\n\r\n..c\r\n");
        let mut wire = Wire::default();
        wire.put_lines(b".\n..\n");
        assert_eq!(wire.size(), 7);
    }

    #[test]
    fn padding_reaches_every_size_exactly_in_short_lines() {
        for missing in (0..400).chain(4900..5300).chain([100_000, 1 << 20]) {
            let mut wire = Wire::default();
            wire.put_lines(b"Subject: x\n\n.text\n");
            let size = wire.size() + missing;

            wire.pad_to(size);

            assert_eq!(wire.size(), size, "{missing}");
            let octets = wire.into_octets();
            let text = octets.strip_suffix(b"\r\n").unwrap();
            for line in text.split(|octet| *octet == b'\n') {
                assert!(line.len() <= 77, "{missing}");
            }
        }
    }

    #[test]
    fn a_message_without_a_body_gets_one_and_is_at_most_an_octet_short() {
        for missing in 0..200 {
            let mut wire = Wire::default();
            wire.put_lines(b"Subject: x\n");
            let size = wire.size() + missing;

            wire.pad_to(size);

            let short = u64::from(matches!(missing, 1 | 3));
            assert_eq!(wire.size(), size - short, "{missing}");
            let octets = wire.into_octets();
            assert!(octets.starts_with(b"Subject: x\r\n"));
            assert!(missing < 2 || octets.starts_with(b"Subject: x\r\n\r\n"), "{missing}");
        }
    }

    #[test]
    fn a_larger_message_stays_as_it_is() {
        let mut wire = Wire::default();
        wire.put_lines(b"Subject: x\n\ntext\n");
        let size = wire.size();

        wire.pad_to(5);

        assert_eq!(wire.size(), size);
    }
}
