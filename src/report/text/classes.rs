//! Classes of messages → a row for each: what was accepted, what was refused as it should be.

use std::collections::BTreeMap;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::{Ink, Page};
use crate::format;
use crate::record::ClassFigures;

/// The rows; nothing where no message has a class.
pub(super) fn table(classes: &BTreeMap<String, ClassFigures>, page: Page<'_>) -> Vec<String> {
    if classes.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([
        "class",
        "messages",
        "accepted",
        "as expected",
        "unexpected",
        "errors",
        "p50",
        "p95",
        "p99",
    ]);
    for (name, figures) in classes {
        let messages = &figures.messages;
        let times = figures.response_ms.unwrap_or_default();
        table.add_row([
            format::escape(name),
            format::count(messages.started),
            format::count(messages.accepted),
            format::count(messages.expected),
            format::count(messages.unexpected),
            format::share(figures.errors_share),
            format::percentile(times.p50, times.p50_at_least),
            format::percentile(times.p95, times.p95_at_least),
            format::percentile(times.p99, times.p99_at_least),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut lines = vec![String::new(), page.style.paint(Ink::Strong, "  classes of messages")];
    let text = table.to_string();
    for (line, class) in text.lines().zip(std::iter::once(None).chain(classes.values().map(Some))) {
        let ink = match class {
            None => Ink::Faint,
            Some(figures) if figures.messages.unexpected > 0 => Ink::Bad,
            Some(_) => Ink::Plain,
        };
        lines.push(page.style.paint(ink, &format!("   {}", line.trim_end())));
    }
    lines
}
