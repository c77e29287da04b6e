//! `kind = "malformed"` → the cases that a client plays, and a no to the keys of mail.

use std::collections::BTreeSet;

use serde_json::Value;

use super::faults::Faults;
use crate::plan::document::{Client as ClientTable, ClientKind};
use crate::plan::{Diagnostic, DiagnosticCode, escape, suggest};
use crate::smtp::{CaseId, Group, Protocol};

/// The keys that a malformed client has.
const KEYS: [&str; 8] =
    ["kind", "cases", "target", "source", "proxy", "ehlo", "think", "max_connections"];

/// The cases of a malformed client in the order of the catalogue; none for one that sends mail.
pub(super) fn lower(
    client: &ClientTable,
    protocol: Option<Protocol>,
    pointer: &str,
    faults: &mut Faults,
) -> Option<Vec<CaseId>> {
    match client.kind {
        Some(ClientKind::Malformed) => {
            if protocol == Some(Protocol::Lmtp) {
                let message = "malformed cases speak SMTP, and the target speaks LMTP";
                faults.conflict(pointer, "kind", message);
            }
            refuse_mail(client, pointer, faults);
            Some(chosen(client, pointer, faults))
        }
        Some(ClientKind::Mail) | None => {
            if client.cases.is_some() {
                let message = "`cases` belongs to clients of kind `malformed`";
                faults.conflict(pointer, "cases", message);
            }
            None
        }
    }
}

/// Looks at the keys themselves, so that a key that is yet to come is refused too.
fn refuse_mail(client: &ClientTable, pointer: &str, faults: &mut Faults) {
    let Ok(Value::Object(keys)) = serde_json::to_value(client) else { return };
    let given = keys.iter().filter(|(_, value)| !value.is_null()).map(|(key, _)| key);
    for key in given.filter(|key| !KEYS.contains(&key.as_str())) {
        let message = format!("a client of kind `malformed` has no `{key}`");
        let help = format!("it sends no mail; it has {}", KEYS.join(", "));
        let at = format!("{pointer}/{}", escape(key));
        faults.add(Diagnostic::key(DiagnosticCode::Conflict, at, message).with_help(help));
    }
}

fn chosen(client: &ClientTable, pointer: &str, faults: &mut Faults) -> Vec<CaseId> {
    let Some(names) = &client.cases else { return CaseId::all().collect() };
    let pointer = format!("{pointer}/cases");
    let mut cases = BTreeSet::new();
    for (pointer, name) in names.with_pointers(&pointer) {
        let found = CaseId::named(name);
        if found.is_empty() {
            let message = format!("no case or group of cases is named `{name}`");
            faults.add(
                Diagnostic::value(DiagnosticCode::UnknownName, pointer, message)
                    .with_help(near(name)),
            );
        }
        cases.extend(found);
    }
    if names.as_slice().is_empty() {
        faults.bad(&pointer, "a list of cases has at least one");
    }
    cases.into_iter().collect()
}

/// The nearest name; where none is near, the groups, for the whole catalogue would fill a screen.
fn near(name: &str) -> String {
    let hint = suggest(name, CaseId::names()).filter(|hint| hint.starts_with("did you mean"));
    hint.unwrap_or_else(|| {
        let groups: Vec<_> = Group::ALL.into_iter().map(Group::name).collect();
        format!(
            "the groups are {}; `mailquake explain cases` lists the single cases",
            groups.join(", ")
        )
    })
}
