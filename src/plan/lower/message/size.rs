//! `size` of a message → what its messages are padded up to.

use super::super::faults::Faults;
use crate::message::SizeSpec;
use crate::plan::document::{ShortOr, Size, Sizes, Table};
use crate::plan::{ByteSize, Diagnostic, DiagnosticCode, escape};

/// The largest message.
const LARGEST: u64 = 1 << 30;

/// Lowers the size of a message.
pub(super) fn lower_size(size: &Size, pointer: &str, faults: &mut Faults) -> Option<SizeSpec> {
    let spec = match size {
        ShortOr::Short(size) => SizeSpec::Fixed(size.octets()),
        ShortOr::Long(sizes) => lower_sizes(sizes, pointer, faults)?,
    };
    if spec.largest() > LARGEST {
        faults.bad(pointer, "a message is at most 1GiB");
    }
    Some(spec)
}

fn lower_sizes(sizes: &Sizes, pointer: &str, faults: &mut Faults) -> Option<SizeSpec> {
    let octets = |size: Option<ByteSize>| size.map(ByteSize::octets);
    let Sizes { min, max, p50, p99, histogram } = sizes;
    let ends = octets(*min).zip(octets(*max));
    let percentiles = octets(*p50).zip(octets(*p99));
    let given = [min, max, p50, p99].into_iter().flatten().count();
    match (ends, percentiles, histogram) {
        (Some((min, max)), None, None) if given == 2 => {
            if min > max {
                faults.value(DiagnosticCode::Conflict, pointer, "`min` is above `max`");
            }
            Some(SizeSpec::Uniform { min, max })
        }
        (None, Some((p50, p99)), None) if given == 2 => {
            if p50 == 0 || p50 > p99 {
                faults.bad(pointer, "`p50` is above zero and at most `p99`");
            }
            Some(SizeSpec::LogNormal { p50, p99 })
        }
        (None, None, Some(steps)) if given == 0 => {
            lower_histogram(steps, &format!("{pointer}/histogram"), faults)
        }
        _ => {
            let message = "a size is a number, `{ min, max }`, `{ p50, p99 }` or `{ histogram }`";
            faults.value(DiagnosticCode::Conflict, pointer, message);
            None
        }
    }
}

/// The steps in the order of their sizes.
fn lower_histogram(steps: &Table<f64>, pointer: &str, faults: &mut Faults) -> Option<SizeSpec> {
    let mut lowered: Vec<(u64, f64)> = Vec::new();
    for (name, count) in steps.iter() {
        let pointer = format!("{pointer}/{}", escape(name));
        match name.parse::<ByteSize>() {
            Ok(size) => lowered.push((size.octets(), *count)),
            Err(error) => {
                let code = DiagnosticCode::BadName;
                faults.add(Diagnostic::key(code, &pointer, error.to_string()));
            }
        }
        if !(count.is_finite() && *count >= 0.0) {
            faults.bad(&pointer, "a step counts zero sizes or more");
        }
    }
    lowered.sort_by_key(|(size, _)| *size);
    if lowered.windows(2).any(|pair| matches!(pair, [(one, _), (other, _)] if one == other)) {
        faults.value(DiagnosticCode::Conflict, pointer, "the same size stands twice");
    }
    let total: f64 = lowered.iter().map(|(_, count)| count).sum();
    if !(total > 0.0 && total.is_finite()) {
        faults.bad(pointer, "a histogram has a step that counts something");
        return None;
    }
    Some(SizeSpec::Histogram(lowered.into()))
}
