//! `check`: a plan and a server → the transcript, the ends, the exit code.

use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use expect_test::expect_file;
use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Desk, Ran, Running};
use crate::server::{Answer, Heard, Script, Server, verb, well};
use crate::tls;

/// A plan with this client, which sends to nobody unless a flag says so.
fn desk(client: &str) -> Desk {
    let desk = Desk::new();
    desk.write(
        "plan.toml",
        &format!(
            r#"version = 1
name = "small"
seed = 7

[clients.app]
ehlo = "me.test"
{client}

[messages.note]
from = "app@load.test"
to = "user@example.test"
subject = "{{{{ seq }}}} {{{{ client }}}}"
text = "A short note.\n.\nIts end."

[[phases]]
name = "a"
kind = "steady"
connections = 1
count = 20
"#
        ),
    );
    desk
}

fn check(desk: &Desk, address: &str, more: &[&str]) -> Ran {
    let words = ["check", "plan.toml", "--target", address];
    desk.mailquake(&[&words, more].concat())
}

/// The exit code and both streams, without what changes from run to run.
fn steady(ran: &Ran, address: &str) -> String {
    let code = ran.code.map_or_else(|| "none".to_owned(), |code| code.to_string());
    let lines = ran.stdout.replace(address, "ADDRESS");
    let lines: String = lines.lines().map(|line| timeless(line) + "\n").collect();
    format!("exit {code}\n--- stdout\n{lines}--- stderr\n{}", ran.stderr)
}

fn timeless(line: &str) -> String {
    let varying =
        ["connected in ", "handshake in ", "-> Date: ", "-> Message-ID: ", "-> X-Mailquake-Run: "];
    for word in varying {
        if let Some((before, _)) = line.split_once(word) {
            return format!("{before}{word}...");
        }
    }
    match line.rsplit_once("  (") {
        Some((before, time)) if time.ends_with("s)") => format!("{before}  (...)"),
        Some(_) | None => line.to_owned(),
    }
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).expect(&ran.stderr)
}

/// A server that answers this verb so, and all else well.
fn but(to: &'static str, answer: Answer) -> Server {
    Server::start(move |heard| match heard {
        Heard::Command(command) if verb(command) == to => answer.clone(),
        Heard::Connection | Heard::Command(_) | Heard::Text(_) => well(heard),
    })
}

#[test]
fn a_message_that_is_taken_is_shown_with_all_that_was_said() {
    let server = Server::start(well);
    let desk = desk("");

    let ran = check(&desk, &server.address(), &[]);
    expect_file!["../golden/cli/check.txt"].assert_eq(&steady(&ran, &server.address()));

    let whole = check(&desk, &server.address(), &["-v"]);
    assert!(whole.stdout.contains("\n  -> ..\n  -> Its end.\n  -> .\n"), "{}", whole.stdout);
    assert_eq!(server.peers().len(), 2, "one connection for each check");
}

#[test]
fn a_refused_recipient_is_5_unless_the_plan_expects_it() {
    let server = but("RCPT", Answer::Say("550-5.7.1 not\r\n550 5.7.1 here\r\n"));

    let ran = check(&desk(""), &server.address(), &[]);
    expect_file!["../golden/cli/check-refused.txt"].assert_eq(&steady(&ran, &server.address()));

    let expected = check(&desk("expect = { rcpt = \"550\" }"), &server.address(), &[]);
    assert_eq!(expected.code, Some(0), "{}", expected.stdout);
    let end = "expected 550 5.7.1 not 5.7.1 here to RCPT";
    assert!(expected.stdout.contains(end), "{}", expected.stdout);
}

#[test]
fn what_a_server_says_cannot_move_the_terminal() {
    let server = but("MAIL", Answer::Say("451 4.0.0 \x1b[2J\x07 wait\r\n"));

    let ran = check(&desk(""), &server.address(), &[]);

    assert_eq!(ran.code, Some(5));
    assert!(!ran.stdout.contains('\x1b') && !ran.stdout.contains('\x07'), "{:?}", ran.stdout);
    assert!(ran.stdout.contains("  <- 451 4.0.0 \\u{1b}[2J\\u{7} wait  ("), "{}", ran.stdout);
}

