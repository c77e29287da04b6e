//! The pages of a run, and those that `report` makes of its folder → what is on them.

use crate::program::{Desk, Ran};

/// A server whose replies hold markup, and a threshold that does not hold.
const MARKUP: &str = r#"thresholds = ["message.errors < 1%"]

[[phases]]
name = "steady"
kind = "steady"
rate = "100/s"
duration = "1s"

[sink]
replies = { rcpt = { "450 4.7.1 <script>alert(1)</script>" = 0.3 } }
"#;

/// The head ends inside a table, and thresholds stand before all tables.
fn desk() -> Desk {
    let desk = Desk::new();
    let (thresholds, rest) = MARKUP.split_once('\n').unwrap();
    let head = crate::program::HEAD.replacen("seed = 7", &format!("seed = 7\n{thresholds}"), 1);
    desk.write("plan.toml", &format!("{head}\n{rest}"));
    desk
}

fn report(desk: &Desk, words: &[&str]) -> Ran {
    desk.mailquake(&[&["report", "out"], words].concat())
}

#[test]
fn a_run_leaves_a_page_and_tests_in_its_folder_and_report_makes_the_same() {
    let desk = desk();
    desk.run(&[]).ended(5);

    let (html, junit) = (desk.read("out/report.html"), desk.read("out/junit.xml"));
    assert!(html.contains("450 4.7.1 &lt;script&gt;alert(1)"), "the reply is shown as text");
    assert!(html.contains("id=\"chart-errors\"") && html.contains("id=\"chart-steps-0\""));
    assert!(junit.contains("<failure message=\"message.errors &lt; 1% in whole run"), "{junit}");

    for name in ["report.html", "junit.xml"] {
        std::fs::remove_file(desk.path("out").join(name)).unwrap();
    }
    let shown = report(&desk, &[]);
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert!(shown.stdout.contains("out/report.html"), "{}", shown.stdout);
    assert_eq!(desk.read("out/report.html"), html);
    assert_eq!(desk.read("out/junit.xml"), junit);
}

#[test]
fn report_writes_each_form_where_it_is_wanted() {
    let desk = desk();
    let summary = desk.run(&[]).ended(5);

    for (flag, file) in [("--html", "a.html"), ("--junit", "a.xml")] {
        assert_eq!(report(&desk, &[flag, file]).code, Some(0), "{flag}");
    }
    assert_eq!(desk.read("a.html"), desk.read("out/report.html"));
    assert_eq!(desk.read("a.xml"), desk.read("out/junit.xml"));
    let page = report(&desk, &["--markdown", "-"]).stdout;
    assert!(page.starts_with("## ❌ FAIL: small\n"), "{page}");
    assert!(page.contains("&#60;script&#62;") && !page.contains("<script>"), "{page}");

    let table = report(&desk, &["--csv", "-"]).stdout;
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let column = header.iter().position(|name| *name == "accepted").unwrap();
    let accepted: u64 =
        lines.map(|line| line.split(',').nth(column).unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(accepted, summary["all"]["messages"]["accepted"]);
}

#[test]
fn a_page_that_cannot_be_written_fails_the_tool_and_not_its_results() {
    let desk = desk();
    std::fs::create_dir_all(desk.path("out/report.html/taken")).unwrap();

    let ran = desk.run(&[]);

    let summary = ran.ended(1);
    assert!(ran.stderr.contains("report.html"), "{}", ran.stderr);
    assert_eq!(summary["verdict"], "fail");
    assert_eq!(desk.read("out/summary.json"), ran.stdout, "the folder says the same");
    assert!(desk.read("out/junit.xml").contains("<testsuites"), "the other one is there");
    assert!(!desk.path("out/report.html.part").exists(), "no draft is left");
}
