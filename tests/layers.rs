//! The sources → whether each folder uses only those above it, and only `cli/` meets the outside.
//!
//! The check reads text, not syntax: comments and literals are blanked first, then every path
//! that begins with `crate::` or climbs out of its folder by `super::` is looked at.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at what it cannot read")]
#![expect(clippy::string_slice, reason = "all positions were found in the same text")]

use std::path::{Path, PathBuf};

/// The folders of `src/` from top to bottom; each uses only those before it.
const LAYERS: [&str; 14] = [
    "draw", "format", "smtp", "message", "plan", "timeline", "monitor", "record", "verdict",
    "sink", "engine", "report", "run", "cli",
];

/// What only `cli/` may do.
const OUTSIDE: [&str; 10] = [
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
    "std::env",
    "env::var",
    "io::stdout",
    "io::stderr",
    "process::exit",
    "process::ExitCode",
];

#[test]
fn a_folder_uses_only_those_above_it() {
    let wrong = over_all_sources(downward_uses);

    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_cli_meets_the_outside() {
    let wrong = over_all_sources(|folder, code, _| outside_uses(folder, code));

    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|file| !std::fs::read_to_string(file).unwrap().starts_with("//! "))
        .collect();

    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn planted_violations_are_found() {
    let table = [
        ("plan", "use crate::engine::Worker;", vec!["engine"]),
        ("plan", "use crate::{draw::Draw, run, smtp::{Code, Step}};", vec!["run"]),
        ("smtp", "fn f() { crate::plan::escape(x) }", vec!["plan"]),
        ("smtp", "use super::plan::Plan;", vec!["plan"]),
        (
            "plan",
            "// use crate::engine::Worker;\nlet x = \"crate::cli::\"; /* crate::run:: */",
            vec![],
        ),
        ("engine", "use crate::{draw::Draw, record::{Cell, Tally}};\npub(crate) fn f() {}", vec![]),
        (
            "smtp",
            "use super::Step; let a = 'c'; let b: &'static str = r#\"\"crate::cli\"#;",
            vec![],
        ),
    ];
    for (folder, text, expected) in table {
        // As in a `mod.rs`: one `super` leads out of the folder.
        let depth = if text.contains("super::plan") { 1 } else { 2 };
        assert_eq!(downward_uses(folder, &code_of(text), depth), expected, "{text}");
    }
    let printing = code_of("fn f() { println!(\"x\"); std::env::args(); } // eprintln!");
    assert_eq!(outside_uses("run", &printing), ["println!", "std::env"]);
    assert!(outside_uses("cli", &printing).is_empty());
}

/// What `look` finds in each file of a folder, with the file's name before it. It gets the
/// folder, the file's code without tests, and how deep the file's module lies.
fn over_all_sources(look: impl Fn(&str, &str, usize) -> Vec<String>) -> Vec<String> {
    let mut found = Vec::new();
    for file in sources() {
        let module = module_of(&file);
        let Some(folder) = module.first() else { continue };
        let code = code_of(&std::fs::read_to_string(&file).unwrap());
        let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code = if module.iter().any(|name| name == "tests") { "" } else { code };
        let wrong = look(folder, code, module.len());
        found.extend(wrong.into_iter().map(|what| format!("{}: {what}", file.display())));
    }
    found
}

/// The folders that are used though they stand below, or nowhere in the order.
fn downward_uses(folder: &str, code: &str, depth: usize) -> Vec<String> {
    let Some(own) = LAYERS.iter().position(|layer| *layer == folder) else {
        return vec![format!("`{folder}` has no place in the order")];
    };
    let used = paths_from(code, "crate::").into_iter();
    let used = used.chain(paths_from(code, &"super::".repeat(depth)));
    used.filter(|name| !LAYERS.iter().take(own + 1).any(|layer| layer == name)).collect()
}

fn outside_uses(folder: &str, code: &str) -> Vec<String> {
    let used = OUTSIDE.iter().filter(|_| folder != "cli");
    used.filter(|word| occurs(code, word)).map(|word| (*word).to_owned()).collect()
}

/// Whether a word occurs that is not the end of a longer one.
fn occurs(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| !ends_in_name(&code[..at]))
}

fn ends_in_name(text: &str) -> bool {
    text.ends_with(|before: char| before.is_alphanumeric() || before == '_')
}

/// The first names behind a prefix, those of a group in braces too.
fn paths_from(code: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let before = &code[..at];
        if ends_in_name(before) || before.ends_with("::") {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(group) => names.extend(heads_of(group)),
            None => names.extend(name_at(rest)),
        }
    }
    names
}

/// The first name of each path of a group, up to the brace that ends it.
fn heads_of(group: &str) -> Vec<String> {
    let mut depth = 0_u32;
    let mut heads = Vec::new();
    let mut begins = true;
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            _ if begins && !character.is_whitespace() => {
                heads.extend(name_at(&group[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    heads
}

/// The module name at the beginning of a text; types and globs are none.
fn name_at(text: &str) -> Option<String> {
    let is_name = |character: &char| character.is_alphanumeric() || *character == '_';
    let name: String = text.chars().take_while(is_name).collect();
    let is_module = name.starts_with(|first: char| first.is_lowercase()) && name != "super";
    is_module.then_some(name)
}

/// The text without comments and without what stands in literals.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some(length) = blank_at(rest, &code) {
            rest = &rest[length..];
            code.push(' ');
        } else {
            code.push(character);
            rest = &rest[character.len_utf8()..];
        }
    }
    code
}

/// How long the comment or literal is that a text begins with.
fn blank_at(text: &str, before: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(text.find("*/").map_or(text.len(), |end| end + 2));
    }
    if text.starts_with('"') {
        return Some(quoted(text, '"'));
    }
    if text.starts_with('r') && !ends_in_name(before) {
        return raw(text);
    }
    let mut characters = text.chars();
    match (characters.next(), characters.next(), characters.next()) {
        (Some('\''), Some('\\'), _) => Some(quoted(text, '\'')),
        (Some('\''), Some(one), Some('\'')) => Some(2 + one.len_utf8()),
        _ => None,
    }
}

/// The length of a literal whose quotes may be escaped in it.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a raw string.
fn raw(text: &str) -> Option<usize> {
    let hashes = text.chars().skip(1).take_while(|character| *character == '#').count();
    text.chars().nth(1 + hashes).filter(|character| *character == '"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let begin = 2 + hashes;
    Some(text.get(begin..)?.find(&end).map_or(text.len(), |at| begin + at + end.len()))
}

/// The module path of a file of `src/`; empty for the roots of library and binary.
fn module_of(file: &Path) -> Vec<String> {
    let inner = file.strip_prefix(root()).unwrap().with_extension("");
    let names = inner.iter().map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| !matches!(name.as_str(), "mod" | "lib" | "main")).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the sources are here") {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
