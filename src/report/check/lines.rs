//! One entry of a transcript → its lines.

use std::time::Duration;

use super::super::text::Ink;
use super::{Detail, Page};
use crate::engine::Entry;
use crate::format;
use crate::smtp::{Code, Handshake};

/// How many characters of a line that is sent are shown, unless all are asked for.
const WIDTH: usize = 200;

/// The lines of an entry.
pub(super) fn of(entry: &Entry, page: Page) -> Vec<String> {
    match entry {
        Entry::Connected { took } => vec![note(page, &format!("connected in {}", millis(*took)))],
        Entry::Header(line) | Entry::Sent(line) => vec![sent(page, line)],
        Entry::Text { octets, .. } => text(page, octets),
        Entry::Heard { code, lines, took, .. } => heard(page, *code, lines, *took),
        Entry::Secured { kind, version, cipher, took } => {
            let kind = match kind {
                Handshake::Full => "full",
                Handshake::Resumed => "resumed",
            };
            let took = millis(*took);
            vec![note(page, &format!("{version}, {cipher}, {kind} handshake in {took}"))]
        }
        Entry::Note(text) => vec![note(page, text)],
    }
}

fn note(page: Page, text: &str) -> String {
    page.style.paint(Ink::Faint, &format!("  ~> {}", format::escape(text)))
}

fn sent(page: Page, line: &str) -> String {
    let line = format::escape(line);
    let shown = match page.detail {
        Detail::Brief => format::cut(&line, WIDTH),
        Detail::Full => line,
    };
    format!("  -> {shown}").trim_end().to_owned()
}

/// A reply's lines as they came; its time stands behind the last.
fn heard(page: Page, code: Code, lines: &[String], took: Option<Duration>) -> Vec<String> {
    let ink = if code.number() >= 400 { Ink::Bad } else { Ink::Plain };
    let count = lines.len().max(1);
    let line = |n: usize| {
        let text = format::escape(lines.get(n).map_or("", String::as_str));
        let between = if n + 1 < count { '-' } else { ' ' };
        let line = page.style.paint(ink, format!("  <- {code}{between}{text}").trim_end());
        match took.filter(|_| n + 1 == count) {
            Some(took) => line + &page.style.paint(Ink::Faint, &format!("  ({})", millis(took))),
            None => line,
        }
    };
    (0..count).map(line).collect()
}

/// A text's header, and how much stands behind it; all of it on request.
fn text(page: Page, octets: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(octets);
    let all: Vec<&str> =
        text.split_terminator('\n').map(|line| line.trim_end_matches('\r')).collect();
    let header = all.iter().position(|line| line.is_empty()).unwrap_or(0);
    let shown = match page.detail {
        Detail::Brief => header,
        Detail::Full => all.len(),
    };
    let mut lines: Vec<String> = all.iter().take(shown).map(|line| sent(page, line)).collect();
    let left = all.len().saturating_sub(shown);
    if left > 0 {
        let count = format::count(left as u64);
        let octets = format::count(octets.len() as u64);
        let text = format!("  -> <{count} further lines, {octets} octets in all>");
        lines.push(page.style.paint(Ink::Faint, &text));
    }
    lines
}

fn millis(took: Duration) -> String {
    format::latency(took.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::super::super::Style;
    use super::*;
    use crate::engine::Carrier;
    use crate::smtp::Step;

    const PLAIN: Page = Page { style: Style::Plain, detail: Detail::Brief };

    fn entry(code: u16, lines: &[&str]) -> Entry {
        Entry::Heard {
            step: Some(Step::Ehlo),
            code: Code::new(code).unwrap(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            took: Some(Duration::from_micros(1500)),
        }
    }

    #[test]
    fn a_reply_of_several_lines_is_shown_as_it_came_with_its_time_at_the_end() {
        assert_eq!(
            of(&entry(250, &["a.test", "SIZE 1000", "PIPELINING"]), PLAIN),
            ["  <- 250-a.test", "  <- 250-SIZE 1000", "  <- 250 PIPELINING  (1.50 ms)"]
        );
        assert_eq!(of(&entry(250, &[]), PLAIN), ["  <- 250  (1.50 ms)"]);
    }

    #[test]
    fn what_would_move_a_terminal_is_escaped() {
        let line = &of(&entry(220, &["\u{1b}[31mred\u{7}"]), PLAIN)[0];
        assert_eq!(line, "  <- 220 \\u{1b}[31mred\\u{7}  (1.50 ms)");
        let line = &of(&Entry::Sent("NOOP\n\u{0}".to_owned()), PLAIN)[0];
        assert_eq!(line, "  -> NOOP\\n\\u{0}");
    }

    #[test]
    fn a_refusal_is_coloured_only_where_colours_are() {
        let page = Page { style: Style::Coloured, ..PLAIN };
        assert!(of(&entry(550, &["no"]), page)[0].contains('\u{1b}'));
        assert!(!of(&entry(550, &["no"]), PLAIN)[0].contains('\u{1b}'));
    }

    #[test]
    fn a_text_is_its_header_and_a_count_or_all_of_it() {
        let octets = b"Subject: a\r\nTo: b\r\n\r\none\r\ntwo\r\n.\r\n".to_vec();
        let entry = Entry::Text { octets, carrier: Carrier::Data };
        assert_eq!(
            of(&entry, PLAIN),
            ["  -> Subject: a", "  -> To: b", "  -> <4 further lines, 34 octets in all>"]
        );
        let all = of(&entry, Page { detail: Detail::Full, ..PLAIN });
        assert_eq!(all[2..], ["  ->", "  -> one", "  -> two", "  -> ."]);
    }
}
