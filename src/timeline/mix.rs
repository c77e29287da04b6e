//! Weights of clients → which start and which connection is whose.
//!
//! Both are exact, not random: a share of 1 % is 10 of every 1,000 starts, and one of 100
//! connections. Only the order within a block of starts is drawn.

use crate::draw::{Draw, Purpose};
use crate::plan::{ClientId, Weighted};

/// How many starts share the weights out exactly.
pub(super) const BLOCK: u64 = 1000;

/// The clients of a block of starts, in file order: each as often as its weight asks for.
///
/// What the weights leave over goes to the largest remainders, on a tie to the earlier one.
pub(super) fn block_of(mix: &Weighted<ClientId>) -> Vec<ClientId> {
    let total: f64 = mix.choices.iter().map(|(_, weight)| weight).sum();
    let mut seats: Vec<Seats> =
        mix.choices.iter().map(|(client, weight)| Seats::new(*client, weight / total)).collect();
    let given: u64 = seats.iter().map(|seats| seats.count).sum();
    let mut by_remainder: Vec<&mut Seats> = seats.iter_mut().collect();
    by_remainder.sort_by(|a, b| b.remainder.total_cmp(&a.remainder));
    let left_over = usize::try_from(BLOCK.saturating_sub(given)).unwrap_or_default();
    for seats in by_remainder.into_iter().take(left_over) {
        seats.count += 1;
    }
    seats.iter().flat_map(|seats| (0..seats.count).map(|_| seats.client)).collect()
}

/// The places of one client in a block.
struct Seats {
    client: ClientId,
    count: u64,
    remainder: f64,
}

impl Seats {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the size of a block"
    )]
    fn new(client: ClientId, share: f64) -> Self {
        let quota = share * BLOCK as f64;
        // A share that is whole but for the rounding of the division is whole.
        let count = (quota + 1e-9).floor();
        Self { client, count: count as u64, remainder: quota - count }
    }
}

/// The block in the order of its starts: a Fisher-Yates shuffle drawn from the phase and the
/// block's number.
pub(super) fn shuffle(block: &mut [ClientId], phase: Draw, number: u64) {
    let draw = phase.at(number).of(Purpose::Client);
    for last in (1..block.len()).rev() {
        let last_key = last as u64;
        let other = usize::try_from(draw.at(last_key).below(last_key + 1)).unwrap_or_default();
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
    use super::*;

    fn everyday() -> Weighted<ClientId> {
        let weights = [80.0, 15.0, 4.0, 1.0];
        Weighted { choices: (0..).map(ClientId).zip(weights).collect() }
    }

    fn counts(clients: &[ClientId]) -> Vec<usize> {
        (0..4).map(|id| clients.iter().filter(|client| client.0 == id).count()).collect()
    }

    #[test]
    fn a_block_has_each_client_as_often_as_its_weight_asks_for() {
        assert_eq!(counts(&block_of(&everyday())), [800, 150, 40, 10]);
    }

    #[test]
    fn what_is_left_over_in_a_block_goes_to_the_largest_remainders() {
        let mix =
            Weighted { choices: vec![(ClientId(0), 1.0), (ClientId(1), 1.0), (ClientId(2), 1.0)] };

        assert_eq!(counts(&block_of(&mix)), [334, 333, 333, 0]);
    }

    #[test]
    fn shuffling_keeps_the_shares_and_differs_from_block_to_block() {
        let mut first = block_of(&everyday());
        let mut second = first.clone();

        shuffle(&mut first, Draw::new(42), 0);
        shuffle(&mut second, Draw::new(42), 1);

        assert_eq!(counts(&first), [800, 150, 40, 10]);
        assert_eq!(counts(&second), [800, 150, 40, 10]);
        assert_ne!(first, second);
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
