//! `render`: that it writes what a run sends, and where it writes it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::sync::{Arc, Mutex};

use expect_test::expect;
use mail_parser::MessageParser;
use serde_json::Value;

use crate::program::{Desk, Ran};
use crate::server::{Heard, Server, well};

/// Two clients that draw, one by rate and one by connections, beside a malformed one.
const PLAN: &str = r#"version = 1
seed = 7

[clients.app]
messages = { receipt = 3, letter = 1 }
recipients = { min = 1, max = 3 }

[clients.bulk]
messages = "bulletin"

[clients.rude]
kind = "malformed"
cases = ["syntax"]
think = "1ms"

[messages.receipt]
from = "shop@load.test"
to = "user{{ range_int(1, 99) }}@example.test"
subject = "Order {{ seq }}"
headers = { Date = "Wed, 25 Nov 2026 17:00:00 +0000" }
text = "Thank you, {{ fake_name() }}.\n.\n..dots\nFrom us\n{{ uuid }}"

[messages.letter]
from = "{{ client }}@load.test"
to = "all@example.test"
raw = "Subject: {{ phase }} {{ lorem(9) }}\n\nFrom {{ feed.people.name }}\n>From you"

[messages.bulletin]
from = "{{ client }}@load.test"
to = "all@example.test"
raw = "Subject: {{ phase }} {{ lorem(9) }}\n\nFrom us\n>From you"

[feeds.people]
inline = [{ name = "Ada" }, { name = "Grace" }, { name = "Barbara" }]
order = "shuffled"
"#;

const PHASES: &str = r#"
[[phases]]
name = "rate"
kind = "steady"
rate = "400/s"
count = 60
mix = { app = 9, rude = 1 }

[[phases]]
name = "connections"
kind = "steady"
connections = 1
count = 20
mix = "bulk"
"#;

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("plan.toml", &format!("{PLAN}{PHASES}"));
    desk
}

fn render(desk: &Desk, more: &[&str]) -> Ran {
    desk.mailquake(&[&["render", "plan.toml"], more].concat())
}

/// By number: the texts of a folder.
fn texts(desk: &Desk, folder: &str) -> BTreeMap<u64, String> {
    let envelopes = desk.read(&format!("{folder}/envelopes.ndjson"));
    let text = |line: &str| {
        let envelope: Value = serde_json::from_str(line).unwrap();
        let file = envelope["file"].as_str().unwrap();
        (envelope["seq"].as_u64().unwrap(), desk.read(&format!("{folder}/{file}")))
    };
    envelopes.lines().map(text).collect()
}

/// Without the run's own fields.
fn told_apart(text: &str) -> String {
    let is_of_the_run =
        |line: &&str| line.starts_with("Message-ID:") || line.starts_with("X-Mailquake-Run:");
    text.lines().filter(|line| !is_of_the_run(line)).collect::<Vec<&str>>().join("\n")
}

#[test]
fn mails_are_those_that_a_run_with_the_same_seed_sends() {
    let texts_sent: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&texts_sent);
    let server = Server::start(move |said| {
        if let Heard::Text(text) = said {
            heard.lock().unwrap().push(text.to_owned());
        }
        well(said)
    });
    let desk = Desk::new();
    let target = format!("[target]\naddress = \"{}\"\n", server.address());
    desk.write("plan.toml", &format!("{PLAN}{target}{PHASES}"));

    let ran = desk.run(&["--no-thresholds"]);
    let rendered = render(&desk, &["--count", "100", "--out", "mails"]);

    assert_eq!(rendered.code, Some(0), "{}", rendered.stderr);
    let stored = |text: &String| {
        let lines = text.lines().map(|line| line.strip_prefix('.').unwrap_or(line));
        told_apart(&lines.collect::<Vec<&str>>().join("\n"))
    };
    let mut sent: Vec<String> = texts_sent.lock().unwrap().iter().map(stored).collect();
    let mut mails: Vec<String> =
        texts(&desk, "mails").values().map(|text| told_apart(text)).collect();
    sent.sort_unstable();
    mails.sort_unstable();
    let sent: Vec<&String> = sent.iter().filter(|text| text.contains("Subject: ")).collect();
    assert!(mails.len() > 70, "{}\n{}", mails.len(), ran.stderr);
    for (mail, sent) in mails.iter().zip(&sent) {
        assert_eq!(mail, *sent);
    }
    assert_eq!(mails.len(), sent.len());
    let told = "of 100 mails of message `receipt`: no more were found in the plan";
    assert!(rendered.stderr.contains(told), "{}", rendered.stderr);
}

