//! Octets → the commands of RFC 5321, or the objection to a line that is none.
//!
//! A line is bounded: what is longer is thrown away up to its end and refused once. So a client
//! cannot make the server remember more than [`LONGEST_LINE`] octets of a command.

use super::notification::{Notification, Wrong};
use super::xclient;
use crate::smtp::Step;

/// The longest command line with its CRLF: 512 octets (RFC 5321 4.5.3.1.4) and room for
/// parameters.
pub(super) const LONGEST_LINE: usize = 1000;
/// The longest response of AUTH with its CRLF (RFC 4954 4).
const LONGEST_RESPONSE: usize = 12_290;
/// The longest path with its brackets (RFC 5321 4.5.3.1.3).
const LONGEST_PATH: usize = 256;

/// A command that can be obeyed, if it comes in its turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Command {
    Hello(Hello),
    Starttls,
    Xclient,
    /// Its argument stands in [`Commands::take_argument`].
    Auth,
    Mail {
        size: Option<u64>,
        alphabet: Alphabet,
    },
    Rcpt {
        alphabet: Alphabet,
    },
    Data,
    Bdat {
        size: u64,
        position: Position,
    },
    Rset,
    Noop,
    Verify,
    Quit,
}

/// The ways to open a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Hello {
    Ehlo,
    Helo,
    /// That of LMTP (RFC 2033).
    Lhlo,
}

/// Whether a chunk is the last one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Position {
    Inner,
    Last,
}

/// Which characters an address has, or a transaction allows.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Alphabet {
    Ascii,
    /// Beyond ASCII: only with SMTPUTF8 (RFC 6531).
    International,
}

/// The reply to a line that cannot be obeyed, and the step that it belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Objection {
    pub(super) step: Option<Step>,
    pub(super) reply: &'static [u8],
}

const NO_CRLF: &[u8] = b"500 5.5.2 a command ends with CRLF\r\n";
const ODD_OCTETS: &[u8] = b"500 5.5.2 CR or NUL inside a command\r\n";
const TOO_LONG: &[u8] = b"500 5.5.6 line too long\r\n";
const UNKNOWN: &[u8] = b"500 5.5.2 command unknown\r\n";
pub(super) const NOT_OFFERED: &[u8] = b"502 5.5.1 command not offered\r\n";
const NO_NAME: &[u8] = b"501 5.5.4 a name must follow\r\n";
const NO_ARGUMENT: &[u8] = b"501 5.5.4 nothing may follow this command\r\n";
const WRONG_PATH: &[u8] = b"501 5.1.7 expected a mailbox in angle brackets\r\n";
const WRONG_VALUE: &[u8] = b"501 5.5.4 wrong value of a parameter\r\n";
const WRONG_ATTRIBUTES: &[u8] = b"501 5.5.4 wrong attributes\r\n";
const WRONG_CHUNK: &[u8] =
    b"501 5.5.4 expected BDAT with a size, and LAST or nothing behind it\r\n";
const UNKNOWN_PARAMETER: &[u8] = b"555 5.5.4 parameter unknown\r\n";
const NOT_ASCII: &[u8] = b"553 5.6.7 address needs SMTPUTF8\r\n";

/// Cuts octets into lines and reads them as commands, wherever reads split them.
#[derive(Debug, Default)]
pub(super) struct Commands {
    partial: Vec<u8>,
    overlong: bool,
    /// What stood behind the last AUTH.
    argument: Vec<u8>,
}

/// What ended with a line feed within AUTH.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Response {
    /// A line, without its end.
    Line(Vec<u8>),
    /// One that is too long, or has no CRLF.
    NoLine,
}

impl Commands {
    /// Reads on to the end of a line; gives how much was used, and what the line says if it ended.
    pub(super) fn read(&mut self, octets: &[u8]) -> (usize, Option<Result<Command, Objection>>) {
        let Some(feed) = octets.iter().position(|octet| *octet == b'\n') else {
            self.keep(octets);
            return (octets.len(), None);
        };
        let line = &octets[..=feed];
        let read = if self.partial.is_empty() && !self.overlong {
            self.parse(line)
        } else {
            self.keep(line);
            let line = std::mem::take(&mut self.partial);
            let read = if self.overlong { refuse(None, TOO_LONG) } else { self.parse(&line) };
            self.partial = line;
            self.partial.clear();
            self.overlong = false;
            read
        };
        (feed + 1, Some(read))
    }

