//! Figures → the text that Prometheus scrapes.
//!
//! The figures are those of summary and screen; there is no second registry that counts.
//! Quantiles are gauges, as nobody may add them up: by phase and client over all of the phase,
//! and of the newest second for a curve. One that messages without an answer decide is left out,
//! and over a phase also one that too few samples carry; a second has what it has, as in the
//! series. Names, base units and `_total` are Prometheus' own conventions; fields are added, never
//! renamed.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::{LastSecond, Level, Progress};
use crate::record::{Figures, LatencyFigures, Summary, VerdictName, as_float};
use crate::smtp::Outcome;

/// How the text is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exposition {
    /// Prometheus text, version 0.0.4: what all readers take.
    Prometheus,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

impl Exposition {
    /// What an HTTP server says of the text.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// What is exposed of a run.
#[derive(Clone, Debug)]
pub struct Exposed {
    /// The plan's name.
    pub plan: String,
    /// By phase, in the order of the plan, and by client.
    pub phases: Vec<(String, BTreeMap<String, Figures>)>,
    /// How it stands.
    pub standing: Standing,
}

/// How a run stands.
#[derive(Clone, Debug)]
pub enum Standing {
    /// It goes on.
    Running(Box<Progress>),
    /// It is over.
    Ended {
        /// What it came to.
        verdict: VerdictName,
        /// How long it took, in seconds.
        took_s: f64,
    },
}

impl From<&Summary> for Exposed {
    fn from(summary: &Summary) -> Self {
        let phases = summary.phases.iter();
        let phases = phases.map(|phase| (phase.name.clone(), phase.clients.clone()));
        let standing = Standing::Ended { verdict: summary.verdict, took_s: summary.duration_s };
        Self { plan: summary.plan.name.clone(), phases: phases.collect(), standing }
    }
}

impl Exposed {
    /// The whole text.
    pub fn text(self, exposition: Exposition) -> String {
        let mut registry = Registry::with_prefix("mailquake");
        registry.register_collector(Box::new(self));
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = match exposition {
            Exposition::Prometheus => prometheus_text::encode(&mut out, &registry),
            Exposition::OpenMetrics => text::encode(&mut out, &registry),
        };
        out
    }

    fn each(&self) -> impl Iterator<Item = (Of<'_>, &Figures)> {
        self.phases.iter().flat_map(|(phase, clients)| {
            clients.iter().map(move |(client, figures)| (Of { phase, client }, figures))
        })
    }
}

/// What a sample is of.
#[derive(Clone, Copy)]
struct Of<'a> {
    phase: &'a str,
    client: &'a str,
}

type Labels<'a> = Vec<(&'a str, &'a str)>;

impl<'a> Of<'a> {
    fn labels(self) -> Labels<'a> {
        vec![("phase", self.phase), ("client", self.client)]
    }

    fn with(self, name: &'a str, value: &'a str) -> Labels<'a> {
        let mut labels = self.labels();
        labels.push((name, value));
        labels
    }
}

impl Collector for Exposed {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Families(encoder);
        self.info(&mut out)?;
        self.messages(&mut out)?;
        self.sessions(&mut out)?;
        self.times(&mut out)?;
        match &self.standing {
            Standing::Running(progress) => running(progress, &mut out),
            Standing::Ended { verdict, took_s } => ended(*verdict, *took_s, &mut out),
        }
    }
}

impl Exposed {
    fn info(&self, out: &mut Families<'_>) -> fmt::Result {
        let version = env!("CARGO_PKG_VERSION");
        let labels = vec![("plan", self.plan.as_str()), ("version", version)];
        out.gauges("run", "What runs; the value is always 1", None, [(labels, 1.0)])
    }

