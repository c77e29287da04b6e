//! The content of a csv or jsonl file → the rows of a feed, or what is wrong, line by line.
//!
//! All mistakes of a file are told at once, up to a few: a file that was cut or has another
//! separator is wrong in each of its lines. A mistake never shows what stands in a row, which may
//! be a password.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;

use super::table::{Fields, Rows, Table};

/// So many mistakes of one file are told.
const MOST: usize = 10;

/// How the rows of a file are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FeedFormat {
    /// Comma-separated values behind a row of names (RFC 4180); all values are texts.
    Csv,
    /// A JSON object in each line.
    Jsonl,
}

impl FeedFormat {
    /// The format that a file's name says by its extension.
    pub fn of_path(path: &str) -> Option<Self> {
        let (_, extension) = path.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            _ => None,
        }
    }
}

/// One mistake in the file of a feed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FeedMistake {
    /// The line, from 1; none where the whole file is meant.
    pub line: Option<u64>,
    /// What is wrong.
    pub kind: FeedMistakeKind,
}

/// What is wrong in the file of a feed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FeedMistakeKind {
    /// There is no row.
    NoRow,
    /// A column without a name.
    NoName {
        /// Its place, from 1.
        column: usize,
    },
    /// A field that stands twice.
    Twice(String),
    /// A row that has another number of fields than the header.
    Count {
        /// In the row.
        got: u64,
        /// In the header.
        expected: u64,
    },
    /// Octets that are no UTF-8.
    NotUtf8,
    /// A line that is no JSON, with the place in it.
    NotJson {
        /// From 1.
        column: usize,
        /// What the parser expected.
        reason: String,
    },
    /// JSON that is no object.
    NoObject,
    /// More octets than one feed may have.
    TooLarge,
    /// So many mistakes more.
    More(usize),
}

impl fmt::Display for FeedMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        match &self.kind {
            FeedMistakeKind::NoRow => f.write_str("it has no row"),
            FeedMistakeKind::NoName { column } => write!(f, "column {column} has no name"),
            FeedMistakeKind::Twice(name) => {
                write!(f, "the field `{}` stands there twice", name.escape_debug())
            }
            FeedMistakeKind::Count { got, expected } => {
                write!(f, "{got} fields, where the first line names {expected}")
            }
            FeedMistakeKind::NotUtf8 => f.write_str("it is not UTF-8"),
            FeedMistakeKind::NotJson { column, reason } => {
                write!(f, "column {column} is no JSON: {reason}")
            }
            FeedMistakeKind::NoObject => f.write_str("it is no JSON object"),
            FeedMistakeKind::TooLarge => f.write_str("its rows are larger than 4GiB"),
            FeedMistakeKind::More(1) => f.write_str("it has one mistake more"),
            FeedMistakeKind::More(count) => write!(f, "it has {count} mistakes more"),
        }
    }
}

/// Reads the rows of a feed; a byte order mark at the beginning is left out.
///
/// # Errors
/// All mistakes of the file, but not more than a few.
pub fn read_feed(content: &[u8], format: FeedFormat) -> Result<Table, Vec<FeedMistake>> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let mut mistakes = Mistakes::default();
    let table = match format {
        FeedFormat::Csv => read_csv(content, &mut mistakes),
        FeedFormat::Jsonl => read_jsonl(content, &mut mistakes),
    };
    if mistakes.list.is_empty() && table.is_empty() {
        mistakes.add(None, FeedMistakeKind::NoRow);
    }
    if mistakes.list.is_empty() { Ok(table) } else { Err(mistakes.told()) }
}

#[derive(Default)]
struct Mistakes {
    list: Vec<FeedMistake>,
    more: usize,
}

impl Mistakes {
    fn add(&mut self, line: Option<u64>, kind: FeedMistakeKind) {
        if self.list.len() < MOST {
            self.list.push(FeedMistake { line, kind });
        } else {
            self.more += 1;
        }
    }

    fn told(mut self) -> Vec<FeedMistake> {
        if self.more > 0 {
            self.list.push(FeedMistake { line: None, kind: FeedMistakeKind::More(self.more) });
        }
        self.list
    }
}

