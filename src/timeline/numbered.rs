//! A phase → its messages with their numbers, and a number → its message.
//!
//! The order of a closed phase is not known ahead, as its messages begin when others end. Here its
//! connections take turns, which is what they do where each message takes the same time.

use std::sync::Arc;

use super::Share;
use super::line::{Line, Model};
use crate::draw::Draw;
use crate::plan::ClientId;

/// One message of a run, by its number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Numbered {
    /// Its number among all messages of the run.
    pub seq: u64,
    /// Who sends it.
    pub client: ClientId,
    /// What it draws from.
    pub draw: Draw,
}

impl Line {
    /// The messages of the phase in the order of their planned starts, or in turns over its
    /// connections: without an end in a closed phase.
    pub fn in_order(self: &Arc<Self>) -> Box<dyn Iterator<Item = Numbered> + Send> {
        let line = Arc::clone(self);
        match self.model() {
            Model::Open => Box::new(self.starts(Share::ALL).map(move |start| Numbered {
                seq: line.start_seq(start.n),
                client: start.client,
                draw: line.start_draw(start.n),
            })),
            Model::Closed => {
                // A probe that waits to be asked for may send nothing at all.
                let slots = if self.waits_to_be_asked() { 0 } else { self.peak_slots() };
                let turns = (0_u64..)
                    .take_while(move |_| slots > 0)
                    .flat_map(move |ordinal| (0..slots).map(move |slot| (slot, ordinal)));
                Box::new(turns.map(move |(slot, ordinal)| line.of_slot(slot, ordinal)))
            }
            Model::Pause => Box::new(std::iter::empty()),
        }
    }

    /// The message with this number; none where it belongs to another phase.
    pub fn numbered(&self, seq: u64) -> Option<Numbered> {
        match self.model() {
            Model::Open => {
                let n = self.start_of(seq)?;
                let client = self.client_of_start(n)?;
                Some(Numbered { seq, client, draw: self.start_draw(n) })
            }
            Model::Closed if self.waits_to_be_asked() => None,
            Model::Closed => {
                let (slot, ordinal) = self.place_of(seq)?;
                Some(self.of_slot(slot, ordinal))
            }
            Model::Pause => None,
        }
    }

    fn of_slot(&self, slot: u32, ordinal: u64) -> Numbered {
        Numbered {
            seq: self.slot_seq(slot, ordinal),
            client: self.client_of_slot(slot),
            draw: self.slot_draw(slot, ordinal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Timeline;
    use super::super::fixture::{closed, open, phase, plan, seconds, steady};
    use super::*;
    use crate::plan::Arrival;

    fn timeline() -> Timeline {
        let phases = vec![
            phase(open(steady(50.0), Arrival::Poisson), seconds(10)),
            phase(closed(steady(3.0)), seconds(10)),
            phase(open(steady(70.0), Arrival::Even), seconds(10)),
            phase(closed(steady(7.0)), seconds(10)),
        ];
        Timeline::new(&plan(phases))
    }

    #[test]
    fn a_number_leads_to_the_message_that_bears_it_and_to_no_other_phase() {
        let timeline = timeline();
        for (at, line) in timeline.lines().iter().enumerate() {
            let messages: Vec<Numbered> = line.in_order().take(500).collect();
            assert!(messages.len() > 100, "{at}");
            for message in messages {
                for (other, line) in timeline.lines().iter().enumerate() {
                    let found = line.numbered(message.seq);
                    assert_eq!(found, (at == other).then_some(message), "{at} {other}");
                }
            }
        }
    }

    #[test]
    fn numbers_that_no_message_bears_lead_nowhere() {
        let timeline = timeline();
        let found = |seq| timeline.lines().iter().find_map(|line| line.numbered(seq));
        // Slots 3 to 6 are those of the larger closed phase alone.
        let of_larger = timeline.lines()[3].slot_seq(5, 0);
        assert_eq!(found(0), None);
        assert_eq!(found(of_larger).map(|message| message.seq), Some(of_larger));
        assert_eq!(found(of_larger - 1), None);
    }
}