    fn messages(&self, out: &mut Families<'_>) -> fmt::Result {
        let of_each = |count: fn(&Figures) -> u64| {
            self.each().map(move |(of, figures)| (of.labels(), count(figures))).collect::<Vec<_>>()
        };
        let planned = of_each(|figures| figures.messages.planned);
        out.counters("messages_planned", "Messages that came due", None, planned)?;
        let started = of_each(|figures| figures.messages.started);
        out.counters("messages_started", "Messages that began", None, started)?;
        let dropped = of_each(|figures| figures.messages.dropped);
        out.counters("messages_dropped", "Messages that never began", None, dropped)?;
        let ended = self.each().flat_map(|(of, figures)| {
            Outcome::ALL.into_iter().map(move |outcome| {
                (of.with("outcome", outcome.name()), figures.messages.of(outcome))
            })
        });
        out.counters("messages", "Messages that ended, by outcome", None, ended)?;
        let codes = self.each().flat_map(|(of, figures)| {
            figures.codes.iter().map(move |(code, count)| (of.with("code", code), *count))
        });
        out.counters("replies", "Messages that a reply decided, by its code", None, codes)?;
        let cases = self.each().flat_map(|(of, figures)| {
            figures.cases.iter().flat_map(move |(case, it)| {
                let ends = [
                    ("right", it.right),
                    ("tolerated", it.tolerated),
                    ("finding", it.finding),
                    ("hang", it.hang),
                    ("disconnect", it.disconnect),
                    ("local", it.local),
                ];
                ends.map(|(end, count)| {
                    let mut labels = of.with("case", case);
                    labels.push(("end", end));
                    (labels, count)
                })
            })
        });
        out.counters("cases", "Malformed cases that ended, by their end", None, cases)
    }

    fn sessions(&self, out: &mut Families<'_>) -> fmt::Result {
        let sessions = self.each().flat_map(|(of, figures)| {
            let it = &figures.sessions;
            [
                ("opened", it.opened),
                ("reused", it.reused),
                ("stale", it.stale),
                ("failed", it.failed),
            ]
            .map(|(event, count)| (of.with("event", event), count))
        });
        out.counters("sessions", "What became of sessions", None, sessions)?;
        let octets = self.each().flat_map(|(of, figures)| {
            [("sent", figures.octets.sent), ("received", figures.octets.received)]
                .map(|(direction, count)| (of.with("direction", direction), count))
        });
        out.counters("smtp", "Octets of SMTP, before TLS and after it", Some(&Unit::Bytes), octets)
    }

    fn times(&self, out: &mut Families<'_>) -> fmt::Result {
        type Clock = fn(&Figures) -> Option<LatencyFigures>;
        let clocks: [(_, _, Clock); 5] = [
            ("response", "From the planned start to the final reply", |it| it.response_ms),
            ("service", "From the first command to the final reply", |it| it.service_ms),
            ("lag", "By how much the tester itself began late", |it| it.lag_ms),
            ("wait", "Waiting for a session", |it| it.wait_ms),
            ("session", "From connecting until ready for MAIL", |it| it.session_ms),
        ];
        for (name, help, clock) in clocks {
            let samples = self.each().flat_map(|(of, figures)| {
                clock(figures).into_iter().flat_map(move |latency| {
                    quantiles(&latency)
                        .map(move |(quantile, time)| (of.with("quantile", quantile), time))
                })
            });
            out.gauges(name, help, Some(&Unit::Seconds), samples)?;
        }
        let counts = self.each().filter_map(|(of, figures)| {
            let latency = figures.response_ms?;
            Some((of.labels(), latency.count))
        });
        out.counters("responses", "Response times that the quantiles rest on", None, counts)
    }
}

/// Where a run stands that goes on.
fn running(progress: &Progress, out: &mut Families<'_>) -> fmt::Result {
    let elapsed = [(Vec::new(), progress.elapsed.as_secs_f64())];
    out.gauges("elapsed", "Time since the run began", Some(&Unit::Seconds), elapsed)?;
    let open = [(Vec::new(), as_float(progress.open_sessions))];
    out.gauges("open_sessions", "Sessions that are open", None, open)?;
    let of_phase = |value| [(vec![("phase", progress.phase.name.as_str())], value)];
    let help = "The phase in force; the value is always 1";
    out.gauges("phase_in_force", help, None, of_phase(1.0))?;
    match progress.phase.planned {
        Level::PerSecond(level) => {
            let help = "Messages that are planned to start each second";
            out.gauges("planned_messages_per_second", help, None, of_phase(level))?;
        }
        Level::Connections(level) => {
            let help = "Connections that are planned";
            out.gauges("planned_connections", help, None, of_phase(level))?;
        }
        Level::Pause => {}
    }
    if let Some(second) = &progress.last_second {
        newest(second, out)?;
    }
    machine(progress, out)
}

