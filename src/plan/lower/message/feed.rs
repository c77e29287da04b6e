//! `[feeds]` → rows, as templates may see them.

use serde_json::Value;

use super::super::faults::Faults;
use crate::message::{FeedOrder, FeedSpec};
use crate::plan::document::{Document, Order, Row};
use crate::plan::escape;
use crate::plan::secrets::{self, without_password};

/// All feeds in file order; templates see no password of those that clients log in with.
pub(in crate::plan::lower) fn lower_feeds(
    document: &Document,
    faults: &mut Faults,
) -> Vec<FeedSpec> {
    let secret = secrets::feeds(document);
    let feeds = document.feeds.iter();
    feeds
        .map(|(name, feed)| {
            let pointer = format!("/feeds/{}", escape(name));
            match feed.inline.as_deref() {
                None => faults.missing(&pointer, "inline"),
                Some([]) => faults.bad(&format!("{pointer}/inline"), "a feed has at least one row"),
                Some(_) => {}
            }
            for (index, row) in feed.inline.iter().flatten().enumerate() {
                check_row(row, &format!("{pointer}/inline/{index}"), faults);
            }
            let order = lower_order(feed.order);
            let mut rows = feed.inline.clone().unwrap_or_default();
            if secret.contains(name) {
                rows = rows.iter().map(without_password).collect();
            }
            FeedSpec { name: name.to_owned(), rows, order }
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
