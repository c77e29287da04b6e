//! A mail as composed, dot-stuffed and with its final dot → the same octets for a BDAT chunk.
//!
//! It is composed once for either way. Few texts have a line that begins with a dot, and the
//! mail's size tells whether this one has, so that mostly a chunk is one copy.

use std::ops::Range;

use super::Mail;

/// What ends a text after DATA.
const FINAL_DOT: &[u8] = b".\r\n";

impl Mail {
    fn text(&self) -> &[u8] {
        self.octets.strip_suffix(FINAL_DOT).unwrap_or(&self.octets)
    }

    fn has_no_stuffed_dot(&self) -> bool {
        self.text().len() as u64 == self.size
    }

    /// Where in [`Mail::octets`] the chunk stands; none where it must be put together because a
    /// dot is stuffed.
    pub fn chunk_as_composed(&self) -> Option<Range<usize>> {
        self.has_no_stuffed_dot().then(|| 0..self.text().len())
    }

    /// Appends the message without stuffed dots and without the final dot: [`Mail::size`] octets.
    pub fn put_chunk(&self, out: &mut Vec<u8>) {
        let text = self.text();
        if self.has_no_stuffed_dot() {
            out.extend_from_slice(text);
            return;
        }
        for line in text.split_inclusive(|octet| *octet == b'\n') {
            out.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::Wire;
    use super::*;

    fn chunk(text: &str) -> (u64, String) {
        let mut wire = Wire::default();
        wire.put_lines(text.as_bytes());
        let size = wire.size();
        wire.finish();
        let mail = Mail { octets: wire.into_octets().into(), size, ..Mail::default() };
        let mut out = Vec::new();
        mail.put_chunk(&mut out);
        (size, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_chunk_is_the_text_as_it_was_written() {
        for text in ["", "a\r\n", "a\r\n.\r\n..\r\nb.\r\n.c\r\n", ".\r\n", "\r\n.\r\n"] {
            let (size, octets) = chunk(text);
            assert_eq!(octets, text);
            assert_eq!(octets.len() as u64, size, "{text:?}");
        }
    }
}
