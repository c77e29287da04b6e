//! Plans with `auth` × servers that let in, refuse, and echo → what is counted, sent and kept.

use std::fs;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::Value;

use crate::program::{Desk, HEAD, Ran, Running, number};
use crate::server::{Answer, Heard, Server, verb, well};

/// Nothing else that the program writes looks like it.
const CANARY: &str = "c4nAry-Zq7-9xKw";

fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

fn hex(text: &str) -> String {
    let digits: Vec<String> = text.bytes().map(|octet| format!("{octet:02x}")).collect();
    digits.concat()
}

/// The canary wherever it can stand in what was encoded.
fn aligned() -> Vec<String> {
    let core = |before: usize| {
        let text = STANDARD_NO_PAD.encode([&[0; 3][..before], CANARY.as_bytes()].concat());
        text.get((before * 8).div_ceil(6)..(before + CANARY.len()) * 8 / 6).unwrap().to_owned()
    };
    (0..3).map(core).collect()
}

/// A server's answers live as long as the test.
fn forever(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// What a server without tact says.
fn echo(code: &str) -> &'static str {
    let encoded: Vec<String> =
        ["", "x", "xx"].map(|before| base64(&format!("{before}{CANARY}"))).to_vec();
    let (hex, encoded) = (hex(CANARY), encoded.join(" "));
    forever(format!(
        "{code}-5.7.8 no {CANARY} {}\r\n{code} 5.7.8 {hex} {} {encoded}\r\n",
        CANARY.to_uppercase(),
        hex.to_uppercase()
    ))
}

/// Answers AUTH with all mechanisms by this, behind the rounds that they need.
fn authenticating(answer: &'static str, heard: Heard<'_>) -> Answer {
    match heard {
        Heard::Command(command) => match verb(command).as_str() {
            "EHLO" => {
                Answer::Say("250-test.example\r\n250 AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER\r\n")
            }
            "AUTH" if command.ends_with("LOGIN") => Answer::Say("334 VXNlcm5hbWU6\r\n"),
            "AUTH" => Answer::Say(answer),
            _ if base64("tim") == command => Answer::Say("334 UGFzc3dvcmQ6\r\n"),
            _ if base64(CANARY) == command => Answer::Say(answer),
            _ => well(heard),
        },
        Heard::Connection | Heard::Text(_) => well(heard),
    }
}

/// Lets everybody in, and refuses a step with an echo.
fn refusing_later(step: &'static str) -> impl Fn(Heard<'_>) -> Answer + Send + Sync {
    let refusal = echo("550");
    move |heard| match heard {
        Heard::Command(command) if verb(command) == step => Answer::Say(refusal),
        Heard::Text(_) if step == "TEXT" => Answer::Say(refusal),
        Heard::Connection | Heard::Command(_) | Heard::Text(_) => {
            authenticating("235 2.7.0 welcome\r\n", heard)
        }
    }
}

/// A plan of one client with this `auth`, and ten messages.
fn plan(server: &str, auth: &str, rest: &str) -> String {
    let head = HEAD.replace("messages = \"note\"", &format!("messages = \"note\"\nauth = {auth}"));
    format!(
        "{head}\n[target]\naddress = \"{server}\"\n\n[[phases]]\nname = \"a\"\nkind = \"steady\"\n\
         rate = \"100/s\"\narrival = \"even\"\ncount = 10\nduration = \"20s\"\n{rest}\n"
    )
}

fn run(desk: &Desk, words: &[&str], environment: &[(&str, &str)]) -> Ran {
    let mut command = desk.command(words);
    command.envs(environment.iter().copied());
    Running::begin(command).end()
}

/// The words of a run whose tester may be late.
const RUN: [&str; 8] = [
    "run",
    "plan.toml",
    "--out",
    "out",
    "--set",
    "generator.limits.lag_p99=10s",
    "--set",
    "generator.limits.cpu=100%",
];

/// Looks for the canary in all that a run has written.
fn assert_untold(desk: &Desk, ran: &Ran, what: &str) {
    let mut texts = vec![("stdout".to_owned(), ran.stdout.clone())];
    texts.push(("stderr".to_owned(), ran.stderr.clone()));
    for entry in fs::read_dir(desk.path("out")).into_iter().flatten() {
        let path = entry.unwrap().path();
        let octets = fs::read(&path).unwrap();
        texts.push((path.display().to_string(), String::from_utf8_lossy(&octets).into_owned()));
    }
    let mut forms = aligned();
    forms.extend([CANARY.to_owned(), hex(CANARY)]);
    for (place, text) in texts {
        let text = text.to_lowercase();
        for form in &forms {
            assert!(!text.contains(&form.to_lowercase()), "{what}: {form} in {place}:\n{text}");
        }
    }
}

