//! Counters ↔ the journal's JSON: what was not counted is not written.
//!
//! Tables with a place for each outcome or step become objects with the names of those that
//! occurred; maps whose keys are structs become lists of pairs, as JSON knows only text as keys.

use serde::Serialize;

/// Whether nothing was counted.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Maps whose keys are no text.
pub(super) mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in crate::record) fn serialize<K, V, S>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error>
    where
        K: Serialize,
        V: Serialize,
        S: Serializer,
    {
        serializer.collect_seq(map)
    }

    pub(in crate::record) fn deserialize<'de, K, V, D>(
        deserializer: D,
    ) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}

/// Steps by their names.
pub(super) mod steps {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::record::StepCell;
    use crate::smtp::Step;

    type Steps = [Option<Box<StepCell>>; Step::ALL.len()];

    pub(in crate::record) fn serialize<S: Serializer>(
        steps: &Steps,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let counted = Step::ALL.into_iter().zip(steps);
        serializer.collect_map(counted.filter_map(|(step, cell)| Some((step, cell.as_ref()?))))
    }

    pub(in crate::record) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Steps, D::Error> {
        let mut steps = Steps::default();
        for (step, cell) in BTreeMap::<Step, StepCell>::deserialize(deserializer)? {
            steps[step.index()] = Some(Box::new(cell));
        }
        Ok(steps)
    }
}

/// Messages by their outcomes.
pub(super) mod outcomes {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::smtp::Outcome;

    type Ended = [u64; Outcome::ALL.len()];

    pub(in crate::record) fn serialize<S: Serializer>(
        ended: &Ended,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        super::counts(&Outcome::ALL, ended, serializer)
    }

    pub(in crate::record) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Ended, D::Error> {
        let mut ended = Ended::default();
        for (outcome, count) in BTreeMap::<Outcome, u64>::deserialize(deserializer)? {
            ended[outcome.index()] = count;
        }
        Ok(ended)
    }
}

/// Malformed cases by their ends.
pub(super) mod case_ends {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::smtp::CaseEnd;

    type Ended = [u64; CaseEnd::ALL.len()];

    pub(in crate::record) fn serialize<S: Serializer>(
        ended: &Ended,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        super::counts(&CaseEnd::ALL, ended, serializer)
    }

    pub(in crate::record) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Ended, D::Error> {
        let mut ended = Ended::default();
        for (end, count) in BTreeMap::<CaseEnd, u64>::deserialize(deserializer)? {
            ended[end.index()] = count;
        }
        Ok(ended)
    }
}

fn counts<K: Serialize, S: serde::Serializer>(
    keys: &[K],
    counts: &[u64],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(keys.iter().zip(counts).filter(|(_, count)| **count > 0))
}