/// The times of the newest second.
fn newest(second: &LastSecond, out: &mut Families<'_>) -> fmt::Result {
    let known = |quantile, millis: Option<f64>| {
        millis.map(|millis| (vec![("quantile", quantile)], seconds(millis)))
    };
    let response = [
        known("0.5", second.p50_ms),
        known("0.95", second.p95_ms),
        known("0.99", second.p99_ms),
        known("1", second.max_ms),
    ];
    let (unit, help) = (Some(&Unit::Seconds), "Response times of the newest second");
    out.gauges("newest_response", help, unit, response.into_iter().flatten())?;
    let help = "By how much the tester itself began late in the newest second";
    out.gauges("newest_lag", help, unit, known("0.99", second.lag_p99_ms))
}

/// What the machine, the tester and the watched process used.
fn machine(progress: &Progress, out: &mut Families<'_>) -> fmt::Result {
    let Some(sample) = &progress.machine else { return Ok(()) };
    let ratio = Unit::Other("ratio".to_owned());
    let host = [(Vec::new(), sample.host.cpu)];
    out.gauges("host_cpu", "The busy share of all cores", Some(&ratio), host)?;
    let own = ("tool", sample.process.cpu, sample.process.memory);
    let watched = sample.watched.as_ref().map(|it| ("watched", it.cpu, it.memory));
    let of_each = || std::iter::once(own).chain(watched);
    let cpu = of_each().map(|(name, cpu, _)| (vec![("process", name)], cpu));
    let memory = of_each().map(|(name, _, memory)| (vec![("process", name)], as_float(memory)));
    out.gauges("process_cpu", "Processor time by time passed: 1 is a core", Some(&ratio), cpu)?;
    out.gauges("process_memory", "Resident octets", Some(&Unit::Bytes), memory)
}

/// What a run came to.
fn ended(verdict: VerdictName, took_s: f64, out: &mut Families<'_>) -> fmt::Result {
    let all = [
        ("pass", VerdictName::Pass),
        ("fail", VerdictName::Fail),
        ("invalid", VerdictName::Invalid),
        ("none", VerdictName::None),
    ];
    let states =
        all.map(|(name, one)| (vec![("verdict", name)], f64::from(u8::from(one == verdict))));
    out.gauges("verdict", "1 for what the run came to", None, states)?;
    let took = [(Vec::new(), took_s)];
    out.gauges("duration", "How long the run took", Some(&Unit::Seconds), took)
}

/// The quantiles that are known, in seconds; 0 is the smallest and 1 the largest.
fn quantiles(latency: &LatencyFigures) -> impl Iterator<Item = (&'static str, f64)> + use<> {
    let all = [
        ("0", latency.min),
        ("0.5", latency.p50),
        ("0.9", latency.p90),
        ("0.95", latency.p95),
        ("0.99", latency.p99),
        ("0.999", latency.p999),
        ("1", latency.max),
    ];
    all.into_iter().filter_map(|(quantile, millis)| Some((quantile, seconds(millis?))))
}

/// Times are taken in whole microseconds, so that dividing leaves no long tail of digits.
fn seconds(millis: f64) -> f64 {
    (millis * 1e3).round() / 1e6
}

/// Writes families of samples; one without samples is left out.
struct Families<'a>(DescriptorEncoder<'a>);