#[test]
fn nobody_at_the_address_is_4() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);

    let ran = check(&desk(""), &address, &[]);

    expect_file!["../golden/cli/check-unconnected.txt"].assert_eq(&steady(&ran, &address));
}

#[test]
fn an_address_that_is_not_allowed_is_4_and_gets_no_packet() {
    let ran = check(&desk(""), "10.20.30.40:25", &[]);

    assert_eq!((ran.code, ran.stdout.as_str()), (Some(4), ""));
    assert!(ran.stderr.contains("--allow 10.20.30.40/32"), "{}", ran.stderr);
}

#[test]
fn a_certificate_is_shown_to_verify_or_named_with_the_keys_that_help() {
    for (handshake, mode) in
        [(tls::Handshake::Starttls, "starttls"), (tls::Handshake::Implicit, "implicit")]
    {
        let server = tls::Server::start(handshake);
        let other = tls::Server::start(handshake);
        let desk = tls::desk(&server, &format!("{{ mode = \"{mode}\", ca = \"ca.pem\" }}"));

        desk.write("ca.pem", &server.certificate);
        let well = desk.mailquake(&["check", "plan.toml"]);
        desk.write("ca.pem", &other.certificate);
        let strange = desk.mailquake(&["check", "plan.toml"]);

        assert_eq!(well.code, Some(0), "{}", well.stdout);
        assert!(well.stdout.contains("  ~> TLSv1.3, TLS_"), "{}", well.stdout);
        assert!(well.stdout.contains(", full handshake in "), "{}", well.stdout);
        assert_eq!(strange.code, Some(4), "{}", strange.stdout);
        assert!(strange.stdout.contains("tls at the TLS handshake: "), "{}", strange.stdout);
        let help = "help: name the authority's certificate by `ca` in `tls` of client `app`";
        assert!(strange.stdout.contains(help), "{}", strange.stdout);
    }
}

#[test]
fn a_server_without_starttls_is_4() {
    let server = Server::start(well);

    let ran =
        check(&desk("tls = { mode = \"starttls\", verify = \"none\" }"), &server.address(), &[]);

    assert_eq!(ran.code, Some(4), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("tls at STARTTLS: the server offers no STARTTLS"),
        "{}",
        ran.stdout
    );
    assert!(!ran.stdout.contains("-> MAIL"), "{}", ran.stdout);
}

#[test]
fn malformed_cases_are_played_once_each_and_judged() {
    let rude = desk("kind = \"malformed\"\ncases = [\"order-rcpt-first\", \"order-quit-first\"]");

    let well_done = rude.mailquake(&["check", "plan.toml", "--sink"]);
    assert_eq!(well_done.code, Some(0), "{}", well_done.stdout);
    assert!(well_done.stdout.contains("  2 cases: 2 right\n"), "{}", well_done.stdout);

    let server = Server::start(well);
    let ran = check(&rude, &server.address(), &[]);
    expect_file!["../golden/cli/check-cases.txt"].assert_eq(&steady(&ran, &server.address()));
    assert_eq!(server.peers().len(), 2);

    let whole = check(&rude, &server.address(), &["-v"]);
    assert!(whole.stdout.contains("\n  -> RCPT TO:<"), "{}", whole.stdout);

    let all = json(&check(&rude, &server.address(), &["--format", "json"]));
    let case = &all["clients"][0]["cases"][0];
    assert_eq!((&case["case"], &case["end"]), (&"order-rcpt-first".into(), &"finding".into()));
}

#[test]
fn in_lmtp_each_recipient_has_its_reply() {
    let server = Server::start(|heard| match heard {
        Heard::Text(_) => Answer::Say("250 2.0.0 one\r\n452 4.2.2 full\r\n"),
        Heard::Command(command) if verb(command) == "LHLO" => Answer::Say("250 test.example\r\n"),
        Heard::Connection | Heard::Command(_) => well(heard),
    });
    let words = ["--set", "target.protocol=lmtp"];

    let ran = check(&desk("recipients = 2"), &server.address(), &words);

    expect_file!["../golden/cli/check-lmtp.txt"].assert_eq(&steady(&ran, &server.address()));
}

