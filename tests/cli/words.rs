//! What the program says without running anything, kept in `tests/golden/cli/`.

use std::process::Stdio;

use expect_test::expect_file;

use crate::program::{Desk, HEAD, Ran, Running, repository};

const PHASES: &str = r#"
[[phases]]
name = "up"
kind = "ramp"
connections = { from = 1, to = 20 }
duration = "10s"
warmup = true

[[phases]]
name = "steady"
kind = "steady"
rate = "50/s"
arrival = "even"
duration = "20s"

[[phases]]
name = "bursts"
kind = "burst"
rate = { base = "50/s", peak = "200/s" }
every = "5s"
burst = "1s"
duration = "20s"

[[phases]]
name = "closed"
kind = "steady"
connections = 4
count = 200
"#;

/// The exit code, then both streams.
fn whole(ran: &Ran) -> String {
    let code = ran.code.map_or_else(|| "none".to_owned(), |code| code.to_string());
    format!("exit {code}\n--- stdout\n{}--- stderr\n{}", ran.stdout, ran.stderr)
}

#[test]
fn each_command_explains_itself() {
    let desk = Desk::new();
    let commands = "run quick validate preview check render report merge compare sink new explain \
                    schema completions man";
    for command in std::iter::once("").chain(commands.split(' ')) {
        let words: Vec<&str> = [command, "--help"].into_iter().filter(|w| !w.is_empty()).collect();
        let ran = desk.mailquake(&words);

        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{command}");
        let name = if command.is_empty() { "mailquake" } else { command };
        expect_file![format!("../golden/cli/help-{name}.txt")].assert_eq(&ran.stdout);
    }
}

#[test]
fn codes_outcomes_and_exit_codes_are_explained_and_without_a_name_what_there_is() {
    let desk = Desk::new();
    let pages = ["", "errors", "E012", "outcomes", "ambiguous", "verdicts", "exit", "6", "lag_p99"];
    let texts = pages.map(|name| {
        let words: Vec<&str> = ["explain", name].into_iter().filter(|w| !w.is_empty()).collect();
        format!("$ mailquake {}\n{}\n", words.join(" "), desk.mailquake(&words).stdout)
    });
    expect_file!["../golden/cli/explain-names.txt"].assert_eq(&texts.concat());
}

#[test]
fn shells_complete_all_commands_and_bash_reads_its_script() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = desk.mailquake(&["completions", shell]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{shell}");
        for command in ["preview", "completions", "--threshold-exit-code"] {
            let word = if shell == "fish" { command.trim_start_matches("--") } else { command };
            assert!(ran.stdout.contains(word), "{shell}: {command}");
        }
        if shell == "bash" {
            std::fs::write(desk.path("complete.bash"), &ran.stdout).unwrap();
        }
    }
    let read =
        std::process::Command::new("bash").arg("-n").arg(desk.path("complete.bash")).output();
    let read = read.unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let desk = Desk::new();
    let one = desk.mailquake(&["man"]);
    assert!(one.stdout.contains(".TH mailquake 1"), "{}", one.stdout);

    let all = desk.mailquake(&["man", "--dir", "pages"]);

    assert_eq!(all.code, Some(0), "{}", all.stderr);
    let run = std::fs::read_to_string(desk.path("pages/mailquake-run.1")).unwrap();
    assert!(run.contains(".TH mailquake-run 1") && run.contains("threshold"), "{run}");
    for command in ["mailquake", "mailquake-quick", "mailquake-man"] {
        assert!(desk.path(&format!("pages/{command}.1")).is_file(), "{command}");
    }
}

