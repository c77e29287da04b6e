//! A comparison → a page for the terminal, and Markdown for a pull request.
//!
//! The first line is the answer; then one row for each figure of each phase, with the interval in
//! which noise leaves the true change.

use std::fmt::Write as _;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::markdown::plain;
use super::text::{Ink, Style};
use crate::format;
use crate::verdict::compare::{Change, Comparison, Figure, PhaseComparison, Word};

const HEADER: [&str; 7] =
    ["phase", "figure", "baseline", "candidate", "change", "95 % interval", ""];

/// The folders that were compared, as they are shown.
#[derive(Clone, Debug)]
pub struct Folders {
    /// Of the baseline.
    pub baseline: Vec<String>,
    /// Of the candidate.
    pub candidate: Vec<String>,
}

/// The page, with a line end behind each line.
pub fn text(comparison: &Comparison, folders: &Folders, style: Style) -> String {
    let (ink, answer) = answer(comparison);
    let mut lines = vec![style.paint(ink, &answer), String::new()];
    for (name, paths) in [("baseline", &folders.baseline), ("candidate", &folders.candidate)] {
        let paths: Vec<String> = paths.iter().map(|path| format::escape(path)).collect();
        lines.push(format!("  {name:<11}{}", paths.join("  ")));
    }
    lines.push(String::new());
    lines.extend(table(comparison, style));
    let notes = notes(comparison);
    if !notes.is_empty() {
        lines.push(String::new());
        lines.extend(notes.iter().map(|note| style.paint(Ink::Faint, &format!("  {note}"))));
    }
    lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// The same for a pull request.
pub fn markdown(comparison: &Comparison, folders: &Folders) -> String {
    let mut out = format!("### mailquake: {}\n\n", plain(&answer(comparison).1));
    let _ = writeln!(out, "| {} |\n|---|---|--:|--:|--:|--:|---|", HEADER.join(" | "));
    for phase in &comparison.phases {
        for change in &phase.figures {
            let row = row(&phase.phase, change).map(|text| plain(&text));
            let _ = writeln!(out, "| {} |", row.join(" | "));
        }
    }
    out.push('\n');
    let sides = [("baseline", &folders.baseline), ("candidate", &folders.candidate)];
    for (name, paths) in sides {
        let _ = writeln!(out, "- {name}: {}", plain(&paths.join(", ")));
    }
    for note in notes(comparison) {
        let _ = writeln!(out, "- {}", plain(&note));
    }
    out
}

/// What was found, in one line.
fn answer(comparison: &Comparison) -> (Ink, String) {
    let of = |word| {
        comparison.phases.iter().flat_map(move |phase| {
            let found = phase.figures.iter().filter(move |change| change.word == word);
            found.map(move |change| (phase, change))
        })
    };
    let first = |word| of(word).next().map(|(phase, change)| found(phase, change));
    let more = |count: usize| match count.saturating_sub(1) {
        0 => String::new(),
        1 => ", and 1 other figure".to_owned(),
        others => format!(", and {others} other figures"),
    };
    if let Some(text) = first(Word::Worse) {
        return (Ink::Bad, format!("REGRESSION  {text}{}", more(of(Word::Worse).count())));
    }
    if let Some(text) = first(Word::Better) {
        return (Ink::Good, format!("BETTER  {text}{}", more(of(Word::Better).count())));
    }
    if of(Word::Same).next().is_none() {
        return (Ink::Warn, "NOT KNOWN  no figure could be compared".to_owned());
    }
    (Ink::Good, "NO CHANGE  no figure differs by more than noise and tolerance".to_owned())
}

fn found(phase: &PhaseComparison, change: &Change) -> String {
    let value = |value| shown(change.figure, value);
    let (name, phase) = (change.figure.name(), format::escape(&phase.phase));
    let (before, after) = (value(change.baseline), value(change.candidate));
    format!("{name} of `{phase}`: {after} instead of {before} ({})", difference(change))
}

fn table(comparison: &Comparison, style: Style) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(HEADER);
    let mut inks = vec![Ink::Faint];
    for phase in &comparison.phases {
        for (position, change) in phase.figures.iter().enumerate() {
            let name = if position == 0 { format::escape(&phase.phase) } else { String::new() };
            table.add_row(row(&name, change));
            inks.push(match change.word {
                Word::Worse => Ink::Bad,
                Word::Better => Ink::Good,
                Word::Same => Ink::Plain,
                Word::Unknown => Ink::Faint,
            });
        }
    }
    for (position, column) in table.column_iter_mut().enumerate() {
        column.set_padding((2, 0));
        if (2..6).contains(&position) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned());
    lines.zip(inks).map(|(line, ink)| style.paint(ink, &line)).collect()
}

fn row(phase: &str, change: &Change) -> [String; 7] {
    let interval = change.interval.map_or_else(
        || format::UNKNOWN.to_owned(),
        |(low, high)| format!("{} to {}", signed(low, change.figure), signed(high, change.figure)),
    );
    [
        phase.to_owned(),
        change.figure.name().to_owned(),
        shown(change.figure, change.baseline),
        shown(change.figure, change.candidate),
        difference(change),
        interval,
        word(change.word).to_owned(),
    ]
}

const fn word(word: Word) -> &'static str {
    match word {
        Word::Same => "same",
        Word::Better => "better",
        Word::Worse => "worse",
        Word::Unknown => "not known",
    }
}

