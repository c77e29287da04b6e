//! The document's types → the JSON Schema that editors complete and check plans with.
//!
//! schemars knows the types. What it can't know is added here: a `${name}` may stand where a
//! number is wanted, keys that begin with `x-` are the user's own, and there is no null.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::Document;

/// The JSON Schema (draft 2020-12) of a plan.
pub fn plan_schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Document>().to_value();
    adapt(&mut schema);
    schema
}

/// Adapts a schema and all those in it.
fn adapt(schema: &mut Value) {
    match schema {
        Value::Object(table) => {
            table.values_mut().for_each(adapt);
            tidy(table);
            drop_null(table);
            close(table);
            admit_variables(table);
        }
        Value::Array(schemas) => schemas.iter_mut().for_each(adapt),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Leaves out what speaks of Rust, and the line breaks of its comments.
fn tidy(schema: &mut Map<String, Value>) {
    for key in ["default", "format", "writeOnly"] {
        schema.shift_remove(key);
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.replace('\n', " ");
    }
}

/// schemars lets an optional key be null; TOML has no null, and a plan none in YAML.
fn drop_null(schema: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("enum") {
        choices.retain(|choice| !choice.is_null());
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| *choice != json!({ "type": "null" }));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            schema.shift_remove("anyOf");
            for (key, value) in only {
                schema.entry(key).or_insert(value);
            }
        }
    }
}

/// A table with known keys has no others, but for those that begin with `x-`; so have tables of
/// names.
fn close(schema: &mut Map<String, Value>) {
    if schema.get("properties").is_some_and(Value::is_object) {
        schema.insert("additionalProperties".to_owned(), json!(false));
    }
    if schema.contains_key("additionalProperties") {
        schema.insert("patternProperties".to_owned(), json!({ "^x-": true }));
    }
}

/// A number, a truth value or a fixed word may be a variable.
fn admit_variables(schema: &mut Map<String, Value>) {
    let variable = json!({ "type": "string", "pattern": r"\$\{" });
    if let Some(Value::Array(words)) = schema.get_mut("oneOf") {
        words.push(variable);
        return;
    }
    let is_bare = matches!(
        schema.get("type").and_then(Value::as_str),
        Some("integer" | "number" | "boolean")
    );
    if !is_bare {
        return;
    }
    let (docs, bare): (Map<_, _>, Map<_, _>) =
        std::mem::take(schema).into_iter().partition(|(key, _)| key == "description");
    *schema = docs;
    schema.insert("anyOf".to_owned(), json!([bare, variable]));
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::*;

    #[test]
    fn the_committed_schema_is_that_of_the_types() {
        let mut text = serde_json::to_string_pretty(&plan_schema()).unwrap();
        text.push('\n');

        // To update: UPDATE_EXPECT=1 cargo test the_committed_schema
        expect_file!["../../schema/plan.schema.json"].assert_eq(&text);
    }

    #[test]
    fn nothing_in_a_plan_may_be_null() {
        assert!(!plan_schema().to_string().contains("\"null\""));
    }

    #[test]
    fn a_variable_may_stand_for_a_number() {
        let schema = plan_schema();
        let choices = schema.pointer("/properties/seed/anyOf").unwrap();

        assert_eq!(choices[0]["type"], "integer");
        assert_eq!(choices[1]["pattern"], r"\$\{");
    }

    #[test]
    fn what_a_plan_must_have_is_required() {
        let schema = plan_schema();

        assert_eq!(schema["required"], json!(["version", "phases"]));
        assert_eq!(schema.pointer("/$defs/Phase/required"), Some(&json!(["name", "kind"])));
    }
}
