//! Figures and verdict → text. Pure rendering.

mod bulletin;
pub mod cases;
pub mod check;
pub mod compare;
mod course;
mod csv;
pub mod explain;
mod html;
mod junit;
pub mod live;
pub mod mailbox;
mod markdown;
pub mod preview;
mod progress;
mod prometheus;
mod search;
#[cfg(test)]
mod specimen;
mod text;
mod throttling;

pub use self::csv::{CsvError, series_csv};
pub use bulletin::{Bulletin, Matter, TargetAddresses};
pub use course::{Course, CoursePhase};
pub use html::{HtmlError, Source as HtmlSource, render as render_html};
pub use junit::{JunitError, junit};
pub use markdown::markdown;
pub use progress::{Counted, LastSecond, Level, PhaseProgress, Progress};
pub use prometheus::{Exposed, Exposition, Standing};
pub use search::{probe_ended, search_ended};
pub use text::{Detail, Page, Style, render};
pub use throttling::throttling_began;
