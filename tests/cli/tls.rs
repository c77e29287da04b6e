//! Plans with `tls` × a server with a certificate made for the test → what a user sees and keeps.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::program::{Desk, HEAD, Running, number};

/// A server that takes every message behind TLS; its thread ends with the test's process.
pub(crate) struct Server {
    address: SocketAddr,
    pub(crate) certificate: String,
}

/// When the server's handshake is.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Handshake {
    Starttls,
    Implicit,
}

impl Server {
    pub(crate) fn start(handshake: Handshake) -> Self {
        let CertifiedKey { cert, signing_key } = identity();
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], signing_key.into())
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                thread::spawn(move || serve(stream, config, handshake));
            }
        });
        Self { address, certificate: cert.pem() }
    }
}

fn identity() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap()
}

fn serve(
    mut stream: TcpStream,
    config: Arc<ServerConfig>,
    handshake: Handshake,
) -> std::io::Result<()> {
    if handshake == Handshake::Starttls {
        stream.write_all(b"220 test.example\r\n")?;
        for answer in ["250-test.example\r\n250 STARTTLS\r\n", "220 go on\r\n"] {
            let mut octet = [0];
            while octet != *b"\n" {
                stream.read_exact(&mut octet)?;
            }
            stream.write_all(answer.as_bytes())?;
        }
    }
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    if handshake == Handshake::Implicit {
        stream.get_mut().write_all(b"220 test.example\r\n")?;
    }
    converse(&mut stream)
}

fn converse(stream: &mut BufReader<impl Read + Write>) -> std::io::Result<()> {
    let mut in_text = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let answer = match (in_text, line.trim_end()) {
            (true, ".") => {
                in_text = false;
                "250 2.0.0 taken\r\n"
            }
            (true, _) => "",
            (false, "DATA") => {
                in_text = true;
                "354 go on\r\n"
            }
            (false, "QUIT") => "221 bye\r\n",
            (false, _) => "250 ok\r\n",
        };
        stream.get_mut().write_all(answer.as_bytes())?;
    }
}

/// Twenty messages, five for each session, with this value of `tls`.
pub(crate) fn desk(server: &Server, tls: &str) -> Desk {
    let desk = Desk::new();
    let head =
        HEAD.replace("messages = \"note\"", "messages = \"note\"\nmessages_per_connection = 5");
    let port = server.address.port();
    desk.write(
        "plan.toml",
        &format!(
            "{}\n[target]\naddress = \"localhost:{port}\"\n\n[[phases]]\nname = \"a\"\n\
             kind = \"steady\"\nconnections = 1\ncount = 20\nduration = \"60s\"\n",
            head.replace("[messages.note]", &format!("tls = {tls}\n\n[messages.note]"))
        ),
    );
    desk.write("server.pem", &server.certificate);
    desk
}

#[test]
fn full_and_resumed_handshakes_are_rows_of_their_own() {
    for (handshake, mode) in [(Handshake::Starttls, "starttls"), (Handshake::Implicit, "implicit")]
    {
        let server = Server::start(handshake);
        let desk = desk(&server, &format!("{{ mode = \"{mode}\", ca = \"server.pem\" }}"));

        let summary = desk.run(&["-q"]).ended(0);

        let totals = &summary["totals"];
        assert_eq!(number(totals, "/messages/accepted"), 20);
        assert_eq!(number(totals, "/sessions/opened"), 4);
        assert_eq!(number(totals, "/steps/tls/ok"), 1, "{mode}");
        assert_eq!(number(totals, "/steps/tls_resumed/ok"), 3, "{mode}");
        assert_eq!(number(totals, "/steps/tls/count"), 1);
        assert_eq!(number(totals, "/tls/versions/TLSv1.3"), 4);
        assert_eq!(totals["tls"]["ciphers"].as_object().unwrap().len(), 1);
        assert_eq!(totals["steps"].get("starttls").is_some(), mode == "starttls");
        assert_eq!(number(&summary["phases"][0]["clients"]["app"], "/tls/versions/TLSv1.3"), 4);
    }
}

