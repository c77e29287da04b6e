//! Messages that are mails of a corpus: what a server receives, and what is made of refusals.

use std::fs;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::program::{Desk, number};
use crate::server::{Heard, Server, well};

const HEAD: &str = r#"version = 1
seed = 7

[messages.real]
corpus = "mail"
order = "shuffled"
from = "app@load.test"
to = "user@example.test"
trace = false
"#;

const SIX: &str = "[[phases]]\nname = \"six\"\nkind = \"steady\"\nrate = \"100/s\"\ncount = 6\n";

const EXPECTED: &str = "[messages.real.classes]\nspam = { expect = { end_of_data = \"550\" } }\n";

/// A desk with four clean mails and two of spam.
fn desk(plan: &str) -> Desk {
    let desk = Desk::new();
    for n in 0..6 {
        let class = if n % 3 == 0 { "spam" } else { "clean" };
        let word = if class == "spam" { "buy now" } else { "hello" };
        let text = format!("Date: long ago\nSubject: {class} {n}\n\n{word}\n.\n");
        fs::create_dir_all(desk.path(&format!("mail/{class}"))).unwrap();
        desk.write(&format!("mail/{class}/{n}.eml"), &text);
    }
    desk.write("plan.toml", plan);
    desk
}

#[test]
fn each_mail_of_a_shuffled_corpus_arrives_once_with_a_fresh_date() {
    let texts: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&texts);
    let server = Server::start(move |said| {
        if let Heard::Text(text) = said {
            heard.lock().unwrap().push(text.to_owned());
        }
        well(said)
    });
    let target = format!("[target]\naddress = \"{}\"\n", server.address());
    let desk = desk(&format!("{HEAD}\n{target}\n{SIX}"));

    let ran = desk.run(&[]);

    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    let texts = texts.lock().unwrap();
    let mut subjects: Vec<&str> =
        texts.iter().filter_map(|text| text.lines().nth(1)?.strip_prefix("Subject: ")).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, ["clean 1", "clean 2", "clean 4", "clean 5", "spam 0", "spam 3"]);
    assert!(texts.iter().all(|text| text.starts_with("Date: ") && !text.contains("long ago")));
}

#[test]
fn refused_spam_is_as_expected_and_refused_clean_mail_is_an_error() {
    let reject = |words: &str| {
        let reject = format!("reject = [{{ contains = \"{words}\", reply = \"550 5.7.1 no\" }}]");
        let desk = desk(&format!("{HEAD}\n{EXPECTED}\n[sink]\n{reject}\n{SIX}"));
        let ran = desk.run(&[]);
        (ran.code, desk.summary())
    };
    let messages = |summary: &Value, kind: &str| number(summary, &format!("/all/messages/{kind}"));

    let (code, summary) = reject("buy now");

    assert_eq!(code, Some(0), "{summary:#}");
    assert_eq!((messages(&summary, "accepted"), messages(&summary, "expected")), (4, 2));
    let of = |class: &str, kind: &str| {
        number(&summary, &format!("/phases/0/classes/{class}/messages/{kind}"))
    };
    assert_eq!((of("clean", "accepted"), of("clean", "started")), (4, 4));
    assert_eq!((of("spam", "expected"), of("spam", "started")), (2, 2));
    assert_eq!(summary["classes"], summary["phases"][0]["classes"]);
    assert_eq!(number(&summary, "/environment/sink/refused/end_of_data/550"), 2);

    let (code, summary) = reject("hello");

    assert_eq!(code, Some(5), "{summary:#}");
    assert_eq!((messages(&summary, "permanent"), messages(&summary, "unexpected")), (4, 2));
    assert_eq!(number(&summary, "/classes/spam/messages/unexpected"), 2);
    assert_eq!(number(&summary, "/classes/clean/messages/permanent"), 4);
}

#[test]
fn thresholds_are_taken_for_one_class_of_messages() {
    let plan = |rest: &str| {
        let desk = Desk::new();
        let text = format!(
            "version = 1\nseed = 7\n[clients.a]\nmessages = {{ offer = 1, news = 1 }}\n\
             [messages.offer]\nclass = \"offer\"\nto = \"a@example.test\"\n\
             [messages.news]\nclass = \"news\"\ntext = \"refuse me\"\n\
             [sink]\nreject = [{{ contains = \"refuse me\", reply = \"550 no\" }}]\n{SIX}{rest}"
        );
        desk.write("plan.toml", &text);
        desk
    };
    let offer = plan("thresholds = [\"message.errors{class=offer} < 1%\"]\n");
    let news = plan("thresholds = [\"message.errors{class=news} < 1%\"]\n");
    let unknown = plan("thresholds = [\"message.errors{class=ofer} < 1%\"]\n");

    assert_eq!(offer.run(&[]).code, Some(0), "{:#}", offer.summary());
    let ran = news.run(&[]);
    assert_eq!(ran.code, Some(5), "{}", ran.stdout);
    let ran = unknown.run(&[]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.stdout.contains("did you mean `offer`?"), "{} {}", ran.stdout, ran.stderr);
}

#[test]
fn builtin_mails_are_refused_by_a_server_that_knows_them() {
    let desk = Desk::new();
    let plan = "version = 1\nseed = 7\n[clients.a]\nmessages = { virus = 1, spam = 1 }\n\
        [messages.virus]\nbuiltin = \"eicar\"\nexpect = { end_of_data = \"554\" }\n\
        [messages.spam]\nbuiltin = \"gtube\"\nexpect = { end_of_data = \"550\" }\n\
        [sink]\nreject = [\n\
        { contains = \"XJS*C4JDBQADN1.NSBN3\", reply = \"550 5.7.1 spam\" },\n\
        { contains = \"WDVPIVAlQEFQWzRcUFpYNTQ\", reply = \"554 5.7.1 virus\" },\n]\n";
    desk.write("plan.toml", &format!("{plan}{SIX}"));

    let ran = desk.run(&[]);

    let summary = desk.summary();
    assert_eq!(ran.code, Some(0), "{summary:#}");
    assert_eq!(number(&summary, "/all/messages/expected"), 6);
    let codes = ["550", "554"].map(|code| number(&summary, &format!("/all/codes/{code}")));
    assert!(codes.iter().all(|count| *count > 0), "{codes:?}");
    assert_eq!(number(&summary, "/classes/virus/messages/expected"), codes[1]);
    assert_eq!(number(&summary, "/classes/spam/messages/expected"), codes[0]);
}
