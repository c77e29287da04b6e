//! Feeds and a message's turn → the row of each feed that this message uses.
//!
//! In the open model the turn is the message's number, so that a seed means the same mail. In the
//! closed model, where numbers have gaps, messages take turns as they are built: one relaxed
//! counter for each feed, shared by all workers.
//!
//! A shuffled feed is permuted by a small Feistel network instead of a shuffled list, so that a
//! row costs the same wherever in the run it is asked for, and no worker keeps a list.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use minijinja::Value;

use super::{FeedOrder, FeedSpec, Table, WhenExhausted};
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
    when_exhausted: WhenExhausted,
    shuffle: Draw,
    key: u64,
    /// How many turns were taken.
    taken: AtomicU64,
}

impl Feeds {
    /// The feeds of a plan; `seed` orders the shuffled ones.
    pub(crate) fn new(specs: &[FeedSpec], seed: u64) -> Self {
        let shuffle = Draw::new(seed).of(Purpose::Row);
        let feeds = (0..).zip(specs).map(|(key, spec)| Feed {
            name: spec.name.clone(),
            rows: spec.rows.clone(),
            order: spec.order,
            when_exhausted: spec.when_exhausted,
            shuffle: shuffle.at(key),
            key,
            taken: AtomicU64::new(0),
        });
        Self { feeds: feeds.collect() }
    }

    /// How many feeds there are.
    pub(crate) fn len(&self) -> usize {
        self.feeds.len()
    }

    /// Which feed is called so; none where there is no such feed.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.feeds.iter().position(|feed| feed.name == name)
    }

    /// The next turn of a feed, from 0; each is given to one message only.
    pub(crate) fn take_turn(&self, feed: usize) -> u64 {
        self.feeds.get(feed).map_or(0, |feed| feed.taken.fetch_add(1, Ordering::Relaxed))
    }

    /// The next turn of a feed that has a row for it; none where all were used.
    pub(crate) fn take_row(&self, feed: usize) -> Option<u64> {
        let feed = self.feeds.get(feed)?;
        let next = |taken: u64| feed.has_row(taken).then_some(taken + 1);
        feed.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()
    }

    /// Whether each row of a feed was taken.
    pub(crate) fn is_used_up(&self, feed: usize) -> bool {
        let feed = self.feeds.get(feed);
        feed.is_some_and(|feed| !feed.has_row(feed.taken.load(Ordering::Relaxed)))
    }

    /// Whether a feed has a row of its own for a turn.
    pub(crate) fn has_row(&self, feed: usize, turn: u64) -> bool {
        self.feeds.get(feed).is_some_and(|feed| feed.has_row(turn))
    }

    /// The feeds that stop among those that these names read: `feed.people.name`, say. Which one
    /// a bare `feed` reads is known only when it is rendered, so that may be any.
    pub(crate) fn stopping(&self, names: &BTreeSet<String>) -> Vec<usize> {
        let reads = |feed: &Feed| {
            names.iter().any(|name| {
                let mut parts = name.split('.');
                parts.next() == Some("feed") && parts.next().is_none_or(|name| name == feed.name)
            })
        };
        let feeds = (0..).zip(&self.feeds);
        let stopping = feeds.filter(|(_, feed)| feed.when_exhausted == WhenExhausted::Stop);
        stopping.filter(|(_, feed)| reads(feed)).map(|(position, _)| position).collect()
    }

    /// The row of a feed at a turn; none where there is no such feed.
    pub(crate) fn row(&self, feed: usize, turn: u64, draw: Draw) -> Option<Value> {
        self.feeds.get(feed)?.row(turn, draw)
    }
}

impl Feed {
    fn has_row(&self, turn: u64) -> bool {
        turn < self.rows.len() as u64
    }

    fn row(&self, turn: u64, draw: Draw) -> Option<Value> {
        let count = self.rows.len() as u64;
        let (block, place) = (turn.checked_div(count)?, turn.checked_rem(count)?);
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

    fn feeds(count: u64, order: FeedOrder) -> Feeds {
        let rows: Vec<Fields> = (0..count)
            .map(|n| serde_json::Map::from_iter([("n".to_owned(), serde_json::Value::from(n))]))
            .collect();
        let (rows, when_exhausted) = (Table::of_rows(&rows), WhenExhausted::Stop);
        Feeds::new(&[FeedSpec { name: "people".into(), rows, order, when_exhausted }], 7)
    }

    fn used(feeds: &Feeds, seq: u64) -> i64 {
        let row = feeds.row(0, seq, Draw::new(1).at(seq)).unwrap();
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
        let row = |seq, key| feeds.row(0, seq, Draw::new(1).at(key)).unwrap();

        assert_eq!(row(0, 5), row(99, 5));
        let rows: BTreeSet<i64> = (0..200).map(|seq| used(&feeds, seq)).collect();
        assert_eq!(rows.len(), 10);
    }

    #[test]
    fn each_row_of_a_feed_that_stops_is_taken_once_by_whoever_asks() {
        let feeds = feeds(1000, FeedOrder::Shuffled);

        let take = || std::iter::from_fn(|| feeds.take_row(0)).collect::<Vec<u64>>();
        let turns: Vec<u64> = std::thread::scope(|scope| {
            let takers = [scope.spawn(take), scope.spawn(take), scope.spawn(take)];
            takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect()
        });

        let turns: BTreeSet<u64> =
            turns.into_iter().inspect(|turn| assert!(*turn < 1000)).collect();
        assert_eq!(turns.len(), 1000);
        assert!(feeds.is_used_up(0));
        assert!(feeds.has_row(0, 999) && !feeds.has_row(0, 1000));
    }

    #[test]
    fn a_name_says_which_feeds_that_stop_a_template_reads() {
        let feeds = feeds(1, FeedOrder::Sequential);

        for (name, found) in [
            ("feed.people.name", 1),
            ("feed.people", 1),
            ("feed", 1),
            ("feed.peoples.name", 0),
            ("feeds", 0),
            ("seq", 0),
        ] {
            assert_eq!(feeds.stopping(&BTreeSet::from([name.to_owned()])).len(), found, "{name}");
        }
    }

    #[test]
    fn an_unknown_feed_has_no_row() {
        let feeds = feeds(3, FeedOrder::Random);

        assert_eq!((feeds.position("people"), feeds.position("peopel")), (Some(0), None));
        assert!(feeds.row(1, 0, Draw::new(1)).is_none());
    }
}
