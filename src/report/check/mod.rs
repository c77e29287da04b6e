//! What clients said and heard → the pages of `check`: lines while it goes on, the ends, JSON.

mod hint;
mod json;
mod lines;

pub use json::json;

use std::fmt::Write as _;

use super::text::Ink;
use super::{Detail, Style};
use crate::engine::{Checked, Entry, Moment, Played, PlayedCase, Verdict};
use crate::format;
use crate::smtp::{CaseEnd, Outcome, RecipientEnd, Step};

/// What a page is made for.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Whether it has colours.
    pub style: Style,
    /// How much is told.
    pub detail: Detail,
}

impl Page {
    /// The lines of one moment, with a line end behind each.
    pub fn moment(self, moment: Moment<'_>) -> String {
        let lines = match moment {
            Moment::Client { client, target, address } => {
                let (client, target) = (format::escape(client), format::escape(target));
                let address = format::escape(&address.to_string());
                let line = format!("{client} → target {target} at {address}");
                vec![self.style.paint(Ink::Strong, &line)]
            }
            // What a malformed client says is long, and its judgement tells what counts of it.
            Moment::Said { case: Some(_), .. } | Moment::Case(_)
                if self.detail == Detail::Brief =>
            {
                Vec::new()
            }
            Moment::Case(case) => vec![format!("  {}: {}", case.case().id, case.case().does)],
            Moment::Said { entry, .. } => lines::of(entry, self),
            Moment::Judged(case) => vec![self.judged(case)],
        };
        lines.iter().flat_map(|line| [line, "\n"]).collect()
    }

    /// One line for each client and address, and what to do about those that failed.
    pub fn endings(self, all: &[Checked]) -> String {
        let width = |text: fn(&Checked) -> usize| all.iter().map(text).max().unwrap_or_default();
        let name = width(|checked| checked.client.chars().count());
        let address = width(|checked| checked.address.to_string().chars().count());
        let mut page = String::from("\n");
        for checked in all {
            let (ink, word) =
                if checked.is_well() { (Ink::Good, "ok") } else { (Ink::Bad, "failed") };
            let at = format::escape(&checked.address.to_string());
            let client = format::escape(&checked.client);
            let word = self.style.paint(ink, &format!("{word:<6}"));
            let end = format::escape(&ending(&checked.played));
            // Writing to a string does not fail.
            let _ = writeln!(page, "{word}  {client:<name$}  {at:<address$}  {end}");
            if let Some(help) = hint::of(checked) {
                let _ = writeln!(page, "        help: {}", format::escape(&help));
            }
        }
        page
    }

    fn judged(self, case: &PlayedCase) -> String {
        let ink = match case.end {
            CaseEnd::Right => Ink::Good,
            CaseEnd::Tolerated | CaseEnd::Local => Ink::Warn,
            CaseEnd::Disconnect | CaseEnd::Hang | CaseEnd::Finding => Ink::Bad,
        };
        let mut line = format!(
            "  {}  {:<32}  {}",
            self.style.paint(ink, &format!("{:<10}", case.end.name())),
            case.case.case().id,
            codes(case).join(" ")
        );
        if !case.words.is_empty() {
            let _ = write!(line, "  {}", format::escape(&case.words));
        }
        line.trim_end().to_owned()
    }
}

/// The codes of a case's replies.
fn codes(case: &PlayedCase) -> Vec<String> {
    let code = |entry: &Entry| {
        if let Entry::Heard { code, .. } = entry { Some(code.to_string()) } else { None }
    };
    case.transcript.iter().filter_map(code).collect()
}

/// How a client's check ended, in a few words. Not escaped.
fn ending(played: &Played) -> String {
    match played {
        Played::Mail { verdict, .. } => of_mail(verdict),
        Played::Cases(cases) => {
            let counts = CaseEnd::ALL.into_iter().filter_map(|end| {
                let count = cases.iter().filter(|case| case.end == end).count();
                (count > 0).then(|| format!("{count} {}", end.name()))
            });
            let s = if cases.len() == 1 { "" } else { "s" };
            format!("{} case{s}: {}", cases.len(), counts.collect::<Vec<_>>().join(", "))
        }
    }
}

fn of_mail(verdict: &Verdict) -> String {
    let Verdict { outcome, step, words, recipients, .. } = verdict;
    let refused = recipients.iter().filter(|end| **end != RecipientEnd::Accepted).count();
    match outcome {
        Outcome::Accepted if refused > 0 => {
            let all = recipients.len();
            format!("accepted {words} (but {refused} of {all} recipients refused)")
        }
        Outcome::Accepted => format!("accepted {words}"),
        Outcome::Expected => format!("expected {words} to {}", said(*step)),
        Outcome::Unexpected
        | Outcome::Temporary
        | Outcome::Permanent
        | Outcome::TimedOut
        | Outcome::Disconnected
        | Outcome::Unconnected
        | Outcome::Tls
        | Outcome::Protocol
        | Outcome::Ambiguous
        | Outcome::Interrupted
        | Outcome::Local => format!("{outcome} at {}: {words}", said(*step)),
    }
}

/// A step as it stands in a sentence.
fn said(step: Step) -> &'static str {
    match step {
        Step::EndOfData => "the end of the text",
        Step::Tls | Step::TlsResumed => "the TLS handshake",
        Step::Connect => "connecting",
        Step::Greeting => "the greeting",
        Step::Ehlo => "EHLO",
        Step::Starttls => "STARTTLS",
        Step::Xclient => "XCLIENT",
        Step::Auth => "AUTH",
        Step::Mail => "MAIL",
        Step::Rcpt => "RCPT",
        Step::Data => "DATA",
        Step::Bdat => "BDAT",
        Step::Rset => "RSET",
        Step::Quit => "QUIT",
    }
}
