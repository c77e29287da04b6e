//! The catalogue of malformed cases → what a person reads of them.

use std::fmt::Write as _;

use crate::format;
use crate::smtp::{Case, CaseEnd, CaseId, Group, Judgement, Patience, Piece, Play, Rule};

/// So many characters of what is sent are shown of one piece.
const SHOWN: usize = 72;

/// All cases, group by group, a line for each.
pub fn list() -> String {
    let longest = CaseId::all().map(|id| id.case().id.len()).max().unwrap_or(0);
    let mut text = String::new();
    for group in Group::ALL {
        let _ = writeln!(text, "{}: {}", group.name(), group.does());
        for case in CaseId::all().map(CaseId::case).filter(|case| case.group == group) {
            let _ = writeln!(text, "  {:longest$}  {}", case.id, case.does);
        }
        text.push('\n');
    }
    text.push_str("mailquake explain CASE tells the whole of one.\n");
    text
}

/// One case: what it sends, what may come, and why it matters.
pub fn explain(case: &Case) -> String {
    let mut text = format!("{}\n{}\n\n", case.id, case.does);
    for line in format::wrapped(case.why, 0, 80) {
        let _ = writeln!(text, "{line}");
    }
    let _ =
        writeln!(text, "\nIn a plan: cases = [\"{}\"], or [\"{}\"]", case.id, case.group.name());
    let _ = writeln!(text, "Rules: {}\n", case.sections.join(", "));
    for play in case.plays() {
        match play {
            Play::Send(pieces) => pieces_text(pieces, &mut text),
            Play::Reach(codes) => {
                let _ = writeln!(text, "  wait    {} (else the case ends as tolerated)", codes.0);
            }
            Play::Wait(millis) => {
                let _ = writeln!(text, "  pause   {millis} ms");
            }
            Play::HalfClose => text.push_str("  FIN     and read on\n"),
            Play::Close => text.push_str("  close\n"),
            Play::Reset => text.push_str("  RST\n"),
            Play::Judge(judgement) => judgement_text(judgement, &mut text),
        }
    }
    text
}

/// The catalogue as a page of Markdown.
pub fn page() -> String {
    let mut text = String::from(
        "# Malformed cases\n\nWhat a client with `kind = \"malformed\"` plays, one case for each \
         start. `mailquake explain CASE` tells what each sends, which replies are right, which \
         are tolerated, and what is a finding. This page is made from the same catalogue.\n",
    );
    for group in Group::ALL {
        let _ = write!(
            text,
            "\n## {}\n{}.\n\n| case | what it does | why it matters | rules |\n|---|---|---|---|\n",
            group.name(),
            capitalized(group.does())
        );
        for case in CaseId::all().map(CaseId::case).filter(|case| case.group == group) {
            let rules = case.sections.join(", ");
            let _ = writeln!(text, "| `{}` | {} | {} | {rules} |", case.id, case.does, case.why);
        }
    }
    text
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn pieces_text(pieces: &[Piece], text: &mut String) {
    let mut sent = String::new();
    for piece in pieces {
        match piece {
            Piece::Octets(octets) => sent.push_str(&octets.escape_ascii().to_string()),
            Piece::Fill(octet, count) => {
                let octet = std::ascii::escape_default(*octet);
                let _ = write!(sent, "[{octet} x {}]", format::count((*count).into()));
            }
            Piece::Lines(count, before, behind) => {
                let (before, behind) = (before.escape_default(), behind.escape_default());
                let _ = write!(sent, "[{before}N{behind}, N from 1 to {count}]");
            }
            Piece::Name => sent.push_str("[the client's name]"),
        }
    }
    let lines = sent.split_inclusive("\\n");
    for (number, line) in lines.enumerate() {
        let lead = if number == 0 { "send" } else { "" };
        let _ = writeln!(text, "  {lead:<8}{}", format::cut(line, SHOWN));
    }
}

fn judgement_text(judgement: &Judgement, text: &mut String) {
    let patience = match judgement.patience {
        Patience::Reply => "the timeout `reply`".to_owned(),
        Patience::EndOfData => "the timeout `end_of_data`".to_owned(),
        Patience::Millis(millis) => format!("{millis} ms"),
    };
    let times = match judgement.times {
        1 => "a reply".to_owned(),
        times => format!("{times} replies"),
    };
    let _ = writeln!(text, "  judge   {times}, waiting up to {patience}:");
    rules_text("right", judgement.right, text);
    rules_text("tolerated", judgement.tolerated, text);
    if !judgement.right.iter().chain(judgement.tolerated).any(|rule| rule.codes.0.contains("421")) {
        line("tolerated", "421", "RFC 5321 3.8: the server takes its leave", text);
    }
    line("finding", "else", judgement.finding, text);
    line(ends(judgement.closed), "closed", "the connection ends in place of a reply", text);
    line(ends(judgement.silent), "silence", "no reply comes", text);
}

fn ends(end: CaseEnd) -> &'static str {
    end.name()
}

fn rules_text(name: &str, rules: &[Rule], text: &mut String) {
    for rule in rules {
        line(name, rule.codes.0, rule.because, text);
    }
}

fn line(name: &str, codes: &str, because: &str, text: &mut String) {
    let _ = writeln!(text, "            {name:<11} {codes:<12} {because}");
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::*;

    #[test]
    fn the_page_of_the_documentation_is_that_of_the_catalogue() {
        let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cases.md");

        expect_file![kept].assert_eq(&page());
    }

    #[test]
    fn every_case_is_explained_without_control_characters() {
        for case in CaseId::all().map(CaseId::case) {
            let text = explain(case);
            let plain = text.chars().all(|letter| letter == '\n' || !letter.is_control());
            assert!(plain, "{text}");
        }
    }
}
