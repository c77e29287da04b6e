//! The rows of a feed, and one row as templates see it.
//!
//! A feed may have a million rows, so the names of its fields are kept once, texts stand in one
//! buffer one after another, and all workers share them.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, Serde};

/// The fields of one row: values by their names.
pub type Fields = serde_json::Map<String, serde_json::Value>;

/// The rows of a feed; a copy shares them.
#[derive(Clone, Eq, PartialEq)]
pub struct Table(Arc<Content>);

#[derive(Eq, PartialEq)]
struct Content {
    fields: Vec<String>,
    cells: Cells,
    rows: usize,
}

/// What stands in the rows, row by row.
#[derive(Eq, PartialEq)]
enum Cells {
    /// Texts: all of them after one another, and where each ends.
    Texts { text: String, ends: Vec<u32> },
    /// Values of any type; undefined where a row has no such field.
    Values(Vec<Value>),
}

impl Table {
    /// A table of texts: `text` holds all cells, row by row, and `ends` says where each ends.
    /// What is no whole row is left out.
    pub(super) fn of_texts(fields: Vec<String>, text: String, ends: Vec<u32>) -> Self {
        let rows = ends.len().checked_div(fields.len()).unwrap_or_default();
        Self(Arc::new(Content { fields, cells: Cells::Texts { text, ends }, rows }))
    }

    /// A table of rows that may each have other fields.
    pub fn of_rows(rows: &[Fields]) -> Self {
        let mut table = Rows::default();
        for row in rows {
            table.add(row);
        }
        table.into_table()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.0.rows
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.0.rows == 0
    }

    /// The names of all fields, in the order in which they first occur.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.fields.iter().map(String::as_str)
    }

    /// The same rows without a field.
    #[must_use]
    pub fn without(&self, field: &str) -> Self {
        let Some(column) = self.column(field) else { return self.clone() };
        let Content { fields, cells, rows } = &*self.0;
        let kept: Vec<usize> = (0..fields.len()).filter(|at| *at != column).collect();
        let places = (0..*rows).flat_map(|row| kept.iter().map(move |at| row * fields.len() + at));
        let cells = match cells {
            Cells::Values(values) => {
                Cells::Values(places.filter_map(|at| values.get(at).cloned()).collect())
            }
            Cells::Texts { .. } => {
                let (mut text, mut ends) = (String::new(), Vec::new());
                for cell in places.filter_map(|at| self.0.text(at)) {
                    text.push_str(cell);
                    ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
                }
                Cells::Texts { text, ends }
            }
        };
        let fields = kept.iter().filter_map(|at| fields.get(*at).cloned()).collect();
        Self(Arc::new(Content { fields, cells, rows: *rows }))
    }

    /// What stands in a field of a row; none where the row does not have it.
    pub fn cell(&self, row: usize, field: &str) -> Option<Value> {
        self.0.value(row, self.column(field)?)
    }

    /// A row as a value of templates.
    pub(super) fn row(&self, row: usize) -> Option<Value> {
        (row < self.0.rows)
            .then(|| Value::from_object(Row { content: Arc::clone(&self.0), at: row }))
    }

    fn column(&self, field: &str) -> Option<usize> {
        self.0.column(field)
    }
}

/// Says how large it is, and not what stands in it: there may be passwords.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("fields", &self.0.fields)
            .field("rows", &self.0.rows)
            .finish_non_exhaustive()
    }
}

impl Content {
    fn column(&self, field: &str) -> Option<usize> {
        self.fields.iter().position(|name| name == field)
    }

    fn value(&self, row: usize, column: usize) -> Option<Value> {
        let at = row * self.fields.len() + column;
        match &self.cells {
            Cells::Texts { .. } => self.text(at).map(Value::from),
            Cells::Values(values) => values.get(at).filter(|value| !value.is_undefined()).cloned(),
        }
    }

    fn text(&self, at: usize) -> Option<&str> {
        let Cells::Texts { text, ends } = &self.cells else { return None };
        let end = *ends.get(at)?;
        let start = at.checked_sub(1).and_then(|before| ends.get(before)).copied();
        text.get(start.unwrap_or_default() as usize..end as usize)
    }
}

