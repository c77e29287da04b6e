//! Octets from a server → replies (RFC 5321 4.2), strictly: what is no reply is not guessed at.
//!
//! A reply borrows the read buffer. Lines must end in CRLF and all lines of a reply must carry
//! the same code, since a tool that judges servers must not be more lenient than the standard.

use memchr::memchr;

use super::{Code, Enhanced};

/// A reply may be this long in all; RFC 5321 4.5.3.1.5 asks for 512 octets a line.
pub const LONGEST_REPLY: usize = 64 * 1024;

/// A complete reply.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reply<'a> {
    code: Code,
    octets: &'a [u8],
}

/// Octets that begin no reply: a bare LF, no code, another code in a later line, no end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a legal SMTP reply")]
pub struct IllegalReply;

impl<'a> Reply<'a> {
    /// The reply at the beginning of a buffer and its length; none while it is incomplete.
    pub fn parse(buffer: &'a [u8]) -> Result<Option<(Self, usize)>, IllegalReply> {
        let mut code = None;
        let mut at = 0;
        while let Some(length) = buffer.get(at..).and_then(|rest| memchr(b'\n', rest)) {
            let line = buffer.get(at..at + length).and_then(|line| line.strip_suffix(b"\r"));
            let (line_code, last) = line.and_then(code_of_line).ok_or(IllegalReply)?;
            if code.is_some_and(|code| code != line_code) {
                return Err(IllegalReply);
            }
            code = Some(line_code);
            at += length + 1;
            if last {
                let octets = buffer.get(..at).ok_or(IllegalReply)?;
                return Ok(Some((Self { code: line_code, octets }, at)));
            }
        }
        if buffer.len() > LONGEST_REPLY { Err(IllegalReply) } else { Ok(None) }
    }

    /// The code that all lines carry.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The lines without code and line end.
    pub fn lines(&self) -> impl Iterator<Item = &'a [u8]> {
        let octets = self.octets;
        octets.split(|octet| *octet == b'\n').filter(|line| line.len() > 3).map(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            line.get(4..).unwrap_or_default()
        })
    }

    /// The enhanced code at the beginning of the text, if there is one (RFC 2034).
    pub fn enhanced(&self) -> Option<Enhanced> {
        self.lines().next().and_then(Enhanced::at_start_of)
    }

    /// Code and text for people, lines joined by a space; other octets than UTF-8 are replaced.
    pub fn text(&self) -> String {
        let mut text = self.code.to_string();
        for line in self.lines() {
            text.push(' ');
            text.push_str(&String::from_utf8_lossy(line));
        }
        text
    }
}

/// The code of one line, and whether it is a reply's last.
fn code_of_line(line: &[u8]) -> Option<(Code, bool)> {
    let digits = line.get(..3)?;
    let number = digits.iter().try_fold(0_u16, |sum, digit| {
        digit.is_ascii_digit().then(|| sum * 10 + u16::from(digit - b'0'))
    })?;
    let last = match line.get(3) {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    Some((Code::new(number)?, last))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Result<Option<(u16, usize)>, IllegalReply> {
        Reply::parse(text.as_bytes())
            .map(|found| found.map(|(reply, length)| (reply.code().number(), length)))
    }

    #[test]
    fn a_reply_ends_with_its_last_line() {
        assert_eq!(parsed("250 ok\r\n354 go\r\n"), Ok(Some((250, 8))));
        assert_eq!(parsed("250-a\r\n250-b\r\n250 c\r\nrest"), Ok(Some((250, 21))));
        assert_eq!(parsed("250\r\n"), Ok(Some((250, 5))));
    }

    #[test]
    fn an_incomplete_reply_is_waited_for() {
        for text in ["", "2", "250", "250 ok", "250 ok\r", "250-a\r\n", "250-a\r\n25"] {
            assert_eq!(parsed(text), Ok(None), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for text in ["250 ok\n", "\r\n", "abc\r\n", "999 x\r\n", "250-a\r\n251 b\r\n", "250x\r\n"] {
            assert_eq!(parsed(text), Err(IllegalReply), "{text:?}");
        }
        assert_eq!(parsed(&"2".repeat(LONGEST_REPLY + 1)), Err(IllegalReply));
    }

    #[test]
    fn the_enhanced_code_is_that_of_the_first_line() {
        let (reply, _) = Reply::parse(b"550-5.1.1 no such\r\n550 user\r\n").unwrap().unwrap();

        assert_eq!(reply.enhanced().unwrap().to_string(), "5.1.1");
        assert_eq!(reply.text(), "550 5.1.1 no such user");
    }

    proptest! {
        #[test]
        fn any_octets_are_read_without_a_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(Some((reply, length))) = Reply::parse(&octets) {
                prop_assert!(length <= octets.len());
                prop_assert!(!reply.text().is_empty());
            }
        }

        #[test]
        fn a_reply_reads_the_same_however_it_is_split(cut in 0_usize..21) {
            let whole = b"250-a\r\n250-b\r\n250 c\r\n";
            prop_assert_eq!(Reply::parse(&whole[..cut]), Ok(None));
        }
    }
}
