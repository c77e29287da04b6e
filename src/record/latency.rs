//! Durations → a histogram once they are many, with those whose end was never seen kept apart.

use std::borrow::Cow;
use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest duration that is told apart: one hour. Longer ones count as this.
const LONGEST_MICROS: u32 = 3_600_000_000;

/// So many values are kept as they are: a histogram takes some 40 KiB, however little it holds, and
/// the cells of a plan with many clients hold a few values a second each.
const FEW: usize = 256;

/// A distribution of durations in microseconds with three digits; grows with what it sees.
#[derive(Clone, Debug, Default)]
pub struct Latency {
    measured: Values,
    censored: Values,
}

/// Durations of one kind, in microseconds.
#[derive(Clone, Debug, Default)]
struct Values {
    /// All of them, in any order, while they are few.
    few: Vec<u32>,
    /// All of them, once they are many.
    many: Option<Box<Histogram<u64>>>,
}

impl Latency {
    /// Counts a duration whose end was seen.
    pub fn record(&mut self, took: Duration) {
        self.measured.record(took);
    }

    /// Counts a duration that was at least so long: its end was never seen.
    pub fn record_censored(&mut self, age: Duration) {
        self.censored.record(age);
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
        self.measured.merge(&other.measured);
        self.censored.merge(&other.censored);
    }

    /// Adds durations whose ends were seen, in microseconds.
    pub(super) fn add_measured(&mut self, more: &Histogram<u64>) {
        self.measured.add(more);
    }

    /// Adds ages at which waiting ended without an answer, in microseconds.
    pub(super) fn add_censored(&mut self, more: &Histogram<u64>) {
        self.censored.add(more);
    }

    /// Takes away all that another one counted, which must be a part of this one.
    pub fn subtract(&mut self, part: &Self) {
        self.measured.subtract(&part.measured);
        self.censored.subtract(&part.censored);
    }

    /// The same in little memory.
    pub fn pack(&self) -> PackedLatency {
        PackedLatency { measured: self.measured.packed(), censored: self.censored.packed() }
    }

    /// The durations whose ends were seen, in microseconds; none before the first.
    pub fn measured(&self) -> Option<Cow<'_, Histogram<u64>>> {
        self.measured.histogram()
    }

    /// The ages at which waiting ended without an answer; none before the first.
    pub fn censored(&self) -> Option<Cow<'_, Histogram<u64>>> {
        self.censored.histogram()
    }

    /// How many durations were counted whose end was never seen.
    pub fn unanswered(&self) -> u64 {
        self.censored.count()
    }

    /// The same durations as histograms, for who looks at them many times.
    pub(super) fn as_histograms(&self) -> Self {
        let mut same = self.clone();
        for values in [&mut same.measured, &mut same.censored] {
            if values.count() > 0 {
                values.make_many();
            }
        }
        same
    }

    /// How many durations were counted, seen to their end or not.
    pub fn count(&self) -> u64 {
        self.measured.count() + self.censored.count()
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
        Latency {
            measured: Values::unpacked(&self.measured),
            censored: Values::unpacked(&self.censored),
        }
    }
}

impl Values {
    fn record(&mut self, took: Duration) {
        let micros = u32::try_from(took.as_micros()).unwrap_or(LONGEST_MICROS).min(LONGEST_MICROS);
        match &mut self.many {
            None if self.few.len() < FEW => self.few.push(micros),
            None => add(self.make_many(), micros, 1),
            Some(histogram) => add(histogram, micros, 1),
        }
    }

    /// The values are a histogram from now on.
    fn make_many(&mut self) -> &mut Histogram<u64> {
        let few = std::mem::take(&mut self.few);
        self.many.get_or_insert_with(|| Box::new(histogram(&few)))
    }

    fn merge(&mut self, other: &Self) {
        if let Some(histogram) = &other.many {
            self.add(histogram);
        } else if self.many.is_none() && self.few.len() + other.few.len() <= FEW {
            self.few.extend_from_slice(&other.few);
        } else {
            let sum = self.make_many();
            for micros in &other.few {
                add(sum, *micros, 1);
            }
        }
    }