    fn parse(&mut self, line: &[u8]) -> Result<Command, Objection> {
        let command = parse(line)?;
        if command == Command::Auth {
            let words = line.trim_ascii_end();
            self.argument = words.get("AUTH ".len()..).unwrap_or_default().to_vec();
        }
        Ok(command)
    }

    /// What stood behind the last AUTH.
    pub(super) fn take_argument(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.argument)
    }

    /// Reads on to the end of a line that is no command, but a response of AUTH; gives how much
    /// was used, and the line if it ended.
    pub(super) fn read_line(&mut self, octets: &[u8]) -> (usize, Option<Response>) {
        let feed = octets.iter().position(|octet| *octet == b'\n');
        let used = feed.map_or(octets.len(), |feed| feed + 1);
        self.keep_up_to(LONGEST_RESPONSE, octets.get(..used).unwrap_or_default());
        if feed.is_none() {
            return (used, None);
        }
        let overlong = std::mem::take(&mut self.overlong);
        let mut line = std::mem::take(&mut self.partial);
        let ended = line.ends_with(b"\r\n") && !overlong;
        line.truncate(line.len().saturating_sub(2));
        (used, Some(if ended { Response::Line(line) } else { Response::NoLine }))
    }

    fn keep(&mut self, octets: &[u8]) {
        self.keep_up_to(LONGEST_LINE, octets);
    }

    fn keep_up_to(&mut self, most: usize, octets: &[u8]) {
        if self.overlong || self.partial.len() + octets.len() > most {
            self.overlong = true;
            self.partial.clear();
        } else {
            self.partial.extend_from_slice(octets);
        }
    }
}

fn refuse<T>(step: Option<Step>, reply: &'static [u8]) -> Result<T, Objection> {
    Err(Objection { step, reply })
}

fn parse(line: &[u8]) -> Result<Command, Objection> {
    if line.len() > LONGEST_LINE {
        return refuse(None, TOO_LONG);
    }
    let Some(line) = line.strip_suffix(b"\r\n") else {
        return refuse(None, NO_CRLF);
    };
    if line.iter().any(|octet| matches!(octet, b'\r' | 0)) {
        return refuse(None, ODD_OCTETS);
    }
    let line = line.trim_ascii_end();
    let (verb, argument) = match line.iter().position(|octet| *octet == b' ') {
        Some(space) => (&line[..space], &line[space + 1..]),
        None => (line, &[][..]),
    };
    let is = |name: &str| verb.eq_ignore_ascii_case(name.as_bytes());
    match argument {
        _ if is("MAIL") => mail(argument),
        _ if is("RCPT") => rcpt(argument),
        [] if is("DATA") => Ok(Command::Data),
        [] if is("STARTTLS") => Ok(Command::Starttls),
        [] if is("RSET") => Ok(Command::Rset),
        [] if is("QUIT") => Ok(Command::Quit),
        _ if is("DATA") => refuse(Some(Step::Data), NO_ARGUMENT),
        _ if is("STARTTLS") => refuse(Some(Step::Starttls), NO_ARGUMENT),
        _ if is("RSET") => refuse(Some(Step::Rset), NO_ARGUMENT),
        _ if is("QUIT") => refuse(Some(Step::Quit), NO_ARGUMENT),
        [] if is("EHLO") || is("HELO") || is("LHLO") => refuse(Some(Step::Ehlo), NO_NAME),
        [] if is("VRFY") => refuse(None, NO_NAME),
        _ if is("EHLO") => Ok(Command::Hello(Hello::Ehlo)),
        _ if is("HELO") => Ok(Command::Hello(Hello::Helo)),
        _ if is("LHLO") => Ok(Command::Hello(Hello::Lhlo)),
        _ if is("XCLIENT") && xclient::is_legal(argument) => Ok(Command::Xclient),
        _ if is("XCLIENT") => refuse(Some(Step::Xclient), WRONG_ATTRIBUTES),
        _ if is("BDAT") => bdat(argument),
        _ if is("NOOP") => Ok(Command::Noop),
        _ if is("VRFY") => Ok(Command::Verify),
        _ if is("AUTH") => Ok(Command::Auth),
        _ if ["EXPN", "HELP", "TURN", "ETRN"].into_iter().any(is) => refuse(None, NOT_OFFERED),
        _ => refuse(None, UNKNOWN),
    }
}

