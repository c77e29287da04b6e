//! `pace` of a client → how its sessions hold back what they send.

use super::faults::Faults;
use crate::plan::document::Pace as PaceTable;
use crate::plan::{OctetRate, Span};
use crate::smtp::{Pace, Writes};

/// How a client is paced; none where it sends as fast as it may.
pub(super) fn lower(table: Option<&PaceTable>, pointer: &str, faults: &mut Faults) -> Option<Pace> {
    let table = table?;
    let before_command = table.before_command.map(Span::duration).unwrap_or_default();
    let writes =
        if table.byte_by_byte == Some(true) { Writes::EachOctet } else { Writes::Together };
    let data = table.data.map(OctetRate::per_second);
    let pace = Pace { before_command, data, writes };
    if pace == Pace::default() {
        faults.bad(pointer, "`pace` says `before_command`, `data` or `byte_by_byte = true`");
        return None;
    }
    Some(pace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lowered(table: &PaceTable) -> (Option<Pace>, usize) {
        let mut faults = Faults::default();
        let pace = lower(Some(table), "/clients/a/pace", &mut faults);
        (pace, faults.into_diagnostics().len())
    }

    #[test]
    fn each_key_has_its_effect() {
        let table = PaceTable {
            before_command: "500ms".parse().ok(),
            data: "1KiB/s".parse().ok(),
            byte_by_byte: Some(true),
        };

        let (pace, faults) = lowered(&table);

        let pace = pace.unwrap();
        assert_eq!(faults, 0);
        assert_eq!(pace.before_command.as_millis(), 500);
        assert_eq!(pace.data.map(std::num::NonZeroU64::get), Some(1024));
        assert_eq!(pace.writes, Writes::EachOctet);
    }

    #[test]
    fn a_pace_that_holds_nothing_back_is_a_mistake() {
        let nothing = PaceTable { byte_by_byte: Some(false), ..PaceTable::default() };

        assert_eq!(lowered(&nothing), (None, 1));
        assert_eq!(lowered(&PaceTable::default()), (None, 1));
    }
}
