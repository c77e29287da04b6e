//! A process that is watched, by its number or its name: `4242`, `master`.

use std::fmt;
use std::str::FromStr;

/// The longest name of a program.
const LONGEST: usize = 255;

/// A local process, with its descendants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WatchedProcess {
    /// The one with this number.
    Pid(u32),
    /// The one whose program has this name; of several the ancestor of the others.
    Name(String),
}

/// Why a text names no process.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WatchedProcessError {
    /// A number that no process has.
    #[error("a process has a number from 1 to 4194304")]
    Number,
    /// Not the name of a program.
    #[error("a program's name has 1 to 255 octets and no `/`")]
    Name,
}

impl FromStr for WatchedProcess {
    type Err = WatchedProcessError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The most that a 64-bit Linux gives (proc(5), `pid_max`).
        const MOST: u32 = 4_194_304;
        if !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit()) {
            let number = text.parse().ok().filter(|number| (1..=MOST).contains(number));
            return number.map(Self::Pid).ok_or(WatchedProcessError::Number);
        }
        let is_name = (1..=LONGEST).contains(&text.len())
            && !text.contains(|letter: char| letter == '/' || letter.is_control());
        if is_name { Ok(Self::Name(text.to_owned())) } else { Err(WatchedProcessError::Name) }
    }
}

/// As part of a sentence.
impl fmt::Display for WatchedProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pid(pid) => write!(f, "with the number {pid}"),
            Self::Name(name) => write!(f, "`{name}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_a_number_and_all_else_is_a_name() {
        let table = [
            ("4242", Ok(WatchedProcess::Pid(4242))),
            ("master", Ok(WatchedProcess::Name("master".to_owned()))),
            ("nginx: 2", Ok(WatchedProcess::Name("nginx: 2".to_owned()))),
            ("0", Err(WatchedProcessError::Number)),
            ("99999999999", Err(WatchedProcessError::Number)),
            ("", Err(WatchedProcessError::Name)),
            ("/usr/sbin/master", Err(WatchedProcessError::Name)),
            ("a\nb", Err(WatchedProcessError::Name)),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse(), expected, "{text:?}");
        }
    }
}