#[test]
fn a_mail_is_found_by_its_number_and_its_run() {
    let desk = desk();
    render(&desk, &["--count", "100", "--out", "mails"]);
    let mails = texts(&desk, "mails");
    for seq in [mails.keys().min(), mails.keys().max()].map(|seq| seq.unwrap().to_string()) {
        let words = ["--seq", &seq, "--run", "00000000000000ff"];
        let found = render(&desk, &words);
        assert_eq!((found.code, found.stderr.as_str()), (Some(0), ""));
        let of_all = &mails[&seq.parse().unwrap()];
        assert_eq!(told_apart(&found.stdout), told_apart(of_all));
        assert_eq!(render(&desk, &words).stdout, found.stdout);
    }
    let none = render(&desk, &["--seq", "62"]);
    assert_eq!(none.code, Some(0), "{}", none.stderr);
    let none = render(&desk, &["--seq", "0"]);
    assert_eq!(none.code, Some(2), "{}", none.stderr);
}

#[test]
fn an_mbox_reads_back_to_the_same_mails() {
    let desk = desk();
    let run = ["--count", "20", "--run", "00000000000000ff"];
    let (into_folder, into_mbox) = (["--out", "mails"], ["--out", "all.mbox"]);
    assert_eq!(render(&desk, &[&run[..], &into_folder].concat()).code, Some(0));
    assert_eq!(render(&desk, &[&run[..], &into_mbox].concat()).code, Some(0));
    let piped = render(&desk, &run);

    let parsed = |text: &str| {
        let mbox = mail_parser::mailbox::mbox::MessageIterator::new(text.as_bytes());
        let contents = mbox.map(|mail| String::from_utf8(mail.unwrap().unwrap_contents()).unwrap());
        let mut mails: Vec<String> = contents.map(|mail| mail.trim_end().to_owned()).collect();
        mails.sort_unstable();
        mails
    };
    let stored = texts(&desk, "mails");
    let mut stored: Vec<String> =
        stored.values().map(|mail| mail.replace("\r\n", "\n").trim_end().to_owned()).collect();
    stored.sort_unstable();
    assert!(stored.len() > 40, "{}", stored.len());
    assert_eq!(parsed(&desk.read("all.mbox")), stored);
    assert_eq!(parsed(&piped.stdout), stored);
}

