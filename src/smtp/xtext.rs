//! Text → xtext (RFC 3461 4): how a parameter holds octets that would end it.

/// Appends text in xtext: printable ASCII but for `+` and `=` as it is, all else as `+` and two
/// hexadecimal digits.
pub(super) fn put_xtext(text: &str, out: &mut Vec<u8>) {
    for octet in text.bytes() {
        if is_plain(octet) {
            out.push(octet);
        } else {
            out.extend_from_slice(&[b'+', digit(octet >> 4), digit(octet & 15)]);
        }
    }
}

/// Whether an octet stands for itself.
pub(super) const fn is_plain(octet: u8) -> bool {
    octet.is_ascii_graphic() && octet != b'+' && octet != b'='
}

/// A hexadecimal digit; RFC 3461 wants capitals.
pub(super) const fn digit(value: u8) -> u8 {
    match value {
        0..=9 => b'0' + value,
        _ => b'A' + value - 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_parameter_is_written_in_digits() {
        for (text, expected) in [
            ("user@example.test", "user@example.test"),
            ("a+b=c", "a+2Bb+3Dc"),
            ("a b\r\n", "a+20b+0D+0A"),
            ("\u{fc}", "+C3+BC"),
            ("", ""),
        ] {
            let mut out = Vec::new();
            put_xtext(text, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{text:?}");
        }
    }
}
