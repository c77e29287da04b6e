//! The text of a template → the files that it names with `include`, `import`, `from` and `extends`.
//!
//! The engine follows a name when it renders the tag. A tag that the trial of a plan does not
//! reach would name a file that nobody has read, so tags are also found in the text. A name that
//! is computed can only be followed by rendering.

use std::ops::Range;

const TAGS: [&str; 4] = ["include", "import", "from", "extends"];

/// A text in quotes in a tag that names files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Link {
    /// What stands between the quotes; empty where the name is computed from values.
    pub(crate) name: String,
    /// Where, in octets.
    pub(crate) range: Range<usize>,
    /// Whether it surely names a file that must be there.
    pub(crate) required: bool,
}

/// All names of files in a template, in their order.
pub(crate) fn links(text: &str) -> Vec<Link> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((start, tag)) = next_tag(text, at) {
        let rest = text.get(start + 2..).unwrap_or_default();
        let close = match tag {
            Tag::Comment => "#}",
            Tag::Value => "}}",
            Tag::Block => "%}",
        };
        let length = rest.find(close).unwrap_or(rest.len());
        let inside = rest.get(..length).unwrap_or_default();
        at = (start + 2 + length + 2).min(text.len());
        if tag != Tag::Block {
            continue;
        }
        if keyword(inside) == "raw" {
            let end = text.get(at..).and_then(|rest| rest.find("endraw"));
            at = end.map_or(text.len(), |end| at + end);
        } else {
            found.extend(links_of(inside, start + 2));
        }
    }
    found
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Tag {
    Comment,
    Value,
    Block,
}

fn next_tag(text: &str, from: usize) -> Option<(usize, Tag)> {
    let rest = text.get(from..)?;
    let tags = [("{#", Tag::Comment), ("{{", Tag::Value), ("{%", Tag::Block)];
    let found = tags.into_iter().filter_map(|(open, tag)| Some((from + rest.find(open)?, tag)));
    found.min_by_key(|(start, _)| *start)
}

fn keyword(inside: &str) -> &str {
    let trimmed = inside.trim_start_matches(['-', '+']).trim_start();
    trimmed.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default()
}

/// The names in one tag, which begins at `start` of the text.
fn links_of(inside: &str, start: usize) -> Vec<Link> {
    let keyword = keyword(inside);
    if !TAGS.contains(&keyword) {
        return Vec::new();
    }
    let mut found: Vec<Link> = Vec::new();
    let mut at = 0;
    while let Some(open) = inside.get(at..).and_then(|rest| rest.find(['"', '\''])) {
        let open = at + open;
        let Some(quote) = inside.get(open..).and_then(|rest| rest.chars().next()) else { break };
        let Some(length) = inside.get(open + 1..).and_then(|rest| rest.find(quote)) else { break };
        let range = open + 1..open + 1 + length;
        let name = inside.get(range.clone()).unwrap_or_default().to_owned();
        let range = start + range.start..start + range.end;
        found.push(Link { name, range, required: false });
        at = open + 1 + length + 1;
    }
    match found.as_mut_slice() {
        [] => found.push(Link { name: String::new(), range: start..start, required: false }),
        [only] => only.required = is_alone(inside, keyword, &only.name),
        _ => {}
    }
    found
}

/// Whether a tag names one file and nothing else decides whether it is used.
fn is_alone(inside: &str, keyword: &str, name: &str) -> bool {
    let trimmed = inside.trim_matches(['-', '+']).trim();
    let rest = trimmed.strip_prefix(keyword).unwrap_or_default().trim_start();
    let rest = rest.strip_prefix(['"', '\'']).and_then(|rest| rest.strip_prefix(name));
    let Some(rest) = rest.and_then(|rest| rest.strip_prefix(['"', '\''])) else { return false };
    let next = rest.split_whitespace().next().unwrap_or_default();
    matches!(next, "" | "as" | "import" | "with" | "without")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, bool)> {
        let links = links(text);
        for link in &links {
            assert_eq!(text.get(link.range.clone()), Some(link.name.as_str()), "{text}");
        }
        links.into_iter().map(|link| (link.name, link.required)).collect()
    }

    #[test]
    fn names_are_found_in_every_tag_that_follows_one() {
        for (text, expected) in [
            ("{% include 'a' %} ü {%- include \"b\" -%}", vec![("a", true), ("b", true)]),
            ("{% import 'a' as m %}{% from 'b' import x, y %}", vec![("a", true), ("b", true)]),
            ("{% extends 'a' %}", vec![("a", true)]),
            ("{% include 'a' ignore missing %}", vec![("a", false)]),
            ("{% include ['a', 'b'] %}", vec![("a", false), ("b", false)]),
            ("{% include client ~ '.txt' %}", vec![(".txt", false)]),
            ("{% include 'a' ~ client %}", vec![("a", false)]),
            ("{% include 'a' if seq == 1 else 'b' %}", vec![("a", false), ("b", false)]),
            ("{# {% include 'a' %} #}{% set x = 'b' %}{{ 'c' }}", vec![]),
            ("{% raw %}{% include 'a' %}{% endraw %}{% include 'b' %}", vec![("b", true)]),
            ("{% include client %}", vec![("", false)]),
            ("{% include 'a", vec![("", false)]),
            ("include 'a' %}", vec![]),
        ] {
            let expected: Vec<(String, bool)> =
                expected.into_iter().map(|(name, required)| (name.to_owned(), required)).collect();
            assert_eq!(found(text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "(\\{%|%\\}|\\{#|#\\}|\\{\\{|include|raw|endraw|'|\"|é| ){0,24}") {
            found(&text);
        }
    }
}