#[test]
fn a_corpus_takes_the_mbox_that_was_rendered() {
    let desk = desk();
    let first = render(&desk, &["--message", "receipt", "--count", "20", "--out", "all.mbox"]);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    desk.write(
        "again.toml",
        "version = 1\nseed = 7\n[clients.a]\n[messages.again]\ncorpus = { path = \"all.mbox\", rewrite = false }\n\
         from = \"a@load.test\"\nto = \"b@example.test\"\ntrace = false\n[sink]\n\
         [[phases]]\nname = \"all\"\nkind = \"steady\"\nrate = \"9/s\"\ncount = 20\n",
    );
    let again = desk.mailquake(&["render", "again.toml", "--count", "20"]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let mails = |mbox: &str| mbox.lines().filter(|line| line.starts_with("Subject: ")).count();
    assert_eq!(mails(&again.stdout), 20);
    let texts = |mbox: &str| {
        let lines = mbox.lines().filter(|line| !line.starts_with("From "));
        lines.collect::<Vec<&str>>().join("\n")
    };
    assert_eq!(texts(&again.stdout), texts(&desk.read("all.mbox")));
}

#[test]
fn files_that_are_there_stay_unless_forced() {
    let desk = desk();
    let words = ["--message", "receipt", "--out", "mails"];
    assert_eq!(render(&desk, &words).code, Some(0));
    let name = fs::read_dir(desk.path("mails")).unwrap().find_map(|file| {
        let name = file.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".eml").is_some().then_some(name)
    });
    let name = format!("mails/{}", name.unwrap());
    desk.write(&name, "mine");

    let refused = render(&desk, &words);

    assert_eq!(refused.code, Some(2));
    expect![[r"
        error: `mails/envelopes.ndjson` is there already
        help: `--force` overwrites it
    "]]
    .assert_eq(&refused.stderr);
    fs::remove_file(desk.path("mails/envelopes.ndjson")).unwrap();
    assert_eq!(render(&desk, &words).code, Some(2));
    assert_eq!(desk.read(&name), "mine");
    assert_eq!(render(&desk, &[&words[..], &["--force"]].concat()).code, Some(0));
    assert!(
        desk.read(&name).starts_with("From: <shop@load.test>")
            || desk.read(&name).contains("Order ")
    );
}

#[test]
fn programs_get_the_list_of_envelopes() {
    let ran = render(&desk(), &["--count", "2", "--format", "json"]);
    let list: Value = serde_json::from_str(&ran.stdout).unwrap();
    let list = list.as_array().unwrap();
    let names = list.iter().filter_map(|envelope| envelope["message"].as_str());
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    assert_eq!(names, ["bulletin", "bulletin", "letter", "letter", "receipt", "receipt"]);
    for envelope in list.iter().filter(|envelope| envelope["message"] != "bulletin") {
        assert_eq!((&envelope["client"], &envelope["phase"]), (&"app".into(), &"rate".into()));
        assert!(envelope["seq"].as_u64().is_some_and(|seq| (1..=60).contains(&seq)));
        assert!(envelope["size"].as_u64().is_some_and(|size| size > 50), "{envelope}");
        let to = envelope["to"].as_array().unwrap();
        assert!(
            (1..=3).contains(&to.len())
                && to.iter().all(|to| to.as_str().unwrap().ends_with("@example.test"))
        );
    }
}

#[test]
fn a_wrong_name_is_answered_with_the_right_one() {
    let ran = render(&desk(), &["--message", "reciept"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.contains("did you mean `receipt`?"), "{}", ran.stderr);
}

#[test]
fn texts_are_encoded_unless_the_server_takes_8_bits() {
    let plan = "version = 1\n[sink]\n[clients.a]\n[messages.m]\nfrom = \"a@load.test\"\n\
        to = \"b@example.test\"\nsubject = \"s\"\ntext = \"Grüße aus Köln\"\n\
        [[phases]]\nname = \"all\"\nkind = \"steady\"\nconnections = 1\ncount = 1\n";
    let desk = Desk::new();
    desk.write("plan.toml", plan);
    let (seven, eight) = (render(&desk, &[]).stdout, render(&desk, &["--8bit"]).stdout);
    assert!(seven.is_ascii() && eight.contains("Grüße aus Köln"), "{seven}\n{eight}");
    let parsed = MessageParser::default().parse(&seven).unwrap();
    assert_eq!(parsed.body_text(0).unwrap().trim_end(), "Grüße aus Köln");
}

#[test]
fn a_reader_that_goes_away_ends_it_well() {
    let desk = Desk::new();
    let plan = format!("{PLAN}{PHASES}").replace("count = 60", "count = 5000000");
    desk.write("plan.toml", &plan);
    let words = ["render", "plan.toml", "--message", "receipt", "--count", "1000000"];
    let mut child = desk.command(&words).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();

    let ended = child.wait_with_output().unwrap();

    assert!(line.starts_with("From shop@load.test "), "{line}");
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn a_full_disk_is_told() {
    let desk = desk();
    std::os::unix::fs::symlink("/dev/full", desk.path("full.mbox")).unwrap();
    let ran = render(&desk, &["--out", "full.mbox", "--force"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("error: `full.mbox` can't be written: "), "{}", ran.stderr);
}