#[test]
fn a_password_is_told_by_nothing_that_is_written() {
    let servers = [
        ("refused", Server::start(move |heard| authenticating(echo("535"), heard))),
        ("later", Server::start(move |heard| authenticating(echo("454"), heard))),
        ("closing", Server::start(move |heard| authenticating(echo("421"), heard))),
        (
            "illegal",
            Server::start(move |heard| {
                authenticating(forever(format!("5x5 {CANARY} {}\r\n", base64(CANARY))), heard)
            }),
        ),
        (
            "challenged",
            Server::start(move |heard| {
                authenticating(forever(format!("334 !{CANARY}!\r\n")), heard)
            }),
        ),
        ("MAIL", Server::start(refusing_later("MAIL"))),
        ("RCPT", Server::start(refusing_later("RCPT"))),
        ("TEXT", Server::start(refusing_later("TEXT"))),
        ("well", Server::start(|heard| authenticating("235 2.7.0 welcome\r\n", heard))),
    ];
    let sources = [
        (format!("\"{CANARY}\""), vec![]),
        ("\"env:CANARY\"".to_owned(), vec![("CANARY", CANARY)]),
    ];
    for (n, mechanism) in ["plain", "login", "xoauth2", "oauthbearer"].into_iter().enumerate() {
        for (name, server) in &servers {
            let (password, environment) = &sources[n % 2];
            let auth =
                format!("{{ mechanism = \"{mechanism}\", user = \"tim\", password = {password} }}");
            let desk = Desk::new();
            desk.write("plan.toml", &plan(&server.address(), &auth, ""));
            let shown: &[&str] = if n < 2 { &["-v"] } else { &["--format", "json"] };

            let ran = run(&desk, &[&RUN[..], shown].concat(), environment);

            let what = format!("{mechanism} {name}");
            let code = if *name == "well" { 0 } else { 5 };
            assert_eq!(ran.code, Some(code), "{what}: {}\n{}", ran.stdout, ran.stderr);
            assert_untold(&desk, &ran, &what);
            // What is no base64 is not kept at all.
            if code != 0 && *name != "challenged" {
                let told = desk.read("out/events.ndjson");
                assert!(told.contains("[secret]"), "{what}: the echo is covered: {told}");
            }
        }
    }
}

#[test]
fn check_logs_in_and_tells_no_password() {
    for format in ["text", "json"] {
        for (answer, code) in [(echo("535"), 4), ("235 2.7.0 welcome\r\n", 0)] {
            for mechanism in ["plain", "login", "oauthbearer"] {
                let server = Server::start(move |heard| authenticating(answer, heard));
                let desk = Desk::new();
                let auth = format!(
                    r#"{{ mechanism = "{mechanism}", user = "tim", password = "{CANARY}" }}"#
                );
                desk.write("plan.toml", &plan(&server.address(), &auth, ""));

                let ran = desk.mailquake(&["check", "plan.toml", "-v", "--format", format]);

                assert_eq!(ran.code, Some(code), "{mechanism}: {}{}", ran.stdout, ran.stderr);
                assert!(ran.stdout.contains("AUTH "), "{mechanism}: {}", ran.stdout);
                assert_untold(&desk, &ran, mechanism);
            }
        }
    }
}

#[test]
fn a_password_of_the_command_line_is_told_by_no_mistake() {
    let desk = Desk::new();
    let auth = "{ mechanism = \"plan\", user = \"tim\", password = \"${pw}\" }";
    desk.write("plan.toml", &plan("127.0.0.1:1", auth, "[vars]\npw = \"\"\n"));
    for flag in [
        ["--var", &format!("pw={CANARY}")],
        ["--set", &format!("clients.app.auth.password={CANARY}")],
        ["--set", &format!("clients.app.auth={{password=\"{CANARY}\"}}")],
    ] {
        for shown in [&[][..], &["--format", "json"]] {
            let words = [&["validate", "plan.toml"][..], &flag, shown].concat();
            let ran = run(&desk, &words, &[]);

            assert_eq!(ran.code, Some(3), "{}", ran.stderr);
            assert_untold(&desk, &ran, flag[0]);
        }
    }
}

