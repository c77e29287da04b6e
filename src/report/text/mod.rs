//! A summary → the page that a person reads when a run is over.
//!
//! The verdict stands first, because it is what was asked; then one row for each phase, and below
//! the total everything that explains a number above it.

mod cases;
mod checks;
mod classes;
mod phases;
mod searches;
mod steps;
mod watched;

pub(super) use checks::{fitness_sentence, misgivings, outcome};
pub(super) use phases::{achieved, achieved_in_all, footnotes, mark, percentiles};

use std::path::Path;
use std::time::Duration;

use anstyle::AnsiColor;

use crate::format;
use crate::record::{AuthFigures, Figures, Summary, TlsFigures, VerdictName};
use crate::report::throttling;

/// How many kinds of errors are listed.
const ERROR_ROWS: usize = 10;

/// What a page is made for.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// Whether it has colours.
    pub style: Style,
    /// How many characters fit on a line; made for 100, readable from 80.
    pub width: usize,
    /// Where the results are kept; none: nowhere.
    pub folder: Option<&'a Path>,
    /// How much is told.
    pub detail: Detail,
}

/// How much a page tells.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Detail {
    /// The phases, and the most frequent errors.
    #[default]
    Brief,
    /// Also each step of each phase, and all kinds of errors.
    Full,
}

/// Whether a page has colours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// Text only.
    Plain,
    /// With the colours of a terminal.
    Coloured,
}

/// What a colour says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ink {
    Good,
    Warn,
    Bad,
    Strong,
    Faint,
    Plain,
}

impl Style {
    pub(super) fn paint(self, ink: Ink, text: &str) -> String {
        let colour = |colour: AnsiColor| colour.on_default().bold();
        let style = match ink {
            Ink::Good => colour(AnsiColor::Green),
            Ink::Warn => colour(AnsiColor::Yellow),
            Ink::Bad => colour(AnsiColor::Red),
            Ink::Strong => anstyle::Style::new().bold(),
            Ink::Faint => anstyle::Style::new().dimmed(),
            Ink::Plain => return text.to_owned(),
        };
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured => format!("{}{text}{}", style.render(), style.render_reset()),
        }
    }
}

/// The whole page, with a line end behind each line.
pub fn render(summary: &Summary, page: Page<'_>) -> String {
    let mut lines = heading(summary, page);
    lines.push(String::new());
    lines.extend(phases::table(summary, page));
    lines.push(String::new());
    lines.extend(totals(summary, page.width));
    lines.extend(throttled(summary, page.width));
    lines.extend(searches::found(summary, page));
    lines.extend(classes::table(&summary.classes, page));
    lines.extend(checks::thresholds(&summary.thresholds, page));
    lines.extend(errors(&summary.totals, page));
    lines.extend(cases::table(&summary.totals.cases, page));
    if page.detail == Detail::Full {
        lines.extend(steps::tables(summary, page));
    }
    lines.push(String::new());
    lines.extend(checks::fitness(&summary.fitness, page));
    lines.extend(watched::line(summary, page));
    if let Some(folder) = page.folder {
        let folder = format::escape(&folder.display().to_string());
        // A path is never broken, so that it can be copied.
        lines.push(format!("  {:<12}{folder}", "files"));
        lines.push(format!("  {:<12}{folder}/report.html", "report"));
    }
    lines.iter().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// The verdict in the word that stands first.
pub(super) fn verdict_word(summary: &Summary) -> &'static str {
    match (summary.verdict, summary.exit_code) {
        (VerdictName::Pass, _) => "PASS",
        (VerdictName::Fail, _) => "FAIL",
        (VerdictName::Invalid, _) => "INVALID",
        (VerdictName::None, 130 | 143) => "INTERRUPTED",
        (VerdictName::None, _) => "NO VERDICT",
    }
}

fn heading(summary: &Summary, page: Page<'_>) -> Vec<String> {
    let word = verdict_word(summary);
    let ink = match summary.verdict {
        VerdictName::Pass => Ink::Good,
        VerdictName::Fail => Ink::Bad,
        VerdictName::Invalid | VerdictName::None => Ink::Warn,
    };
    let took = Duration::try_from_secs_f64(summary.duration_s).unwrap_or_default();
    let mut facts = vec![
        format::escape(&summary.plan.name),
        format::duration(took),
        format!("seed {}", summary.plan.seed),
        format!("{} {}", summary.tool.name, summary.tool.version),
    ];
    if summary.partial {
        facts.push("partial results".to_owned());
    }
    let lead = word.len() + 2;
    let mut lines = format::wrapped(&format::escape(&summary.reason), lead, page.width);
    if let Some(first) = lines.first_mut() {
        *first = format!("{}  {}", page.style.paint(ink, word), first.trim_start());
    }
    lines.push(page.style.paint(Ink::Faint, &facts.join(" · ")));
    for warning in &summary.warnings {
        let text = format!("warning: {}", format::escape(warning));
        let warned = format::wrapped(&text, 0, page.width);
        lines.extend(warned.iter().map(|line| page.style.paint(Ink::Warn, line)));
    }
    lines
}

