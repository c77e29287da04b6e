//! The same plan and seed → the same messages, whatever the number of workers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::program::Desk;
use crate::server::{Heard, Server, verb, well};

const MIXED: &str = r#"version = 1
name = "mixed"
seed = 99

[clients.shop]
messages = { receipt = 3, letter = 1 }

[clients.staff]
messages = "letter"
messages_per_connection = 2

[mixes]
both = { shop = 2, staff = 1 }

[messages.receipt]
from = "shop{{ range_int(1, 100) }}@load.test"
to = { address = "user{{ range_int(1, 10000) }}@example.test", count = { min = 1, max = 4 } }
subject = "receipt {{ seq }} {{ client }}"
text = "{{ lorem(20) }}"
size = { min = "1KiB", max = "4KiB" }

[messages.letter]
from = "{{ fake_email('load.test') }}"
to = "user{{ range_int(1, 10000) }}@example.test"
subject = "letter {{ seq }} {{ client }}"
text = "{{ choice('yes', 'no', 'perhaps') }}"

[[phases]]
name = "only"
kind = "steady"
mix = "both"
"#;

/// By the number in its subject: envelope, subject and size of a message.
type Received = BTreeMap<String, (Vec<String>, String, usize)>;

/// What a recording server receives of a plan.
fn received(phase: &str, workers: &str) -> Received {
    let all: Arc<Mutex<Received>> = Arc::default();
    let envelopes = Arc::clone(&all);
    // Connections are told apart by nothing here, so each message carries its own envelope.
    let server = Server::start_each(move || {
        let all = Arc::clone(&envelopes);
        let mut envelope = Vec::new();
        Box::new(move |heard| {
            match heard {
                Heard::Command(line) if matches!(verb(line).as_str(), "MAIL" | "RCPT") => {
                    // The size in MAIL is that of the text, which is compared by itself.
                    envelope.push(line.to_owned());
                }
                Heard::Text(text) => {
                    let subject = text.lines().find(|line| line.starts_with("Subject: ")).unwrap();
                    let seq = subject.split(' ').nth(2).unwrap().to_owned();
                    let message = (std::mem::take(&mut envelope), subject.to_owned(), text.len());
                    let twice = all.lock().unwrap().insert(seq, message);
                    assert!(twice.is_none(), "{subject} came twice");
                }
                Heard::Command(_) | Heard::Connection => {}
            }
            well(heard)
        })
    });
    let desk = Desk::new();
    desk.write("plan.toml", &format!("{MIXED}{phase}\n"));
    let target = server.address();
    let summary =
        desk.run(&["--no-thresholds", "--workers", workers, "--target", &target]).ended(0);
    assert_eq!(summary["environment"]["workers"].to_string(), workers);
    let received = std::mem::take(&mut *all.lock().unwrap());
    assert_eq!(summary["all"]["messages"]["accepted"], received.len());
    received
}

#[test]
fn open_starts_carry_the_same_with_any_number_of_workers() {
    let phase = "rate = \"300/s\"\ncount = 200";

    let (one, two, again) = (received(phase, "1"), received(phase, "2"), received(phase, "1"));

    assert_eq!(one.len(), 200);
    assert_eq!(one, two);
    assert_eq!(one, again);
}

#[test]
fn closed_slots_carry_the_same_with_any_number_of_workers() {
    let phase = "connections = 4\ncount = 200";

    let (one, two) = (received(phase, "1"), received(phase, "2"));

    let both: Vec<_> = one.keys().filter(|seq| two.contains_key(*seq)).collect();
    assert!(both.len() >= 50, "only {} were reached in both", both.len());
    for seq in both {
        assert_eq!(one[seq], two[seq], "{seq}");
    }
}

#[test]
fn another_seed_carries_something_else() {
    let phase = "rate = \"300/s\"\ncount = 50";
    let other = MIXED.replace("seed = 99", "seed = 98");
    let desk = Desk::new();
    desk.write("plan.toml", &format!("{MIXED}{phase}\n"));
    desk.write("other.toml", &format!("{other}{phase}\n"));

    let length = |plan: &str| {
        let ran = desk.mailquake(&["preview", plan, "--format", "json"]);
        let preview: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        preview["phases"][0]["length_s"].as_f64().unwrap()
    };

    assert!((length("plan.toml") - length("other.toml")).abs() > f64::EPSILON);
}
