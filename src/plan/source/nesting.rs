//! A cheap look at a text before it is parsed: is it nested too deeply to be parsed at all?
//!
//! libyaml takes time in the square of the depth (100,000 brackets: more than 20 s), and a TOML
//! key of 100,000 parts makes as many tables in each other. The look does not know strings from
//! brackets, so it lets more pass than a plan may hold; the exact limit is kept by the tree.

use std::ops::Range;

use super::Format;
use super::tree::DEEPEST;

/// More open brackets than this are a nested text, and no brackets in somebody's prose.
const MOST_OPEN: usize = 4 * DEEPEST;

/// The place where a text goes too deep.
pub(super) fn too_deep(text: &str, format: Format) -> Option<Range<usize>> {
    let by_brackets = too_many_brackets(text);
    match format {
        Format::Toml => by_brackets.or_else(|| too_many_dots(text)),
        Format::Yaml => by_brackets,
    }
}

fn too_many_brackets(text: &str) -> Option<Range<usize>> {
    let mut open = 0_usize;
    for (at, octet) in text.bytes().enumerate() {
        match octet {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > MOST_OPEN {
            return Some(at..at + 1);
        }
    }
    None
}

/// A dotted key or header with too many parts.
fn too_many_dots(text: &str) -> Option<Range<usize>> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let mut parts = 0_usize;
        for part in line.split('.') {
            parts = if is_part_of_a_key(part) { parts + 1 } else { 0 };
            if parts > DEEPEST {
                return Some(start..start + line.trim_end().len());
            }
        }
        start += line.len();
    }
    None
}

fn is_part_of_a_key(part: &str) -> bool {
    let part = part.trim();
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let is_quoted = part.len() >= 2 && part.starts_with(['"', '\'']);
    !part.is_empty() && (is_quoted || part.chars().all(is_bare))
}
