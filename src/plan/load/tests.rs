//! Plans that are loaded: defaults, the way back to TOML, hashes, and ten planted mistakes.

use std::time::Duration;

use expect_test::expect_file;
use proptest::prelude::*;

use serde_json::json;

use super::*;
use crate::plan::{
    Begin, ClientId, Curve, Destination, DiagnosticCode, Endpoint, Format, Load, Look, MessageId,
    PhaseId, Place, PlannedThresholds, SinkRole, TargetAddress,
};

use crate::smtp::{Protocol, TlsMode};

const WHOLE: &str = include_str!("../../../tests/golden/plan/whole.toml");

fn surroundings() -> Surroundings {
    Surroundings {
        host: "load.host.test".to_owned(),
        seed: u64::MAX,
        folder: "/plans".into(),
        environment: Environment::default(),
    }
}

fn toml(text: &str) -> Source {
    Source::new("plan.toml", text, Format::Toml)
}

fn loaded(text: &str, overrides: &Overrides) -> Loaded {
    match load(&toml(text), overrides, &surroundings()) {
        Ok(loaded) => loaded,
        Err(errors) => panic!("{}", errors.render(Look::Plain)),
    }
}

fn plan(text: &str) -> Plan {
    loaded(text, &Overrides::default()).plan
}

/// Code and pointer or flag of each mistake.
fn mistakes(source: &Source, overrides: &Overrides) -> Vec<String> {
    let errors = load(source, overrides, &surroundings()).unwrap_err();
    let mistakes = errors.diagnostics().iter().map(|error| match &error.place {
        Place::Plan(pointer, _) => format!("{} {pointer}", error.code),
        Place::Flag(flag) => format!("{} {flag}", error.code),
        Place::Octets(place) => format!("{} {place:?}", error.code),
        Place::File { file, pointer, .. } => format!("{} {} {pointer}", error.code, file.path),
    });
    mistakes.collect()
}

fn lines_and_columns(errors: &PlanErrors) -> Vec<(u64, u64)> {
    let json = errors.to_json();
    let entries = json.as_array().unwrap().iter();
    entries
        .map(|entry| (entry["line"].as_u64().unwrap(), entry["column"].as_u64().unwrap()))
        .collect()
}

/// The place of the comment `# N:` behind each mistake's line tells where it belongs.
fn marked_lines(text: &str) -> Vec<u64> {
    let lines = (1..).zip(text.lines());
    lines.filter(|(_, line)| line.contains(": ") && line.contains("  # ")).map(|(n, _)| n).collect()
}

