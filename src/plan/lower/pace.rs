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