#[test]
fn a_malformed_case_is_explained_and_a_wrong_name_is_answered_with_the_right_one() {
    let desk = Desk::new();
    let ran = desk.mailquake(&["explain", "data-end-lf-dot-lf"]);
    expect_file!["../golden/cli/explain.txt"].assert_eq(&whole(&ran));

    let list = desk.mailquake(&["explain", "cases"]);
    expect_file!["../golden/cli/explain-list.txt"].assert_eq(&whole(&list));

    let wrong = desk.mailquake(&["explain", "order-secnd-mail"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("did you mean `order-second-mail`?"), "{}", wrong.stderr);
}

#[test]
fn a_wrong_plan_is_shown_with_its_places_and_the_next_plan_is_looked_at_too() {
    let desk = Desk::with_plan(PHASES);
    for (format, extension) in [("toml", "toml"), ("yaml", "yaml")] {
        let name = format!("wrong.{extension}");
        let text = std::fs::read_to_string(repository(&format!(
            "tests/golden/plan/ten-mistakes.{extension}"
        )));
        desk.write(&name, &text.unwrap());
        let ran = desk.mailquake(&["validate", &name, "plan.toml"]);

        expect_file![format!("../golden/cli/validate-{format}.txt")].assert_eq(&whole(&ran));
        assert_eq!(ran.code, Some(3));
    }
}

#[test]
fn mistakes_are_told_to_programs_as_json() {
    let desk = Desk::new();
    desk.write("wrong.toml", &format!("{HEAD}\n[[phases]]\nname = \"a\"\nkind = \"stedy\"\n"));

    let ran = desk.mailquake(&["validate", "wrong.toml", "--format", "json"]);

    expect_file!["../golden/cli/validate-json.txt"].assert_eq(&whole(&ran));
    let errors: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(errors.to_string().contains("E0"), "{errors}");
}

#[test]
fn a_valid_plan_is_called_so() {
    let ran = Desk::with_plan(PHASES).mailquake(&["validate", "plan.toml"]);

    assert_eq!(whole(&ran), "exit 0\n--- stdout\nplan.toml: valid (4 phases)\n--- stderr\n");
}

#[test]
fn a_plan_may_come_from_standard_input() {
    let desk = Desk::new();
    let table: [(&[&str], &str); 2] = [
        (&["validate", "-"], "version = 1\nname = \"x\"\n"),
        (&["validate", "-", "--input-format", "yaml"], "version: 1\nname: x\n"),
    ];
    for (words, text) in table {
        let mut command = desk.command(words);
        command.stdin(Stdio::piped());
        let mut running = Running::begin(command);
        running.hear(text);
        let ran = running.end();

        // Both are read as what they are: only the phases are missing.
        assert_eq!(ran.code, Some(3), "{text}");
        assert!(ran.stderr.contains("standard input:1:1"), "{}", ran.stderr);
        assert!(ran.stderr.contains("a plan needs `phases`"), "{}", ran.stderr);
    }
}

#[test]
fn a_preview_shows_the_load_before_it_is_sent() {
    let desk = Desk::with_plan(PHASES);

    let text = desk.mailquake(&["preview", "plan.toml"]);
    let json = desk.mailquake(&["preview", "plan.toml", "--format", "json"]);

    expect_file!["../golden/cli/preview.txt"].assert_eq(&text.stdout);
    expect_file!["../golden/cli/preview.json"].assert_eq(&json.stdout);
    assert_eq!((text.stderr.as_str(), json.stderr.as_str()), ("", ""));
    serde_json::from_str::<serde_json::Value>(&json.stdout).unwrap();
}

#[test]
fn the_schemas_in_the_repository_are_those_that_are_printed() {
    let desk = Desk::new();
    for of in ["plan", "summary"] {
        let ran = desk.mailquake(&["schema", of]);

        expect_file![repository(&format!("schema/{of}.schema.json"))].assert_eq(&ran.stdout);
    }
}

#[test]
fn an_unknown_flag_is_a_mistake_of_usage() {
    let desk = Desk::with_plan(PHASES);

    let ran = desk.run(&["--no-tresholds"]);

    expect_file!["../golden/cli/unknown-flag.txt"].assert_eq(&whole(&ran));
    assert_eq!(ran.code, Some(2));
}

#[test]
fn a_plan_that_is_not_there_is_a_mistake_of_usage() {
    let ran = Desk::new().mailquake(&["run", "absent.toml"]);

    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.starts_with("error: `absent.toml` can't be read: "), "{}", ran.stderr);
}

#[test]
fn a_wrong_plan_is_not_run() {
    let desk = Desk::with_plan("[[phases]]\nname = \"a\"\nkind = \"steady\"\nrate = \"5/s\"\n");

    let ran = desk.mailquake(&["run", "plan.toml", "--out", "out"]);

    expect_file!["../golden/cli/run-wrong-plan.txt"].assert_eq(&whole(&ran));
    assert_eq!(ran.code, Some(3));
    assert!(!desk.path("out").exists(), "nothing was measured, so nothing is kept");
}

#[test]
fn no_colours_are_written_where_there_is_no_terminal() {
    let desk = Desk::with_plan(PHASES);
    desk.write("wrong.toml", "version = 2\n");
    for words in [&["preview", "plan.toml"][..], &["validate", "wrong.toml"], &["run", "--help"]] {
        let ran = desk.mailquake(words);

        assert!(!ran.stdout.contains('\u{1b}'), "{words:?}: {}", ran.stdout);
        assert!(!ran.stderr.contains('\u{1b}'), "{words:?}: {}", ran.stderr);
    }
}
