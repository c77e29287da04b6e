//! Malformed cases → a row for each that shows more than right replies, the findings first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::{Ink, Page};
use crate::format;
use crate::record::CaseFigures;
use crate::report::Detail;

/// How many cases are listed.
const ROWS: usize = 20;

/// A sentence on all cases, then the rows; nothing where none was played.
pub(super) fn table(cases: &BTreeMap<String, CaseFigures>, page: Page<'_>) -> Vec<String> {
    if cases.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), page.style.paint(Ink::Strong, "  malformed cases")];
    lines.extend(format::wrapped(&sentence(cases), 4, page.width));
    let mut shown: Vec<_> = cases.iter().filter(|(_, case)| is_shown(case, page.detail)).collect();
    shown.sort_by_key(|(_, case)| Reverse(gravity(case)));
    let most = if page.detail == Detail::Full { usize::MAX } else { ROWS };
    let more = shown.len().saturating_sub(most);
    shown.truncate(most);
    lines.extend(rows(&shown, page));
    if more > 0 {
        lines.push(format!("    and {more} more cases; all stand in summary.json"));
    }
    lines
}

fn is_shown(case: &CaseFigures, detail: Detail) -> bool {
    detail == Detail::Full || case.right + case.tolerated < case.started || case.dead > 0
}

fn gravity(case: &CaseFigures) -> (u64, u64, u64, u64) {
    (case.finding, case.hang + case.disconnect, case.dead, case.local)
}

fn sentence(cases: &BTreeMap<String, CaseFigures>) -> String {
    let sum = |of: fn(&CaseFigures) -> u64| cases.values().map(of).sum::<u64>();
    let counts = [
        (sum(|case| case.started), "played"),
        (sum(|case| case.right), "right"),
        (sum(|case| case.tolerated), "tolerated"),
        (sum(|case| case.finding), "findings"),
        (sum(|case| case.hang), "hung"),
        (sum(|case| case.disconnect), "disconnected"),
        (sum(|case| case.local), "not played to the end"),
        (sum(|case| case.dropped), "dropped"),
    ];
    let some = counts.into_iter().filter(|(count, what)| *count > 0 || *what == "findings");
    let some: Vec<String> =
        some.map(|(count, what)| format!("{} {what}", format::count(count))).collect();
    let (alive, dead) = (sum(|case| case.alive), sum(|case| case.dead));
    let asked = alive + dead;
    let served =
        format!("served {} of {} times when asked", format::count(alive), format::count(asked));
    if asked == 0 { some.join(" · ") } else { format!("{} · {served}", some.join(" · ")) }
}

fn rows(cases: &[(&String, &CaseFigures)], page: Page<'_>) -> Vec<String> {
    if cases.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["case", "played", "findings", "hung", "closed", "dead", "replies"]);
    for (id, case) in cases {
        table.add_row([
            format::escape(id),
            format::count(case.started),
            format::count(case.finding),
            format::count(case.hang),
            format::count(case.disconnect),
            format::count(case.dead),
            replies(case),
        ]);
    }
    for column in table.column_iter_mut().skip(1).take(5) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut lines = Vec::new();
    for (number, line) in table.to_string().lines().enumerate() {
        let line = format!("   {}", line.trim_end());
        let case = number.checked_sub(1).and_then(|at| cases.get(at));
        let ink = match case {
            Some((_, case)) if case.finding > 0 => Ink::Bad,
            Some(_) => Ink::Warn,
            None => Ink::Faint,
        };
        lines.push(page.style.paint(ink, &line));
        if let Some(example) = case.and_then(|(_, case)| case.example.as_ref()) {
            let room = page.width.saturating_sub(6);
            lines.push(format!("      {}", format::cut(&format::escape(example), room)));
        }
    }
    lines
}

/// The replies seen, the most frequent first.
fn replies(case: &CaseFigures) -> String {
    let mut replies: Vec<(&String, &u64)> = case.replies.iter().collect();
    replies.sort_by_key(|(_, count)| Reverse(**count));
    let shown = replies.iter().take(4);
    let shown: Vec<String> = shown
        .map(|(code, count)| format!("{} x{}", format::escape(code), format::count(**count)))
        .collect();
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::*;
    use crate::report::Style;

    fn case(finding: u64, hang: u64, example: Option<&str>) -> CaseFigures {
        CaseFigures {
            planned: 5,
            started: 5,
            right: 5 - finding - hang,
            finding,
            hang,
            replies: BTreeMap::from([("250".to_owned(), finding), ("500".to_owned(), 3)]),
            alive: 1,
            example: example.map(str::to_owned),
            ..CaseFigures::default()
        }
    }

    #[test]
    fn findings_stand_first_and_what_a_server_said_is_escaped() {
        let cases = BTreeMap::from([
            ("a-hangs".to_owned(), case(0, 1, Some("no reply in time"))),
            ("b-finds".to_owned(), case(2, 0, Some("it succeeds: 250 \u{1b}[31mok"))),
            ("c-right".to_owned(), case(0, 0, None)),
        ]);
        let page = Page { style: Style::Plain, width: 80, folder: None, detail: Detail::Brief };

        let text = table(&cases, page).join("\n");

        expect_file!["../../../tests/golden/cases-on-the-page.txt"].assert_eq(&format!("{text}\n"));
        assert!(!text.contains('\u{1b}') && !text.contains("c-right"));
    }

    #[test]
    fn a_run_without_malformed_clients_says_nothing_of_them() {
        let page = Page { style: Style::Plain, width: 80, folder: None, detail: Detail::Full };

        assert!(table(&BTreeMap::new(), page).is_empty());
    }
}
