//! How sessions reach their server: IPv6, Unix sockets, local addresses, the PROXY protocol.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::program::Desk;
use crate::server::{Answer, Heard, Script, Server, serve_at, verb, well};

/// A phase of so many messages, each in a session of its own, with these keys of the client.
fn plan(messages: u32, client: &str) -> String {
    format!(
        r#"version = 1
name = "route"
seed = 7
thresholds = []

[clients.app]
messages_per_connection = 1
{client}

[messages.note]
from = "app@load.test"
to = "user@example.test"
text = "A short note."

[[phases]]
name = "only"
kind = "steady"
connections = 5
count = {messages}
"#
    )
}

/// Runs it against an address and gives the summary, all messages of which were accepted.
fn run(desk: &Desk, plan: &str, address: &str, messages: u64) -> Value {
    desk.write("route.toml", plan);
    let ran = desk.mailquake(&["run", "route.toml", "--target", address, "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(summary["totals"]["messages"]["accepted"], messages, "{summary}");
    summary
}

fn all_well() -> Script {
    Box::new(well)
}

#[test]
fn a_server_at_an_ipv6_address_is_reached() {
    let server = Server::start_at(Ipv6Addr::LOCALHOST.into(), all_well);

    let summary = run(&Desk::new(), &plan(5, ""), &server.address(), 5);

    assert!(server.address().starts_with("[::1]:"));
    let targets = &summary["phases"][0]["targets"]["default"];
    assert_eq!(targets[server.address()]["messages"]["accepted"], 5, "{targets}");
}

#[test]
fn a_server_at_a_unix_socket_is_reached() {
    let desk = Desk::new();
    let path = desk.path("smtp.sock");
    // One connection more finds out whether the server is there.
    serve_at(&path, 6, well);
    let address = format!("unix:{}", path.display());

    let summary = run(&desk, &plan(5, ""), &address, 5);

    let targets = &summary["phases"][0]["targets"]["default"];
    assert_eq!(targets[&address]["messages"]["accepted"], 5, "{targets}");
}

#[test]
fn a_unix_socket_that_is_not_there_ends_the_run_before_it_begins() {
    let desk = Desk::new();
    desk.write("route.toml", &plan(5, ""));

    let ran = desk.mailquake(&["run", "route.toml", "--target", "unix:/nowhere/smtp.sock"]);

    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(ran.stderr.contains("at unix:/nowhere/smtp.sock"), "{}", ran.stderr);
}

#[test]
fn sessions_come_from_all_source_addresses_evenly() {
    for workers in ["1", "2"] {
        let server = Server::start_each(all_well);
        let source = "source = [\"127.0.0.9\", \"127.0.3.0/25\"]";
        let desk = Desk::new();
        desk.write("route.toml", &plan(254, source));

        let run = ["run", "route.toml", "--target", &server.address(), "--workers", workers];
        assert_eq!(desk.mailquake(&run).code, Some(0));

        // The first connection found out whether the server is there.
        let peers: Vec<IpAddr> = server.peers().iter().skip(1).map(SocketAddr::ip).collect();
        let different: BTreeSet<&IpAddr> = peers.iter().collect();
        assert_eq!(peers.len(), 254);
        let range = (1..=126).map(|last| IpAddr::from(Ipv4Addr::new(127, 0, 3, last)));
        let expected: BTreeSet<IpAddr> =
            range.chain([Ipv4Addr::new(127, 0, 0, 9).into()]).collect();
        assert_eq!(different, expected.iter().collect(), "{workers} workers");
    }
}

#[test]
fn a_source_address_of_another_machine_or_family_ends_the_run_before_it_begins() {
    let table = [
        ("source = \"240.0.0.1\"", "sessions can't come from 240.0.0.1"),
        ("source = \"::1\"", "has no `source` address of the same family as 127.0.0.1"),
    ];
    for (source, told) in table {
        let server = Server::start(well);
        let desk = Desk::new();
        desk.write("route.toml", &plan(5, source));

        let ran = desk.mailquake(&["run", "route.toml", "--target", &server.address()]);

        assert_eq!(ran.code, Some(4), "{source}: {}", ran.stderr);
        assert!(ran.stderr.contains(told), "{source}: {}", ran.stderr);
    }
}

#[test]
fn each_connection_begins_with_a_proxy_header_of_its_own() {
    let headers: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&headers);
    let server = Server::start(move |heard| match heard {
        Heard::Command(line) if verb(line) == "PROXY" => {
            seen.lock().unwrap().push(line.to_owned());
            Answer::Say("")
        }
        Heard::Connection | Heard::Command(_) | Heard::Text(_) => well(heard),
    });
    let proxy = "proxy = { version = \"v1\", clients = \"10.9.0.0/16\" }";

    let summary = run(&Desk::new(), &plan(20, proxy), &server.address(), 20);

    let headers = headers.lock().unwrap();
    let (_, port) =
        server.address().rsplit_once(':').map(|(h, p)| (h.to_owned(), p.to_owned())).unwrap();
    for header in headers.iter() {
        let words: Vec<&str> = header.split(' ').collect();
        assert_eq!(words[..2], ["PROXY", "TCP4"], "{header}");
        assert!(words[2].starts_with("10.9."), "{header}");
        assert_eq!([words[3], words[5]], ["127.0.0.1", &port], "{header}");
    }
    let different: BTreeSet<&String> = headers.iter().collect();
    assert_eq!((headers.len(), different.len()), (20, 20));
    assert_eq!(summary["totals"]["sessions"]["opened"], 20);
}
