//! Feeds and a message's number → the row of each feed that this message uses.
//!
//! A shuffled feed is permuted by a small Feistel network instead of a shuffled list, so that a
//! row costs the same wherever in the run it is asked for, and no worker keeps a list.

use minijinja::Value;

use super::{FeedOrder, FeedSpec, Table};
use crate::draw::{Draw, Purpose};

/// The rows of all feeds, as templates read them.
#[derive(Debug)]
pub(crate) struct Feeds {
    feeds: Vec<Feed>,
}

#[derive(Debug)]
struct Feed {
    name: String,
    rows: Table,
    order: FeedOrder,
    shuffle: Draw,
    key: u64,
}

impl Feeds {
    /// The feeds of a plan; `seed` orders the shuffled ones.
    pub(crate) fn new(specs: &[FeedSpec], seed: u64) -> Self {
        let shuffle = Draw::new(seed).of(Purpose::Row);
        let feeds = (0..).zip(specs).map(|(key, spec)| Feed {
            name: spec.name.clone(),
            rows: spec.rows.clone(),
            order: spec.order,
            shuffle: shuffle.at(key),
            key,
        });
        Self { feeds: feeds.collect() }
    }

    /// The row of the feed called `name` for message `seq`; none where there is no such feed.
    pub(crate) fn row(&self, name: &str, seq: u64, draw: Draw) -> Option<Value> {
        self.feeds.iter().find(|feed| feed.name == name)?.row(seq, draw)
    }
}

impl Feed {
    fn row(&self, seq: u64, draw: Draw) -> Option<Value> {
        let count = self.rows.len() as u64;
        let (block, place) = (seq.checked_div(count)?, seq.checked_rem(count)?);
        let row = match self.order {
            FeedOrder::Sequential => place,
            FeedOrder::Shuffled => permuted(self.shuffle.at(block), count, place),
            FeedOrder::Random => draw.of(Purpose::Row).at(self.key).below(count),
        };
        self.rows.row(usize::try_from(row).ok()?)
    }
}

/// Where `place` goes in a permutation of `0..count` that the draw chooses; `place < count`.
pub(super) fn permuted(draw: Draw, count: u64, place: u64) -> u64 {
    let bits = u64::BITS - count.saturating_sub(1).leading_zeros();
    let half = bits.div_ceil(2).max(1);
    let mut at = place;
    // The network permutes up to four times as many numbers; walking on along its cycle until
    // one is in range permutes `0..count` itself.
    loop {
        at = feistel(draw, half, at);
        if at < count {
            return at;
        }
    }
}

fn feistel(draw: Draw, half: u32, value: u64) -> u64 {
    let mask = (1 << half) - 1;
    let (mut left, mut right) = (value >> half, value & mask);
    for round in 0..4 {
        (left, right) = (right, left ^ (draw.at(round).at(right).bits() & mask));
    }
    (left << half) | right
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Fields;
    use std::collections::BTreeSet;

    fn feeds(count: u64, order: FeedOrder) -> Feeds {
        let rows: Vec<Fields> = (0..count)
            .map(|n| serde_json::Map::from_iter([("n".to_owned(), serde_json::Value::from(n))]))
            .collect();
        let rows = Table::of_rows(&rows);
        Feeds::new(&[FeedSpec { name: "people".into(), rows, order }], 7)
    }

    fn used(feeds: &Feeds, seq: u64) -> i64 {
        let row = feeds.row("people", seq, Draw::new(1).at(seq)).unwrap();
        row.get_attr("n").unwrap().as_i64().unwrap()
    }

    #[test]
    fn a_sequential_feed_goes_round() {
        let feeds = feeds(3, FeedOrder::Sequential);

        let rows: Vec<i64> = (0..7).map(|seq| used(&feeds, seq)).collect();

        assert_eq!(rows, [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn a_shuffled_feed_uses_each_row_once_in_a_block() {
        for count in [1, 2, 3, 5, 64, 100, 1000] {
            let feeds = feeds(count, FeedOrder::Shuffled);
            for block in 0..3 {
                let rows: BTreeSet<i64> =
                    (block * count..(block + 1) * count).map(|seq| used(&feeds, seq)).collect();
                assert_eq!(rows.len() as u64, count, "block {block} of {count}");
            }
        }
    }

    #[test]
    fn a_shuffled_feed_has_another_order_in_each_block() {
        let feeds = feeds(100, FeedOrder::Shuffled);

        let first: Vec<i64> = (0..100).map(|seq| used(&feeds, seq)).collect();
        let second: Vec<i64> = (100..200).map(|seq| used(&feeds, seq)).collect();

        assert_ne!(first, second);
        assert_ne!(first, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_random_feed_depends_on_the_draw_alone() {
        let feeds = feeds(10, FeedOrder::Random);
        let row = |seq, key| feeds.row("people", seq, Draw::new(1).at(key)).unwrap();

        assert_eq!(row(0, 5), row(99, 5));
        let rows: BTreeSet<i64> = (0..200).map(|seq| used(&feeds, seq)).collect();
        assert_eq!(rows.len(), 10);
    }

    #[test]
    fn an_unknown_feed_has_no_row() {
        assert!(feeds(3, FeedOrder::Random).row("peopel", 0, Draw::new(1)).is_none());
    }
}
