//! Every file of `scenarios/` → whether it passes, in a small part of its time.

use std::collections::BTreeSet;
use std::fs;

use crate::program::{Desk, number, repository};

/// Each scenario with the factor for its times.
macro_rules! scenarios {
    ($($fact:ident: $file:literal in $factor:literal;)*) => {
        const KNOWN: &[&str] = &[$($file),*];
        $(
            #[test]
            fn $fact() {
                passes($file, $factor);
            }
        )*
    };
}

scenarios! {
    auth_failures_passes: "auth-failures.toml" in "0.03";
    capacity_passes: "capacity.toml" in "0.05";
    ci_passes: "ci.toml" in "0.05";
    connection_reuse_passes: "connection-reuse.toml" in "0.05";
    connection_limits_passes: "connection-limits.toml" in "0.3";
    content_filter_passes: "content-filter.toml" in "0.05";
    everyday_mix_passes: "everyday-mix.yaml" in "0.03";
    greylisting_sink_passes: "greylisting-sink.toml" in "0.05";
    malformed_passes: "malformed.toml" in "0.15";
    newsletter_passes: "newsletter.toml" in "0.05";
    open_rate_passes: "open-rate.toml" in "0.02";
    personal_mail_passes: "personal-mail.yaml" in "0.03";
    pipelining_passes: "pipelining.toml" in "0.03";
    production_passes: "production.toml" in "0.05";
    quickstart_passes: "quickstart.toml" in "0.1";
    ramp_to_peak_passes: "ramp-to-peak.toml" in "0.02";
    slow_clients_passes: "slow-clients.toml" in "0.1";
    soak_passes: "soak.toml" in "0.003";
    spikes_passes: "spikes.toml" in "0.02";
    staircase_passes: "staircase.toml" in "0.03";
    tls_against_plain_passes: "tls-against-plain.toml" in "0.05";
    throttling_passes: "throttling.toml" in "0.05";
}

fn passes(file: &str, factor: &str) {
    let desk = Desk::new();
    let path = repository("scenarios").join(file);
    let plan = path.to_str().unwrap();
    // The machine of a test may be busy; that a tester is late is tested elsewhere.
    let limits = ["lag_p99=10s", "cpu=100%"].map(|limit| format!("generator.limits.{limit}"));
    let mut words = vec!["run", plan, "--sink", "--time-scale", factor, "--seed", "42"];
    words.extend(["--out", "out", "--format", "json"]);
    words.extend(limits.iter().flat_map(|limit| ["--set", limit]));

    let summary = desk.mailquake(&words).ended(0);

    assert!(number(&summary, "/all/messages/accepted") > 0, "{summary:#}");
    assert_eq!(summary["verdict"], "pass");
}

fn files() -> BTreeSet<String> {
    let entries = fs::read_dir(repository("scenarios")).unwrap().map(Result::unwrap);
    // Folders hold what plans name.
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    files.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

#[test]
fn every_scenario_is_valid() {
    let folder = repository("scenarios");
    let paths: Vec<String> =
        files().iter().map(|file| folder.join(file).to_str().unwrap().to_owned()).collect();
    let mut words = vec!["validate"];
    words.extend(paths.iter().map(String::as_str));

    let ran = Desk::new().mailquake(&words);

    assert_eq!((ran.code, ran.stdout.lines().count()), (Some(0), paths.len()), "{}", ran.stderr);
}

/// The plans themselves are scenarios, and each of those is run above.
#[test]
fn every_plan_to_start_from_is_valid_where_it_is_written_and_no_file_is_overwritten() {
    let desk = Desk::new();
    let list = desk.mailquake(&["new", "--list"]).stdout;
    let kinds: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(kinds.len() >= 10, "{list}");
    for kind in kinds {
        let file = format!("{kind}.toml");
        assert_eq!(desk.mailquake(&["new", kind, "-o", &file]).code, Some(0), "{kind}");
        let ran = desk.mailquake(&["validate", &file]);
        assert_eq!(ran.code, Some(0), "{kind}: {}", ran.stderr);
        assert!(desk.read(&file).starts_with("#:schema plan.schema.json\n"), "{kind}");
        assert!(desk.mailquake(&["new", kind]).stdout == desk.read(&file), "{kind}");
    }
    desk.write("mine.toml", "mine");
    let refused = desk.mailquake(&["new", "-o", "mine.toml"]);
    assert_eq!((refused.code, desk.read("mine.toml").as_str()), (Some(2), "mine"));
    let near = desk.mailquake(&["new", "spike"]);
    assert!(near.stderr.contains("did you mean `spikes`?"), "{}", near.stderr);
}

#[test]
fn a_new_plan_runs_against_its_own_server_with_profile_and_phase() {
    let desk = Desk::new();
    desk.mailquake(&["new", "ci", "-o", "plan.toml"]);
    let words = "run plan.toml --profile nightly --phase gate --time-scale 0.003 --scale 0.5 --format json --out out --set generator.limits.lag_p99=10s";

    let summary = desk.mailquake(&words.split(' ').collect::<Vec<_>>()).ended(0);

    let phases = summary["phases"].as_array().unwrap();
    assert_eq!((phases.len(), &phases[0]["name"]), (1, &"gate".into()));
    // 300 s and 200/s by the profile, in a small part.
    assert!((40..160).contains(&number(&summary, "/all/messages/planned")), "{summary:#}");
    let again = desk.mailquake(&["preview", "out/plan.toml", "--format", "json"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
}

#[test]
fn every_scenario_has_a_test() {
    assert_eq!(files(), KNOWN.iter().map(|file| (*file).to_owned()).collect());
}
