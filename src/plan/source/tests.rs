//! Texts that are parsed and places that are found again.

use proptest::prelude::*;

use super::*;

fn toml(text: &str) -> Source {
    Source::new("plan.toml", text, Format::Toml)
}

fn yaml(text: &str) -> Source {
    Source::new("plan.yaml", text, Format::Yaml)
}

/// The text at the place of a pointer.
fn at<'a>(source: &'a Source, pointer: &str, part: Part) -> &'a str {
    source.text().get(source.locate(pointer, part)).unwrap()
}

/// Code, message and the text that is pointed at.
fn refused(source: &Source) -> (DiagnosticCode, String, String) {
    let diagnostic = source.parse().unwrap_err();
    let Place::Octets(place) = diagnostic.place else { panic!("{:?}", diagnostic.place) };
    (diagnostic.code, diagnostic.message, source.text().get(place).unwrap().to_owned())
}

#[test]
fn the_extension_tells_the_format() {
    for (name, format) in [
        ("a.toml", Format::Toml),
        ("a.yaml", Format::Yaml),
        ("a.YML", Format::Yaml),
        ("a.json", Format::Yaml),
        ("-", Format::Toml),
    ] {
        assert_eq!(Format::of_file(name), format, "{name}");
    }
}

#[test]
fn toml_and_yaml_give_the_same_tree() {
    let by_toml = toml("a = 1\nb = [1.5, true]\n[c.d]\ne = \"é\"\n").parse().unwrap();
    let by_yaml = yaml("a: 1\nb: [1.5, true]\nc:\n  d: {e: é}\n").parse().unwrap();

    assert_eq!(by_toml, by_yaml);
}

#[test]
fn an_empty_text_is_an_empty_plan() {
    for source in [toml(""), yaml(""), yaml("# nothing\n"), toml("\u{feff}"), yaml("\u{feff}")] {
        assert_eq!(source.parse(), Ok(Value::Object(serde_json::Map::new())), "{source:?}");
    }
}

#[test]
fn a_key_that_stands_twice_is_refused_in_both_formats() {
    let message = "the key `name` stands twice".to_owned();

    for source in [toml("name = 1\nname = 2\n"), yaml("name: 1\nname: 2\n")] {
        let expected = (DiagnosticCode::DuplicateKey, message.clone(), "name".to_owned());
        assert_eq!(refused(&source), expected);
        let Place::Octets(place) = source.parse().unwrap_err().place else { panic!() };
        assert!(place.start > 5, "the second one is pointed at: {place:?}");
    }
}

#[test]
fn a_text_that_is_no_plan_is_refused_where_it_breaks() {
    let table = [
        (toml("a = [1,\nb = 2\n"), DiagnosticCode::Syntax),
        (yaml("a: [1,\nb: 2\n"), DiagnosticCode::Syntax),
        (yaml("a: 1\n---\nb: 2\n"), DiagnosticCode::Syntax),
        (yaml("x-a: &a {b: 1}\nc:\n  <<: *a\n"), DiagnosticCode::NotSupported),
        (yaml("a: .inf\n"), DiagnosticCode::BadValue),
        (toml("a = nan\n"), DiagnosticCode::BadValue),
    ];
    for (source, code) in table {
        assert_eq!(refused(&source).0, code, "{source:?}");
    }
}

#[test]
fn deep_texts_are_refused_at_once() {
    let table = [
        yaml(&"[".repeat(100_000)),
        yaml(&"{a: ".repeat(60_000)),
        yaml(&"- ".repeat(20_000)),
        yaml(&format!("a: {}{}", "[".repeat(70), "]".repeat(70))),
        toml(&format!("a = {}", "[".repeat(100_000))),
        toml(&format!("a = {}{}", "[".repeat(70), "]".repeat(70))),
        toml(&format!("a{} = 1", ".a".repeat(100_000))),
        toml(&format!("[a{}]", ".a".repeat(65))),
    ];
    let begun = std::time::Instant::now();
    for source in table {
        assert_eq!(refused(&source).0, DiagnosticCode::TooLarge, "{:.40}", source.text());
    }
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}