#[test]
fn the_plan_of_the_results_runs_again_with_the_password_from_outside() {
    let server = Server::start(|heard| authenticating("235 2.7.0 welcome\r\n", heard));
    let desk = Desk::new();
    let auth = format!("{{ mechanism = \"plain\", user = \"tim\", password = \"{CANARY}\" }}");
    desk.write("plan.toml", &plan(&server.address(), &auth, ""));
    let first = run(&desk, &RUN, &[]);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let summary = desk.summary();
    assert_eq!(
        number(&summary, "/totals/auth/accepted"),
        number(&summary, "/totals/sessions/opened")
    );
    let again = ["run", "out/plan.toml", "--out", "again", "--format", "json"];

    let without = run(&desk, &again, &[]);
    assert_eq!(without.code, Some(3), "{}", without.stderr);
    assert!(without.stdout.contains("`MAILQUAKE_PASSWORD_APP` is not set"), "{}", without.stdout);

    let with = run(&desk, &again, &[("MAILQUAKE_PASSWORD_APP", CANARY)]);
    assert!(matches!(with.code, Some(0 | 6)), "{}", with.stderr);
    assert_eq!(with.summary()["plan"]["hash"], summary["plan"]["hash"]);
}

/// Lets everybody in, and remembers what it heard.
fn listening() -> (Server, Arc<Mutex<Vec<String>>>) {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let ears = Arc::clone(&heard);
    let server = Server::start(move |heard| {
        if let Heard::Command(command) = heard {
            ears.lock().unwrap().push(command.to_owned());
        }
        authenticating("235 2.7.0 welcome\r\n", heard)
    });
    (server, heard)
}

fn logins(heard: &Mutex<Vec<String>>) -> Vec<String> {
    let heard = heard.lock().unwrap();
    heard.iter().filter(|command| command.starts_with("AUTH")).cloned().collect()
}

fn quick(server: &Server, more: &[&str], environment: &[(&str, &str)]) -> Ran {
    let desk = Desk::new();
    let address = server.address();
    let port = address.rsplit(':').next().unwrap();
    let words =
        ["quick", "-d", "1", "-c", "1", "--ramp-up", "0", "--host", "127.0.0.1", "-p", port];
    let ran =
        run(&desk, &[&words, more, &["--format", "json", "--out", "out"]].concat(), environment);
    assert_untold(&desk, &ran, "quick");
    ran
}

#[test]
fn quick_logs_in_with_the_password_of_a_flag_or_of_the_environment() {
    let right = format!("AUTH PLAIN {}", base64(&format!("\0tim\0{CANARY}")));
    for (flags, environment) in [
        (&["--username", "tim", "--password", CANARY][..], &[][..]),
        (&["--username", "tim"], &[("MAILQUAKE_PASSWORD", CANARY)]),
    ] {
        let (server, heard) = listening();

        let ran = quick(&server, flags, environment);

        assert!(matches!(ran.code, Some(0 | 6)), "{}", ran.stderr);
        let logins = logins(&heard);
        assert!(!logins.is_empty() && logins.iter().all(|login| *login == right), "{logins:?}");
        assert_eq!(number(&ran.summary(), "/all/messages/unexpected"), 0);
    }
}

#[test]
fn quick_tries_wrong_passwords_and_one_that_is_let_in_is_a_finding() {
    let (server, heard) = listening();
    let flags = ["--username", "tim", "--password", CANARY, "--auth-failure-rate", "1"];

    let ran = quick(&server, &flags, &[]);

    let summary = ran.summary();
    assert!(number(&summary, "/all/messages/unexpected") > 0, "{summary:#}");
    assert_eq!(number(&summary, "/all/messages/accepted"), 0);
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    let logins = logins(&heard);
    for login in &logins {
        let response = STANDARD.decode(login.rsplit(' ').next().unwrap()).unwrap();
        let response = String::from_utf8(response).unwrap();
        assert!(response.starts_with("\0tim\0wrong-"), "{response:?}");
    }
    assert!(logins.len() < 2 || logins[0] != logins[1], "no two are alike");
}