fn read_csv(content: &[u8], mistakes: &mut Mistakes) -> Table {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(content);
    let fields = match reader.headers() {
        Ok(names) => header(names, mistakes),
        Err(error) => {
            mistakes.add_csv(&error);
            return Table::of_texts(Vec::new(), String::new(), Vec::new());
        }
    };
    let expected = fields.len() as u64;
    let (mut text, mut ends) = (String::new(), Vec::new());
    let mut row = csv::StringRecord::new();
    loop {
        match reader.read_record(&mut row) {
            Ok(false) => break,
            Ok(true) if row.len() as u64 == expected => {
                for cell in &row {
                    text.push_str(cell);
                    ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
                }
            }
            Ok(true) => {
                let line = row.position().map(csv::Position::line);
                let got = row.len() as u64;
                mistakes.add(line, FeedMistakeKind::Count { got, expected });
            }
            Err(error) => mistakes.add_csv(&error),
        }
    }
    if u32::try_from(text.len()).is_err() {
        mistakes.add(None, FeedMistakeKind::TooLarge);
    }
    text.shrink_to_fit();
    ends.shrink_to_fit();
    Table::of_texts(fields, text, ends)
}

impl Mistakes {
    /// A slice has no other mistake than octets that are no text: rows of any length are read.
    fn add_csv(&mut self, error: &csv::Error) {
        self.add(error.position().map(csv::Position::line), FeedMistakeKind::NotUtf8);
    }
}

fn header(names: &csv::StringRecord, mistakes: &mut Mistakes) -> Vec<String> {
    let line = names.position().map(csv::Position::line);
    let mut known = BTreeSet::new();
    for (name, column) in names.iter().zip(1..) {
        if name.trim().is_empty() {
            mistakes.add(line, FeedMistakeKind::NoName { column });
        } else if !known.insert(name) {
            mistakes.add(line, FeedMistakeKind::Twice(name.to_owned()));
        }
    }
    names.iter().map(str::to_owned).collect()
}

fn read_jsonl(content: &[u8], mistakes: &mut Mistakes) -> Table {
    let mut rows = Rows::default();
    for (octets, line) in content.split(|octet| *octet == b'\n').zip(1..) {
        if octets.trim_ascii().is_empty() {
            continue;
        }
        match read_object(octets) {
            Ok(fields) => rows.add(&fields),
            Err(kind) => mistakes.add(Some(line), kind),
        }
    }
    rows.into_table()
}

fn read_object(octets: &[u8]) -> Result<Fields, FeedMistakeKind> {
    let text = std::str::from_utf8(octets).map_err(|_| FeedMistakeKind::NotUtf8)?;
    let line: Line = serde_json::from_str(text).map_err(|error| match error.classify() {
        // The words of this one show what stands in the line.
        Category::Data => FeedMistakeKind::NoObject,
        Category::Syntax | Category::Eof | Category::Io => {
            FeedMistakeKind::NotJson { column: error.column(), reason: reason(&error) }
        }
    })?;
    line.twice.map_or(Ok(line.fields), |field| Err(FeedMistakeKind::Twice(field)))
}

/// The parser's words without the place.
fn reason(error: &serde_json::Error) -> String {
    let words = error.to_string();
    words.rsplit_once(" at line ").map_or(words.as_str(), |(reason, _)| reason).to_owned()
}

/// A JSON object, and whether a field stands in it twice.
#[derive(Default)]
struct Line {
    fields: Fields,
    twice: Option<String>,
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(LineVisitor)
    }
}

struct LineVisitor;

