//! `size` of a message → what its messages are padded up to.

use super::super::faults::Faults;
use crate::message::SizeSpec;
use crate::plan::document::{ShortOr, Size, Sizes};
use crate::plan::{ByteSize, DiagnosticCode};

/// The largest message.
const LARGEST: u64 = 1 << 30;

pub(super) fn lower_size(size: &Size, pointer: &str, faults: &mut Faults) -> Option<SizeSpec> {
    let octets = ByteSize::octets;
    let (spec, largest) = match size {
        ShortOr::Short(size) => (SizeSpec::Fixed(octets(*size)), octets(*size)),
        ShortOr::Long(Sizes { min: Some(min), max: Some(max), p50: None, p99: None }) => {
            (SizeSpec::Uniform { min: octets(*min), max: octets(*max) }, octets(*max))
        }
        ShortOr::Long(Sizes { min: None, max: None, p50: Some(p50), p99: Some(p99) }) => {
            (SizeSpec::LogNormal { p50: octets(*p50), p99: octets(*p99) }, octets(*p99))
        }
        ShortOr::Long(_) => {
            let message = "a size is a number, `{ min, max }` or `{ p50, p99 }`";
            faults.value(DiagnosticCode::Conflict, pointer, message);
            return None;
        }
    };
    if largest > LARGEST {
        faults.bad(pointer, "a message is at most 1GiB");
    }
    match spec {
        SizeSpec::Uniform { min, max } if min > max => {
            faults.value(DiagnosticCode::Conflict, pointer, "`min` is above `max`");
        }
        SizeSpec::LogNormal { p50, p99 } if p50 == 0 || p50 > p99 => {
            faults.bad(pointer, "`p50` is above zero and at most `p99`");
        }
        SizeSpec::Fixed(_) | SizeSpec::Uniform { .. } | SizeSpec::LogNormal { .. } => {}
    }
    Some(spec)
}
