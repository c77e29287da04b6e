//! Texts with units → numbers: rates, durations, sizes, shares.
//!
//! A value knows no place: its error says what is wrong with the text, and the reader of the plan
//! adds where it stands. Each value writes a text that reads back to the same value, so that the
//! plan in force can be written down.

mod byte_size;
mod octet_rate;
mod rate;
mod share;
mod span;

pub use byte_size::{ByteSize, ByteSizeError};
pub use octet_rate::{OctetRate, OctetRateError};
pub use rate::{Rate, RateError};
pub use share::{Share, ShareError};
pub use span::{Span, SpanError};
