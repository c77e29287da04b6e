//! An mbox → where each of its mails stands; and a mail as it was before it was put there.
//!
//! The mbox readers of libraries give whole mails, one after another; here their places are
//! needed, so that a mail can be read when its turn comes.

use std::io::{self, BufRead, Read as _};
use std::ops::Range;

/// What a line begins with that stands before a mail.
const SEPARATOR: &[u8] = b"From ";

/// Tells the place of each mail in octets, without the line before it and the blank line behind
/// it. A mail begins behind a `From ` line at the file's beginning or behind a blank line.
///
/// # Errors
/// Those of the reader, and of `found`.
pub(super) fn scan<E: From<io::Error>>(
    mut reader: impl BufRead,
    mut found: impl FnMut(Range<u64>) -> Result<(), E>,
) -> Result<(), E> {
    let mut begin = Vec::with_capacity(SEPARATOR.len());
    let mut mail = None;
    // The line before, if it is blank, begins here.
    let mut blank = Some(0);
    let mut at = 0;
    loop {
        begin.clear();
        let mut length =
            reader.by_ref().take(SEPARATOR.len() as u64).read_until(b'\n', &mut begin)? as u64;
        if length == 0 {
            break;
        }
        if !begin.ends_with(b"\n") {
            length += reader.skip_until(b'\n')? as u64;
        }
        let next = at + length;
        if let Some(end) = blank.filter(|_| begin == SEPARATOR)
            && let Some(from) = mail.replace(next)
        {
            found(from..end)?;
        }
        blank = matches!(&*begin, b"\n" | b"\r\n").then_some(at);
        at = next;
    }
    match mail {
        Some(from) => found(from..blank.filter(|end| *end >= from).unwrap_or(at)),
        None => Ok(()),
    }
}

/// Takes one `>` from each line that begins with `>`s and `From `, as mboxrd wants it; mboxo has
/// only lines with one.
pub(super) fn unquote(mail: &mut Vec<u8>) {
    let is_quoted = |line: &[u8]| {
        let inner = line.iter().position(|octet| *octet != b'>').unwrap_or(0);
        inner > 0 && line.get(inner..).is_some_and(|rest| rest.starts_with(SEPARATOR))
    };
    if !mail.split_inclusive(|octet| *octet == b'\n').any(is_quoted) {
        return;
    }
    let mut unquoted = Vec::with_capacity(mail.len());
    for line in mail.split_inclusive(|octet| *octet == b'\n') {
        let from = usize::from(is_quoted(line));
        unquoted.extend_from_slice(line.get(from..).unwrap_or_default());
    }
    *mail = unquoted;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mails(mbox: &str) -> Vec<String> {
        let mut mails = Vec::new();
        scan(mbox.as_bytes(), |place| {
            let place = usize::try_from(place.start).unwrap()..usize::try_from(place.end).unwrap();
            let mut mail = mbox.as_bytes()[place].to_vec();
            unquote(&mut mail);
            mails.push(String::from_utf8(mail).unwrap());
            Ok::<(), io::Error>(())
        })
        .unwrap();
        mails
    }

    #[test]
    fn a_mail_stands_between_a_from_line_and_a_blank_line() {
        let table: [(&str, &[&str]); 9] = [
            ("", &[]),
            ("Subject: x\n\nno mbox\n", &[]),
            ("From a\n", &[""]),
            ("From a\n\n", &[""]),
            ("From a\nS: 1\n\nb\n\nFrom b\nS: 2\n", &["S: 1\n\nb\n", "S: 2\n"]),
            ("From a\nS: 1\n\nb\n\n\nFrom b\nS: 2\n\n", &["S: 1\n\nb\n\n", "S: 2\n"]),
            ("From a\r\nS: 1\r\n\r\nFrom b\r\nS: 2\r\n", &["S: 1\r\n", "S: 2\r\n"]),
            ("From a\nS: 1\n\nx\nFrom here on\nFro\n", &["S: 1\n\nx\nFrom here on\nFro\n"]),
            ("From a\nno end", &["no end"]),
        ];
        for (mbox, expected) in table {
            assert_eq!(mails(mbox), expected, "{mbox:?}");
        }
    }

    #[test]
    fn a_line_that_was_quoted_loses_one_mark() {
        let mbox = "From a\nS: 1\n\n>From me\n>>From you\n> From\n>F\n>\nx >From\n";

        assert_eq!(mails(mbox), ["S: 1\n\nFrom me\n>From you\n> From\n>F\n>\nx >From\n"]);
    }
}
