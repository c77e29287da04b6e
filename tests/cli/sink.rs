//! The embedded sink as a target of each kind, and `mailquake sink` by itself.

use crate::program::{Desk, HEAD, SinkProcess, number};

const FEW: &str = "[[phases]]\nname = \"few\"\nkind = \"steady\"\nconnections = 1\ncount = 30\n";

/// The summary of a run against the embedded sink in which all is taken.
fn passed(desk: &Desk) -> serde_json::Value {
    let ran = desk.run(&[]);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    let summary = desk.summary();
    assert_eq!(number(&summary, "/all/messages/accepted"), 30, "{summary:#}");
    assert_eq!(number(&summary, "/environment/sink/messages"), 30);
    summary
}

#[test]
fn a_client_checks_the_certificate_of_the_embedded_sink_and_resumes() {
    for mode in ["starttls", "implicit"] {
        let desk = Desk::new();
        let head = HEAD.replace("[clients.app]", &format!("[clients.app]\ntls = \"{mode}\""));
        desk.write("plan.toml", &format!("{head}\n{FEW}"));

        let summary = passed(&desk);

        let sink = |count: &str| number(&summary, &format!("/environment/sink/tls/{count}"));
        assert_eq!((sink("full"), sink("resumed")), (1, 2), "{mode}");
        let steps = &summary["all"]["steps"];
        assert_eq!((&steps["tls"]["ok"], &steps["tls_resumed"]["ok"]), (&1.into(), &2.into()));
        assert!(
            desk.read("out/plan.toml")
                .contains(&format!("[sink]\nrole = \"target\"\ntls = \"{mode}\""))
        );
    }
}

#[test]
fn another_ca_than_the_sinks_own_is_not_enough() {
    let desk = Desk::new();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    desk.write("other.pem", &other.cert.pem());
    let tls = "[clients.app]\ntls = { mode = \"starttls\", ca = \"other.pem\" }";
    desk.write("plan.toml", &format!("{}\n{FEW}", HEAD.replace("[clients.app]", tls)));

    let ran = desk.run(&["--set", "phases.few.count=3"]);

    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    let summary = desk.summary();
    assert_eq!(number(&summary, "/all/messages/tls"), 3);
    assert_eq!(number(&summary, "/environment/sink/messages"), 0);
}

#[test]
fn with_sink_in_place_of_the_target_its_own_certificate_is_the_root() {
    let desk = Desk::new();
    let other = rcgen::generate_simple_self_signed(vec!["mx.test".to_owned()]).unwrap();
    desk.write("mx.pem", &other.cert.pem());
    let tls =
        "[clients.app]\ntls = { mode = \"starttls\", ca = \"mx.pem\", server_name = \"mx.test\" }";
    let target = "[target]\naddress = \"mx.test:25\"\n";
    desk.write("plan.toml", &format!("{}\n{target}{FEW}", HEAD.replace("[clients.app]", tls)));

    let ran = desk.run(&["--sink"]);

    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(number(&desk.summary(), "/environment/sink/tls/full"), 1);
}

#[test]
fn a_sink_by_itself_writes_its_certificate_for_clients() {
    let sink_desk = Desk::new();
    let flags = ["--tls", "starttls", "--certificate-out", "ca.pem"];
    let sink = SinkProcess::start_with(&sink_desk, &flags);
    let desk = Desk::new();
    desk.write("ca.pem", &sink_desk.read("ca.pem"));
    let tls = "[clients.app]\ntls = { mode = \"starttls\", ca = \"ca.pem\" }";
    let target = format!("[target]\naddress = \"{}\"\n", sink.address);
    desk.write("plan.toml", &format!("{}\n{target}{FEW}", HEAD.replace("[clients.app]", tls)));

    let ran = desk.run(&[]);

    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    let counters = sink.counters();
    assert_eq!((number(&counters, "/messages"), number(&counters, "/tls/full")), (30, 1));
}

#[test]
fn a_certificate_of_ones_own_is_shown() {
    let desk = Desk::new();
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    desk.write("own.pem", &own.cert.pem());
    desk.write("own.key", &own.signing_key.serialize_pem());
    let tls = "[clients.app]\ntls = { mode = \"implicit\", ca = \"own.pem\" }";
    let sink =
        "[sink]\ntls = { mode = \"implicit\", certificate = \"own.pem\", key = \"own.key\" }\n";
    desk.write("plan.toml", &format!("{}\n{sink}{FEW}", HEAD.replace("[clients.app]", tls)));

    let summary = passed(&desk);

    assert_eq!(number(&summary, "/environment/sink/tls/failed"), 0);
}

#[test]
fn a_certificate_of_a_sink_in_clear_is_asked_for_in_vain() {
    let ran = Desk::new().mailquake(&["sink", "--certificate-out", "ca.pem"]);

    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("add --tls starttls"), "{}", ran.stderr);
}

#[test]
fn an_lmtp_client_is_answered_for_each_recipient() {
    let desk = Desk::new();
    let head = HEAD
        .replace("to = \"user", "to = { address = \"user{{ seq }}")
        .replace("@example.test\"", "@example.test\", count = 3 }");
    desk.write("plan.toml", &format!("{head}\n[target]\nprotocol = \"lmtp\"\n{FEW}"));

    let summary = passed(&desk);

    assert_eq!(number(&summary, "/environment/sink/recipients"), 90);
    assert_eq!(number(&summary, "/all/steps/end_of_data/count"), 90);
    assert!(desk.read("out/plan.toml").contains("[sink]\nrole = \"target\"\nprotocol = \"lmtp\""));
}

#[test]
fn chunks_in_flight_are_all_taken() {
    let desk = Desk::new();
    let manners = "[clients.app]\nchunking = \"always\"\npipelining = \"full\"";
    desk.write("plan.toml", &format!("{}\n{FEW}", HEAD.replace("[clients.app]", manners)));

    let summary = passed(&desk);

    assert_eq!(number(&summary, "/environment/sink/chunks"), 30);
    assert_eq!(number(&summary, "/all/steps/bdat/ok"), 30);
}

#[test]
fn a_client_behind_a_proxy_and_one_that_stands_for_others_are_served() {
    let desk = Desk::new();
    let manners = "[clients.app]\nproxy = \"v2\"\ntls = \"implicit\"\n\
                   xclient = { addr = \"198.18.0.0/15\" }\ndsn = { notify = \"never\" }";
    desk.write("plan.toml", &format!("{}\n{FEW}", HEAD.replace("[clients.app]", manners)));

    let summary = passed(&desk);

    assert_eq!(number(&summary, "/all/steps/xclient/ok"), 3);
    let plan = desk.read("out/plan.toml");
    assert!(plan.contains("proxy = true\nxclient = true"), "{plan}");
}

#[test]
fn limits_are_seen_by_the_clients_and_counted() {
    let desk = Desk::new();
    let limits = "[sink]\nlimits = { messages_per_connection = 3 }\n[defaults]\n";
    desk.write("plan.toml", &format!("{HEAD}\n{limits}{FEW}"));

    desk.run(&["--no-thresholds"]);

    let summary = desk.summary();
    let limited = number(&summary, "/environment/sink/limited/messages_per_connection");
    assert!(limited > 0, "{summary:#}");
    assert_eq!(number(&summary, "/environment/sink/refused/mail/421"), limited);
    assert_eq!(number(&summary, "/environment/sink/aborted"), 0);
}
