//! The types of `summary.json` → its JSON Schema, which is kept as `schema/summary.schema.json`.

use super::Summary;

/// The JSON Schema of `summary.json`, indented, with a line end.
pub fn summary_schema() -> String {
    let schema = schemars::schema_for!(Summary);
    // The alternate form of a JSON value is the indented one.
    format!("{:#}\n", schema.to_value())
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::*;

    #[test]
    fn the_schema_in_the_repository_is_that_of_the_types() {
        let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/summary.schema.json");

        expect_file![kept].assert_eq(&summary_schema());
    }
}