#[test]
fn aliases_cannot_blow_a_plan_up() {
    let levels = (1..9).map(|level| {
        let below = vec![format!("*a{}", level - 1); 9].join(",");
        format!("a{level}: &a{level} [{below}]\n")
    });
    let bomb = format!("a0: &a0 [x,x,x,x,x,x,x,x,x]\n{}", levels.collect::<String>());
    let copies = vec!["*s"; 20_000].join(",");
    let heavy = format!("s: &s {}\nl: [{copies}]\n", "x".repeat(100_000));

    for text in [bomb, heavy] {
        let (code, message, _) = refused(&yaml(&text));
        assert_eq!(code, DiagnosticCode::TooLarge, "{message}");
    }
}

#[test]
fn a_large_text_is_refused() {
    let text = format!("a = \"{}\"", "x".repeat(LARGEST));

    assert_eq!(refused(&toml(&text)).0, DiagnosticCode::TooLarge);
}

#[test]
fn dates_are_texts() {
    assert_eq!(
        toml("a = 2026-11-23\n").parse().unwrap().pointer("/a"),
        Some(&Value::from("2026-11-23"))
    );
}

#[test]
fn a_pointer_finds_its_key_and_its_value() {
    let by_toml = toml(
        "\"é\" = \"ü\"\r\n[[phases]]\r\nname = \"a\"\r\n[[phases]]\r\nmix = { x = 1, yy = -2 }\r\nr.from = 3\r\n",
    );
    let by_yaml = yaml(
        "é: \"ü\"\r\nphases:\r\n  - name: a\r\n  - mix: {x: 1, yy: -2}\r\n    r:\r\n      from: 3\r\n",
    );
    let by_json = yaml(
        "{\"é\": \"ü\", \"phases\": [{\"name\": \"a\"}, {\"mix\": {\"x\": 1, \"yy\": -2}, \"r\": {\"from\": 3}}]}",
    );
    for source in [by_toml, by_yaml, by_json] {
        for (pointer, value) in
            [("/é", "\"ü\""), ("/phases/1/mix/yy", "-2"), ("/phases/1/r/from", "3")]
        {
            assert_eq!(at(&source, pointer, Part::Value), value, "{source:?} {pointer}");
        }
        for (pointer, key) in [("/phases/1/mix/yy", "yy"), ("/phases/1/r/from", "from")] {
            let found = at(&source, pointer, Part::Key).trim_matches('"').to_owned();
            assert_eq!(found, key, "{source:?} {pointer}");
        }
    }
}

#[test]
fn what_is_missing_is_looked_for_around_it() {
    assert_eq!(at(&toml("[a]\nb = 1\n"), "/a/c/d", Part::Value), "[a]");
    assert_eq!(at(&yaml("a:\n  b: 1\n"), "/a/c/d", Part::Value), "b");
}

#[test]
fn a_value_behind_an_alias_is_found_where_it_is_written() {
    let source = yaml("x-r: &r {from: 1}\na:\n  r: *r\n");

    assert_eq!(at(&source, "/a/r/from", Part::Value), "1");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic_and_every_place_lies_inside(
        text in "([a-z\\[\\]{}=:\"'.,\\-#&*<| é\u{2028}\n\r\t0-9]{0,60}|.{0,60})",
        is_toml in any::<bool>(),
        pointer in "(/[a-c0-9]{0,2}){0,3}",
    ) {
        let source = if is_toml { toml(&text) } else { yaml(&text) };
        if let Err(diagnostic) = source.parse() {
            let Place::Octets(place) = diagnostic.place else { panic!() };
            prop_assert!(source.text().get(place).is_some());
        }
        for part in [Part::Key, Part::Value] {
            prop_assert!(source.text().get(source.locate(&pointer, part)).is_some());
        }
    }
}