impl<'de> Visitor<'de> for LineVisitor {
    type Value = Line;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line, A::Error> {
        let mut line = Line::default();
        while let Some((field, value)) = map.next_entry::<String, serde_json::Value>()? {
            if line.fields.insert(field.clone(), value).is_some() {
                line.twice.get_or_insert(field);
            }
        }
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(content: &[u8], format: FeedFormat) -> Vec<String> {
        let mistakes = read_feed(content, format).unwrap_err();
        mistakes.iter().map(ToString::to_string).collect()
    }

    fn cell(table: &Table, row: usize, field: &str) -> Option<String> {
        table.cell(row, field).map(|value| value.to_string())
    }

    #[test]
    fn the_extension_says_the_format() {
        for (path, format) in [
            ("people.csv", Some(FeedFormat::Csv)),
            ("/a.b/People.CSV", Some(FeedFormat::Csv)),
            ("people.jsonl", Some(FeedFormat::Jsonl)),
            ("people.ndjson", Some(FeedFormat::Jsonl)),
            ("people.txt", None),
            ("people", None),
        ] {
            assert_eq!(FeedFormat::of_path(path), format, "{path}");
        }
    }

    #[test]
    fn a_csv_file_may_quote_its_cells_and_begin_with_a_byte_order_mark() {
        let content = "\u{feff}name,note\r\nAda,\"a, \"\"b\"\"\r\nc\"\r\n\r\nÉva, x \r\n,\r\n";

        let table = read_feed(content.as_bytes(), FeedFormat::Csv).unwrap();

        assert_eq!(table.fields().collect::<Vec<_>>(), ["name", "note"]);
        assert_eq!(table.len(), 3);
        assert_eq!(cell(&table, 0, "note").as_deref(), Some("a, \"b\"\r\nc"));
        assert_eq!(cell(&table, 1, "name").as_deref(), Some("Éva"));
        assert_eq!(cell(&table, 1, "note").as_deref(), Some(" x "));
        assert_eq!(cell(&table, 2, "name").as_deref(), Some(""));
    }

    #[test]
    fn a_jsonl_file_has_an_object_in_each_line() {
        let content = b"\xef\xbb\xbf{\"a\": 1, \"b\": \"x\"}\r\n\n {\"b\": [true]}";

        let table = read_feed(content, FeedFormat::Jsonl).unwrap();

        assert_eq!(table.len(), 2);
        assert_eq!(cell(&table, 0, "a").as_deref(), Some("1"));
        assert_eq!(cell(&table, 1, "a"), None);
        assert_eq!(cell(&table, 1, "b").as_deref(), Some("[True]"));
    }

    #[test]
    fn every_mistake_of_a_csv_file_is_told_with_its_line() {
        for (content, mistakes) in [
            (&b""[..], &["it has no row"][..]),
            (b"a,b\n", &["it has no row"]),
            (
                b"a,,a\n1,2,3\n",
                &["line 1: column 2 has no name", "line 1: the field `a` stands there twice"],
            ),
            (
                b"a,b\n\"x\ny\",2\nsecret\n1,2,3\n1,2\n",
                &[
                    "line 4: 1 fields, where the first line names 2",
                    "line 5: 3 fields, where the first line names 2",
                ],
            ),
            (b"a\n\xff\nb\n", &["line 2: it is not UTF-8"]),
            (b"\xff\nb\n", &["line 1: it is not UTF-8"]),
        ] {
            assert_eq!(told(content, FeedFormat::Csv), mistakes, "{content:?}");
        }
    }

    #[test]
    fn every_mistake_of_a_jsonl_file_is_told_with_its_line() {
        let content = b"{\"a\": 1}\n{\"a\": 1, \"a\": 2}\n\n[\"secret\"]\n\"secret\"\n{\"a\": secret}\n{\"a\"\n{\"a\": \"\xff\"}";

        assert_eq!(
            told(content, FeedFormat::Jsonl),
            [
                "line 2: the field `a` stands there twice",
                "line 4: it is no JSON object",
                "line 5: it is no JSON object",
                "line 6: column 7 is no JSON: expected value",
                "line 7: column 4 is no JSON: EOF while parsing an object",
                "line 8: it is not UTF-8",
            ]
        );
        assert_eq!(told(b"\n\n", FeedFormat::Jsonl), ["it has no row"]);
    }

    #[test]
    fn of_many_mistakes_the_first_are_told_and_the_others_counted() {
        let content = format!("a,b\n{}", "1\n".repeat(50));

        let told = told(content.as_bytes(), FeedFormat::Csv);

        assert_eq!(told.len(), MOST + 1);
        assert_eq!(told.last().map(String::as_str), Some("it has 40 mistakes more"));
    }

    proptest! {
        #[test]
        fn reading_never_panics(content in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_feed(&content, FeedFormat::Csv);
            let _ = read_feed(&content, FeedFormat::Jsonl);
        }

        #[test]
        fn cells_come_back_as_they_were_written(
            cells in proptest::collection::vec(proptest::array::uniform3("[ -~\r\né漢\"]{0,6}"), 1..20)
        ) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            let mut lines = String::new();
            writer.write_record(["a", "b", "c"]).unwrap();
            for row in &cells {
                writer.write_record(row).unwrap();
                let [a, b, c] = row;
                lines.push_str(&serde_json::json!({"a": a, "b": b, "c": c}).to_string());
                lines.push('\n');
            }

            for table in [
                read_feed(&writer.into_inner().unwrap(), FeedFormat::Csv).unwrap(),
                read_feed(lines.as_bytes(), FeedFormat::Jsonl).unwrap(),
            ] {
                prop_assert_eq!(table.len(), cells.len());
                for (at, row) in cells.iter().enumerate() {
                    for (field, text) in ["a", "b", "c"].iter().zip(row) {
                        prop_assert_eq!(cell(&table, at, field), Some(text.clone()));
                    }
                }
            }
        }
    }
}
