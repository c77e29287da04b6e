//! Signs of throttling → words, for the page and for what is told while a run lasts.

use std::time::Duration;

use super::Level;
use crate::format;
use crate::record::{Allowed, Onset, ThrottleRow, Throttled};

/// What is told when a sign is first seen in a phase: `0:12  soak: the server throttles ...`.
pub fn throttling_began(phase: &str, level: Level, onset: &Onset) -> String {
    let step = onset.key.step.map(|step| step.name().to_owned());
    let sign = words(&onset.key.sign.to_string(), step.as_deref());
    let at = format::clock(Duration::from_secs(onset.second));
    let level = at_level(level, onset.open_sessions);
    let count = format::count(onset.count);
    let told = format!("{at}  {phase}: the server throttles {level}: {sign} ×{count} within 1 s");
    if onset.example.is_empty() {
        told
    } else {
        format!("{told}: {}", format::escape(&onset.example))
    }
}

/// A phase's signs in one sentence: when, at what level, how many of each.
pub(super) fn sentence(name: &str, model: &str, throttled: &Throttled) -> String {
    let Throttled { begin_s, level, open_sessions, signs, .. } = throttled;
    let at = format::clock(Duration::try_from_secs_f64(*begin_s).unwrap_or_default());
    let level = at_level(planned(model, *level), *open_sessions);
    let signs: Vec<String> = signs.iter().map(counted).collect();
    format!("{} from {at} {level}: {}", format::escape(name), signs.join(" · "))
}

fn planned(model: &str, level: f64) -> Level {
    match model {
        "open" => Level::PerSecond(level),
        "closed" => Level::Connections(level),
        _ => Level::Pause,
    }
}

/// By rate it is the rate that is the load; by connections those that were there, of those that
/// should have been.
fn at_level(planned: Level, open: u32) -> String {
    let sessions = format::count(u64::from(open));
    match planned {
        Level::PerSecond(_) => format!("at {} with {sessions} open", planned.words()),
        Level::Connections(level) if level.round() > f64::from(open) => {
            format!("at {sessions} of {}", planned.words())
        }
        Level::Connections(_) | Level::Pause => format!("at {sessions} connections"),
    }
}

fn counted(row: &ThrottleRow) -> String {
    let mut text = words(&row.sign, row.step.as_deref());
    text = format!("{text} ×{}", format::count(row.count));
    if let Some(share) = row.share {
        text = format!("{text} ({})", format::share(share));
    }
    match row.allowed {
        Some(Allowed { min: 1, max: 1 }) => format!("{text} after 1 message"),
        Some(Allowed { min, max }) if min == max => format!("{text} after {min} messages"),
        Some(Allowed { min, max }) => format!("{text} after {min} to {max} messages"),
        None => text,
    }
}

fn words(sign: &str, step: Option<&str>) -> String {
    match (sign, step) {
        ("refused", Some("connect")) => "connections refused".to_owned(),
        ("refused", _) => "closed before the greeting".to_owned(),
        ("closed", _) => "sessions closed".to_owned(),
        (code, Some(step)) => format!("{} at {}", format::escape(code), format::escape(step)),
        (code, None) => format!("{} between messages", format::escape(code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PhaseId;
    use crate::record::ThrottleKey;
    use crate::smtp::{Code, Step, Throttle};

    #[test]
    fn what_a_server_said_is_escaped() {
        let sign = Throttle::Reply(Code::CLOSING);
        let onset = Onset {
            phase: PhaseId(0),
            key: ThrottleKey { sign, step: Some(Step::Mail) },
            second: 72,
            level: 800.0,
            open_sessions: 1_204,
            count: 3,
            example: "421 \u{1b}[31mslow".to_owned(),
        };

        assert_eq!(
            throttling_began("soak", Level::PerSecond(800.0), &onset),
            "1:12  soak: the server throttles at 800/s with 1,204 open: 421 at mail ×3 within 1 s: \
             421 \\u{1b}[31mslow"
        );
    }

    #[test]
    fn connections_are_those_that_were_there() {
        let table = [
            (Level::Connections(50.0), 40, "at 40 of 50 connections"),
            (Level::Connections(40.0), 40, "at 40 connections"),
            (Level::Pause, 7, "at 7 connections"),
        ];
        for (planned, open, said) in table {
            assert_eq!(at_level(planned, open), said);
        }
    }
}
