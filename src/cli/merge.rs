//! `merge`: results folders of the same plan, as one.

use super::Done;
use super::args::MergeArgs;
use super::messages::print;
use super::outcome::shown;
use crate::report::Detail;
use crate::run;

/// Merges what the command line names.
pub(super) fn merge(args: &MergeArgs) -> Done {
    let merged = run::merge(&args.folders, &args.out)?;
    print(&shown(&merged.summary, &args.out, Detail::Brief, &args.format));
    Ok(merged.exit)
}