#[test]
fn a_threshold_may_be_about_handshakes_and_the_page_tells_what_was_negotiated() {
    let server = Server::start(Handshake::Implicit);
    let desk = desk(&server, "{ mode = \"implicit\", verify = \"none\", max = \"1.2\" }");
    let checks = ["--threshold", "step.tls.max < 0ms", "--threshold", "step.tls_resumed.max < 30s"];

    let words = ["run", "plan.toml", "--out", "out", "-v", "--set", "generator.limits.lag_p99=10s"];
    let ran = desk.mailquake(&words.into_iter().chain(checks).collect::<Vec<_>>());

    assert_eq!(ran.code, Some(5), "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("4 TLSv1.2 · 4 TLS_ECDHE_"), "{}", ran.stdout);
    let row = |name: &str| {
        let rows = ran.stdout.lines().map(str::split_whitespace);
        rows.map(|mut words| (words.next(), words.next())).find(|(step, _)| *step == Some(name))
    };
    assert_eq!(row("tls"), Some((Some("tls"), Some("4"))), "the line of the totals comes first");
    assert_eq!(row("tls_resumed"), Some((Some("tls_resumed"), Some("3"))), "{}", ran.stdout);
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_an_error_of_the_target() {
    let (server, other) = (Server::start(Handshake::Starttls), Server::start(Handshake::Implicit));
    let desk = desk(&server, "{ mode = \"starttls\", ca = \"other.pem\" }");
    desk.write("other.pem", &other.certificate);

    let summary = desk.run(&["-q", "--set", "phases.a.count=1"]).ended(5);

    assert_eq!(number(&summary["totals"], "/messages/tls"), 1);
    let error = &summary["totals"]["errors"][0];
    assert_eq!((error["outcome"].as_str(), error["step"].as_str()), (Some("tls"), Some("tls")));
    let example = error["example"].as_str().unwrap();
    assert!(example.starts_with("invalid peer certificate"), "{example}");
}

#[test]
fn a_file_that_cannot_be_read_is_a_mistake_at_its_key() {
    let server = Server::start(Handshake::Implicit);
    let desk = desk(&server, "{ mode = \"implicit\", ca = \"missing.pem\" }");

    let ran = desk.mailquake(&["validate", "plan.toml"]);

    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.contains("missing.pem`: No such file"), "{}", ran.stderr);
    assert!(ran.stderr.contains("plan.toml:9:33"), "{}", ran.stderr);
}

#[test]
fn the_plan_in_force_names_its_files_from_anywhere() {
    let server = Server::start(Handshake::Implicit);
    let desk = desk(&server, "{ mode = \"implicit\", ca = \"server.pem\" }");
    desk.run(&["-q"]).ended(0);

    let plan = desk.read("out/plan.toml");
    let absolute = desk.path("server.pem").display().to_string();
    assert!(plan.contains(&format!("ca = \"{absolute}\"")), "{plan}");
    let again = desk.mailquake(&[
        "run",
        "out/plan.toml",
        "--out",
        "again",
        "-q",
        "--format",
        "json",
        "--set",
        "generator.limits.lag_p99=10s",
    ]);

    assert_eq!(number(&again.ended(0)["totals"], "/messages/accepted"), 20);
}

#[test]
fn the_system_s_roots_do_not_vouch_for_a_certificate_made_here() {
    let server = Server::start(Handshake::Implicit);
    let desk = desk(&server, "\"implicit\"");
    let roots = generate_simple_self_signed(vec!["roots.test".to_owned()]).unwrap().cert.pem();
    desk.write("roots.pem", &roots);
    let run = |file: &str| {
        let out = format!("out-{file}");
        let words = ["run", "plan.toml", "--out", &out, "--format", "json", "-q"];
        let few = ["--set", "phases.a.count=1", "--set", "generator.limits.lag_p99=10s"];
        let mut command = desk.command(&[&words[..], &few[..]].concat());
        command.env_remove("SSL_CERT_DIR").env("SSL_CERT_FILE", desk.path(file));
        Running::begin(command).end()
    };

    let strange = run("roots.pem");
    let known = run("server.pem");
    let none = run("nothing.pem");

    assert_eq!(number(&strange.ended(5)["totals"], "/messages/tls"), 1);
    assert_eq!(number(&known.ended(0)["totals"], "/messages/accepted"), 1);
    assert_eq!(none.code, Some(4), "{}", none.stderr);
    assert!(none.stderr.contains("the system has no root certificates"), "{}", none.stderr);
    assert!(none.stderr.contains("verify = \"none\""), "{}", none.stderr);
}
