//! `[feeds]` and the files that they name → rows, as templates may see them.

use serde_json::Value;

use super::super::faults::Faults;
use crate::message::{FeedOrder, FeedSpec, Table, WhenExhausted};
use crate::plan::document::{self, Document, Feed, Order, Row};
use crate::plan::files::{FeedFault, Files};
use crate::plan::secrets::{self, PASSWORD};
use crate::plan::{DiagnosticCode, escape};

/// All feeds in file order; templates see no password of those that clients log in with.
pub(in crate::plan::lower) fn lower_feeds(
    document: &Document,
    files: &Files,
    faults: &mut Faults,
) -> Vec<FeedSpec> {
    let secret = secrets::feeds(document);
    let feeds = document.feeds.iter();
    feeds
        .map(|(name, feed)| {
            let pointer = format!("/feeds/{}", escape(name));
            let mut rows = lower_rows((name, feed), &pointer, files, faults);
            if secret.contains(name) {
                rows = rows.without(PASSWORD);
            }
            let order = lower_order(feed.order);
            let when_exhausted = lower_when_exhausted(feed, &pointer, faults);
            FeedSpec { name: name.to_owned(), rows, order, when_exhausted }
        })
        .collect()
}

/// In which order messages use rows of a feed, or mails of a corpus.
pub(super) fn lower_order(order: Option<Order>) -> FeedOrder {
    match order {
        Some(Order::Sequential) | None => FeedOrder::Sequential,
        Some(Order::Shuffled) => FeedOrder::Shuffled,
        Some(Order::Random) => FeedOrder::Random,
    }
}

fn lower_when_exhausted(feed: &Feed, pointer: &str, faults: &mut Faults) -> WhenExhausted {
    match feed.when_exhausted {
        Some(document::WhenExhausted::Stop) => {
            if feed.order == Some(Order::Random) {
                let message = "a `random` order uses up no row";
                faults.conflict(pointer, "when_exhausted", message);
            }
            WhenExhausted::Stop
        }
        Some(document::WhenExhausted::Wrap) | None => WhenExhausted::Wrap,
    }
}

fn lower_rows(
    (name, feed): (&str, &Feed),
    pointer: &str,
    files: &Files,
    faults: &mut Faults,
) -> Table {
    if feed.file.is_none() && feed.format.is_some() {
        faults.conflict(pointer, "format", "`format` says how a `file` is written");
    }
    match (&feed.inline, &feed.file) {
        (Some(_), Some(_)) => {
            faults.conflict(pointer, "inline", "`inline` and `file` exclude each other");
        }
        (Some(inline), None) => {
            if inline.is_empty() {
                faults.bad(&format!("{pointer}/inline"), "a feed has at least one row");
            }
            for (index, row) in inline.iter().enumerate() {
                check_row(row, &format!("{pointer}/inline/{index}"), faults);
            }
            return Table::of_rows(inline);
        }
        (None, Some(path)) => match files.rows(name) {
            Some(Ok(rows)) => return rows.clone(),
            Some(Err(fault)) => tell(fault, path, &format!("{pointer}/file"), faults),
            None => {}
        },
        (None, None) => faults.value_with_help(
            DiagnosticCode::MissingKey,
            &format!("{pointer}/inline"),
            "missing key `inline`",
            "write the rows as `inline`, or the name of a csv or jsonl file as `file`",
        ),
    }
    Table::of_rows(&[])
}

/// Each mistake of a file is told with its line.
fn tell(fault: &FeedFault, path: &str, pointer: &str, faults: &mut Faults) {
    match fault {
        FeedFault::NoFormat => {
            let message = format!("`{path}` does not say how it is written");
            let help = "name it `.csv` or `.jsonl`, or write `format = \"csv\"`";
            faults.value_with_help(DiagnosticCode::BadValue, pointer, message, help);
        }
        FeedFault::Unread(error) => faults.bad(pointer, format!("cannot read `{path}`: {error}")),
        FeedFault::Wrong(mistakes) => {
            for mistake in mistakes {
                faults.bad(pointer, format!("`{path}`: {mistake}"));
            }
        }
    }
}

/// Refuses numbers that the plan in force could not be written down with.
fn check_row(row: &Row, pointer: &str, faults: &mut Faults) {
    for (field, value) in row {
        if holds_a_huge_number(value) {
            let pointer = format!("{pointer}/{}", escape(field));
            faults.bad(&pointer, "a whole number is at most 9223372036854775807; make it a text");
        }
    }
}

fn holds_a_huge_number(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_u64() && !number.is_i64(),
        Value::Array(values) => values.iter().any(holds_a_huge_number),
        Value::Object(table) => table.values().any(holds_a_huge_number),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}