/// Takes the octets of a chunk before it answers.
fn chunks() -> Script {
    let mut left = 0;
    Box::new(move |heard| match heard {
        Heard::Command(line) if left > 0 => {
            left -= line.len() + 2;
            Answer::Say(if left == 0 { "250 2.0.0 chunk\r\n" } else { "" })
        }
        Heard::Command(line) if verb(line) == "BDAT" => {
            left = line.split(' ').nth(1).and_then(|count| count.parse().ok()).unwrap_or(0);
            Answer::Say("")
        }
        Heard::Command(line) if verb(line) == "EHLO" => {
            Answer::Say("250-test.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n")
        }
        Heard::Connection | Heard::Command(_) | Heard::Text(_) => well(heard),
    })
}

#[test]
fn a_chunk_goes_by_bdat_and_programs_are_told_each_step() {
    let server = Server::start_each(chunks);
    let desk = desk("chunking = \"auto\"");

    let text = check(&desk, &server.address(), &[]);
    expect_file!["../golden/cli/check-bdat.txt"].assert_eq(&steady(&text, &server.address()));

    let ran = check(&desk, &server.address(), &["--format", "json"]);
    let all = json(&ran);
    assert_eq!((ran.code, &all["exit_code"]), (Some(0), &0.into()));
    let client = &all["clients"][0];
    assert_eq!((&client["ok"], &client["outcome"]), (&true.into(), &"accepted".into()));
    let steps = client["steps"].as_array().unwrap();
    let names: Vec<&str> = steps.iter().filter_map(|step| step["step"].as_str()).collect();
    assert_eq!(names, ["connect", "greeting", "ehlo", "mail", "rcpt", "bdat", "quit"]);
    let bdat = &steps[5];
    assert!(bdat["command"].as_str().unwrap().starts_with("BDAT "), "{bdat}");
    assert_eq!((&bdat["code"], &bdat["reply"][0]), (&250.into(), &"2.0.0 chunk".into()));
    assert!(bdat["ms"].is_number(), "{bdat}");
}

#[test]
fn each_address_of_a_list_is_checked() {
    let (good, bad) = (Server::start(well), but("DATA", Answer::Say("554 5.6.0 no\r\n")));

    let ran = check(&desk(""), &format!("{},{}", good.address(), bad.address()), &[]);

    assert_eq!(ran.code, Some(5), "{}", ran.stdout);
    let ends: Vec<&str> = ran.stdout.lines().rev().take(2).collect();
    assert!(ends[0].starts_with("failed  app  ") && ends[0].contains(&bad.address()), "{ends:?}");
    assert!(ends[1].starts_with("ok      app  ") && ends[1].contains(&good.address()), "{ends:?}");
}

#[test]
fn only_the_clients_that_are_named_are_checked() {
    let desk = desk("\n[clients.other]\nextends = \"app\"\n\n[defaults]\nmix = \"app\"");

    let one = desk.mailquake(&["check", "plan.toml", "--sink", "--client", "other"]);
    let wrong = desk.mailquake(&["check", "plan.toml", "--sink", "--client", "othr"]);

    assert_eq!(one.code, Some(0), "{}{}", one.stdout, one.stderr);
    assert!(one.stdout.starts_with("other → target default at "), "{}", one.stdout);
    assert!(!one.stdout.contains("app → "), "{}", one.stdout);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(2), ""));
    assert!(wrong.stderr.contains("did you mean `other`?"), "{}", wrong.stderr);
}

#[test]
fn ctrl_c_ends_it_at_once() {
    let silent = Server::start(|_| Answer::Say(""));
    let desk = desk("");
    let running =
        Running::begin(desk.command(&["check", "plan.toml", "--target", &silent.address()]));
    let deadline = Instant::now() + Duration::from_mins(1);
    while silent.peers().is_empty() {
        assert!(Instant::now() < deadline, "it did not connect");
        thread::sleep(Duration::from_millis(20));
    }

    let pressed = Instant::now();
    running.signal(Signal::INT);
    let ran = running.end();

    assert_eq!(ran.code, Some(130), "{}{}", ran.stdout, ran.stderr);
    assert!(pressed.elapsed() < Duration::from_secs(20), "less than the time for a reply");
}
