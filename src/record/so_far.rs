//! The ledger → what one looks at while a run goes on: ends, codes, and the times of messages.
//!
//! Only what is shown is summed, since this is asked for each second: a whole sum of cells merges
//! the histograms of every step, which with many clients and addresses is work that would be seen
//! in the figures of the tester itself. For the same reason counts, which are of the whole run,
//! come without the times, which are of a phase.

use std::collections::BTreeMap;

use super::{Extent, Latency, Ledger, MessageCounts, OctetFigures, SessionCounts};
use crate::smtp::Code;

/// What was counted up to now.
#[derive(Clone, Debug, Default)]
pub struct SoFar {
    /// What became of the messages.
    pub messages: MessageCounts,
    /// What became of the sessions.
    pub sessions: SessionCounts,
    /// What went over the wire.
    pub octets: OctetFigures,
    /// The replies that decided messages.
    pub codes: BTreeMap<Code, u64>,
    /// Malformed cases that ended.
    pub cases: u64,
}

/// The times of the messages up to now.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// From the planned start to the final reply, without paced clients.
    pub response: Latency,
    /// By how much the tester began later than planned.
    pub lag: Latency,
}

impl Ledger {
    /// What an extent came to up to now.
    pub fn so_far(&self, extent: Extent) -> SoFar {
        let mut sum = SoFar::default();
        for (_, cell) in self.cells(extent) {
            sum.messages.merge(&cell.messages);
            sum.sessions.merge(&cell.sessions);
            sum.octets.sent += cell.octets.sent;
            sum.octets.received += cell.octets.received;
            super::cell::add_map(&mut sum.codes, &cell.codes);
            sum.cases += cell.cases.values().flat_map(|case| case.ended).sum::<u64>();
        }
        sum
    }

    /// How long an extent's messages took up to now.
    pub fn times(&self, extent: Extent) -> Times {
        let mut sum = Times::default();
        for (key, cell) in self.cells(extent) {
            sum.lag.merge(&cell.lag);
            if !self.is_paced(key.client) {
                sum.response.merge(&cell.response);
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::specimen::{CLOSED, OPEN, key, ledger, messages, plan};
    use crate::smtp::Outcome;

    #[test]
    fn it_is_the_same_as_the_whole_sum() {
        let plan = plan();
        let cells = vec![
            (key(OPEN, 0, 0), messages(30, Outcome::Accepted, 5)),
            (key(OPEN, 1, 0), messages(10, Outcome::Temporary, 9)),
            (key(CLOSED, 0, 0), messages(7, Outcome::Accepted, 2)),
        ];
        let ledger = ledger(&plan, cells);
        for extent in [Extent::All, Extent::Phase(OPEN)] {
            let (so_far, sum) = (ledger.so_far(extent), ledger.sum(extent, |_| true));

            assert_eq!(so_far.messages.ended, sum.messages.ended);
            assert_eq!(so_far.messages.started, sum.messages.started);
            assert_eq!(so_far.codes, sum.codes);
            let times = ledger.times(extent);
            assert_eq!(times.response.figures(), sum.response.figures());
            assert_eq!(times.lag.figures(), sum.lag.figures());
        }
    }
}