/// What the total row has no place for.
fn totals(summary: &Summary, width: usize) -> Vec<String> {
    let Figures { messages, sessions, octets, recipients, response_ms, tls, auth, .. } =
        &summary.totals;
    let judged = messages.started.saturating_sub(messages.local + messages.interrupted);
    let mut lines = Vec::new();
    if judged > 0 {
        let success = format::share(1.0 - summary.totals.errors_share);
        let success = format!("{success} of {} messages", format::count(judged));
        lines.extend(entry("success", &success, width));
    }
    if let Some(times) = response_ms {
        let all = [
            ("min", times.min, None),
            ("mean", times.mean, times.mean_at_least),
            ("p99.9", times.p999, times.p999_at_least),
        ];
        let known = all.into_iter().filter(|(_, millis, at_least)| millis.or(*at_least).is_some());
        let known: Vec<String> = known
            .map(|(name, millis, at_least)| {
                format!("{name} {}", format::percentile(millis, at_least))
            })
            .collect();
        if !known.is_empty() {
            lines.extend(entry("latency", &known.join(" · "), width));
        }
    }
    lines.extend(counted(
        "sessions",
        &[
            (sessions.opened, "opened"),
            (sessions.peak_open, "open at the peak"),
            (sessions.reused, "messages on a used one"),
            (sessions.stale, "stale"),
            (sessions.failed, "failed"),
        ],
        width,
    ));
    lines.extend(counted(
        "recipients",
        &[
            (recipients.accepted, "accepted"),
            (recipients.expected, "refused as expected"),
            (recipients.temporary, "refused for now"),
            (recipients.permanent, "refused"),
        ],
        width,
    ));
    let (sent, received) = (format::octets(octets.sent), format::octets(octets.received));
    lines.extend(entry("octets", &format!("{sent} sent · {received} received"), width));
    lines.extend(entry_of_tls(tls, width));
    lines.extend(entry_of_auth(auth, width));
    lines.extend(paced(summary, width));
    lines.extend(counted(
        "besides",
        &[
            (messages.dropped, "dropped: too many in flight"),
            (messages.interrupted, "interrupted by the plan or the user"),
            (messages.local, "failed on the tester's side"),
        ],
        width,
    ));
    lines
}

/// The times of clients that hold back what they send, which stand in no row above.
fn paced(summary: &Summary, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for phase in &summary.phases {
        let own = phase.paced.iter().filter_map(|name| Some((name, phase.clients.get(name)?)));
        for (client, figures) in own {
            let times = figures.response_ms.unwrap_or_default();
            let text = format!(
                "{} in {}: {} messages, p50 {}, p99 {}; in no latency above",
                format::escape(client),
                format::escape(&phase.name),
                format::count(figures.messages.started),
                format::percentile(times.p50, times.p50_at_least),
                format::percentile(times.p99, times.p99_at_least),
            );
            lines.extend(entry("paced", &text, width));
        }
    }
    lines
}

/// A line for each phase in which the server throttled.
fn throttled(summary: &Summary, width: usize) -> Vec<String> {
    let phases = summary.phases.iter().filter_map(|phase| {
        let throttled = phase.throttled.as_ref()?;
        Some(throttling::sentence(&phase.name, &phase.model, throttled))
    });
    phases.flat_map(|sentence| entry("throttled", &sentence, width)).collect()
}

/// What sessions negotiated; nothing where all went in clear.
fn entry_of_tls(tls: &TlsFigures, width: usize) -> Vec<String> {
    let all = tls.versions.iter().chain(&tls.ciphers);
    let all: Vec<_> =
        all.map(|(name, count)| format!("{} {}", format::count(*count), name)).collect();
    if all.is_empty() { Vec::new() } else { entry("tls", &all.join(" · "), width) }
}

/// What logins came to; nothing where no session logged in.
fn entry_of_auth(auth: &AuthFigures, width: usize) -> Vec<String> {
    let purpose = match auth.refused_on_purpose {
        0 => String::new(),
        count => format!(" ({} on purpose)", format::count(count)),
    };
    let refused = format!("refused{purpose}");
    counted("auth", &[(auth.accepted, "accepted"), (auth.refused, &refused)], width)
}

/// The counts that are not zero; nothing if all are.
fn counted(name: &str, counts: &[(u64, &str)], width: usize) -> Vec<String> {
    let some = counts.iter().filter(|(count, _)| *count > 0);
    let some: Vec<_> =
        some.map(|(count, words)| format!("{} {words}", format::count(*count))).collect();
    if some.is_empty() { Vec::new() } else { entry(name, &some.join(" · "), width) }
}

fn errors(totals: &Figures, page: Page<'_>) -> Vec<String> {
    if totals.errors.is_empty() {
        return Vec::new();
    }
    let most = if page.detail == Detail::Full { usize::MAX } else { ERROR_ROWS };
    let shown = totals.errors.iter().take(most).map(|error| {
        let kind = format!("{} at {}", error.outcome, error.step);
        let example = match error.code {
            _ if !error.example.is_empty() => format::escape(&error.example),
            Some(code) => code.to_string(),
            None => String::new(),
        };
        [format::count(error.count), kind, example]
    });
    let mut lines = vec![String::new(), page.style.paint(Ink::Strong, "  errors")];
    lines.extend(columns(&shown.collect::<Vec<_>>(), page.width));
    let rest = totals.errors.iter().skip(most);
    let (kinds, count) = rest.fold((0_u64, 0), |(kinds, sum), row| (kinds + 1, sum + row.count));
    if kinds > 0 {
        lines.push(format!("    and {} of {kinds} more kinds", format::count(count)));
    }
    lines
}

/// Rows in columns: the first to the right, the last cut at the page's width.
fn columns(rows: &[[String; 3]], width: usize) -> Vec<String> {
    let widest = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let (first, second) = (widest(0), widest(1));
    let left = width.saturating_sub(4 + first + 2 + second + 2);
    rows.iter()
        .map(|[a, b, c]| format!("    {a:>first$}  {b:<second$}  {}", format::cut(c, left)))
        .collect()
}

/// A text with its name in front, on as many lines as it needs.
fn entry(name: &str, text: &str, width: usize) -> Vec<String> {
    let mut lines = format::wrapped(text, 14, width);
    if let Some(first) = lines.first_mut() {
        *first = format!("  {name:<12}{}", first.trim_start());
    }
    lines
}

#[cfg(test)]
mod tests;