fn mail(argument: &[u8]) -> Result<Command, Objection> {
    const STEP: Option<Step> = Some(Step::Mail);
    let path = strip_keyword(argument, b"FROM:").and_then(split_path);
    let Some((path, parameters)) = path else {
        return refuse(STEP, WRONG_PATH);
    };
    let needed = match path {
        b"" => Alphabet::Ascii,
        _ => mailbox(path).map_or_else(|| refuse(STEP, WRONG_PATH), Ok)?,
    };
    let mut allowed = Alphabet::Ascii;
    let mut size = None;
    let mut notification = Notification::default();
    for parameter in parameters.split(|octet| *octet == b' ').filter(|word| !word.is_empty()) {
        let (keyword, value) = keyword_and_value(parameter);
        if keyword.eq_ignore_ascii_case(b"SIZE") {
            size = Some(number(value).map_or_else(|| refuse(STEP, WRONG_VALUE), Ok)?);
        } else if keyword.eq_ignore_ascii_case(b"BODY") {
            body(value).map_or_else(|| refuse(STEP, WRONG_VALUE), Ok)?;
        } else if keyword.eq_ignore_ascii_case(b"SMTPUTF8") && value.is_none() {
            allowed = Alphabet::International;
        } else if let Some(verdict) = notification.mail(keyword, value) {
            verdict.map_or_else(|_| refuse(STEP, WRONG_VALUE), Ok)?;
        } else {
            return refuse(STEP, UNKNOWN_PARAMETER);
        }
    }
    if needed > allowed {
        return refuse(STEP, NOT_ASCII);
    }
    Ok(Command::Mail { size, alphabet: allowed })
}

fn rcpt(argument: &[u8]) -> Result<Command, Objection> {
    const STEP: Option<Step> = Some(Step::Rcpt);
    let Some((path, parameters)) = strip_keyword(argument, b"TO:").and_then(split_path) else {
        return refuse(STEP, WRONG_PATH);
    };
    // RFC 5321 4.5.1: a server knows its postmaster without a domain too.
    let alphabet = match path {
        _ if path.eq_ignore_ascii_case(b"postmaster") => Alphabet::Ascii,
        _ => mailbox(path).map_or_else(|| refuse(STEP, WRONG_PATH), Ok)?,
    };
    let mut notification = Notification::default();
    for parameter in parameters.split(|octet| *octet == b' ').filter(|word| !word.is_empty()) {
        let (keyword, value) = keyword_and_value(parameter);
        match notification.rcpt(keyword, value) {
            Some(Ok(())) => {}
            Some(Err(Wrong)) => return refuse(STEP, WRONG_VALUE),
            None => return refuse(STEP, UNKNOWN_PARAMETER),
        }
    }
    Ok(Command::Rcpt { alphabet })
}

/// RFC 3030 2: a size, and LAST behind it where it is so.
fn bdat(argument: &[u8]) -> Result<Command, Objection> {
    let mut words = argument.split(|octet| *octet == b' ').filter(|word| !word.is_empty());
    let position = match (words.next(), words.next(), words.next()) {
        (Some(size), None, None) => number(Some(size)).map(|size| (size, Position::Inner)),
        (Some(size), Some(last), None) if last.eq_ignore_ascii_case(b"LAST") => {
            number(Some(size)).map(|size| (size, Position::Last))
        }
        _ => None,
    };
    match position {
        Some((size, position)) => Ok(Command::Bdat { size, position }),
        None => refuse(Some(Step::Bdat), WRONG_CHUNK),
    }
}

