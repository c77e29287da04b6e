//! `--target` and `--sink` → the addresses of the plan's targets and the role of its sink.

use serde_json::{Map, Value};

use super::super::diagnostic::{Diagnostic, DiagnosticCode, escape, suggest};
use super::Findings;
use super::overrides::{Destination, TargetAddress};

/// Sends the load where the command line says.
pub(super) fn redirect(
    tree: &mut Map<String, Value>,
    destination: &Destination,
    findings: &mut Findings,
) {
    match destination {
        Destination::AsPlanned => {}
        Destination::Sink => to_the_sink(tree, findings),
        Destination::Targets(targets) => {
            for target in targets {
                to_an_address(tree, target, findings);
            }
        }
    }
}

/// A target without an address is the sink, where that has the role of the target.
fn to_the_sink(tree: &mut Map<String, Value>, findings: &mut Findings) {
    let mut targets: Vec<&mut Map<String, Value>> = Vec::new();
    for (key, value) in tree.iter_mut() {
        match (key.as_str(), value) {
            ("target", Value::Object(target)) => targets.push(target),
            ("targets", Value::Object(all)) => {
                targets.extend(all.values_mut().filter_map(Value::as_object_mut));
            }
            _ => {}
        }
    }
    forget_addresses(&mut targets);
    if let Some(Value::Object(clients)) = tree.get_mut("clients") {
        clients.values_mut().for_each(forget_identity);
    }
    put(tree, ["sink", "role"], Value::from("target"), "--sink", findings);
}

/// The sink shows a certificate of its own: that, and no other server's, is what its clients check.
fn forget_identity(client: &mut Value) {
    if let Some(Value::Object(tls)) = client.get_mut("tls") {
        tls.shift_remove("ca");
        tls.shift_remove("server_name");
    }
}

/// One server speaks one protocol: that of the targets, or SMTP where they differ.
fn forget_addresses(targets: &mut [&mut Map<String, Value>]) {
    let protocol = |target: &Map<String, Value>| target.get("protocol").cloned();
    let first = targets.first().and_then(|target| protocol(target));
    let differ = targets.iter().any(|target| protocol(target) != first);
    for target in targets {
        target.shift_remove("address");
        target.shift_remove("spread");
        if differ {
            target.shift_remove("protocol");
        }
    }
}

fn to_an_address(tree: &mut Map<String, Value>, target: &TargetAddress, findings: &mut Findings) {
    let addresses: Vec<&str> = target.address.split(',').map(str::trim).collect();
    let value = match addresses.as_slice() {
        [address] => Value::from(*address),
        several => Value::from(several),
    };
    match target.name.as_deref() {
        None | Some("default") => {
            let flag = flag(target);
            put(tree, ["target", "address"], value, &flag, findings);
            let sink = tree.get("sink").and_then(Value::as_object);
            if sink.is_some_and(|sink| sink.get("role").is_none_or(|role| role != "next_hop")) {
                put(tree, ["sink", "role"], Value::from("off"), &flag, findings);
            }
        }
        Some(name) => to_a_named_target(tree, name, value, target, findings),
    }
}

fn to_a_named_target(
    tree: &mut Map<String, Value>,
    name: &str,
    address: Value,
    target: &TargetAddress,
    findings: &mut Findings,
) {
    let targets = tree.get_mut("targets").and_then(Value::as_object_mut);
    let names: Vec<String> =
        targets.as_ref().map(|targets| targets.keys().cloned().collect()).unwrap_or_default();
    if let Some(Value::Object(found)) = targets.and_then(|targets| targets.get_mut(name)) {
        found.insert("address".to_owned(), address);
        findings.origins.set_by_flag(&format!("/targets/{}/address", escape(name)), &flag(target));
        return;
    }
    let message = format!("the plan has no target `{name}`");
    let known = names.iter().map(String::as_str).chain(["default"]);
    findings.errors.push(
        Diagnostic::flag(DiagnosticCode::UnknownName, flag(target), message)
            .with_help(suggest(name, known)),
    );
}

