//! Plans of several files, loaded.

use std::fs;

use serde_json::json;

use crate::plan::{
    DiagnosticCode, Environment, Format, Loaded, Look, Overrides, PlanErrors, Source, Surroundings,
    load,
};

const PLAN: &str = r#"
version = 1
[clients.app]
messages = "note"
[messages.note]
from = "a@load.test"
to = "b@example.test"
text = "x"
[[phases]]
name = "one"
kind = "steady"
rate = "5/s"
duration = "1s"
"#;

struct Desk(tempfile::TempDir);

impl Desk {
    fn with(files: &[(&str, &str)]) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            let path = desk.0.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        desk
    }

    fn load(&self, name: &str, overrides: &Overrides) -> Result<Loaded, PlanErrors> {
        let text = fs::read_to_string(self.0.path().join(name)).unwrap();
        let surroundings = Surroundings {
            host: "h.test".to_owned(),
            seed: 1,
            folder: self.0.path().to_owned(),
            environment: Environment::default(),
        };
        load(&Source::new(name, text, Format::of_file(name)), overrides, &surroundings)
    }

    fn loaded(&self, name: &str) -> Loaded {
        self.load(name, &Overrides::default())
            .unwrap_or_else(|errors| panic!("{}", errors.render(Look::Plain)))
    }

    fn refused(&self, name: &str) -> String {
        self.load(name, &Overrides::default()).unwrap_err().render(Look::Plain)
    }
}

#[test]
fn the_including_file_wins_and_formats_mix() {
    let desk = Desk::with(&[
        ("common.toml", PLAN),
        ("more.yaml", "seed: 5\nlabels: { team: mail, tier: b }\n"),
        (
            "plan.yaml",
            "include: [common.toml, more.yaml]\nlabels: { tier: a }\nphases:\n- name: one\n  duration: 3s\n- { name: two, kind: pause, duration: 1s }\n",
        ),
    ]);

    let tree = desk.loaded("plan.yaml").document.to_tree();

    assert_eq!(tree["labels"], json!({ "team": "mail", "tier": "a" }));
    assert_eq!(tree["seed"], 5);
    assert_eq!(tree["phases"][0]["duration"], "3s");
    assert_eq!(tree["phases"][0]["rate"], "5/s");
    assert_eq!(tree["phases"][1]["name"], "two");
}

#[test]
fn a_mistake_in_an_included_file_is_shown_there() {
    let desk = Desk::with(&[
        ("parts/base.toml", PLAN),
        ("parts/bad.toml", "[clients.app]\nthink = 5\nmesages = \"x\"\n"),
        ("plan.toml", "include = [\"parts/base.toml\", \"parts/bad.toml\"]\nnaem = \"x\"\n"),
    ]);

    let text = desk.refused("plan.toml");

    for part in [
        "--> parts/bad.toml:2:9",
        "think = 5",
        "--> parts/bad.toml:3:1",
        "used by `/include/1` (plan.toml:1)",
        "--> plan.toml:2:1",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn what_is_missing_in_a_merged_phase_is_told_where_the_plan_has_it() {
    let desk = Desk::with(&[
        ("base.toml", &PLAN.replace("duration = \"1s\"", "")),
        (
            "plan.toml",
            "include = [\"base.toml\"]\n[[phases]]\nname = \"zero\"\nkind = \"pause\"\nduration = \"1s\"\n\n[[phases]]\nname = \"one\"\nrate = \"7/s\"\n",
        ),
    ]);

    let text = desk.refused("plan.toml");

    assert!(text.contains("missing key `duration`"), "{text}");
    assert!(text.contains("--> plan.toml:7:"), "{text}");
}

#[test]
fn files_that_cannot_be_read_and_circles_are_told() {
    let desk = Desk::with(&[
        ("a.toml", "include = [\"b.toml\"]\n"),
        ("b.toml", "include = [\"a.toml\"]\n"),
        ("gone.toml", "include = [\"nowhere.toml\", 5]\n"),
        ("broken.toml", "include = [\"open.toml\"]\n"),
        ("open.toml", "x = [\n"),
    ]);

    assert!(desk.refused("a.toml").contains("E023"), "{}", desk.refused("a.toml"));
    let gone = desk.refused("gone.toml");
    assert!(gone.contains("cannot read `nowhere.toml`") && gone.contains("E011"), "{gone}");
    let broken = desk.refused("broken.toml");
    assert!(broken.contains("E001") && broken.contains("--> open.toml:"), "{broken}");
}

#[test]
fn files_include_each_other_at_most_eight_deep() {
    let chain = |length: usize| {
        let names: Vec<String> = (0..=length).map(|n| format!("{n}.toml")).collect();
        let texts: Vec<String> =
            (1..=length).map(|n| format!("include = [\"{n}.toml\"]\n")).collect();
        let links = names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_str()));
        let last = (names[length].as_str(), PLAN);
        Desk::with(&links.chain([last]).collect::<Vec<_>>())
    };

    assert_eq!(chain(8).loaded("0.toml").plan.phases.len(), 1);
    assert!(chain(9).refused("0.toml").contains("E003"));
}

