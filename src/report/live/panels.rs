//! The newest figures → the tables and lines below the chart.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::board::Board;
use super::palette::{DIM, Palette, STRONG};
use crate::format;
use crate::monitor::{Sample, WatchedSample};
use crate::record::LatencyFigures;
use crate::report::{LastSecond, Progress};

/// A row of a table: its name and cells, each as wide as the column behind it.
type Row = (&'static str, Style, [String; 2]);

/// Messages now and in all.
pub(super) fn messages(progress: &Progress, palette: Palette) -> Vec<Line<'static>> {
    let second = progress.last_second.unwrap_or_default();
    let counted = &progress.so_far;
    let accepted = counted.outcomes.get("accepted").copied().unwrap_or(0);
    let rate = |count: u64| format!("{}/s", format::short_count(count));
    let total = format::short_count;
    let mut rows = vec![
        ("started", Style::new(), [rate(second.started), total(counted.started)]),
        ("accepted", Style::new(), [rate(second.accepted), total(accepted)]),
        ("errors", palette.wrong_if(second.errors), [rate(second.errors), total(progress.errors)]),
    ];
    if counted.dropped > 0 {
        let style = palette.notable();
        rows.push(("dropped", style, [rate(second.dropped), total(counted.dropped)]));
    }
    if counted.cases > 0 {
        rows.push(("cases", Style::new(), [rate(second.cases), total(counted.cases)]));
    }
    let open = format!("{} open", format::short_count(progress.open_sessions));
    rows.push(("sessions", Style::new(), [open, total(counted.sessions_opened)]));
    table(["messages", "now", "in all"], rows)
}

/// Response times and lag, now and in the phase.
pub(super) fn response(progress: &Progress) -> Vec<Line<'static>> {
    let second = progress.last_second.unwrap_or_default();
    let phase = progress.phase.response_ms.unwrap_or_default();
    let now = |millis: Option<f64>| format::percentile(millis, None);
    let plain = Style::new();
    let mut rows: Vec<Row> = vec![
        ("p50", plain, [now(second.p50_ms), format::percentile(phase.p50, phase.p50_at_least)]),
        ("p95", plain, [now(second.p95_ms), format::percentile(phase.p95, phase.p95_at_least)]),
        ("p99", plain, [now(second.p99_ms), format::percentile(phase.p99, phase.p99_at_least)]),
        ("max", plain, [now(second.max_ms), format::percentile(phase.max, phase.max_at_least)]),
    ];
    rows.extend(lag(&second, progress.phase.lag_ms));
    table(["response", "now", "phase"], rows)
}

fn lag(second: &LastSecond, phase: Option<LatencyFigures>) -> Option<Row> {
    let phase = phase?;
    let now = format::percentile(second.lag_p99_ms, None);
    Some(("lag p99", Style::new(), [now, format::percentile(phase.p99, phase.p99_at_least)]))
}

/// The most frequent ends of messages, up to `most`.
pub(super) fn outcomes(progress: &Progress, palette: Palette, most: usize) -> Vec<Line<'static>> {
    let counted = &progress.so_far;
    let rows = counted.outcomes.iter().map(|(name, count)| (name.replace('_', " "), *count));
    let ended = counted.outcomes.values().sum();
    let sound = ["accepted", "expected"];
    ranked("outcomes", rows.collect(), ended, most, |name| {
        if sound.contains(&name) { Style::new() } else { palette.wrong() }
    })
}

/// The most frequent reply codes, up to `most`.
pub(super) fn codes(progress: &Progress, palette: Palette, most: usize) -> Vec<Line<'static>> {
    let counted = &progress.so_far;
    let rows = counted.codes.iter().map(|(code, count)| (code.clone(), *count)).collect();
    let all = counted.codes.values().sum();
    ranked("codes", rows, all, most, |code| match code.as_bytes().first() {
        Some(b'2' | b'3') => Style::new(),
        _ => palette.wrong(),
    })
}

fn ranked(
    title: &'static str,
    mut rows: Vec<(String, u64)>,
    all: u64,
    most: usize,
    style: impl Fn(&str) -> Style,
) -> Vec<Line<'static>> {
    rows.sort_by(|(one, count), (other, more)| more.cmp(count).then_with(|| one.cmp(other)));
    let mut lines = vec![Line::styled(title, STRONG)];
    for (name, count) in rows.into_iter().take(most) {
        let share = crate::record::ratio(count, all).map(format::share).unwrap_or_default();
        lines.push(Line::from(vec![
            Span::styled(format!("{:<12}", format::cut(&name, 12)), style(&name)),
            Span::raw(format!("{:>7}", format::short_count(count))),
            Span::styled(format!(" {share:>9}"), DIM),
        ]));
    }
    lines
}

