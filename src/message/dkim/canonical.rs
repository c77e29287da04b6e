//! Header fields and a body on the wire → the canonical forms that are signed (RFC 6376 3.4).

use memchr::{memchr, memmem};

const CRLF: &[u8] = b"\r\n";

/// What may change on the way without breaking the signature.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Canonicalization {
    /// Nothing but empty lines at the end of the body.
    Simple,
    /// White space, the case of names and how lines are folded, too.
    #[default]
    Relaxed,
}

impl Canonicalization {
    /// The name in the tag `c=`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Relaxed => "relaxed",
        }
    }

    /// Appends a field without its last line end; nothing where there is no colon.
    pub(super) fn put_field(self, field: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Simple => out.extend_from_slice(field.strip_suffix(CRLF).unwrap_or(field)),
            Self::Relaxed => put_relaxed_field(field, out),
        }
    }

    /// Gives the canonical form of a dot-stuffed body bit by bit.
    pub(super) fn give_body(self, stuffed: &[u8], mut give: impl FnMut(&[u8])) {
        let mut empty_lines = 0;
        let mut is_empty = true;
        for line in lines(stuffed) {
            let text = match self {
                Self::Simple => line,
                Self::Relaxed => trim_end(line),
            };
            if text.is_empty() {
                empty_lines += 1;
                continue;
            }
            // Those at the end are never given (RFC 6376 3.4.3 and 3.4.4).
            (0..empty_lines).for_each(|_| give(CRLF));
            (empty_lines, is_empty) = (0, false);
            match self {
                Self::Simple => give(text),
                Self::Relaxed => give_reduced(text, &mut give),
            }
            give(CRLF);
        }
        if is_empty && self == Self::Simple {
            give(CRLF);
        }
    }
}

/// The lines of a dot-stuffed text, without the dots that were put in and the line ends.
fn lines(stuffed: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = stuffed;
    std::iter::from_fn(move || {
        let end = match memchr(b'\n', rest) {
            Some(end) => end + 1,
            None if rest.is_empty() => return None,
            None => rest.len(),
        };
        let (line, behind) = rest.split_at(end);
        rest = behind;
        let line = line.strip_suffix(CRLF).unwrap_or(line);
        Some(line.strip_prefix(b".").unwrap_or(line))
    })
}

/// Divides a message on the wire before the line end of the empty line behind its header.
pub(super) fn divide(message: &[u8]) -> (&[u8], &[u8]) {
    if let Some(body) = message.strip_prefix(CRLF) {
        return (&[], body);
    }
    match memmem::find(message, b"\r\n\r\n") {
        Some(end) => (&message[..end + 2], &message[end + 4..]),
        None => (message, &[]),
    }
}

const fn is_wsp(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

fn trim_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|octet| !is_wsp(*octet)).map_or(0, |last| last + 1);
    text.get(..end).unwrap_or_default()
}

fn trim_start(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|octet| !is_wsp(*octet)).unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

/// Gives a text with one space for each run of white space, in pieces as long as can be.
fn give_reduced(text: &[u8], give: &mut impl FnMut(&[u8])) {
    let mut from = 0;
    let mut is_behind_space = false;
    for (at, octet) in text.iter().enumerate() {
        match (octet, is_behind_space) {
            (b' ' | b'\t', true) => {
                give(text.get(from..at).unwrap_or_default());
                from = at + 1;
            }
            (b'\t', false) => {
                give(text.get(from..at).unwrap_or_default());
                give(b" ");
                from = at + 1;
                is_behind_space = true;
            }
            (b' ', false) => is_behind_space = true,
            (_, _) => is_behind_space = false,
        }
    }
    give(text.get(from..).unwrap_or_default());
}

fn put_relaxed_field(field: &[u8], out: &mut Vec<u8>) {
    let Some(colon) = memchr(b':', field) else { return };
    let (name, value) = field.split_at(colon);
    out.extend(trim_end(name).iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let unfolded: Vec<u8> =
        value.iter().skip(1).copied().filter(|octet| !CRLF.contains(octet)).collect();
    give_reduced(trim_start(trim_end(&unfolded)), &mut |text| out.extend_from_slice(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(form: Canonicalization, stuffed: &str) -> String {
        let mut octets = Vec::new();
        form.give_body(stuffed.as_bytes(), |text| octets.extend_from_slice(text));
        String::from_utf8(octets).unwrap()
    }

    fn field(form: Canonicalization, text: &str) -> String {
        let mut octets = Vec::new();
        form.put_field(text.as_bytes(), &mut octets);
        String::from_utf8(octets).unwrap()
    }

    /// RFC 6376 3.4.5.
    #[test]
    fn the_examples_of_the_rfc_have_its_canonical_forms() {
        use Canonicalization::{Relaxed, Simple};
        let message = "A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n";
        let (header, text) = divide(message.as_bytes());
        assert_eq!(header, b"A: X\r\nB : Y\t\r\n\tZ  \r\n");
        let text = std::str::from_utf8(text).unwrap();

        assert_eq!(field(Relaxed, "A: X\r\n"), "a:X");
        assert_eq!(field(Relaxed, "B : Y\t\r\n\tZ  \r\n"), "b:Y Z");
        assert_eq!(body(Relaxed, text), " C\r\nD E\r\n");
        assert_eq!(field(Simple, "A: X\r\n"), "A: X");
        assert_eq!(field(Simple, "B : Y\t\r\n\tZ  \r\n"), "B : Y\t\r\n\tZ  ");
        assert_eq!(body(Simple, text), " C \r\nD \t E\r\n");
    }

    #[test]
    fn the_ends_of_a_body_count_as_the_rfc_says() {
        use Canonicalization::{Relaxed, Simple};
        for (text, simple, relaxed) in [
            ("", "\r\n", ""),
            ("\r\n\r\n", "\r\n", ""),
            (" \t\r\n", " \t\r\n", ""),
            ("a\r\n \r\n\r\n", "a\r\n \r\n", "a\r\n"),
            ("\r\n\r\na\r\n", "\r\n\r\na\r\n", "\r\n\r\na\r\n"),
            ("a  b\t\r\n \t\r\nc\r\n", "a  b\t\r\n \t\r\nc\r\n", "a b\r\n\r\nc\r\n"),
            ("a\tb \tc d\r\n", "a\tb \tc d\r\n", "a b c d\r\n"),
            ("ü\u{a0}\r\n", "ü\u{a0}\r\n", "ü\u{a0}\r\n"),
        ] {
            assert_eq!(body(Simple, text), simple, "{text:?}");
            assert_eq!(body(Relaxed, text), relaxed, "{text:?}");
        }
    }

    #[test]
    fn dots_that_were_stuffed_are_not_signed() {
        for form in [Canonicalization::Simple, Canonicalization::Relaxed] {
            assert_eq!(body(form, "..\r\n...\r\na.\r\n..b\r\n"), ".\r\n..\r\na.\r\n.b\r\n");
        }
    }

    #[test]
    fn a_message_is_divided_at_its_first_empty_line() {
        let table: [(&str, &str, &str); 5] = [
            ("A: b\r\n\r\nc\r\n\r\nd\r\n", "A: b\r\n", "c\r\n\r\nd\r\n"),
            ("A: b\r\n", "A: b\r\n", ""),
            ("A: b\r\n\r\n", "A: b\r\n", ""),
            ("\r\n\r\nc\r\n", "", "\r\nc\r\n"),
            ("", "", ""),
        ];
        for (message, header, body) in table {
            let expected = (header.as_bytes(), body.as_bytes());
            assert_eq!(divide(message.as_bytes()), expected, "{message:?}");
        }
    }
}