/// A table that is filled row by row.
#[derive(Debug, Default)]
pub(super) struct Rows {
    fields: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl Rows {
    /// Adds a row; fields that no row had before come behind the others.
    pub(super) fn add(&mut self, row: &Fields) {
        let mut cells = vec![Value::UNDEFINED; self.fields.len()];
        for (field, value) in row {
            let value = Value::from(Serde(value));
            let column = self.fields.iter().position(|name| name == field);
            if let Some(cell) = column.and_then(|column| cells.get_mut(column)) {
                *cell = value;
            } else {
                self.fields.push(field.clone());
                cells.push(value);
            }
        }
        cells.shrink_to_fit();
        self.rows.push(cells);
    }

    /// The table of all rows.
    pub(super) fn into_table(self) -> Table {
        let (columns, rows) = (self.fields.len(), self.rows.len());
        let mut cells = Vec::with_capacity(columns * rows);
        for mut row in self.rows {
            row.resize(columns, Value::UNDEFINED);
            cells.append(&mut row);
        }
        Table(Arc::new(Content { fields: self.fields, cells: Cells::Values(cells), rows }))
    }
}

/// One row as templates see it.
#[derive(Debug)]
struct Row {
    content: Arc<Content>,
    at: usize,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content").field("fields", &self.fields).finish_non_exhaustive()
    }
}

impl Object for Row {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.content.value(self.at, self.content.column(key)?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let fields = self.content.fields.iter().zip(0..);
        let known = fields.filter(|(_, column)| self.content.value(self.at, *column).is_some());
        Enumerator::Values(known.map(|(field, _)| Value::from(field.as_str())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: &serde_json::Value) -> Fields {
        json.as_object().unwrap().clone()
    }

    fn text(table: &Table, row: usize, field: &str) -> Option<String> {
        table.cell(row, field).map(|value| value.to_string())
    }

    #[test]
    fn a_row_has_the_fields_that_it_was_written_with_and_no_others() {
        let table = Table::of_rows(&[
            fields(&serde_json::json!({"name": "Ada", "n": 1})),
            fields(&serde_json::json!({"n": null, "tags": ["a", "b"]})),
        ]);

        assert_eq!(table.fields().collect::<Vec<_>>(), ["name", "n", "tags"]);
        assert_eq!(text(&table, 0, "name").as_deref(), Some("Ada"));
        assert_eq!(table.cell(0, "n"), Some(Value::from(1)));
        assert_eq!(table.cell(0, "tags"), None);
        assert_eq!(table.cell(1, "name"), None);
        assert_eq!(table.cell(1, "n"), Some(Value::from(())));
        assert_eq!(text(&table, 1, "tags").as_deref(), Some("['a', 'b']"));
        assert_eq!(table.cell(2, "n"), None);
    }

    #[test]
    fn a_field_can_be_left_out_of_all_rows() {
        let texts = Table::of_texts(
            ["user", "password", "name"].map(str::to_owned).into(),
            "uspsnuups2n2".to_owned(),
            vec![1, 4, 6, 7, 10, 12],
        );
        let values = Table::of_rows(&[
            fields(&serde_json::json!({"user": "u", "password": "sps"})),
            fields(&serde_json::json!({"password": "x", "user": "v"})),
        ]);

        for table in [texts, values] {
            let less = table.without("password");
            assert_eq!(less.len(), 2);
            assert_eq!(less.cell(0, "password"), None);
            for row in 0..2 {
                for field in less.fields() {
                    assert_eq!(text(&less, row, field), text(&table, row, field), "{field}");
                }
            }
            assert!(!format!("{less:?}").contains("sps"));
        }
    }

    #[test]
    fn a_row_can_be_gone_through() {
        let table = Table::of_rows(&[
            fields(&serde_json::json!({"a": 1})),
            fields(&serde_json::json!({"b": 2, "c": "x"})),
        ]);
        let environment = minijinja::Environment::new();
        let text =
            "{% for key, value in row|items %}{{ key }}={{ value }} {% endfor %}{{ row|length }}";

        let row = minijinja::context! { row => table.row(1) };

        assert_eq!(environment.render_str(text, row).unwrap(), "b=2 c=x 2");
    }
}