#[test]
fn ten_mistakes_are_ten_messages_in_both_formats() {
    let toml = toml_golden();
    let yaml = Source::new(
        "ten-mistakes.yaml",
        include_str!("../../../tests/golden/plan/ten-mistakes.yaml"),
        Format::Yaml,
    );
    let by_toml = load(&toml, &Overrides::default(), &surroundings()).unwrap_err();
    let by_yaml = load(&yaml, &Overrides::default(), &surroundings()).unwrap_err();

    expect_file!["../../../tests/golden/plan/ten-mistakes.toml.txt"]
        .assert_eq(&by_toml.render(Look::Plain));
    expect_file!["../../../tests/golden/plan/ten-mistakes.yaml.txt"]
        .assert_eq(&by_yaml.render(Look::Plain));
    let messages = |errors: &PlanErrors| {
        let told = errors.diagnostics().iter();
        told.map(|error| (error.code, error.message.clone(), error.help.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(by_toml.diagnostics().len(), 10);
    assert_eq!(messages(&by_toml), messages(&by_yaml));
    for (source, errors) in [(&toml, &by_toml), (&yaml, &by_yaml)] {
        let lines: Vec<u64> = lines_and_columns(errors).iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, marked_lines(source.text()), "{}", source.name());
    }
}

fn toml_golden() -> Source {
    Source::new(
        "ten-mistakes.toml",
        include_str!("../../../tests/golden/plan/ten-mistakes.toml"),
        Format::Toml,
    )
}

#[test]
fn the_mistakes_of_a_plan_as_json() {
    let errors = load(&toml_golden(), &Overrides::default(), &surroundings()).unwrap_err();

    assert_eq!(
        errors.to_json()[0],
        json!({
            "code": "E012", "file": "ten-mistakes.toml", "line": 8, "column": 11,
            "pointer": "/target/address",
            "message": "`99999` is not a port; expected a number from 1 to 65535",
        })
    );
    assert_eq!(errors.to_string(), "10 mistakes in the plan `ten-mistakes.toml`");
}

#[test]
fn a_mistake_in_a_flag_names_the_flag() {
    let overrides = Overrides {
        sets: vec![("phases.a.duration".to_owned(), "5".to_owned())],
        ..Overrides::default()
    };
    let errors = load(&toml(SMALL), &overrides, &surroundings()).unwrap_err();

    expect_test::expect![[r"
        error[E012]: `5` has no unit; write `5s`, `5ms` or `5m`
         |
         = note: in `--set phases.a.duration=5`"]]
    .assert_eq(&errors.render(Look::Plain));
}

#[test]
fn of_many_mistakes_the_first_hundred_are_shown() {
    let phases = "[[phases]]\nname = \"a b\"\nkind = \"steady\"\nconnections = 1\nduration = 5\n";
    let text = format!("version = 1\n{}", phases.repeat(60));
    let errors = load(&toml(&text), &Overrides::default(), &surroundings()).unwrap_err();
    let rendered = errors.render(Look::Plain);

    let more = errors.diagnostics().len() - 100;
    assert!(rendered.ends_with(&format!("\n\nand {more} more")), "{rendered}");
    assert_eq!(rendered.matches("error[").count(), 100);
}

const SMALL: &str = r#"
version = 1
[[phases]]
name = "a"
kind = "steady"
connections = 5
duration = "10s"
"#;

#[test]
fn a_small_plan_sends_one_message_of_its_own_to_the_sink() {
    let plan = plan(SMALL);

    assert_eq!(plan.name, "plan");
    assert_eq!(plan.seed, u64::MAX >> 1);
    assert_eq!(plan.sink.role, SinkRole::Target);
    assert_eq!(plan.targets.len(), 1);
    assert_eq!(
        (plan.targets[0].name.as_str(), &plan.targets[0].endpoint),
        ("default", &Endpoint::Sink)
    );
    assert_eq!(plan.targets[0].timeouts.reply, Duration::from_secs(30));
    assert_eq!(plan.clients[0].name, "default");
    assert_eq!(plan.clients[0].ehlo.as_str(), "load.host.test");
    assert_eq!(plan.messages[0].from, "sender@load.test");
    assert_eq!(plan.messages[0].size, Some(crate::message::SizeSpec::Fixed(1024)));
    assert_eq!(plan.phases[0].mix.choices, [(ClientId(0), 1.0)]);
    assert_eq!(plan.phases[0].drain, Duration::from_mins(2));
    assert_eq!(plan.phases[0].thresholds, []);
    assert_eq!(plan.thresholds[0].text, "message.errors < 1%");
}

#[test]
fn the_whole_plan_of_the_language_loads() {
    let plan = plan(WHOLE);

    let phases: Vec<_> =
        plan.phases.iter().map(|phase| (phase.name.as_str(), phase.begin)).collect();
    let after = |line| Begin::After(PhaseId(line));
    assert_eq!(
        phases,
        [
            ("warm-up", Begin::Start),
            ("soak", after(0)),
            ("idlers", Begin::With(PhaseId(1), Duration::from_mins(2))),
            ("spikes", after(1)),
            ("rest", after(3)),
            ("stairs/1/1", after(4)),
            ("stairs/1/2", after(5)),
            ("stairs/1/3", after(6)),
            ("stairs/2/1", after(7)),
            ("stairs/2/2", after(8)),
            ("stairs/2/3", after(9)),
            ("down", after(10)),
        ]
    );
    assert_eq!(plan.phases[4].mix, plan.phases[3].mix, "a pause keeps the connections open");
    let Load::Open { rate, .. } = plan.phases[11].load else {
        panic!("{:?}", plan.phases[11].load)
    };
    assert_eq!(rate, Curve::Linear { from: 300.0, to: 0.0 }, "a ramp begins where the last ended");
    assert_eq!(plan.clients[1].messages.choices, [(MessageId(0), 3.0), (MessageId(1), 1.0)]);
    assert_eq!(plan.sink.role, SinkRole::NextHop);
    assert_eq!(plan.sink.replies[0].1[0].0.text, "4.7.1 greylisted");
    let crate::message::Form::Composed(crate::message::Parts { headers, text, .. }) =
        &plan.messages[0].form
    else {
        panic!("{:?}", plan.messages[0].form)
    };
    assert_eq!(headers.len(), 2, "the name of a header may begin with x-");
    let Some(crate::message::Template::Inline(text)) = text else { panic!("{text:?}") };
    assert!(text.contains("costs $5"), "{text}");
}

#[test]
fn the_plan_in_force_reads_back_to_the_same_plan() {
    let scaled = Overrides { scale: Some(0.3), time_scale: Some(0.7), ..Overrides::default() };
    let dropped = Overrides { planned_thresholds: PlannedThresholds::Drop, ..Overrides::default() };
    let to_sink = Overrides { destination: Destination::Sink, ..Overrides::default() };
    for text in [WHOLE, SMALL] {
        for overrides in [&Overrides::default(), &scaled, &dropped, &to_sink] {
            let first = loaded(text, overrides);
            let second = loaded(&first.plan_toml(), &Overrides::default());

            assert_eq!(first.plan, second.plan.clone(), "{}", first.plan_toml());
            assert_eq!(first.hash(), second.hash());
        }
    }
}

#[test]
fn the_hash_tells_plans_apart_but_not_where_they_are_run() {
    let elsewhere = Overrides {
        destination: Destination::Targets(vec![TargetAddress {
            name: None,
            address: "127.0.0.1:2526".to_owned(),
        }]),
        seed: Some(7),
        ..Overrides::default()
    };
    let faster = Overrides { scale: Some(2.0), ..Overrides::default() };
    let hash = loaded(SMALL, &Overrides::default()).hash();

    assert!(hash.starts_with("sha256:") && hash.len() == 71, "{hash}");
    assert_eq!(loaded(SMALL, &elsewhere).hash(), hash);
    assert_ne!(loaded(SMALL, &faster).hash(), hash);
}

#[test]
fn the_hash_does_not_tell_where_a_plan_is_kept() {
    let root = crate::plan::certificates::Authority::new();
    let tls = "mix = \"a\"\n[clients.a]\ntls = { mode = \"implicit\", ca = \"ca.pem\" }\n";
    let hashed = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), &root.pem).unwrap();
        let around = Surroundings { folder: folder.path().to_owned(), ..surroundings() };
        load(&toml(text), &Overrides::default(), &around).unwrap().hash()
    };
    let text = format!("{SMALL}{tls}");

    assert_eq!(hashed(&text), hashed(&text));
    assert_ne!(hashed(&text), hashed(&text.replace(", ca = \"ca.pem\"", "")));
}

#[test]
fn a_target_address_turns_the_sink_off() {
    let overrides = Overrides {
        destination: Destination::Targets(vec![TargetAddress {
            name: None,
            address: "127.0.0.1:2526".to_owned(),
        }]),
        ..Overrides::default()
    };
    let plan = loaded(SMALL, &overrides).plan;

    assert_eq!(plan.sink.role, SinkRole::Off);
    assert!(matches!(plan.targets[0].endpoint, Endpoint::One(_)));
}

#[test]
fn each_part_that_is_not_built_yet_is_refused() {
    let table = [("[sink]\ngreylist = {}\n", "E015 /sink/greylist")];
    for (text, mistake) in table {
        // What is added stands at the root.
        let text = format!("{text}{}", SMALL.replace("version = 1", "")).replace("\n\n[[", "\n[[");
        let text = format!("version = 1\n{text}");
        assert_eq!(mistakes(&toml(&text), &Overrides::default()), [mistake], "{text}");
    }
}

#[test]
fn an_inherited_mistake_is_told_once_where_it_is_written() {
    let text = format!(
        "{SMALL}mix = \"a\"\n[clients.a]\npipelining = \"fulll\"\n[clients.b]\nextends = \"a\"\n"
    );

    assert_eq!(mistakes(&toml(&text), &Overrides::default()), ["E012 /clients/a/pipelining"]);
}

#[test]
fn what_only_follows_from_a_mistake_is_not_told() {
    let table = [
        (SMALL.replace("duration", "duratoin"), "E010 /phases/0/duratoin"),
        (SMALL.replace("\"10s\"", "10"), "E012 /phases/0/duration"),
        (SMALL.replace("\"steady\"", "\"stedy\""), "E012 /phases/0/kind"),
        (SMALL.replace("= 5", "= \"many\""), "E011 /phases/0/connections"),
        (format!("{SMALL}mix = \"a\"\n[clients]\na = 5\n"), "E011 /clients/a"),
    ];
    for (text, mistake) in table {
        assert_eq!(mistakes(&toml(&text), &Overrides::default()), [mistake], "{text}");
    }
}

#[test]
fn a_plan_of_nothing_but_mistakes_is_refused_in_time() {
    let text = format!("version = 1\n{}", "[[phases]]\nx = 1\n".repeat(20_000));
    let begun = std::time::Instant::now();

    let errors = load(&toml(&text), &Overrides::default(), &surroundings()).unwrap_err();

    assert!(errors.diagnostics().len() >= 1000);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn a_plan_that_is_no_table_is_refused() {
    let yaml = |text: &str| Source::new("plan.yaml", text, Format::Yaml);

    for text in ["- a\n", "5\n"] {
        let errors = load(&yaml(text), &Overrides::default(), &surroundings()).unwrap_err();
        assert_eq!(errors.diagnostics()[0].code, DiagnosticCode::WrongType, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn no_change_of_a_plan_makes_the_loader_panic(
        at in 0..WHOLE.len(),
        length in 0_usize..20,
        put in "([a-z\\[\\]{}=:\"'.,#&*$ é\n0-9-]{0,6}|true|-1|\"\"|\\[\\]|\\{\\})",
        is_toml in any::<bool>(),
    ) {
        let (name, format, whole) = if is_toml {
            ("plan.toml", Format::Toml, WHOLE.to_owned())
        } else {
            let tree = toml(WHOLE).parse().unwrap();
            ("plan.yaml", Format::Yaml, serde_yaml::to_string(&tree).unwrap())
        };
        let start = whole.floor_char_boundary(at);
        let end = whole.ceil_char_boundary((at + length).min(whole.len())).max(start);
        let mut text = whole;
        text.replace_range(start..end, &put);
        let source = Source::new(name, text, format);
        if let Err(errors) = load(&source, &Overrides::default(), &surroundings()) {
            prop_assert!(!errors.diagnostics().is_empty());
            prop_assert!(!errors.render(Look::Plain).is_empty());
            for error in errors.diagnostics() {
                if let Place::Plan(pointer, part) = &error.place {
                    prop_assert!(source.text().get(source.locate(pointer, *part)).is_some());
                }
            }
        }
    }
}

#[test]
fn the_embedded_sink_encrypts_as_its_clients_ask_for() {
    let mode = |clients: &str| {
        let text = format!("{SMALL}mix = \"a\"\n{clients}");
        loaded(&text, &Overrides::default()).plan.sink.tls.map(|tls| tls.mode)
    };

    assert_eq!(mode("[clients.a]\n"), None);
    assert_eq!(mode("[clients.a]\ntls = \"starttls\"\n"), Some(TlsMode::Starttls));
    assert_eq!(mode("[clients.a]\ntls = { mode = \"implicit\" }\n"), Some(TlsMode::Implicit));
    let beside = "[clients.a]\n[clients.b]\ntls = \"starttls\"\n";
    assert_eq!(mode(beside), Some(TlsMode::Starttls));
    let elsewhere = "[clients.a]\n[clients.b]\ntarget = \"x\"\ntls = \"starttls\"\n\
                     [targets.x]\naddress = \"127.0.0.1:25\"\n";
    assert_eq!(mode(elsewhere), None);
}

#[test]
fn clients_that_could_not_speak_with_the_embedded_sink_are_told() {
    let table = [
        ("none", "tls = \"starttls\"", "E014 /clients/a/tls"),
        ("none", "tls = \"implicit\"", "E014 /clients/a/tls"),
        ("starttls", "tls = \"implicit\"", "E014 /clients/a/tls"),
        ("implicit", "tls = \"starttls\"", "E014 /clients/a/tls"),
        ("implicit", "tls = \"none\"", "E014 /clients/a/tls"),
    ];
    for (sink, client, mistake) in table {
        let text = format!("{SMALL}mix = \"a\"\n[clients.a]\n{client}\n[sink]\ntls = \"{sink}\"\n");
        assert_eq!(mistakes(&toml(&text), &Overrides::default()), [mistake], "{sink}, {client}");
    }
}

#[test]
fn the_embedded_sink_and_its_targets_speak_the_same() {
    let protocols = |text: &str| {
        let plan = loaded(&format!("{SMALL}{text}"), &Overrides::default()).plan;
        (plan.sink.protocol, plan.targets[0].protocol)
    };
    let (smtp, lmtp) = (Protocol::Smtp, Protocol::Lmtp);

    assert_eq!(protocols(""), (smtp, smtp));
    assert_eq!(protocols("[target]\nprotocol = \"lmtp\"\n"), (lmtp, lmtp));
    assert_eq!(protocols("[sink]\nprotocol = \"lmtp\"\n"), (lmtp, lmtp));
    let next_hop = "[target]\naddress = \"127.0.0.1:25\"\n[sink]\nrole = \"next_hop\"\n\
                    protocol = \"lmtp\"\n";
    assert_eq!(protocols(next_hop), (lmtp, smtp));
    let both = format!("{SMALL}[target]\nprotocol = \"lmtp\"\n[sink]\nprotocol = \"smtp\"\n");
    assert_eq!(mistakes(&toml(&both), &Overrides::default()), ["E014 /sink/protocol"]);
}

#[test]
fn the_limits_of_the_embedded_sink_are_above_zero() {
    for (limits, mistake) in [
        ("connections = 0", "E012 /sink/limits/connections"),
        ("connections_per_address = 0", "E012 /sink/limits/connections_per_address"),
        ("messages_per_connection = 0", "E012 /sink/limits/messages_per_connection"),
        ("rate = \"0/s\"", "E012 /sink/limits/rate"),
        ("rate = 5", "E012 /sink/limits/rate"),
    ] {
        let text = format!("{SMALL}[sink]\nlimits = {{ {limits} }}\n");
        assert_eq!(mistakes(&toml(&text), &Overrides::default()), [mistake], "{limits}");
    }
}

#[test]
fn the_embedded_sink_reads_headers_and_xclient_where_its_clients_send_them() {
    let head = format!("{SMALL}mix = \"a\"\n[clients.a]\n");
    let sender = format!("{head}proxy = \"v1\"\nxclient = {{ port = 5 }}\n");
    let sink = loaded(&sender, &Overrides::default()).plan.sink;
    assert!(sink.proxy && sink.xclient);
    for (text, mistake) in [
        (format!("{sender}[sink]\nproxy = false\n"), "E014 /clients/a/proxy"),
        (format!("{head}[sink]\nproxy = true\n"), "E014 /clients/a/proxy"),
        (format!("{sender}[sink]\nxclient = false\n"), "E014 /clients/a/xclient"),
    ] {
        assert_eq!(mistakes(&toml(&text), &Overrides::default()), [mistake], "{text}");
    }
}

#[test]
fn a_mistake_in_an_included_file_is_shown_in_that_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/plan");
    for (extension, format) in [("toml", Format::Toml), ("yaml", Format::Yaml)] {
        let name = format!("templates.{extension}");
        let text = std::fs::read_to_string(folder.join(&name)).unwrap();
        let source = Source::new(format!("plans/{name}"), text, format);
        let surroundings = Surroundings { folder: folder.clone(), ..surroundings() };

        let errors = load(&source, &Overrides::default(), &surroundings).unwrap_err();

        let json = serde_json::to_string_pretty(&errors.to_json()).unwrap();
        let told = format!("{}\n\n{json}\n", errors.render(Look::Plain));
        assert!(!told.contains("in-the-plan"), "{told}");
        expect_file![folder.join(format!("{name}.txt"))].assert_eq(&told);
    }
}

#[test]
fn what_stands_in_template_files_is_part_of_the_fingerprint_and_where_they_are_is_not() {
    let hash = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("m.j2"), "{% include 'n.j2' %}").unwrap();
        std::fs::write(folder.path().join("n.j2"), text).unwrap();
        let plan = "version = 1\nseed = 1\n[messages.m]\ntemplate = \"m.j2\"\n\
            [[phases]]\nname = \"p\"\nkind = \"steady\"\nconnections = 1\nduration = \"1s\"\n";
        let folder = folder.path().to_owned();
        let surroundings = Surroundings { folder: folder.clone(), ..surroundings() };
        let source = Source::new("p.toml", plan, Format::Toml);
        let loaded = load(&source, &Overrides::default(), &surroundings).unwrap();
        assert!(loaded.plan_toml().contains(&format!("{}/m.j2", folder.display())));
        loaded.hash()
    };

    assert_eq!(hash("Subject: a\n\na\n"), hash("Subject: a\n\na\n"));
    assert_ne!(hash("Subject: a\n\na\n"), hash("Subject: b\n\na\n"));
}