/// Sets a key of a table, which is made where the plan has none; what is no table is left for the
/// reader of the plan to report.
fn put(
    tree: &mut Map<String, Value>,
    [table, key]: [&str; 2],
    value: Value,
    flag: &str,
    findings: &mut Findings,
) {
    if !tree.contains_key(table) {
        tree.insert(table.to_owned(), Value::Object(Map::new()));
        findings.origins.set_by_flag(&format!("/{table}"), flag);
    }
    if let Some(Value::Object(found)) = tree.get_mut(table) {
        found.insert(key.to_owned(), value);
        findings.origins.set_by_flag(&format!("/{table}/{key}"), flag);
    }
}

fn flag(target: &TargetAddress) -> String {
    match &target.name {
        Some(name) => format!("--target {name}={}", target.address),
        None => format!("--target {}", target.address),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::diagnostic::Place;
    use super::*;

    fn redirected(tree: Value, destination: &Destination) -> (Value, Findings) {
        let Value::Object(mut tree) = tree else { panic!("no table") };
        let mut findings = Findings::default();
        redirect(&mut tree, destination, &mut findings);
        (Value::Object(tree), findings)
    }

    fn to(name: Option<&str>, address: &str) -> Destination {
        let name = name.map(str::to_owned);
        Destination::Targets(vec![TargetAddress { name, address: address.to_owned() }])
    }

    #[test]
    fn an_address_turns_a_sink_off_unless_it_is_the_next_hop() {
        let table = [
            (json!({}), json!({ "target": { "address": "a:25" } })),
            (
                json!({ "sink": { "role": "target" } }),
                json!({ "sink": { "role": "off" }, "target": { "address": "a:25" } }),
            ),
            (
                json!({ "sink": { "latency": {} }, "target": { "timeouts": {} } }),
                json!({
                    "sink": { "latency": {}, "role": "off" },
                    "target": { "timeouts": {}, "address": "a:25" },
                }),
            ),
            (
                json!({ "sink": { "role": "next_hop" }, "target": { "address": "b:25" } }),
                json!({ "sink": { "role": "next_hop" }, "target": { "address": "a:25" } }),
            ),
        ];
        for (tree, expected) in table {
            let shown = tree.to_string();
            assert_eq!(redirected(tree, &to(None, "a:25")).0, expected, "{shown}");
        }
    }

    #[test]
    fn commas_make_a_list_of_addresses() {
        let (tree, _) = redirected(json!({}), &to(Some("default"), "a:25, [::1]:26"));

        assert_eq!(tree["target"]["address"], json!(["a:25", "[::1]:26"]));
    }

    #[test]
    fn a_named_target_is_elsewhere_and_the_sink_stays() {
        let plan = json!({ "sink": {}, "targets": { "relay": { "address": "b:25" } } });

        let (tree, findings) = redirected(plan, &to(Some("relay"), "a:25"));

        assert_eq!(tree, json!({ "sink": {}, "targets": { "relay": { "address": "a:25" } } }));
        assert_eq!(findings.errors, []);
    }

    #[test]
    fn an_unknown_target_is_told_with_what_is_near() {
        let plan = json!({ "targets": { "relay": { "address": "b:25" } } });

        let (_, findings) = redirected(plan, &to(Some("rely"), "a:25"));

        assert_eq!(findings.errors[0].place, Place::Flag("--target rely=a:25".into()));
        assert_eq!(findings.errors[0].help.as_deref(), Some("did you mean `relay`?"));
    }

    #[test]
    fn the_sink_stands_for_every_target() {
        let plan = json!({
            "target": { "address": "a:25", "timeouts": {} },
            "targets": { "relay": { "address": "b:25", "spread": true, "timeouts": {} } },
            "clients": { "a": { "tls": { "mode": "implicit", "ca": "a.pem", "server_name": "a" } } },
        });

        let (tree, _) = redirected(plan, &Destination::Sink);

        let expected = json!({
            "target": { "timeouts": {} },
            "targets": { "relay": { "timeouts": {} } },
            "clients": { "a": { "tls": { "mode": "implicit" } } },
            "sink": { "role": "target" },
        });
        assert_eq!(tree, expected);
    }
}
