//! The phases that a threshold looks at → the stretch of the run's clock in which they send.

use std::time::Duration;

use crate::record::PhaseSpan;

/// Phases that follow each other within this are one stretch: behind a count the next phase begins
/// only when all workers have heard of it. A pause of the plan that is shorter divides nothing.
const GAP: Duration = Duration::from_millis(500);

/// A time in which phases were in force without a break.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stretch {
    /// When it began.
    pub(super) start: Duration,
    /// When it ended, or how far it has come.
    pub(super) end: Duration,
}

impl Stretch {
    /// The last stretch that these phases make before a moment; none before the first began.
    pub(super) fn last(spans: impl Iterator<Item = PhaseSpan>, before: Duration) -> Option<Self> {
        let mut times: Vec<Self> = spans
            .map(|span| Self { start: span.start, end: span.start + span.length })
            .filter(|stretch| stretch.start < before)
            .collect();
        times.sort_unstable_by_key(|stretch| stretch.start);
        times.into_iter().reduce(|stretch, next| {
            if next.start <= stretch.end + GAP {
                Self { start: stretch.start, end: stretch.end.max(next.end) }
            } else {
                next
            }
        })
    }

    /// How long it is, up to a moment.
    pub(super) fn covered(&self, from: Duration, until: Duration) -> Duration {
        self.end.min(until).saturating_sub(self.start.max(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PhaseId;
    use crate::record::SpanEnd;

    #[test]
    fn phases_one_after_another_are_one_stretch_and_a_pause_divides_them() {
        let span = |start: u64, length: u64| PhaseSpan {
            phase: PhaseId(0),
            start: Duration::from_millis(start),
            length: Duration::from_millis(length),
            end: SpanEnd::Time,
        };
        let spans = [span(20_000, 5_000), span(0, 5_000), span(5_300, 4_700), span(3_000, 500)];
        let stretch = |before: u64| {
            let last = Stretch::last(spans.into_iter(), Duration::from_millis(before));
            last.map(|stretch| (stretch.start.as_millis(), stretch.end.as_millis()))
        };

        assert_eq!(stretch(0), None);
        assert_eq!(stretch(5_000), Some((0, 5_000)));
        assert_eq!(stretch(20_000), Some((0, 10_000)));
        assert_eq!(stretch(20_001), Some((20_000, 25_000)));
    }
}
