//! Reply codes (RFC 5321 4.2) and enhanced status codes (RFC 3463).

use serde::{Deserialize, Serialize};
use std::fmt;

/// A three-digit reply code, 200 to 599.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Code(u16);

/// The first digit of a reply code.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// 2xx: done.
    Positive,
    /// 3xx: go on.
    Intermediate,
    /// 4xx: not now.
    Temporary,
    /// 5xx: no.
    Permanent,
}

impl Code {
    /// 220, the greeting.
    pub const GREETING: Self = Self(220);
    /// 250, done.
    pub const OK: Self = Self(250);
    /// 334, the challenge of AUTH.
    pub const CHALLENGE: Self = Self(334);
    /// 535, wrong credentials (RFC 4954).
    pub const NOT_AUTHENTICATED: Self = Self(535);
    /// 354, send the text.
    pub const SEND_TEXT: Self = Self(354);
    /// 421, the session ends here.
    pub const CLOSING: Self = Self(421);

    /// A code, if the number is one: 200 to 599 with a second digit of 0 to 5.
    pub const fn new(number: u16) -> Option<Self> {
        if number >= 200 && number <= 599 && number / 10 % 10 <= 5 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// The number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The first digit's meaning.
    pub const fn class(self) -> Class {
        match self.0 / 100 {
            2 => Class::Positive,
            3 => Class::Intermediate,
            4 => Class::Temporary,
            _ => Class::Permanent,
        }
    }
}

/// A number that is no reply code, or a text that is no enhanced code.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a reply code")]
pub struct NotACode;

impl TryFrom<u16> for Code {
    type Error = NotACode;

    fn try_from(number: u16) -> Result<Self, NotACode> {
        Self::new(number).ok_or(NotACode)
    }
}

impl From<Code> for u16 {
    fn from(code: Code) -> Self {
        code.0
    }
}

impl TryFrom<String> for Enhanced {
    type Error = NotACode;

    fn try_from(text: String) -> Result<Self, NotACode> {
        Self::at_start_of(text.as_bytes()).ok_or(NotACode)
    }
}

impl From<Enhanced> for String {
    fn from(code: Enhanced) -> Self {
        code.to_string()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// An enhanced status code such as `4.7.1`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Enhanced {
    /// 2, 4 or 5.
    pub class: u8,
    /// 0 to 999.
    pub subject: u16,
    /// 0 to 999.
    pub detail: u16,
}

impl Enhanced {
    /// The enhanced code at the beginning of a reply's text (RFC 2034), if there is one.
    pub fn at_start_of(text: &[u8]) -> Option<Self> {
        let class = match text {
            [class @ (b'2' | b'4' | b'5'), b'.', ..] => class - b'0',
            _ => return None,
        };
        let (subject, rest) = number(text.get(2..)?)?;
        let (detail, rest) = number(rest.strip_prefix(b".")?)?;
        matches!(rest, [] | [b' ', ..]).then_some(Self { class, subject, detail })
    }
}

/// The number of one to three digits that a text begins with, and what stands behind it.
fn number(text: &[u8]) -> Option<(u16, &[u8])> {
    let digits = text.iter().take(4).take_while(|octet| octet.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(digits).filter(|_| (1..=3).contains(&digits))?;
    let number = number.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    Some((number, rest))
}

impl fmt::Display for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_outside_the_grammar_are_no_codes() {
        for number in [0, 99, 199, 260, 600, 999] {
            assert_eq!(Code::new(number), None, "{number}");
        }
        assert_eq!(Code::new(250), Some(Code::OK));
    }

    #[test]
    fn an_enhanced_code_is_read_only_at_the_start_of_the_text() {
        let table: [(&[u8], Option<&str>); 10] = [
            (b"4.7.1 greylisted", Some("4.7.1")),
            (b"2.0.0", Some("2.0.0")),
            (b"5.1.10 x", Some("5.1.10")),
            (b"3.0.0 x", None),
            (b"4.7 x", None),
            (b"4.7.1.1 x", None),
            (b"Ok 2.0.0", None),
            (b"2.0.0ok", None),
            (b"2.0.1000 x", None),
            (b"02.0.0 x", None),
        ];
        for (text, expected) in table {
            let read = Enhanced::at_start_of(text).map(|code| code.to_string());
            assert_eq!(read.as_deref(), expected, "{}", String::from_utf8_lossy(text));
        }
    }
}