/// The reply to an international address in a transaction without SMTPUTF8.
pub(super) const fn not_ascii() -> Objection {
    Objection { step: Some(Step::Rcpt), reply: NOT_ASCII }
}

fn strip_keyword<'a>(argument: &'a [u8], keyword: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = argument.split_at_checked(keyword.len())?;
    start.eq_ignore_ascii_case(keyword).then_some(rest)
}

/// `<path> parameters` → the path without its brackets, and the parameters.
fn split_path(argument: &[u8]) -> Option<(&[u8], &[u8])> {
    let path = argument.strip_prefix(b"<")?;
    let end = unquoted(path).find(|(_, octet)| *octet == b'>').map(|(index, _)| index)?;
    let (path, rest) = (&path[..end], &path[end + 1..]);
    let parameters = match rest {
        [] => rest,
        [b' ', parameters @ ..] => parameters.trim_ascii_start(),
        _ => return None,
    };
    (path.len() + 2 <= LONGEST_PATH).then_some((path, parameters))
}

/// The octets that stand outside quoted strings, with their positions.
fn unquoted(path: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    let mut quoted = false;
    let mut escaped = false;
    path.iter().copied().enumerate().filter(move |(_, octet)| {
        let outside = !quoted && *octet != b'"';
        if escaped {
            escaped = false;
        } else if quoted && *octet == b'\\' {
            escaped = true;
        } else if *octet == b'"' {
            quoted = !quoted;
        }
        outside
    })
}

/// The alphabet of `local@domain`, behind a source route too; none if it is no mailbox.
fn mailbox(path: &[u8]) -> Option<Alphabet> {
    let mailbox = match path {
        [b'@', ..] => &path[path.iter().position(|octet| *octet == b':')? + 1..],
        _ => path,
    };
    let (at, _) = unquoted(mailbox).filter(|(_, octet)| *octet == b'@').last()?;
    let complete = at > 0 && at + 1 < mailbox.len();
    let spaced = unquoted(mailbox).any(|(_, octet)| matches!(octet, b' ' | b'<'));
    let controls = path.iter().any(u8::is_ascii_control);
    if !complete || spaced || controls {
        return None;
    }
    if path.is_ascii() {
        return Some(Alphabet::Ascii);
    }
    std::str::from_utf8(path).ok().map(|_| Alphabet::International)
}

fn keyword_and_value(parameter: &[u8]) -> (&[u8], Option<&[u8]>) {
    match parameter.iter().position(|octet| *octet == b'=') {
        Some(sign) => (&parameter[..sign], Some(&parameter[sign + 1..])),
        None => (parameter, None),
    }
}

/// RFC 1870: 1 to 20 digits; more than fits is as good as the largest.
fn number(value: Option<&[u8]>) -> Option<u64> {
    let digits = value.filter(|digits| (1..=20).contains(&digits.len()))?;
    digits.iter().try_fold(0_u64, |sum, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        Some(sum.saturating_mul(10).saturating_add(digit))
    })
}