#[test]
fn relative_paths_are_relative_to_the_file_they_stand_in() {
    let forms = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/forms");
    let whole = fs::read_to_string(format!("{forms}/plan.toml")).unwrap();
    let around = |folder: &str| Surroundings {
        host: "h.test".to_owned(),
        seed: 1,
        folder: folder.into(),
        environment: Environment::default(),
    };
    let direct = Source::new("forms/plan.toml", whole, Format::Toml);
    let by_name = Source::new("up.toml", "include = [\"forms/plan.toml\"]", Format::Toml);

    let direct = load(&direct, &Overrides::default(), &around(forms)).unwrap();
    let above = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    let included = load(&by_name, &Overrides::default(), &around(above))
        .unwrap_or_else(|errors| panic!("{}", errors.render(Look::Plain)));

    let named = |loaded: &Loaded| {
        let mut tree = loaded.document.to_tree();
        tree["name"] = json!("same");
        tree
    };
    assert_eq!(named(&included), named(&direct));
}

#[test]
fn a_profile_changes_the_plan_and_one_that_is_not_chosen_is_still_checked() {
    let text = format!(
        "{PLAN}[profiles.ci.vars]\n[[profiles.ci.phases]]\nname = \"one\"\nduration = \"9s\"\n"
    );
    let wrong = format!("{text}[profiles.night]\nseed = \"x\"\nname = \"${{only_then}}\"\n");
    let desk = Desk::with(&[("plan.toml", &text), ("wrong.toml", &wrong)]);
    let ci = Overrides { profile: Some("ci".to_owned()), ..Overrides::default() };

    let chosen = desk.load("plan.toml", &ci).unwrap().document.to_tree();
    let refused = desk.load("wrong.toml", &ci).unwrap_err();

    assert_eq!(chosen["phases"][0]["duration"], "9s");
    assert_eq!(chosen.get("profiles"), None);
    assert_eq!(desk.loaded("plan.toml").document.to_tree()["phases"][0]["duration"], "1s");
    let codes: Vec<DiagnosticCode> = refused.diagnostics().iter().map(|error| error.code).collect();
    assert_eq!(codes, [DiagnosticCode::WrongType], "{}", refused.render(Look::Plain));
    assert!(refused.render(Look::Plain).contains("seed = \"x\""));
}

#[test]
fn with_some_phases_a_mistake_is_still_shown_at_its_line() {
    let text = format!(
        "{PLAN}[[phases]]\nname = \"two\"\nkind = \"steady\"\nrate = \"5\"\nduration = \"1s\"\n"
    );
    let desk = Desk::with(&[("plan.toml", &text)]);
    let only = |name: &str| Overrides { phases: vec![name.to_owned()], ..Overrides::default() };

    let refused = desk.load("plan.toml", &only("two")).unwrap_err().render(Look::Plain);
    let fine = desk.load("plan.toml", &only("one")).unwrap();

    assert!(refused.contains("rate = \"5\""), "{refused}");
    assert_eq!(fine.plan.phases.len(), 1);
    let again = Source::new("plan.toml", fine.plan_toml(), Format::Toml);
    assert!(again.text().contains("one") && !again.text().contains("two"));
}

#[test]
fn the_key_by_which_editors_know_a_json_file_is_passed_over() {
    let desk =
        Desk::with(&[("plan.yaml", "$schema: x\ninclude: [base.toml]\n"), ("base.toml", PLAN)]);

    let loaded = desk.loaded("plan.yaml");

    assert!(!loaded.plan_toml().contains("schema"));
}
