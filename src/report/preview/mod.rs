//! A preview → the text that shows a run before it begins.
//!
//! What is a bound is worded as one: a closed phase sends as many messages as the server takes,
//! and nobody knows that beforehand.

mod chart;

use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use crate::format;
use crate::timeline::{LevelRange, Model, PhasePreview, Preview};

/// The widest text in a cell of the table.
const CELL: usize = 32;

/// The whole preview: a paragraph, the level over time, a row for each phase, sums and needs.
pub fn text(preview: &Preview) -> String {
    let mut parts = vec![paragraph(preview)];
    parts.extend(preview.curves.iter().map(chart::text));
    parts.push(table(&preview.phases));
    parts.push([totals(preview), peaks(preview), needs(preview)].join("\n"));
    let mut text = parts.join("\n\n");
    text.push('\n');
    text
}

/// What a run will do, in one paragraph without a line end.
pub fn paragraph(preview: &Preview) -> String {
    let phases = counted(preview.phases.len() as u64, "phase");
    format!(
        "{}: {phases} {}, seed {}. {}.",
        format::escape(&preview.name),
        length(preview),
        preview.seed,
        load(preview)
    )
}

fn length(preview: &Preview) -> String {
    let (least, known) = (preview.totals.length_at_least_s, preview.known_length_s());
    match preview.totals.length_at_most_s {
        None if least > 0.0 => format!("in at least {}, {}", seconds(least), until(preview)),
        None => until(preview).to_owned(),
        Some(_) if least < known => format!("in at most {}", seconds(known)),
        Some(_) => format!("in {}", seconds(known)),
    }
}

/// What ends a run whose length nobody knows.
fn until(preview: &Preview) -> &'static str {
    let is_search = |phase: &&PhasePreview| phase.length_at_most_s.is_some();
    let counted = |phase: &PhasePreview| phase.length_s.is_none() && phase.count.is_some();
    match (preview.phases.iter().filter(is_search).count(), preview.phases.iter().any(counted)) {
        (0, _) => "until the last count is reached",
        (1, false) => "until the search has its answer",
        (_, false) => "until the searches have their answers",
        (1, true) => "until the last count is reached and the search has its answer",
        (_, true) => "until the last count is reached and the searches have their answers",
    }
}

fn load(preview: &Preview) -> String {
    let is_open = preview.phases.iter().any(|phase| phase.model == Model::Open);
    let is_closed = preview.phases.iter().any(|phase| phase.model == Model::Closed);
    let open = format!(
        "{} on schedule, at up to {}/s",
        starts(preview),
        format::level(preview.peaks.rate_per_s)
    );
    let closed = format!(
        "up to {} as fast as the server takes it",
        counted(preview.peaks.connections, "connection")
    );
    match (is_open, is_closed) {
        (true, true) => format!("Sends {open}; and over {closed}"),
        (true, false) => format!("Sends {open}"),
        (false, true) => format!("Sends over {closed}"),
        (false, false) => "Sends nothing".to_owned(),
    }
}

/// What starts by rate: messages, malformed cases, or both.
fn starts(preview: &Preview) -> String {
    let messages = counted(preview.totals.messages_at_least, "message");
    match preview.totals.cases_at_least {
        None => messages,
        Some(cases) if preview.totals.messages_at_least == 0 => counted(cases, "malformed case"),
        Some(cases) => format!("{messages} and {}", counted(cases, "malformed case")),
    }
}

fn table(phases: &[PhasePreview]) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_header(["phase", "kind", "start", "length", "level", "messages", "clients"]);
    for phase in phases {
        table.add_row(row(phase));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if [2, 3, 5].contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

fn row(phase: &PhasePreview) -> [String; 7] {
    let kind = if phase.warmup { format!("{}, warm-up", phase.kind) } else { phase.kind.into() };
    [
        format::cut(&format::escape(&phase.name), CELL),
        kind,
        phase.start_s.map_or_else(unknown, seconds),
        phase_length(phase),
        phase.level.map_or_else(unknown, |level| level_text(phase.model, level)),
        messages(phase),
        format::cut(&clients(phase), CELL),
    ]
}

fn phase_length(phase: &PhasePreview) -> String {
    match (phase.length_s, phase.length_at_most_s) {
        (Some(length), _) => seconds(length),
        (None, Some(most)) => format!("≤ {}", seconds(most)),
        (None, None) => unknown(),
    }
}

fn level_text(model: Model, range: LevelRange) -> String {
    let LevelRange { from, to, peak } = range;
    let unit = unit(model);
    let is_same = |a: f64, b: f64| (a - b).abs() < f64::EPSILON;
    if peak > from.max(to) {
        format!("{}{unit}, bursts {}", format::level(from), format::level(peak))
    } else if is_same(from, to) {
        format!("{}{unit}", format::level(from))
    } else {
        format!("{} to {}{unit}", format::level(from), format::level(to))
    }
}

fn unit(model: Model) -> &'static str {
    match model {
        Model::Open => "/s",
        Model::Closed => " connections",
        Model::Pause => "",
    }
}