#[test]
fn quick_writes_no_password_into_a_plan() {
    let desk = Desk::new();
    let words = ["quick", "--username", "tim", "--emit-plan", "-", "--auth-failure-rate", "0.05"];
    for (flags, line) in [
        (
            &["--password", CANARY][..],
            "auth = { mechanism = \"plain\", user = \"tim\", password = \"env:MAILQUAKE_PASSWORD\", failure_rate = \"5%\" }",
        ),
        (
            &["--password", CANARY, "--sink"],
            "auth = { mechanism = \"plain\", users = \"accounts\", failure_rate = \"5%\" }",
        ),
    ] {
        let ran = desk.mailquake(&[&words, flags].concat());

        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(ran.stdout.lines().any(|own| own == line), "{}", ran.stdout);
        assert_untold(&desk, &ran, "quick");
        desk.write("plan.toml", &ran.stdout);
        let valid = run(&desk, &["validate", "plan.toml"], &[("MAILQUAKE_PASSWORD", CANARY)]);
        assert_eq!(valid.code, Some(0), "{}", valid.stderr);
    }
}

#[test]
fn flags_of_a_login_without_a_user_are_refused() {
    let desk = Desk::new();
    for (flags, environment, says) in [
        (&["--password", CANARY][..], &[][..], "`--password` needs `--username`"),
        (&["--auth-failure-rate", "0.5"], &[], "`--auth-failure-rate` needs `--username`"),
        (&["--username", "tim"], &[], "--password <PASSWORD>"),
    ] {
        let ran = run(&desk, &[&["quick", "--emit-plan", "-"], flags].concat(), environment);

        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
        assert_untold(&desk, &ran, "usage");
    }
    let unused = run(&desk, &["quick", "--emit-plan", "-"], &[("MAILQUAKE_PASSWORD", CANARY)]);
    assert_eq!(unused.code, Some(0), "{}", unused.stderr);
    let help = run(&desk, &["quick", "--help"], &[("MAILQUAKE_PASSWORD", CANARY)]);
    assert_untold(&desk, &help, "help");
}

/// Two users, a share of wrong passwords, and an embedded server that knows both.
fn shared_users() -> String {
    let head = HEAD.replace(
        "messages = \"note\"",
        "messages = \"note\"\nmessages_per_connection = 1\n\
         auth = { mechanism = \"scram-sha-256\", users = \"accounts\", failure_rate = 0.1 }",
    );
    format!(
        "{head}\n[feeds.accounts]\ninline = [\n  {{ user = \"one\", password = \"first-word\" }},\n  \
         {{ user = \"two\", password = \"second-word\" }},\n]\n\n[sink]\nusers = \"accounts\"\n\n\
         [[phases]]\nname = \"a\"\nkind = \"steady\"\nrate = \"200/s\"\narrival = \"even\"\n\
         count = 200\nduration = \"20s\"\nthresholds = [\"step.auth.max < 20s\", \"message.errors == 0%\"]\n"
    )
}

#[test]
fn who_tries_a_wrong_password_does_not_depend_on_the_workers() {
    let mut counted: Vec<Value> = Vec::new();
    for workers in ["1", "2", "3"] {
        let desk = Desk::new();
        desk.write("plan.toml", &shared_users());
        let summary = desk.run(&["--workers", workers, "--set", "generator.limits.cpu=100%"]);
        let summary = summary.ended(0);
        let auth = summary["totals"]["auth"].clone();
        let refused = number(&auth, "/refused_on_purpose");
        assert!(refused > 5, "{auth}");
        assert_eq!(number(&summary, "/totals/messages/expected"), refused);
        assert_eq!(number(&summary, "/environment/sink/auth_refused"), refused);
        assert_eq!(number(&summary, "/environment/sink/auth_accepted"), 200 - refused);
        assert_eq!(number(&summary, "/totals/steps/auth/codes/235"), 200 - refused);
        counted.push(auth);
    }
    assert!(counted.windows(2).all(|pair| pair[0] == pair[1]), "{counted:?}");
}

#[test]
fn the_page_tells_what_logins_came_to() {
    let desk = Desk::new();
    desk.write("plan.toml", &shared_users());

    let ran = run(&desk, &RUN, &[]);

    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    let line = ran.stdout.lines().find(|line| line.starts_with("  auth")).expect(&ran.stdout);
    assert!(line.contains(" accepted · ") && line.ends_with(" on purpose)"), "{line}");
}
