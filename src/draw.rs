//! A key and a purpose → a random number that is always the same.
//!
//! There are no random streams: a draw is a hash of the seed, of what it is drawn for, and of
//! its purpose. So neither the number of workers nor the order in which things happen can change
//! what a start carries.

/// What a number is drawn for; draws of different purposes are independent of each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u64)]
pub enum Purpose {
    /// The gap before a start (Poisson arrivals).
    Gap = 1,
    /// The order of clients in a block of starts.
    Client,
    /// Which message a start carries.
    Message,
    /// How many recipients a message has.
    Recipients,
    /// The size of a message.
    Size,
    /// The row of a feed.
    Row,
    /// Values inside a template.
    Template,
    /// How many messages a session carries.
    Quota,
    /// The jitter of a back-off.
    Jitter,
    /// What the embedded sink answers, and when.
    Sink,
    /// Whom a session stands for (PROXY protocol).
    Peer,
    /// Whether a session tries a wrong password, and which.
    Password,
    /// What makes an exchange of AUTH unlike others.
    Nonce,
    /// The mail of a corpus.
    Corpus,
    /// What a made-up attachment holds.
    Attachment,
    /// Which part of a run stands in for which, where two runs are compared.
    Resample,
}

/// A place to draw from: a seed, narrowed step by step to the thing that is drawn for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Draw {
    state: u64,
}

impl Draw {
    /// The draws of a run.
    pub fn new(seed: u64) -> Self {
        Self { state: mix(seed ^ 0x9e37_79b9_7f4a_7c15) }
    }

    /// The draws of one part: a phase, a slot, a start, a session.
    #[must_use]
    pub fn at(self, key: u64) -> Self {
        Self {
            state: mix(self.state.rotate_left(23) ^ mix(key.wrapping_add(0x632b_e59b_d9b4_e019))),
        }
    }

    /// The draws of one purpose.
    #[must_use]
    pub fn of(self, purpose: Purpose) -> Self {
        self.at(purpose as u64 ^ 0xa5a5_0000_0000_0000)
    }

    /// 64 uniform bits.
    pub fn bits(self) -> u64 {
        mix(self.state ^ 0xd6e8_feb8_6659_fd93)
    }

    /// A number in `[0, 1)` with 53 random bits.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact in an f64")]
    pub fn unit(self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number in `0..n`; 0 when `n` is 0.
    pub fn below(self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// A number in `low..=high`; `low` when the range is empty.
    pub fn within(self, low: u64, high: u64) -> u64 {
        match high.checked_sub(low).and_then(|span| span.checked_add(1)) {
            Some(count) => low + self.below(count),
            None if high < low => low,
            None => self.bits(),
        }
    }

    /// An exponential gap with mean 1, finite.
    pub fn exponential(self) -> f64 {
        -(1.0 - self.unit()).ln()
    }
}

/// The finalizer of `SplitMix64`.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_never_change_between_versions() {
        let draw = Draw::new(42).at(3).at(7).of(Purpose::Message);

        // A recorded plan and seed must give the same timeline after every update.
        assert_eq!(draw.bits(), 3_736_416_159_568_770_592);
    }

    #[test]
    fn the_mean_of_many_units_is_a_half() {
        let sum: f64 = (0..100_000).map(|n| Draw::new(1).at(n).unit()).sum();

        assert!((sum / 100_000.0 - 0.5).abs() < 0.005, "{sum}");
    }

    #[test]
    fn the_mean_of_many_exponential_gaps_is_one() {
        let sum: f64 = (0..100_000).map(|n| Draw::new(1).at(n).exponential()).sum();

        assert!((sum / 100_000.0 - 1.0).abs() < 0.02, "{sum}");
    }

    #[test]
    fn within_holds_both_ends() {
        let seen: std::collections::BTreeSet<u64> =
            (0..1000).map(|n| Draw::new(9).at(n).within(3, 5)).collect();

        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(Draw::new(9).within(5, 3), 5);
    }
}
