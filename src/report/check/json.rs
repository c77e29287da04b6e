//! The same for programs: one object with a list of clients. Names are fixed.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::hint;
use crate::engine::{Carrier, Checked, Entry, Played, PlayedCase, Verdict};
use crate::smtp::{RecipientEnd, Step};

/// The whole object.
pub fn json(all: &[Checked], exit_code: u8) -> Value {
    let clients: Vec<Value> = all.iter().map(client).collect();
    json!({ "schema_version": 1, "exit_code": exit_code, "clients": clients })
}

fn client(checked: &Checked) -> Value {
    let mut all = Map::new();
    let mut put = |name: &str, value: Value| all.insert(name.to_owned(), value);
    put("client", json!(checked.client));
    put("target", json!(checked.target));
    put("address", json!(checked.address.to_string()));
    put("ok", json!(checked.is_well()));
    match &checked.played {
        Played::Mail { transcript, verdict } => {
            let Verdict { outcome, step, code, words, recipients, .. } = verdict;
            put("outcome", json!(outcome.name()));
            put("step", json!(step.name()));
            put("code", json!(code.map(crate::smtp::Code::number)));
            put("reply", json!(words));
            let accepted = recipients.iter().filter(|end| **end == RecipientEnd::Accepted).count();
            let refused = recipients.len() - accepted;
            put("recipients", json!({ "accepted": accepted, "refused": refused }));
            put("steps", json!(steps(transcript)));
        }
        Played::Cases(cases) => {
            put("cases", cases.iter().map(case).collect());
        }
    }
    put("help", json!(hint::of(checked)));
    Value::Object(all)
}

fn case(case: &PlayedCase) -> Value {
    json!({
        "case": case.case.case().id,
        "end": case.end.name(),
        "words": case.words,
        "steps": steps(&case.transcript),
    })
}

/// Each reply with the command that it answers; what has no reply stands by itself.
fn steps(transcript: &[Entry]) -> Vec<Value> {
    let mut commands = VecDeque::new();
    let mut steps = Vec::new();
    for entry in transcript {
        match entry {
            Entry::Connected { took } => steps.push(json!({ "step": "connect", "ms": ms(*took) })),
            Entry::Header(line) => steps.push(json!({ "step": "proxy", "command": line })),
            Entry::Sent(line) => commands.push_back(line.clone()),
            Entry::Text { octets, carrier: Carrier::Data } => {
                commands.push_back(format!("<{} octets of text>", octets.len()));
            }
            // It is answered with its BDAT.
            Entry::Text { carrier: Carrier::Bdat, .. } => {}
            Entry::Heard { step, code, lines, took } => {
                let command = match step {
                    Some(Step::Greeting) => None,
                    Some(_) | None => commands.pop_front(),
                };
                steps.push(json!({
                    "step": step.map(Step::name),
                    "command": command,
                    "code": code.number(),
                    "reply": lines,
                    "ms": took.map(ms),
                }));
            }
            Entry::Secured { kind, version, cipher, took } => steps.push(json!({
                "step": kind.step().name(),
                "version": version,
                "cipher": cipher,
                "ms": ms(*took),
            })),
            Entry::Note(text) => steps.push(json!({ "note": text })),
        }
    }
    let left = commands.into_iter().map(|command| json!({ "command": command, "code": null }));
    steps.extend(left);
    steps
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}