impl Families<'_> {
    fn counters<'l>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        samples: impl IntoIterator<Item = (Labels<'l>, u64)>,
    ) -> fmt::Result {
        self.family((name, help, unit, MetricType::Counter), samples, |mut encoder, value| {
            encoder.encode_counter::<NoLabelSet, u64, f64>(&value, None)
        })
    }

    fn gauges<'l>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        samples: impl IntoIterator<Item = (Labels<'l>, f64)>,
    ) -> fmt::Result {
        self.family((name, help, unit, MetricType::Gauge), samples, |mut encoder, value| {
            encoder.encode_gauge(&value)
        })
    }

    fn family<'l, V>(
        &mut self,
        (name, help, unit, kind): (&str, &str, Option<&Unit>, MetricType),
        samples: impl IntoIterator<Item = (Labels<'l>, V)>,
        put: impl Fn(MetricEncoder<'_>, V) -> fmt::Result,
    ) -> fmt::Result {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return Ok(());
        }
        let mut encoder = self.0.encode_descriptor(name, help, unit, kind)?;
        for (labels, value) in samples {
            put(encoder.encode_family(&labels)?, value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::progress::tests::progress;
    use super::*;

    fn exposed() -> Exposed {
        let mut figures = Figures::default();
        figures.messages.planned = 12;
        figures.messages.started = 12;
        figures.messages.accepted = 11;
        figures.messages.temporary = 1;
        figures.codes = [("250".to_owned(), 11), ("450".to_owned(), 1)].into();
        figures.response_ms = Some(LatencyFigures {
            count: 12,
            p50: Some(21.5),
            max: Some(1500.0),
            ..LatencyFigures::default()
        });
        let clients = [("app".to_owned(), figures)].into();
        let plan = "a \"quoted\\\nplan".to_owned();
        let standing = Standing::Ended { verdict: VerdictName::Pass, took_s: 61.25 };
        Exposed { plan, phases: vec![("soak".to_owned(), clients)], standing }
    }

    #[test]
    fn what_is_not_known_is_left_out_and_labels_are_escaped() {
        let text = exposed().text(Exposition::Prometheus);
        let some: Vec<&str> = text
            .lines()
            .filter(|line| !line.contains("outcome") || line.contains("accepted"))
            .filter(|line| !line.contains("_sessions_") && !line.contains("_smtp_"))
            .collect();

        expect![[r#"
            # HELP mailquake_run What runs; the value is always 1
            # TYPE mailquake_run gauge
            mailquake_run{plan="a \"quoted\\\nplan",version="0.1.0"} 1.0
            # HELP mailquake_messages_planned_total Messages that came due
            # TYPE mailquake_messages_planned_total counter
            mailquake_messages_planned_total{phase="soak",client="app"} 12
            # HELP mailquake_messages_started_total Messages that began
            # TYPE mailquake_messages_started_total counter
            mailquake_messages_started_total{phase="soak",client="app"} 12
            # HELP mailquake_messages_dropped_total Messages that never began
            # TYPE mailquake_messages_dropped_total counter
            mailquake_messages_dropped_total{phase="soak",client="app"} 0
            # TYPE mailquake_messages_total counter
            mailquake_messages_total{phase="soak",client="app",outcome="accepted"} 11
            # HELP mailquake_replies_total Messages that a reply decided, by its code
            # TYPE mailquake_replies_total counter
            mailquake_replies_total{phase="soak",client="app",code="250"} 11
            mailquake_replies_total{phase="soak",client="app",code="450"} 1
            # HELP mailquake_response_seconds From the planned start to the final reply
            # TYPE mailquake_response_seconds gauge
            mailquake_response_seconds{phase="soak",client="app",quantile="0.5"} 0.0215
            mailquake_response_seconds{phase="soak",client="app",quantile="1"} 1.5
            # HELP mailquake_responses_total Response times that the quantiles rest on
            # TYPE mailquake_responses_total counter
            mailquake_responses_total{phase="soak",client="app"} 12
            # HELP mailquake_verdict 1 for what the run came to
            # TYPE mailquake_verdict gauge
            mailquake_verdict{verdict="pass"} 1.0
            mailquake_verdict{verdict="fail"} 0.0
            mailquake_verdict{verdict="invalid"} 0.0
            mailquake_verdict{verdict="none"} 0.0
            # HELP mailquake_duration_seconds How long the run took
            # TYPE mailquake_duration_seconds gauge
            mailquake_duration_seconds 61.25"#]]
        .assert_eq(&some.join("\n"));
    }

    #[test]
    fn a_run_in_progress_says_where_it_stands() {
        let mut exposed = exposed();
        exposed.standing = Standing::Running(Box::new(progress()));

        let text = exposed.text(Exposition::OpenMetrics);

        for line in [
            "mailquake_newest_response_seconds{quantile=\"0.99\"} 0.0456",
            "mailquake_newest_lag_seconds{quantile=\"0.99\"} 0.00031",
            "mailquake_elapsed_seconds 67.0",
            "mailquake_open_sessions 1204.0",
            "mailquake_phase_in_force{phase=\"soak\"} 1.0",
            "mailquake_planned_messages_per_second{phase=\"soak\"} 800.0",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
