//! Weights of clients → which start and which connection is whose.
//!
//! Both are exact, not random: a share of 1 % is 10 of every 1,000 starts, and one of 100
//! connections. Only the order within a block of starts is drawn, and who has the places that the
//! weights do not share out evenly.

use crate::draw::{Draw, Purpose};
use crate::plan::{ClientId, Weighted};

/// How many starts share the weights out exactly.
pub(super) const BLOCK: u16 = 1000;

/// How the clients of an open phase share its blocks of starts.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    clients: Vec<Seats>,
}

/// The places of one client in a block.
#[derive(Clone, Copy, Debug)]
struct Seats {
    client: ClientId,
    /// Its whole places in every block.
    whole: u64,
    /// Where its part of a further place ends, the parts of all clients laid end to end.
    part_end: f64,
}

impl Shares {
    /// Compiles weights.
    pub(super) fn new(mix: &Weighted<ClientId>) -> Self {
        let total: f64 = mix.choices.iter().map(|(_, weight)| weight).sum();
        let mut part_end = 0.0;
        let mut clients = Vec::with_capacity(mix.choices.len());
        for (client, weight) in &mix.choices {
            let (whole, part) = split(weight / total);
            part_end += part;
            clients.push(Seats { client: *client, whole, part_end });
        }
        // The parts add up to whole places; without this, floats could miss one.
        if let Some(last) = clients.last_mut() {
            last.part_end = last.part_end.round();
        }
        Self { clients }
    }

    /// The clients of a block in the order of its starts.
    ///
    /// Where weights ask for a part of a place, the blocks take turns: each client has its whole
    /// places, and one more in as many blocks as the part says, at an offset drawn for each
    /// block. So a client with a share of 0.01 % does send, in one block of ten. The order is a
    /// Fisher-Yates shuffle.
    pub(super) fn block(&self, phase: Draw, number: u64) -> Vec<ClientId> {
        let draw = phase.at(number).of(Purpose::Client);
        let offset = draw.at(0).unit();
        let mut block = Vec::with_capacity(usize::from(BLOCK));
        let mut taken = 0.0;
        for seats in &self.clients {
            let reached = (seats.part_end - offset).ceil().max(taken);
            let further = u64::from(reached > taken);
            taken = reached;
            block.extend((0..seats.whole + further).map(|_| seats.client));
        }
        shuffle(&mut block, draw);
        block
    }

    /// For each place of a block the number of its client's places before it, in this block and in
    /// those before.
    pub(super) fn turns(&self, block: &[ClientId], number: u64) -> Vec<u64> {
        let most = block.iter().map(|client| client.index() + 1).max().unwrap_or_default();
        let mut next = vec![number; most];
        for seats in self.clients.iter().filter(|seats| seats.whole > 0) {
            if let Some(next) = next.get_mut(seats.client.index()) {
                *next = seats.whole.saturating_mul(number);
            }
        }
        let turn = |client: &ClientId| {
            let turn = next[client.index()];
            next[client.index()] += 1;
            turn
        };
        block.iter().map(turn).collect()
    }
}

/// The whole places of a block that a share asks for, and the part of one that is left.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and the size of a block"
)]
fn split(share: f64) -> (u64, f64) {
    let places = share * f64::from(BLOCK);
    // Places that are whole but for the rounding of the division are whole.
    let whole = (places + 1e-9).floor();
    (whole as u64, (places - whole).max(0.0))
}

fn shuffle(block: &mut [ClientId], draw: Draw) {
    for last in (1..block.len()).rev() {
        let key = last as u64;
        let other = usize::try_from(draw.at(key).below(key + 1)).unwrap_or_default();
        block.swap(last, other);
    }
}

/// The client of each connection by the method of Sainte-Laguë: the next one goes to the client
/// with the highest quotient of its weight by 1, 3, 5, ...; on a tie to the earlier one.
///
/// So the first k connections are shared as evenly as whole connections can be, and a growing
/// level only adds.
pub(super) fn connections_of(mix: &Weighted<ClientId>, count: u32) -> Vec<ClientId> {
    let mut divisors = vec![1.0_f64; mix.choices.len()];
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut best: Option<(usize, f64)> = None;
        for (index, (_, weight)) in mix.choices.iter().enumerate() {
            let quotient = weight / divisors[index];
            if best.is_none_or(|(_, highest)| quotient > highest) {
                best = Some((index, quotient));
            }
        }
        if let Some((index, _)) = best {
            divisors[index] += 2.0;
            clients.push(mix.choices[index].0);
        }
    }
    clients
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_block_is_always_full(
            weights in proptest::collection::vec(1e-3..1e6, 1..20), number in 0..1000_u64
        ) {
            let mix = Weighted { choices: (0..).map(ClientId).zip(weights).collect() };

            let block = Shares::new(&mix).block(Draw::new(42), number);

            prop_assert_eq!(block.len(), 1000);
        }
    }

    fn everyday() -> Weighted<ClientId> {
        let weights = [80.0, 15.0, 4.0, 1.0];
        Weighted { choices: (0..).map(ClientId).zip(weights).collect() }
    }

    fn counts(clients: &[ClientId]) -> Vec<usize> {
        (0..4).map(|id| clients.iter().filter(|client| client.0 == id).count()).collect()
    }

    fn equal_thirds() -> Weighted<ClientId> {
        Weighted { choices: (0..3).map(|id| (ClientId(id), 1.0)).collect() }
    }

    #[test]
    fn every_block_has_each_client_as_often_as_its_weight_asks_for() {
        let shares = Shares::new(&everyday());

        for number in 0..100 {
            let block = shares.block(Draw::new(42), number);
            assert_eq!(counts(&block), [800, 150, 40, 10], "{number}");
        }
    }

    #[test]
    fn blocks_differ_in_their_order() {
        let shares = Shares::new(&everyday());

        assert_ne!(shares.block(Draw::new(42), 0), shares.block(Draw::new(42), 1));
    }

    #[test]
    fn clients_take_turns_with_a_place_that_is_not_shared_out_evenly() {
        let shares = Shares::new(&equal_thirds());
        let mut sums = [0; 3];

        for number in 0..3000 {
            let block = counts(&shares.block(Draw::new(42), number));
            assert_eq!(block.iter().sum::<usize>(), 1000, "{number}");
            assert!(block[..3].iter().all(|count| [333, 334].contains(count)), "{block:?}");
            for (sum, count) in sums.iter_mut().zip(block) {
                *sum += count;
            }
        }

        assert!(sums.iter().all(|sum| sum.abs_diff(1_000_000) < 100), "{sums:?}");
    }

    #[test]
    fn a_client_with_less_than_a_place_in_a_block_is_not_left_out() {
        let mix = Weighted { choices: vec![(ClientId(0), 9999.0), (ClientId(1), 1.0)] };
        let shares = Shares::new(&mix);

        let starts: usize =
            (0..1000).map(|number| counts(&shares.block(Draw::new(42), number))[1]).sum();

        assert!(starts.abs_diff(100) < 30, "{starts}");
    }

    #[test]
    fn a_hundred_connections_are_shared_exactly() {
        assert_eq!(counts(&connections_of(&everyday(), 100)), [80, 15, 4, 1]);
    }

    #[test]
    fn a_growing_level_only_adds() {
        let many = connections_of(&everyday(), 300);

        for count in 0..300 {
            assert_eq!(connections_of(&everyday(), count), many[..count as usize], "{count}");
        }
    }
}