fn shown(figure: Figure, value: Option<f64>) -> String {
    let Some(value) = value else { return format::UNKNOWN.to_owned() };
    match figure {
        Figure::AcceptedPerS => format!("{}/s", format::rate(value)),
        Figure::ErrorsShare => format::share(value),
        Figure::P50 | Figure::P95 | Figure::P99 => format::latency(value),
    }
}

fn difference(change: &Change) -> String {
    change.change.map_or_else(|| format::UNKNOWN.to_owned(), |by| signed(by, change.figure))
}

/// A change in per cent, or in points of a share.
fn signed(change: f64, figure: Figure) -> String {
    let unit = if figure.is_share() { "points" } else { "%" };
    let percent = change * 100.0;
    // What rounds to zero has no sign.
    if percent.abs() < 0.05 { format!("0.0 {unit}") } else { format!("{percent:+.1} {unit}") }
}

fn notes(comparison: &Comparison) -> Vec<String> {
    let mut notes = comparison.remarks.clone();
    if !comparison.unmatched.is_empty() {
        let names = comparison.unmatched.join(", ");
        notes.push(format!("only one side has these phases: {}", format::escape(&names)));
    }
    if comparison.runs.0.min(comparison.runs.1) < 2 {
        notes.push(
            "one run on a side shows the noise inside a run, not that between runs: several show \
             both"
                .to_owned(),
        );
    }
    notes
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn change(figure: Figure, values: (f64, f64), by: f64, word: Word) -> Change {
        Change {
            figure,
            baseline: Some(values.0),
            candidate: Some(values.1),
            change: Some(by),
            interval: Some((by - 0.01, by + 0.012)),
            word,
        }
    }

    fn comparison() -> Comparison {
        let unknown = Change {
            figure: Figure::P99,
            baseline: Some(30.2),
            candidate: None,
            change: None,
            interval: None,
            word: Word::Unknown,
        };
        let phase = PhaseComparison {
            phase: "soak".to_owned(),
            figures: vec![
                change(Figure::AcceptedPerS, (198.2, 197.9), -0.0015, Word::Same),
                change(Figure::ErrorsShare, (0.0, 0.0), 0.0, Word::Same),
                change(Figure::P50, (20.9, 23.0), 0.1005, Word::Worse),
                change(Figure::P95, (24.1, 26.3), 0.0913, Word::Worse),
                unknown,
            ],
        };
        Comparison {
            phases: vec![phase],
            unmatched: vec!["a|b".to_owned()],
            remarks: vec!["the baseline had 2 cores, the candidate 4".to_owned()],
            runs: (1, 1),
            regression: true,
        }
    }

    fn folders() -> Folders {
        Folders { baseline: vec!["before".to_owned()], candidate: vec!["after".to_owned()] }
    }

    #[test]
    fn the_page_answers_first_and_shows_each_figure_with_its_noise() {
        expect![[r"
            REGRESSION  p50 of `soak`: 23.0 ms instead of 20.9 ms (+10.1 %), and 1 other figure

              baseline   before
              candidate  after

              phase  figure      baseline  candidate      change               95 % interval
              soak   accepted/s     198/s      198/s      -0.1 %            -1.1 % to +1.1 %  same
                     errors           0 %        0 %  0.0 points  -1.0 points to +1.2 points  same
                     p50          20.9 ms    23.0 ms     +10.1 %           +9.1 % to +11.2 %  worse
                     p95          24.1 ms    26.3 ms      +9.1 %           +8.1 % to +10.3 %  worse
                     p99          30.2 ms          -           -                           -  not known

              the baseline had 2 cores, the candidate 4
              only one side has these phases: a|b
              one run on a side shows the noise inside a run, not that between runs: several show both
        "]].assert_eq(&text(&comparison(), &folders(), Style::Plain));
    }

    #[test]
    fn a_pull_request_gets_a_table_that_foreign_names_cannot_break() {
        expect![[r"
            ### mailquake: REGRESSION  p50 of &#96;soak&#96;: 23.0 ms instead of 20.9 ms (+10.1 %), and 1 other figure

            | phase | figure | baseline | candidate | change | 95 % interval |  |
            |---|---|--:|--:|--:|--:|---|
            | soak | accepted/s | 198/s | 198/s | -0.1 % | -1.1 % to +1.1 % | same |
            | soak | errors | 0 % | 0 % | 0.0 points | -1.0 points to +1.2 points | same |
            | soak | p50 | 20.9 ms | 23.0 ms | +10.1 % | +9.1 % to +11.2 % | worse |
            | soak | p95 | 24.1 ms | 26.3 ms | +9.1 % | +8.1 % to +10.3 % | worse |
            | soak | p99 | 30.2 ms | - | - | - | not known |

            - baseline: before
            - candidate: after
            - the baseline had 2 cores, the candidate 4
            - only one side has these phases: a&#124;b
            - one run on a side shows the noise inside a run, not that between runs: several show both
        "]].assert_eq(&markdown(&comparison(), &folders()));
    }

    #[test]
    fn what_did_not_change_and_what_got_better_is_said_too() {
        let mut same = comparison();
        for change in &mut same.phases[0].figures {
            change.word = Word::Same;
        }
        let mut better = same.clone();
        better.phases[0].figures[2].word = Word::Better;

        assert!(answer(&same).1.starts_with("NO CHANGE"), "{:?}", answer(&same));
        assert!(answer(&better).1.starts_with("BETTER  p50 of `soak`"), "{:?}", answer(&better));
    }
}
