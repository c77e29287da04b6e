//! A mail and its envelope → an entry of an mbox, a page for reading, a line for programs.

use std::time::SystemTime;

use mail_parser::DateTime;
use serde::Serialize;

use crate::format;

/// Whom a mail without a sender is from, as Postfix writes it.
const NOBODY: &str = "MAILER-DAEMON";

/// What is said of a mail beside its text.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Envelope<'a> {
    /// The file that it is in, if it has one of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<&'a str>,
    /// The name of its message in the plan.
    pub message: &'a str,
    /// The name of its client.
    pub client: &'a str,
    /// The name of its phase.
    pub phase: &'a str,
    /// Its number among all messages of the run.
    pub seq: u64,
    /// The address in MAIL FROM; empty for the null sender.
    pub from: &'a str,
    /// The addresses in RCPT TO.
    pub to: &'a [String],
    /// Its octets, as in `SIZE=`.
    pub size: u64,
    /// Whether it needs 8BITMIME.
    pub eight_bit: bool,
}

impl Envelope<'_> {
    /// One line of JSON without its end.
    pub fn json(&self) -> String {
        // Names, texts and numbers are all that JSON asks for.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What stands above the mail on a terminal.
    fn heading(&self) -> String {
        let to: Vec<String> =
            self.to.iter().map(|to| format!("<{}>", format::escape(to))).collect();
        let from = format::escape(self.from);
        format!(
            "--- {} {}, client {}, phase {}: from <{from}> to {}\n",
            self.message,
            self.seq,
            self.client,
            self.phase,
            to.join(" ")
        )
    }
}

/// A mail for reading: control characters are shown and do nothing.
pub fn page(envelope: &Envelope<'_>, text: &[u8]) -> String {
    let mut page = envelope.heading();
    let text = String::from_utf8_lossy(text);
    for line in text.split_inclusive('\n') {
        let words = line.trim_end_matches(['\r', '\n']).split('\t').map(format::escape);
        page.push_str(&words.collect::<Vec<String>>().join("\t"));
        page.push('\n');
    }
    page
}

/// Appends an entry of an mbox: lines end in LF, and those that could be taken for the beginning of
/// another mail are quoted in a way that can be undone (mboxrd).
pub fn put_mbox(from: &str, text: &[u8], at: SystemTime, out: &mut Vec<u8>) {
    let from = if from.is_empty() { NOBODY } else { from };
    out.extend_from_slice(format!("From {from} {}\n", asctime(at)).as_bytes());
    for line in text.split_inclusive(|octet| *octet == b'\n') {
        let quotes = line.iter().take_while(|octet| **octet == b'>').count();
        if line.get(quotes..).is_some_and(|rest| rest.starts_with(b"From ")) {
            out.push(b'>');
        }
        match line.strip_suffix(b"\r\n") {
            Some(line) => {
                out.extend_from_slice(line);
                out.push(b'\n');
            }
            None => out.extend_from_slice(line),
        }
    }
    out.push(b'\n');
}

/// `Wed Nov 25 17:00:12 2026`, in UTC (RFC 4155, appendix A).
fn asctime(at: SystemTime) -> String {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let date = DateTime::from_timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    let day = DAYS.get(usize::from(date.day_of_week())).copied().unwrap_or_default();
    let month = usize::from(date.month).checked_sub(1).and_then(|month| MONTHS.get(month));
    let month = month.copied().unwrap_or_default();
    let DateTime { day: of_month, hour, minute, second, year, .. } = date;
    format!("{day} {month} {of_month:2} {hour:02}:{minute:02}:{second:02} {year}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_line_that_looks_like_a_beginning_is_quoted_once_more() {
        let text = b"S: 1\r\n\r\nFrom me\r\n>From you\r\n> From\r\n";
        let mut out = Vec::new();
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_626_012);
        put_mbox("a@load.test", text, at, &mut out);
        put_mbox("", b"S: 2\r\n", at, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "From a@load.test Wed Nov 25 17:00:12 2026\nS: 1\n\n>From me\n>>From you\n> From\n\n\
             From MAILER-DAEMON Wed Nov 25 17:00:12 2026\nS: 2\n\n"
        );
    }

    #[test]
    fn control_characters_do_nothing_to_a_terminal() {
        let to = ["b@example.test".to_owned()];
        let envelope = Envelope {
            file: None,
            message: "note",
            client: "app",
            phase: "all",
            seq: 7,
            from: "",
            to: &to,
            size: 9,
            eight_bit: false,
        };
        assert_eq!(
            page(&envelope, b"S:\tx\x1b[2J\r\n"),
            "--- note 7, client app, phase all: from <> to <b@example.test>\nS:\tx\\u{1b}[2J\n"
        );
    }
}
