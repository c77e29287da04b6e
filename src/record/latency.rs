//! Durations → a histogram, with those whose end was never seen kept apart.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest duration that is told apart: one hour. Longer ones count as this.
const LONGEST_MICROS: u64 = 3_600_000_000;

/// A distribution of durations in microseconds with three digits; grows with what it sees.
#[derive(Clone, Debug, Default)]
pub struct Latency {
    measured: Option<Box<Histogram<u64>>>,
    censored: Option<Box<Histogram<u64>>>,
}

impl Latency {
    /// Counts a duration whose end was seen.
    pub fn record(&mut self, took: Duration) {
        add(&mut self.measured, took);
    }

    /// Counts a duration that was at least so long: its end was never seen.
    pub fn record_censored(&mut self, age: Duration) {
        add(&mut self.censored, age);
    }

    /// Counts one that never began: of how long it would have taken nothing is known. It stands
    /// among those without an answer, with an age of zero.
    pub fn record_dropped(&mut self) {
        self.record_censored(Duration::ZERO);
    }

    /// Whether any never began.
    pub fn has_dropped(&self) -> bool {
        self.censored().is_some_and(|ages| ages.count_at(0) > 0)
    }

    /// Adds all that another one counted.
    pub fn merge(&mut self, other: &Self) {
        add_all(&mut self.measured, other.measured.as_deref());
        add_all(&mut self.censored, other.censored.as_deref());
    }

    /// Adds durations whose ends were seen, in microseconds.
    pub(super) fn add_measured(&mut self, more: &Histogram<u64>) {
        add_all(&mut self.measured, Some(more));
    }

    /// Adds ages at which waiting ended without an answer, in microseconds.
    pub(super) fn add_censored(&mut self, more: &Histogram<u64>) {
        add_all(&mut self.censored, Some(more));
    }

    /// Takes away all that another one counted, which must be a part of this one.
    pub fn subtract(&mut self, part: &Self) {
        take_away(&mut self.measured, part.measured.as_deref());
        take_away(&mut self.censored, part.censored.as_deref());
    }

    /// The same in little memory.
    pub fn pack(&self) -> PackedLatency {
        PackedLatency { measured: packed(self.measured()), censored: packed(self.censored()) }
    }

    /// The durations whose ends were seen, in microseconds; none before the first.
    pub fn measured(&self) -> Option<&Histogram<u64>> {
        self.measured.as_deref()
    }

    /// The ages at which waiting ended without an answer; none before the first.
    pub fn censored(&self) -> Option<&Histogram<u64>> {
        self.censored.as_deref()
    }

    /// How many durations were counted, seen to their end or not.
    pub fn count(&self) -> u64 {
        let len =
            |histogram: &Option<Box<Histogram<u64>>>| histogram.as_ref().map_or(0, |h| h.len());
        len(&self.measured) + len(&self.censored)
    }
}

/// A [`Latency`] as the list of its values: a few octets for each in place of a whole histogram.
#[derive(Clone, Debug, Default)]
pub struct PackedLatency {
    /// Microseconds, at most an hour, with how often they came.
    measured: Box<[(u32, u32)]>,
    censored: Box<[(u32, u32)]>,
}

impl PackedLatency {
    /// What was packed.
    pub fn unpack(&self) -> Latency {
        Latency { measured: unpacked(&self.measured), censored: unpacked(&self.censored) }
    }
}

fn packed(histogram: Option<&Histogram<u64>>) -> Box<[(u32, u32)]> {
    let values = histogram.into_iter().flat_map(|histogram| {
        histogram.iter_recorded().map(|step| {
            // The longest is an hour, and its neighbours in the histogram are below 2^32 µs.
            let value = histogram.lowest_equivalent(step.value_iterated_to());
            let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
            (narrow(value), narrow(step.count_at_value()))
        })
    });
    values.collect()
}

fn unpacked(values: &[(u32, u32)]) -> Option<Box<Histogram<u64>>> {
    if values.is_empty() {
        return None;
    }
    let mut histogram = Box::new(empty());
    for (value, count) in values {
        let recorded = histogram.record_n(u64::from(*value), u64::from(*count));
        debug_assert!(recorded.is_ok(), "{recorded:?}");
    }
    Some(histogram)
}

fn take_away(sum: &mut Option<Box<Histogram<u64>>>, part: Option<&Histogram<u64>>) {
    let (Some(all), Some(part)) = (&mut *sum, part) else { return };
    let taken = all.subtract(part);
    debug_assert!(taken.is_ok(), "{taken:?}");
    if all.is_empty() {
        *sum = None;
    }
}

/// An empty histogram: values from 1 µs, three digits, growing.
pub(super) fn empty() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "three digits are a legal precision")]
    Histogram::new(3).expect("three significant digits")
}

fn add(histogram: &mut Option<Box<Histogram<u64>>>, took: Duration) {
    let micros = u64::try_from(took.as_micros()).unwrap_or(LONGEST_MICROS).min(LONGEST_MICROS);
    // Not `saturating_record`: that one clamps to the present range in place of growing.
    let recorded = histogram.get_or_insert_with(|| Box::new(empty())).record(micros);
    debug_assert!(recorded.is_ok(), "{recorded:?}");
}

fn add_all(sum: &mut Option<Box<Histogram<u64>>>, more: Option<&Histogram<u64>>) {
    let Some(more) = more else { return };
    let sum = sum.get_or_insert_with(|| Box::new(empty()));
    // A growing histogram takes every value that another one of the same digits holds.
    let added = sum.add(more);
    debug_assert!(added.is_ok(), "{added:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_grows_up_to_an_hour_and_keeps_three_digits() {
        let mut latency = Latency::default();
        latency.record(Duration::from_millis(200));
        latency.record(Duration::from_secs(40));
        latency.record(Duration::from_hours(2));

        let measured = latency.measured().unwrap();

        assert_eq!(measured.count_between(199_800, 200_200), 1);
        assert_eq!(measured.count_between(39_960_000, 40_040_000), 1);
        assert_eq!(measured.count_between(3_596_000_000, 3_604_000_000), 1);
    }

    #[test]
    fn a_sum_holds_both_kinds_of_both() {
        let mut sum = Latency::default();
        sum.record(Duration::from_millis(1));
        let mut more = Latency::default();
        more.record(Duration::from_secs(10));
        more.record_censored(Duration::from_secs(30));

        sum.merge(&more);

        assert_eq!((sum.measured().unwrap().len(), sum.censored().unwrap().len()), (2, 1));
        assert_eq!(sum.count(), 3);
    }

    #[test]
    fn what_is_packed_comes_back_and_can_be_taken_away() {
        let mut first = Latency::default();
        for millis in [0, 1, 200, 200, 3_600_000] {
            first.record(Duration::from_millis(millis));
        }
        first.record_dropped();
        let mut second = Latency::default();
        second.record(Duration::from_secs(9));
        let mut sum = first.clone();
        sum.merge(&second);

        sum.subtract(&second.pack().unpack());
        let left = sum.clone();
        sum.subtract(&first.pack().unpack());

        assert_eq!(left.figures(), first.figures());
        assert_eq!(first.pack().unpack().figures(), first.figures());
        assert!(sum.measured().is_none() && sum.censored().is_none());
    }
}
