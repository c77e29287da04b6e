//! Faults on the tester's own side, planted, → what a run says of itself.

use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Desk, Owned, Ran, Running, SinkProcess, number};

/// So many connections for half a second.
fn connections(count: u32) -> String {
    format!(
        "[[phases]]\nname = \"closed\"\nkind = \"steady\"\nconnections = {count}\n\
         duration = \"500ms\"\n"
    )
}

fn row<'a>(summary: &'a Value, check: &str) -> &'a Value {
    let rows = summary["fitness"].as_array().unwrap();
    rows.iter().find(|row| row["check"] == check).expect(check)
}

/// Runs `plan.toml` as a shell does that first takes something away from it.
fn run_behind(desk: &Desk, shell: &[&str], take_away: &str, more: &[&str]) -> Ran {
    let words = Desk::run_words(&[&["--no-thresholds"], more].concat()).join(" ");
    let program = env!("CARGO_BIN_EXE_mailquake");
    let script = format!("{take_away} && exec {program} {words}");
    let template = desk.command(&[]);
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).args(["sh", "-c", &script]).current_dir(desk.path("."));
    for (name, value) in template.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    Running::begin(command).end()
}

#[test]
fn a_tester_that_stood_still_says_for_how_long() {
    let plan = "[[phases]]\nname = \"open\"\nkind = \"steady\"\nrate = \"50/s\"\n\
                duration = \"1500ms\"\n";
    let desk = Desk::with_plan(plan);

    let mut running = desk.begin(&["--no-thresholds", "--progress", "plain"]);
    running.wait_for("open (1 of 1)");
    running.signal(Signal::STOP);
    thread::sleep(Duration::from_millis(400));
    running.signal(Signal::CONT);
    let summary = running.end().ended(0);

    let (stalls, longest) = (row(&summary, "stalls"), row(&summary, "longest_stall"));
    assert_eq!((&stalls["status"], &longest["status"]), (&"warn".into(), &"warn".into()));
    assert_eq!(longest["phase"], "open");
    assert!(longest["value"].as_f64().unwrap() >= 350.0, "{longest}");
    assert!(number(&summary, "/environment/host/stalls") >= 1);
}

#[test]
fn descriptors_that_run_out_are_told_before_the_start_and_are_the_testers_failures() {
    let desk = Desk::with_plan(&connections(60));
    let server = SinkProcess::start(&desk);
    let target = server.address.to_string();

    let ran = run_behind(&desk, &["env"], "ulimit -n 40", &["--target", &target]);

    let summary = ran.summary();
    let told = "warning: descriptors 124 (limit 40): raise `ulimit -n`";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    let descriptors = row(&summary, "descriptors");
    assert_eq!((&descriptors["status"], &descriptors["unit"]), (&"warn".into(), &"count".into()));
    assert_eq!(row(&summary, "local_failures")["status"], "warn");
    assert!(number(&summary, "/all/messages/local") > 0, "{}", summary["all"]["messages"]);
    for blamed in ["unconnected", "timed_out", "disconnected"] {
        assert_eq!(number(&summary, &format!("/all/messages/{blamed}")), 0, "{blamed}");
    }
    server.counters();
}

#[test]
fn descriptors_that_suffice_are_no_news() {
    let desk = Desk::with_plan(&connections(4));

    let ran = run_behind(&desk, &["env"], "ulimit -n 80", &["--sink"]);

    let summary = ran.ended(0);
    assert!(!ran.stderr.contains("descriptors"), "{}", ran.stderr);
    assert_eq!(row(&summary, "descriptors")["status"], "ok");
    assert_eq!(row(&summary, "local_ports")["status"], "ok");
    assert_eq!(row(&summary, "local_failures")["status"], "ok");
}

#[test]
fn local_ports_that_run_out_are_told_before_the_start_and_are_the_testers_failures() {
    // A network of its own, in which an ordinary user too may say how few ports there are.
    let apart = ["unshare", "--user", "--map-root-user", "--net"];
    let mut attempt = Command::new(apart[0]);
    let attempt = attempt.args(&apart[1..]).args(["ip", "link", "set", "lo", "up"]);
    if !attempt.output().is_ok_and(|output| output.status.success()) {
        // Where the kernel grants no such network, `engine::dialer` has the error itself.
        return;
    }
    let desk = Desk::with_plan(&connections(20));
    let few = "ip link set lo up && echo 40000 40009 > /proc/sys/net/ipv4/ip_local_port_range";

    let ran = run_behind(&desk, &apart, few, &["--sink"]);

    let summary = ran.summary();
    let told = "warning: local ports 20 (limit 10): send more messages over each connection";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    assert_eq!(row(&summary, "local_ports")["status"], "warn");
    assert!(number(&summary, "/all/messages/local") > 0, "{}", summary["all"]["messages"]);
    assert!(number(&summary, "/all/messages/accepted") > 0, "{}", summary["all"]["messages"]);
    assert_eq!(number(&summary, "/all/messages/unconnected"), 0);
}

#[test]
fn a_watched_process_is_in_the_series_the_summary_and_on_the_page() {
    let mut child = Owned(Command::new("sleep").arg("60").spawn().unwrap());
    let process = format!("monitor.process={}", child.0.id());
    let desk = Desk::with_plan(&connections(2));

    let summary = desk.run(&["--no-thresholds", "--sink", "--set", &process]).ended(0);
    let page = desk.mailquake(&["report", "out"]);

    let watched = &summary["environment"]["watched"];
    assert_eq!(watched["pid"], child.0.id());
    assert_eq!((&watched["processes_max"], &watched["gone"]), (&1.into(), &false.into()));
    assert!(number(watched, "/memory_max_octets") > 10_000, "{watched}");
    assert!(desk.read("out/series.ndjson").contains("\"watched\":{\"pid\":"));
    let line = format!("`{0}` (pid {0}): 0 % of a core", child.0.id());
    assert!(page.stdout.contains(&line), "{}", page.stdout);
    child.0.kill().unwrap();
}

#[test]
fn a_watched_process_that_ends_is_told_and_absent_from_then_on() {
    let mut child = Owned(Command::new("sleep").arg("60").spawn().unwrap());
    let process = format!("monitor.process={}", child.0.id());
    let plan = connections(2).replace("500ms", "2s");
    let desk = Desk::with_plan(&plan);

    let flags = ["--no-thresholds", "--sink", "--progress", "plain", "--set", &process];
    let mut running = desk.begin(&[&flags[..], &["--set", "monitor.interval=200ms"]].concat());
    running.wait_for("closed (1 of 1)");
    child.0.kill().unwrap();
    child.0.wait().unwrap();
    let ran = running.end();

    let told = format!("the watched process with the number {0} (pid {0}) has ended", child.0.id());
    assert!(ran.stderr.contains(&told), "{}", ran.stderr);
    assert_eq!(ran.ended(0)["environment"]["watched"]["gone"], true);
    assert!(desk.read("out/events.ndjson").contains("\"kind\":\"watched_gone\""));
}

#[test]
fn a_run_whose_process_is_absent_does_not_start() {
    let desk = Desk::with_plan(&connections(2));

    let ran = desk.run(&["--sink", "--set", "monitor.process=no-such-one"]);

    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    let told = "no process `no-such-one` is there to be watched";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    assert!(!desk.path("out").exists(), "nothing was begun");
}
