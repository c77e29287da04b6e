//! Feeds from files → what arrives, and what is said of a file that is wrong.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use expect_test::expect_file;

use crate::program::{Desk, number};
use crate::server::{Heard, Server, verb, well};

const PEOPLE: &str = "name,box\n\"Lovelace, Ada\",ada\nÉva,eva\nGrace,grace\n";

fn plan(feed: &str, load: &str) -> String {
    format!(
        r#"version = 1
name = "people"
seed = 7

[feeds.people]
{feed}

[messages.note]
from = "{{{{ feed.people.box }}}}@load.test"
to = "{{{{ feed.people.box }}}}@example.test"
subject = "{{{{ feed.people.box }}}}"
text = "Dear {{{{ feed.people.name }}}}"

[[phases]]
name = "only"
kind = "steady"
{load}
"#
    )
}

/// Sender, recipient and subject of each message that a server gets, in this order.
fn received(desk: &Desk) -> Vec<[String; 3]> {
    let all: Arc<Mutex<Vec<[String; 3]>>> = Arc::default();
    let seen = Arc::clone(&all);
    let server = Server::start_each(move || {
        let all = Arc::clone(&seen);
        let mut envelope = Vec::new();
        Box::new(move |heard| {
            match heard {
                Heard::Command(line) if matches!(verb(line).as_str(), "MAIL" | "RCPT") => {
                    let address = line.split(['<', '@']).nth(1).unwrap();
                    envelope.push(address.to_owned());
                }
                Heard::Text(text) => {
                    let subject = text.lines().find_map(|line| line.strip_prefix("Subject: "));
                    envelope.push(subject.unwrap().to_owned());
                    all.lock().unwrap().push(std::mem::take(&mut envelope).try_into().unwrap());
                }
                Heard::Command(_) | Heard::Connection => {}
            }
            well(heard)
        })
    });
    desk.mailquake(&[
        "run",
        "plan.toml",
        "--target",
        &server.address(),
        "--out",
        "out",
        "--format",
        "json",
    ])
    .ended(0);
    all.lock().unwrap().clone()
}

#[test]
fn a_csv_file_feeds_sender_recipient_and_text_from_the_same_row() {
    let desk = Desk::new();
    desk.write("people.csv", PEOPLE);
    let load = "connections = 1\ncount = 12";
    for order in ["sequential", "shuffled", "random"] {
        desk.write(
            "plan.toml",
            &plan(&format!("file = \"people.csv\"\norder = \"{order}\""), load),
        );

        let received = received(&desk);

        assert_eq!(received.len(), 12);
        let same = |[from, to, subject]: &[String; 3]| from == to && to == subject;
        assert!(received.iter().all(same), "{order}: {received:?}");
        let people: BTreeSet<&str> = received.iter().map(|[from, ..]| &**from).collect();
        assert_eq!(people, BTreeSet::from(["ada", "eva", "grace"]), "{order}");
        let third: Vec<&str> = received.iter().step_by(3).map(|[from, ..]| &**from).collect();
        assert_eq!(third == ["ada"; 4], order == "sequential", "{order}: {received:?}");
        std::fs::remove_dir_all(desk.path("out")).unwrap();
    }
}

#[test]
fn the_embedded_sink_takes_mail_of_a_jsonl_file() {
    let desk = Desk::new();
    desk.write(
        "people.jsonl",
        "{\"name\": \"Ada\", \"box\": \"ada\"}\n{\"name\": 2, \"box\": \"b\"}\n",
    );
    desk.write("plan.toml", &plan("file = \"people.jsonl\"", "rate = \"50/s\"\nduration = \"1s\""));

    let ran = desk.mailquake(&["run", "plan.toml", "--sink", "--out", "out", "--format", "json"]);

    assert!(number(&ran.ended(0), "/all/messages/accepted") > 10);
    let kept = desk.read("out/plan.toml");
    assert!(kept.contains(desk.path("people.jsonl").to_str().unwrap()), "{kept}");
}

#[test]
fn a_wrong_file_is_told_line_by_line() {
    let desk = Desk::new();
    desk.write("people.csv", "name,box,name\nAda,ada\nGrace,grace,x\nEva,eva,y,z\n");
    desk.write("more.jsonl", "{\"name\": \"Ada\"}\n{\"name\": Grace}\n[1]\n");
    let more = "file = \"people.csv\"\n[feeds.more]\nfile = \"more.jsonl\"\n[feeds.none]\nfile = \"none.csv\"\n[feeds.what]\nfile = \"people\"";
    desk.write("plan.toml", &plan(more, "connections = 1\nduration = \"1s\""));

    let ran = desk.mailquake(&["validate", "plan.toml"]);

    assert_eq!(ran.code, Some(3));
    let folder = desk.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    let told = ran.stderr.replace(&folder, "FOLDER");
    expect_file!["../golden/cli/validate-feeds.txt"].assert_eq(&told);
}

#[test]
fn a_feed_that_stops_ends_the_run_with_its_last_row() {
    let desk = Desk::new();
    let rows: Vec<String> = (0..100).map(|n| format!("Name {n},u{n}\n")).collect();
    desk.write("people.csv", &format!("name,box\n{}", rows.concat()));
    let feed = "file = \"people.csv\"\nwhen_exhausted = \"stop\"";
    let then = "thresholds = [\"message.errors < 1%\"]\n[[phases]]\nname = \"then\"\nkind = \"steady\"\n\
                connections = 1\nduration = \"60s\"\nthresholds = [\"message.p99 < 5s\"]\n";
    for load in ["connections = 4", "rate = \"200/s\""] {
        desk.write("plan.toml", &plan(feed, &format!("{load}\nduration = \"60s\"\n{then}")));

        let ran =
            desk.mailquake(&["run", "plan.toml", "--sink", "--out", "out", "--format", "json"]);

        let summary = ran.ended(0);
        for of in ["planned", "started", "accepted"] {
            assert_eq!(number(&summary, &format!("/all/messages/{of}")), 100, "{load}: {of}");
        }
        assert_eq!(summary["verdict"], "pass");
        let reason = summary["reason"].as_str().unwrap();
        let said = "The feed `people` was used up after its 100 rows, in phase `only` at 0:0";
        assert!(reason.contains(said), "{reason}");
        assert_eq!(summary["phases"].as_array().unwrap().len(), 1, "{load}");
        let events = desk.read("out/events.ndjson");
        let told = events.lines().filter(|line| line.contains("\"kind\":\"feed_used_up\""));
        assert_eq!(told.count(), 1, "{events}");
        assert!(!events.contains("\"then\""), "{events}");
        std::fs::remove_dir_all(desk.path("out")).unwrap();
    }
}