/// What the machine, the tester and the watched process used.
pub(super) fn machine(sample: &Sample) -> Vec<Line<'static>> {
    let mut rows = vec![("host", host(sample)), ("tool", tool(sample))];
    rows.extend(sample.watched.as_ref().map(|sample| ("watched", watched(sample))));
    let line = |(name, words): (&'static str, Vec<String>)| {
        Line::from(vec![Span::styled(format!("{name:<8}"), STRONG), Span::raw(words.join(" · "))])
    };
    rows.into_iter().map(line).collect()
}

fn host(sample: &Sample) -> Vec<String> {
    let host = &sample.host;
    let each_second = |octets: u64| {
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let rate = if sample.covers_s > 0.0 { octets as f64 / sample.covers_s } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative")]
        let whole = rate as u64;
        format!("{}/s", format::octets(whole))
    };
    let (used, total) = (format::octets(host.memory_used), format::octets(host.memory_total));
    let (received, sent) = (each_second(host.network_received), each_second(host.network_sent));
    vec![
        format!("cpu {}", whole(host.cpu)),
        format!("memory {used} of {total}"),
        format!("net ↓ {received} ↑ {sent}"),
    ]
}

fn tool(sample: &Sample) -> Vec<String> {
    let own = &sample.process;
    let busiest = sample.workers.iter().map(|worker| worker.cpu).fold(0.0, f64::max);
    vec![
        format!("cpu {}", whole(own.cpu)),
        format!("worker {}", whole(busiest)),
        format!("memory {}", format::octets(own.memory)),
        format!("{} descriptors", format::count(own.descriptors)),
        format!("{} threads", own.threads),
    ]
}

fn watched(sample: &WatchedSample) -> Vec<String> {
    let mut words = vec![
        format!("cpu {}", whole(sample.cpu)),
        format!("memory {}", format::octets(sample.memory)),
    ];
    words.extend(sample.descriptors.map(|open| format!("{} descriptors", format::count(open))));
    words.push(format!("{} threads", sample.threads));
    // By itself it is what everybody expects.
    if sample.processes > 1 {
        words.push(format!("{} processes", sample.processes));
    }
    words
}

/// A share of a core, or of all cores, in whole percent.
fn whole(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// What stands where there is room for few lines of few characters.
pub(super) fn brief(progress: &Progress, palette: Palette) -> Vec<Line<'static>> {
    let second = progress.last_second.unwrap_or_default();
    let short = format::short_count;
    let latency = |millis: Option<f64>| format::percentile(millis, None);
    let mut codes: Vec<(&String, &u64)> = progress.so_far.codes.iter().collect();
    codes.sort_by(|one, other| other.1.cmp(one.1));
    let codes: Vec<String> =
        codes.into_iter().map(|(code, count)| format!("{code} ×{}", short(*count))).collect();
    vec![
        Line::raw(format!(
            "{}/s started  {}/s accepted",
            short(second.started),
            short(second.accepted)
        )),
        Line::from(vec![
            Span::styled(
                format!("{} errors", short(progress.errors)),
                palette.wrong_if(progress.errors),
            ),
            Span::raw(format!("  {} sessions open", short(progress.open_sessions))),
        ]),
        Line::raw(format!("p50 {}  p99 {}", latency(second.p50_ms), latency(second.p99_ms))),
        Line::styled(codes.join("  "), DIM),
    ]
}

/// The newest notes, the newest last.
pub(super) fn notes(board: &Board, palette: Palette, rows: usize) -> Vec<Line<'static>> {
    let skipped = board.notes.len().saturating_sub(rows);
    let style = |text: &str| {
        if text.starts_with("warning") { palette.notable() } else { DIM }
    };
    board.notes.iter().skip(skipped).map(|text| Line::styled(text.clone(), style(text))).collect()
}

fn table(titles: [&'static str; 3], rows: Vec<Row>) -> Vec<Line<'static>> {
    let [name, now, all] = titles;
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{name:<9}"), STRONG),
        Span::styled(format!("{now:>10} {all:>9}"), DIM),
    ])];
    lines.extend(rows.into_iter().map(|(name, style, [now, all])| {
        Line::from(vec![
            Span::styled(format!("{name:<9}"), DIM),
            Span::styled(format!("{now:>10} {all:>9}"), style),
        ])
    }));
    lines
}
