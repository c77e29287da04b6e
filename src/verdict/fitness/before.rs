//! What a plan needs × what the machine has → checks that can speak before the first connection.

use super::check::FitnessCheck;
use super::{Measure, row};
use crate::record::FitnessRow;
use crate::timeline::Needs;

/// What the machine has; none: no limit, or not known.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Reserves {
    /// Descriptors of this process.
    pub descriptors: Option<u64>,
    /// Local ports from one address to another.
    pub local_ports: Option<u64>,
}

/// A row for each reserve that is known, whether there is enough of it or not.
pub fn fitness_before(needs: &Needs, reserves: Reserves) -> Vec<FitnessRow> {
    let checked = [
        (FitnessCheck::Descriptors, needs.descriptors, reserves.descriptors),
        (FitnessCheck::LocalPorts, needs.local_ports_at_least, reserves.local_ports),
    ];
    let rows = checked.into_iter().filter_map(|(check, need, reserve)| {
        let need = Measure::count(need, reserve?);
        Some(row(check, None, need.above(), need))
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::FitnessStatus;

    const NEEDS: Needs = Needs {
        descriptors: 1_064,
        local_ports_at_least: 30_000,
        local_ports_usual: 28_232,
        memory_octets: 0,
    };

    fn statuses(descriptors: u64, local_ports: u64) -> Vec<(String, FitnessStatus)> {
        let reserves = Reserves { descriptors: Some(descriptors), local_ports: Some(local_ports) };
        let rows = fitness_before(&NEEDS, reserves).into_iter();
        rows.map(|row| (row.check, row.status)).collect()
    }

    #[test]
    fn what_the_machine_lacks_is_a_warning_and_what_it_has_is_none() {
        let named = |descriptors, ports| {
            vec![("descriptors".to_owned(), descriptors), ("local_ports".to_owned(), ports)]
        };
        let (ok, warn) = (FitnessStatus::Ok, FitnessStatus::Warn);

        assert_eq!(statuses(1_064, 30_000), named(ok, ok));
        assert_eq!(statuses(1_063, 30_000), named(warn, ok));
        assert_eq!(statuses(1_064, 29_999), named(ok, warn));
    }

    #[test]
    fn a_machine_without_limits_is_not_judged() {
        assert_eq!(fitness_before(&NEEDS, Reserves::default()), []);
    }

    #[test]
    fn the_warning_says_need_limit_and_what_to_do() {
        let reserves = Reserves { descriptors: Some(256), local_ports: None };

        let rows = fitness_before(&NEEDS, reserves);

        assert_eq!(
            super::super::advised(&rows[0]),
            "descriptors 1,064 (limit 256): raise `ulimit -n`, or lower `connections`, \
             `max_connections` or `max_in_flight`"
        );
    }
}