/// RFC 6152.
fn body(value: Option<&[u8]>) -> Option<()> {
    let value = value?;
    let known = value.eq_ignore_ascii_case(b"7BIT") || value.eq_ignore_ascii_case(b"8BITMIME");
    known.then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(line: &[u8]) -> Result<Command, String> {
        let read = Commands::default().read(line).1.expect("the line ends");
        read.map_err(|objection| String::from_utf8_lossy(&objection.reply[..3]).into_owned())
    }

    #[test]
    fn commands_are_read_in_any_case_and_with_trailing_space() {
        let plain = Command::Mail { size: None, alphabet: Alphabet::Ascii };
        let table: [(&[u8], Command); 15] = [
            (b"EHLO a\r\n", Command::Hello(Hello::Ehlo)),
            (b"helo [127.0.0.1]\r\n", Command::Hello(Hello::Helo)),
            (b"mail from:<a@b>\r\n", plain),
            (b"MAIL FROM:<>\r\n", plain),
            (b"MAIL FROM:<\"a> @\"@b>\r\n", plain),
            (b"MAIL FROM:<@r,@s:a@b> BODY=8BITMIME\r\n", plain),
            (
                b"MAIL FROM:<a@b> SIZE=1024 body=7bit SMTPUTF8\r\n",
                Command::Mail { size: Some(1024), alphabet: Alphabet::International },
            ),
            (b"RCPT TO:<a@b>\r\n", Command::Rcpt { alphabet: Alphabet::Ascii }),
            (b"RCPT TO:<Postmaster>\r\n", Command::Rcpt { alphabet: Alphabet::Ascii }),
            ("RCPT TO:<ä@b>\r\n".as_bytes(), Command::Rcpt { alphabet: Alphabet::International }),
            (b"DATA \t\r\n", Command::Data),
            (b"bdat 12\r\n", Command::Bdat { size: 12, position: Position::Inner }),
            (b"BDAT 0 last\r\n", Command::Bdat { size: 0, position: Position::Last }),
            (b"LHLO a\r\n", Command::Hello(Hello::Lhlo)),
            (b"NOOP anything\r\n", Command::Noop),
        ];
        for (line, command) in table {
            assert_eq!(code(line), Ok(command), "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn lines_that_are_no_commands_are_refused_with_the_codes_of_rfc_5321() {
        let table: [(&[u8], &str); 30] = [
            (b"\r\n", "500"),
            (b"NOOP\n", "500"),
            (b"NO\rOP\r\n", "500"),
            (b"NOOP\0\r\n", "500"),
            (b"XYZZY\r\n", "500"),
            (b"\xff\xfe\r\n", "500"),
            (b"STARTTLS now\r\n", "501"),
            (b"EHLO\r\n", "501"),
            (b"DATA x\r\n", "501"),
            (b"QUIT x\r\n", "501"),
            (b"MAIL\r\n", "501"),
            (b"MAIL FROM\r\n", "501"),
            (b"MAIL FROM:a@b\r\n", "501"),
            (b"MAIL FROM:<a@b\r\n", "501"),
            (b"MAIL FROM:<a@b>x\r\n", "501"),
            (b"MAIL FROM:<a b@c>\r\n", "501"),
            (b"MAIL FROM:<@b>\r\n", "501"),
            (b"MAIL FROM:<a@>\r\n", "501"),
            (b"MAIL FROM:<a@b> SIZE=\r\n", "501"),
            (b"MAIL FROM:<a@b> SIZE=1k\r\n", "501"),
            (b"MAIL FROM:<a@b> BODY=9BIT\r\n", "501"),
            (b"MAIL FROM:<a@b> RET=SOME\r\n", "501"),
            (b"MAIL FROM:<a@b> NOTIFY=NEVER\r\n", "555"),
            (b"BDAT\r\n", "501"),
            (b"BDAT x LAST\r\n", "501"),
            (b"BDAT 5 FIRST\r\n", "501"),
            (b"MAIL FROM:<a@\xff> SMTPUTF8\r\n", "501"),
            ("MAIL FROM:<ä@b>\r\n".as_bytes(), "553"),
            (b"RCPT TO:<>\r\n", "501"),
            (b"RCPT TO:<a@b> RET=FULL\r\n", "555"),
        ];
        for (line, expected) in table {
            let shown = String::from_utf8_lossy(line);
            assert_eq!(code(line), Err(expected.to_owned()), "{shown}");
        }
    }

    #[test]
    fn a_line_beyond_the_limit_is_refused_once_and_the_next_one_is_read() {
        for (length, fits) in [(LONGEST_LINE, true), (LONGEST_LINE + 1, false)] {
            let line = [b"NOOP ".as_slice(), &vec![b'x'; length - 7], b"\r\n"].concat();
            for split in [0, 1, 999, length - 1, length] {
                let mut commands = Commands::default();
                let (first, second) = line.split_at(split);
                let read = commands.read(first).1.or_else(|| commands.read(second).1);
                assert_eq!(read.unwrap().is_ok(), fits, "{length} octets split at {split}");
                assert_eq!(commands.read(b"NOOP\r\n"), (6, Some(Ok(Command::Noop))));
            }
        }
    }
}
