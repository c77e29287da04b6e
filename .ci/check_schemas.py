"""Checks every plan of `scenarios/` and a summary against the schemas of `schema/`.

A schema that accepted anything would pass too, so each must also refuse a broken copy.
"""

import json
import pathlib
import sys
import tomllib

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent


def validator(name):
    schema = json.loads((ROOT / "schema" / name).read_text(encoding="utf-8"))
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    kind.check_schema(schema)
    return kind(schema)


def load(path):
    text = path.read_text(encoding="utf-8")
    return tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)


def check(checker, document, name):
    """How many mistakes the schema finds; each is printed."""
    errors = list(checker.iter_errors(document))
    for error in errors:
        print(f"{name}: {error.json_path}: {error.message}")
    if checker.is_valid({**document, "no-such-key": 1, "version": None, "schema_version": None}):
        print(f"{name}: the schema accepts a broken copy")
        return len(errors) + 1
    return len(errors)


def main():
    plans = sorted(
        path
        for path in (ROOT / "scenarios").iterdir()
        if path.suffix in {".toml", ".yaml", ".yml"}
    )
    if not plans:
        sys.exit("no scenarios")
    plan_schema = validator("plan.schema.json")
    wrong = sum(check(plan_schema, load(path), path.name) for path in plans)
    summary_schema = validator("summary.schema.json")
    for name in sys.argv[1:]:
        summary = json.loads(pathlib.Path(name).read_text(encoding="utf-8"))
        wrong += check(summary_schema, summary, name)
    print(f"{len(plans)} plans and {len(sys.argv) - 1} summaries: {wrong} mistakes")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
