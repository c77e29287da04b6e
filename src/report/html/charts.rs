//! Buckets → the charts over time.

use super::buckets::{Bucket, Buckets, Worst};
use super::chart::{Chart, Ground, Size};
use super::svg::{Curve, Look, Scale};
use crate::record::as_float;
use crate::smtp::Outcome;

const KIB: f64 = 1024.0;

/// A value of a bucket, where it is known.
type Take<'a> = &'a dyn Fn(&Bucket) -> Option<f64>;

/// All charts that there is something to draw for, in their order on the page.
pub(super) fn charts(buckets: &Buckets, ground: &Ground) -> Vec<Chart> {
    let maker = Maker { buckets, ground };
    let charts = [
        maker.throughput(),
        maker.response(),
        maker.errors(),
        maker.sessions(),
        maker.processor(),
        maker.tool_memory(),
        maker.watched_memory(),
        maker.host_memory(),
        maker.network(),
        maker.descriptors(),
    ];
    charts.into_iter().flatten().collect()
}

struct Maker<'a> {
    buckets: &'a Buckets,
    ground: &'a Ground,
}

impl Maker<'_> {
    fn throughput(&self) -> Option<Chart> {
        let ended = |outcome: Outcome| {
            move |bucket: &Bucket| bucket.per_second(bucket.ended[outcome.index()])
        };
        let mut curves = vec![
            self.curve("accepted", Look::Area(1), &ended(Outcome::Accepted)),
            self.curve("started", Look::Dotted(6), &|bucket| bucket.per_second(bucket.started)),
        ];
        curves.extend(self.occurring("refused as expected", Look::Line(3), &|bucket| {
            bucket.per_second(bucket.ended[Outcome::Expected.index()])
        }));
        curves.extend(self.occurring("malformed cases ended", Look::Line(4), &|bucket| {
            bucket.per_second(bucket.cases)
        }));
        curves.push(self.curve("planned", Look::Plan, &|bucket| bucket.rate.known()));
        let note = "Messages per second. The planned level is drawn where a phase has a rate; \
                    phases with connections have theirs among the open sessions.";
        self.chart(Chart::over_time("throughput", "Throughput", note, "/s", Size::Large), curves)
    }

    fn response(&self) -> Option<Chart> {
        let looks = [
            ("max", 3, Look::Dotted(6)),
            ("p99", 2, Look::Line(2)),
            ("p95", 1, Look::Line(3)),
            ("p50", 0, Look::Line(1)),
        ];
        let curves: Vec<Curve> = looks
            .into_iter()
            .map(|(name, at, look)| self.curve(name, look, &move |bucket| bucket.times[at].known()))
            .collect();
        let known: Vec<f64> =
            curves.iter().flat_map(|curve| curve.values.iter().copied().flatten()).collect();
        let unknown = self.unknown();
        let mut note = format!(
            "Milliseconds from the planned start to the final reply. Each point is the largest of \
             its {}: percentiles are never averaged.",
            self.span_words()
        );
        if !unknown.is_empty() {
            note.push_str(
                " Marks at the top: messages had no answer, so that at least one of these is not \
                 known there, and is a gap.",
            );
        }
        let scale = Scale::spanning(known.iter().copied());
        let chart = Chart::over_time("response", "Response time", &note, "ms", Size::Large);
        let has_any = !known.is_empty() || !unknown.is_empty();
        has_any.then(|| chart.drawn(self.ground, scale, &curves, &unknown))
    }

    fn errors(&self) -> Option<Chart> {
        let mut curves = Vec::new();
        for outcome in Outcome::ALL.into_iter().filter(|outcome| shows_among_errors(*outcome)) {
            let name = outcome.name().replace('_', " ");
            let look = Look::of_equal(curves.len() + 1);
            curves.extend(self.occurring(&name, look, &move |bucket| {
                bucket.per_second(bucket.ended[outcome.index()])
            }));
        }
        let look = Look::of_equal(curves.len() + 1);
        curves.extend(self.occurring("dropped", look, &|bucket| bucket.per_second(bucket.dropped)));
        let note = "Messages per second that came to a bad end, by outcome; dropped ones never \
                    began.";
        self.chart(Chart::over_time("errors", "Errors", note, "/s", Size::Large), curves)
    }

    fn sessions(&self) -> Option<Chart> {
        let curves = vec![
            self.curve("open", Look::Area(1), &|bucket| {
                bucket.seen.then_some(f64::from(bucket.open))
            }),
            self.curve("planned connections", Look::Plan, &|bucket| bucket.connections.known()),
        ];
        let note = "The most that were open at a time.";
        self.chart(Chart::over_time("sessions", "Open sessions", note, "", Size::Small), curves)
    }

    fn processor(&self) -> Option<Chart> {
        let percent = |share: Option<f64>| share.map(|share| share * 100.0);
        let curves = vec![
            self.curve("host, of all cores", Look::Area(6), &|bucket| {
                percent(bucket.watched.host.known())
            }),
            self.curve("mailquake, of one core", Look::Line(1), &|bucket| {
                percent(bucket.watched.tool.known())
            }),
            self.curve("busiest worker", Look::Dashed(2), &|bucket| {
                percent(bucket.watched.worker.known())
            }),
            self.curve("watched process, of one core", Look::Line(3), &|bucket| {
                percent(bucket.watched.other.known())
            }),
        ];
        let note = "The tester's machine, not a remote server's.";
        self.chart(Chart::over_time("processor", "Processor", note, "%", Size::Small), curves)
    }

    fn tool_memory(&self) -> Option<Chart> {
        let curve =
            self.curve("mailquake", Look::Area(1), &|bucket| bucket.watched.memory.map(mebibytes));
        self.chart(
            Chart::over_time("memory", "Memory of mailquake", "Resident.", "MiB", Size::Small),
            vec![curve],
        )
    }

    fn watched_memory(&self) -> Option<Chart> {
        let curve = self.curve("watched process", Look::Area(3), &|bucket| {
            bucket.watched.other_memory.map(mebibytes)
        });
        let (id, title) = ("watched-memory", "Memory of the watched process");
        let note = "Resident, of all its processes together.";
        self.chart(Chart::over_time(id, title, note, "MiB", Size::Small), vec![curve])
    }

    fn host_memory(&self) -> Option<Chart> {
        let curve =
            self.curve("host", Look::Area(6), &|bucket| bucket.watched.host_memory.map(mebibytes));
        let note = "In use by everything on the tester's machine.";
        self.chart(
            Chart::over_time("host-memory", "Memory of the host", note, "MiB", Size::Small),
            vec![curve],
        )
    }

    fn network(&self) -> Option<Chart> {
        let kib = |octets: Option<f64>| octets.map(|octets| octets / KIB);
        let curves = vec![
            self.curve("SMTP sent", Look::Line(1), &|bucket| kib(bucket.per_second(bucket.sent))),
            self.curve("SMTP received", Look::Line(3), &|bucket| {
                kib(bucket.per_second(bucket.received))
            }),
            self.curve("host sent", Look::Dashed(6), &|bucket| kib(bucket.watched.sent.known())),
            self.curve("host received", Look::Dotted(6), &|bucket| {
                kib(bucket.watched.received.known())
            }),
        ];
        let note = "SMTP without TLS and TCP; of the host all interfaces, loopback too.";
        self.chart(Chart::over_time("network", "Network", note, "KiB/s", Size::Small), curves)
    }

    fn descriptors(&self) -> Option<Chart> {
        let curves = vec![
            self.curve("mailquake", Look::Area(1), &|bucket| {
                bucket.watched.descriptors.map(as_float)
            }),
            self.curve("watched process", Look::Line(3), &|bucket| {
                bucket.watched.other_descriptors.map(as_float)
            }),
        ];
        let note = "Files and sockets that were open.";
        self.chart(Chart::over_time("descriptors", "Descriptors", note, "", Size::Small), curves)
    }

    /// A chart from zero up; none where there is no value.
    fn chart(&self, chart: Chart, curves: Vec<Curve>) -> Option<Chart> {
        let curves: Vec<Curve> =
            curves.into_iter().filter(|curve| curve.values.iter().any(Option::is_some)).collect();
        if curves.is_empty() {
            return None;
        }
        let values = curves.iter().flat_map(|curve| curve.values.iter().copied().flatten());
        let scale = Scale::from_zero(values.fold(0.0, f64::max));
        Some(chart.drawn(self.ground, scale, &curves, &[]))
    }

    fn curve(&self, name: &str, look: Look, take: Take<'_>) -> Curve {
        let values = self.buckets.all.iter().map(take).collect();
        Curve { name: name.to_owned(), look, values }
    }

    /// The curve of what happened at all.
    fn occurring(&self, name: &str, look: Look, take: Take<'_>) -> Option<Curve> {
        let curve = self.curve(name, look, take);
        curve.values.iter().flatten().any(|value| *value > 0.0).then_some(curve)
    }

    /// Where messages had no answer, so that a percentile or the largest is not known.
    fn unknown(&self) -> Vec<(f64, f64)> {
        let all = self.buckets.all.iter().enumerate();
        all.filter(|(_, bucket)| bucket.times.iter().any(|worst: &Worst| worst.unknown))
            .map(|(at, _)| self.buckets.extent(at))
            .collect()
    }

    fn span_words(&self) -> String {
        if self.buckets.step > 1.0 {
            format!("{} seconds' values", self.buckets.step)
        } else {
            "second's phases".to_owned()
        }
    }
}

/// Errors of the target, and what was the tester's or the plan's doing.
fn shows_among_errors(outcome: Outcome) -> bool {
    outcome.is_error() || matches!(outcome, Outcome::Local | Outcome::Interrupted)
}

fn mebibytes(octets: u64) -> f64 {
    as_float(octets) / KIB / KIB
}