fn messages(phase: &PhasePreview) -> String {
    match (phase.messages, phase.count) {
        (Some(messages), _) => format::count(messages),
        (None, Some(count)) => format!("≤ {}", format::count(count)),
        (None, None) => unknown(),
    }
}

fn clients(phase: &PhasePreview) -> String {
    match phase.clients.as_slice() {
        [] => unknown(),
        [only] => format::escape(&only.client),
        several => several
            .iter()
            .map(|share| {
                format!("{} {}", format::escape(&share.client), format::share(share.share))
            })
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn totals(preview: &Preview) -> String {
    let totals = &preview.totals;
    let messages = match totals.messages_at_most {
        Some(most) if most == totals.messages_at_least => counted(most, "message"),
        Some(most) if totals.messages_at_least == 0 => {
            format!("at most {}", counted(most, "message"))
        }
        Some(most) => {
            format!("{} to {}", format::count(totals.messages_at_least), counted(most, "message"))
        }
        None => format!("at least {}", counted(totals.messages_at_least, "message")),
    };
    let mut parts = vec![messages];
    if totals.sessions_at_least > 0 {
        parts.push(format!("at least {}", counted(totals.sessions_at_least, "session")));
    }
    parts.extend(totals.cases_at_least.map(|cases| counted(cases, "malformed case")));
    parts.extend(totals.octets.map(|octets| format!("about {} of text", format::octets(octets))));
    parts.extend(totals.length_at_most_s.map(|most| format!("over by {}", seconds(most))));
    format!("totals  {}", parts.join(", "))
}

fn peaks(preview: &Preview) -> String {
    let peaks = &preview.peaks;
    let mut parts = Vec::new();
    if peaks.rate_per_s > 0.0 {
        parts.push(format!("{} messages/s", format::level(peaks.rate_per_s)));
    }
    let most = counted(peaks.connections_at_most, "connection");
    parts.push(match peaks.connections {
        least if least == peaks.connections_at_most => most,
        0 => format!("at most {most}"),
        least => format!("{} to {most}", format::count(least)),
    });
    format!("peaks   {}", parts.join(", "))
}

fn needs(preview: &Preview) -> String {
    let needs = &preview.needs;
    let mut text = format!(
        "needs   up to {}, at least {} (a target address usually has {}), about {} of memory",
        counted(needs.descriptors, "open file"),
        counted(needs.local_ports_at_least, "local port"),
        format::count(needs.local_ports_usual),
        format::octets(needs.memory_octets)
    );
    if needs.local_ports_at_least > needs.local_ports_usual {
        text.push_str(
            "\n        the local ports will run out: send more messages over each connection, end \
             sessions by `quit`, or use several addresses on either side",
        );
    }
    text
}

fn counted(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", format::count(count))
}

fn seconds(seconds: f64) -> String {
    Duration::try_from_secs_f64(seconds).map_or_else(|_| unknown(), format::duration)
}

fn unknown() -> String {
    format::UNKNOWN.to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::expect;

    use super::*;
    use crate::plan::{Arrival, Begin, ClientId, Curve, Load, Phase, PhaseId, PhaseKind, Weighted};
    use crate::smtp::Ending;
    use crate::timeline::Timeline;
    use crate::timeline::fixture::{after, closed, open, phase, plan, seconds, steady};

    fn preview(phases: Vec<Phase>) -> Preview {
        let plan = plan(phases);
        Preview::new(&plan, &Timeline::new(&plan), &|_| Some(1024))
    }

    fn named(name: &str, kind: PhaseKind, phase: Phase) -> Phase {
        Phase { name: name.to_owned(), kind, ..phase }
    }

    fn spikes() -> Curve {
        let (every, burst) = (Duration::from_secs(10), Duration::from_secs(2));
        Curve::Burst { base: 100.0, peak: 800.0, every, burst }
    }

    #[test]
    fn a_plan_of_both_models_shows_both_curves() {
        let ramp = closed(Curve::Linear { from: 1.0, to: 100.0 });
        let ramp = named("warm-up", PhaseKind::Ramp, phase(ramp, seconds(30)));
        let only = Weighted { choices: vec![(ClientId(1), 1.0)] };
        let soak = phase(open(steady(200.0), Arrival::Even), seconds(60));
        let idlers = Phase {
            begin: Begin::With(PhaseId(1), Duration::from_secs(20)),
            mix: only,
            ..phase(closed(steady(40.0)), seconds(30))
        };
        let spikes = phase(open(spikes(), Arrival::Even), seconds(25));
        let preview = preview(vec![
            Phase { warmup: true, ..ramp },
            named("soak", PhaseKind::Steady, after(soak, 0)),
            named("idlers", PhaseKind::Steady, idlers),
            named("rest", PhaseKind::Pause, after(phase(Load::Pause, seconds(5)), 1)),
            named("spikes", PhaseKind::Burst, after(spikes, 3)),
        ]);

        expect![[r"
            fixture: 5 phases in 2 m 00 s, seed 42. Sends 18,700 messages on schedule, at up to 800/s; and over up to 100 connections as fast as the server takes it.

            connections
               100 │              ▄█
                   │            ▄███
                   │          ▄█████
                   │        ▄███████
                50 │      ▄█████████          ▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂
                   │    ▄███████████          █████████████████
                   │ ▁▅█████████████          █████████████████
                   │▅███████████████          █████████████████
                 0 └────────────────────────────────────────────────────────────────
                    0:00                            1:00                        2:00

            messages/s
               800 │                                                  ██    ██   ██
                   │                                                  ██    ██   ██
                   │                                                  ██    ██   ██
                   │                                                  ██    ██   ██
               400 │                                                  ██    ██   ██
                   │                                                  ██    ██   ██
                   │                ████████████████████████████████  ██    ██   ██
                   │                ████████████████████████████████  ██████████████
                 0 └────────────────────────────────────────────────────────────────
                    0:00                            1:00                        2:00

            phase    kind              start    length  level                 messages  clients
            warm-up  ramp, warm-up       0 s    30.0 s  1 to 100 connections         -  app 80 %, staff 15 %, slow 4 %,…
            soak     steady           30.0 s  1 m 00 s  200/s                   12,000  app 80 %, staff 15 %, slow 4 %,…
            idlers   steady           50.0 s    30.0 s  40 connections               -  staff
            rest     pause          1 m 30 s     5.0 s  -                            0  -
            spikes   burst          1 m 35 s    25.0 s  100/s, bursts 800        6,700  app 80 %, staff 15 %, slow 4 %,…

            totals  at least 18,700 messages, at least 1,870 sessions, about 18.3 MiB of text, over by 2 m 01 s
            peaks   800 messages/s, 100 to 2,040 connections
            needs   up to 4,144 open files, at least 100 local ports (a target address usually has 28,232), about 57.9 MiB of memory
        "]].assert_eq(&text(&preview));
    }

    #[test]
    fn a_phase_that_only_its_count_ends_has_no_curve() {
        let counted = Phase { count: Some(200_000), ..phase(closed(steady(50.0)), None) };

        expect![[r"
            fixture: 1 phase until the last count is reached, seed 42. Sends over up to 50 connections as fast as the server takes it.

            phase  kind    start  length  level            messages  clients
            phase  steady    0 s       -  50 connections  ≤ 200,000  app 80 %, staff 15 %, slow 4 %,…

            totals  at most 200,000 messages, at least 20,000 sessions
            peaks   50 connections
            needs   up to 164 open files, at least 50 local ports (a target address usually has 28,232), about 24.8 MiB of memory
        "]].assert_eq(&text(&preview(vec![counted])));
    }

    #[test]
    fn ports_that_will_run_out_are_said() {
        let mut plan = plan(vec![phase(open(steady(10_000.0), Arrival::Even), seconds(100))]);
        plan.clients.iter_mut().for_each(|client| client.end = Ending::Close);
        let preview = Preview::new(&plan, &Timeline::new(&plan), &|_| None);

        expect![[r"
            needs   up to 4,064 open files, at least 60,000 local ports (a target address usually has 28,232), about 55.2 MiB of memory
                    the local ports will run out: send more messages over each connection, end sessions by `quit`, or use several addresses on either side"]].assert_eq(&needs(&preview));
    }

    #[test]
    fn a_paragraph_says_what_is_known() {
        let counted =
            |duration| Phase { count: Some(100), ..phase(closed(steady(50.0)), duration) };
        let paused = phase(Load::Pause, seconds(3));
        let even = || phase(open(steady(10.0), Arrival::Even), seconds(10));
        let table = [
            (vec![paused], "1 phase in 3.0 s, seed 42. Sends nothing."),
            (
                vec![even()],
                "1 phase in 10.0 s, seed 42. Sends 100 messages on schedule, at up to 10/s.",
            ),
            (
                vec![counted(None), after(even(), 0)],
                "2 phases in at least 10.0 s, until the last count is reached, seed 42. Sends 100 \
                 messages on schedule, at up to 10/s; and over up to 50 connections as fast as the \
                 server takes it.",
            ),
            (
                vec![counted(seconds(20))],
                "1 phase in at most 20.0 s, seed 42. Sends over up to 50 connections as fast as \
                 the server takes it.",
            ),
        ];
        for (phases, expected) in table {
            assert_eq!(paragraph(&preview(phases)), format!("fixture: {expected}"));
        }
    }
}