    fn add(&mut self, more: &Histogram<u64>) {
        // A growing histogram takes every value that another one of the same digits holds.
        let added = self.make_many().add(more);
        debug_assert!(added.is_ok(), "{added:?}");
    }

    fn subtract(&mut self, part: &Self) {
        let Some(part) = part.histogram() else { return };
        let sum = self.make_many();
        let taken = sum.subtract(&*part);
        debug_assert!(taken.is_ok(), "{taken:?}");
        if sum.is_empty() {
            *self = Self::default();
        }
    }

    fn count(&self) -> u64 {
        self.many.as_ref().map_or(self.few.len() as u64, |histogram| histogram.len())
    }

    /// None while there are no values.
    fn histogram(&self) -> Option<Cow<'_, Histogram<u64>>> {
        match &self.many {
            Some(histogram) => Some(Cow::Borrowed(histogram)),
            None if self.few.is_empty() => None,
            None => Some(Cow::Owned(histogram(&self.few))),
        }
    }

    fn packed(&self) -> Box<[(u32, u32)]> {
        let Some(histogram) = self.histogram() else { return Box::default() };
        let values = histogram.iter_recorded().map(|step| {
            // The longest is an hour, and its neighbours in the histogram are below 2^32 µs.
            let value = histogram.lowest_equivalent(step.value_iterated_to());
            let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
            (narrow(value), narrow(step.count_at_value()))
        });
        values.collect()
    }

    fn unpacked(values: &[(u32, u32)]) -> Self {
        let mut unpacked = Self::default();
        if !values.is_empty() {
            let histogram = unpacked.make_many();
            for (micros, count) in values {
                add(histogram, *micros, *count);
            }
        }
        unpacked
    }
}

/// An empty histogram: values from 1 µs, three digits, growing.
pub(super) fn empty() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "three digits are a legal precision")]
    Histogram::new(3).expect("three significant digits")
}

fn histogram(values: &[u32]) -> Histogram<u64> {
    let mut histogram = empty();
    for micros in values {
        add(&mut histogram, *micros, 1);
    }
    histogram
}

fn add(histogram: &mut Histogram<u64>, micros: u32, count: u32) {
    // Not `saturating_record`: that one clamps to the present range in place of growing.
    let recorded = histogram.record_n(u64::from(micros), u64::from(count));
    debug_assert!(recorded.is_ok(), "{recorded:?}");
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

    #[test]
    fn few_values_take_no_histogram_and_give_the_same() {
        let durations = (0..2 * FEW as u64).map(|n| Duration::from_micros(n * n * 17));
        let mut all = Latency::default();
        let mut single = Latency::default();
        for (n, took) in durations.enumerate() {
            all.record(took);
            let mut one = Latency::default();
            one.record(took);
            single.merge(&one);
            let few = n < FEW;
            assert_eq!(all.measured.many.is_none(), few);
            assert_eq!(single.measured.many.is_none(), few);
            assert_eq!(all.measured().unwrap().len(), n as u64 + 1);
        }
        let mut expected = empty();
        (0..2 * FEW as u64).for_each(|n| expected.record(n * n * 17).unwrap());

        assert_eq!(*all.measured().unwrap(), expected);
        assert_eq!(*single.measured().unwrap(), expected);
    }

    #[test]
    fn few_and_many_add_up_either_way() {
        let of = |count: u64, took: u64| {
            let mut latency = Latency::default();
            (0..count).for_each(|_| latency.record(Duration::from_micros(took)));
            latency
        };
        let (few, many) = (of(3, 100), of(FEW as u64 + 1, 9000));
        let (mut one, mut other) = (few.clone(), many.clone());

        one.merge(&many);
        other.merge(&few);

        assert_eq!(one.figures(), other.figures());
        assert_eq!(one.count(), FEW as u64 + 4);
        assert_eq!(one.measured().unwrap().count_at(100), 3);
    }
}
