//! A mail as composed, dot-stuffed and with its final dot → the same octets for a BDAT chunk.
//!
//! It is composed once for either way. Few texts have a line that begins with a dot, and the
//! mail's size tells whether this one has, so that mostly a chunk is one copy.

use super::Mail;

/// What ends a text after DATA.
const FINAL_DOT: &[u8] = b".\r\n";

impl Mail {
    /// Appends the message without stuffed dots and without the final dot: [`Mail::size`] octets.
    pub fn put_chunk(&self, out: &mut Vec<u8>) {
        let text = self.octets.strip_suffix(FINAL_DOT).unwrap_or(&self.octets);
        if text.len() as u64 == self.size {
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
        let mail = Mail { octets: wire.into_octets(), size, ..Mail::default() };
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
