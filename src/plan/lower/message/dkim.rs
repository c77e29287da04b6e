//! `dkim` of a message → how its mails are signed, with the key read.

use std::time::Duration;

use super::super::faults::Faults;
use crate::message::{
    Canonicalization, Dkim, SigningKey, TemplateError, USUAL_FIELDS, check_header_name, is_domain,
};
use crate::plan::document::{Dkim as Table, DkimCanonicalization};
use crate::plan::secrets::{self, Vault};
use crate::plan::{DiagnosticCode, Span};

/// Lowers the table at `pointer`; none where it has mistakes.
pub(super) fn lower_dkim(
    table: &Table,
    pointer: &str,
    vault: Vault<'_>,
    faults: &mut Faults,
) -> Option<Dkim> {
    Lowering { table, pointer, faults }.lower(vault)
}

struct Lowering<'a> {
    table: &'a Table,
    pointer: &'a str,
    faults: &'a mut Faults,
}

impl Lowering<'_> {
    fn lower(&mut self, vault: Vault<'_>) -> Option<Dkim> {
        let table = self.table;
        let domain = self.name("domain", table.domain.as_ref());
        let selector = self.name("selector", table.selector.as_ref());
        let key = self.key(vault);
        let fields = self.fields();
        let expire = self.expire();
        let (header, body) = forms(table.canonicalization);
        let (domain, selector, key) = (domain?, selector?, key?);
        // The public key stands at this name.
        if !is_domain(&format!("{selector}.domainkey0.{domain}")) {
            self.bad("selector", "`SELECTOR._domainkey.DOMAIN` is longer than 253 octets");
        }
        Some(Dkim { domain, selector, key, fields, header, body, expire })
    }

    fn bad(&mut self, key: &str, message: impl Into<String>) {
        self.faults.bad(&format!("{}/{key}", self.pointer), message);
    }

    fn name(&mut self, key: &str, name: Option<&String>) -> Option<String> {
        let Some(name) = name else {
            self.faults.missing(self.pointer, key);
            return None;
        };
        if is_domain(name) {
            return Some(name.clone());
        }
        let help = if name.is_ascii() {
            "labels of letters, digits and inner hyphens, with dots between them"
        } else {
            "DNS has it in ASCII, as `xn--kln-sna.test` for `köln.test`"
        };
        let message = format!("`{name}` is no name in DNS");
        let pointer = format!("{}/{key}", self.pointer);
        self.faults.value_with_help(DiagnosticCode::BadValue, &pointer, message, help);
        None
    }

    fn key(&mut self, vault: Vault<'_>) -> Option<SigningKey> {
        let Some(text) = &self.table.key else {
            self.faults.missing(self.pointer, "key");
            return None;
        };
        if secrets::is_private_key(text) {
            let message = "the key itself does not belong in a plan, but the path of its file";
            self.bad("key", message);
            return None;
        }
        let read = vault.private_key(text).and_then(|pem| {
            SigningKey::from_pem(&pem).map_err(|error| format!("`{text}` {error}"))
        });
        read.map_err(|message| self.bad("key", message)).ok()
    }

    fn fields(&mut self) -> Vec<String> {
        let Some(names) = &self.table.headers else {
            return USUAL_FIELDS.map(str::to_owned).to_vec();
        };
        for (n, name) in names.iter().enumerate() {
            let key = format!("headers/{n}");
            if let Err(TemplateError { message, .. }) = check_header_name(name) {
                self.bad(&key, message);
            } else if names.iter().take(n).any(|other| other.eq_ignore_ascii_case(name)) {
                self.bad(&key, format!("`{name}` stands twice"));
            }
        }
        names.clone()
    }

    fn expire(&mut self) -> Option<Duration> {
        let expire = self.table.expire.map(Span::duration)?;
        if expire.as_secs() == 0 || expire.subsec_nanos() > 0 {
            self.bad("expire", "a signature holds for whole seconds, at least one");
        }
        Some(expire)
    }
}

fn forms(named: Option<DkimCanonicalization>) -> (Canonicalization, Canonicalization) {
    use Canonicalization::{Relaxed, Simple};
    match named {
        None | Some(DkimCanonicalization::Relaxed) => (Relaxed, Relaxed),
        Some(DkimCanonicalization::RelaxedHeader) => (Relaxed, Simple),
        Some(DkimCanonicalization::RelaxedBody) => (Simple, Relaxed),
        Some(DkimCanonicalization::Simple) => (Simple, Simple),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::super::tests::{mistakes, plan, with};
    use super::*;

    fn key(name: &str) -> String {
        format!("{}/tests/keys/{name}.pem", env!("CARGO_MANIFEST_DIR"))
    }

    /// A plan whose message is signed by this table, over one that is right.
    fn signed(changes: Value) -> Value {
        let mut dkim = json!({ "domain": "load.test", "selector": "s1", "key": key("ed25519") });
        let Value::Object(changes) = changes else { panic!("no table") };
        let table = dkim.as_object_mut().unwrap();
        table.extend(changes);
        table.retain(|_, value| !value.is_null());
        with(json!({ "messages": { "real": { "dkim": dkim } } }))
    }

    #[test]
    fn a_signature_is_relaxed_for_ever_and_over_the_usual_fields_by_default() {
        let plan = plan(&signed(json!({})));

        let dkim = plan.messages[0].dkim.clone().unwrap();
        assert_eq!((dkim.domain.as_str(), dkim.selector.as_str()), ("load.test", "s1"));
        assert_eq!(
            (dkim.header, dkim.body),
            (Canonicalization::Relaxed, Canonicalization::Relaxed)
        );
        assert_eq!((dkim.fields.len(), dkim.expire), (USUAL_FIELDS.len(), None));
    }

    #[test]
    fn what_is_signed_and_for_how_long_can_be_said() {
        let plan = plan(&signed(json!({
            "headers": ["Subject", "X-Tag"], "canonicalization": "simple/relaxed", "expire": "2h",
            "key": format!("file:{}", key("rsa-2048")),
        })));

        let dkim = plan.messages[0].dkim.clone().unwrap();
        assert_eq!((dkim.header, dkim.body), (Canonicalization::Simple, Canonicalization::Relaxed));
        assert_eq!(dkim.fields, ["Subject", "X-Tag"]);
        assert_eq!(dkim.expire, Some(Duration::from_hours(2)));
    }

    #[test]
    fn mistakes_stand_at_their_keys() {
        let long = vec!["a".repeat(60); 4].join(".");
        let table = [
            (json!({ "domain": null }), "domain: missing key `domain`".to_owned()),
            (json!({ "selector": null }), "selector: missing key `selector`".to_owned()),
            (json!({ "key": null }), "key: missing key `key`".to_owned()),
            (
                json!({ "domain": "köln.test" }),
                "domain: `köln.test` is no name in DNS (DNS".to_owned(),
            ),
            (json!({ "selector": "a b" }), "selector: `a b` is no name in DNS (labels".to_owned()),
            (
                json!({ "domain": long }),
                "selector: `SELECTOR._domainkey.DOMAIN` is longer than 253 octets".to_owned(),
            ),
            (json!({ "key": "/nowhere" }), "key: cannot read `/nowhere`: No such".to_owned()),
            (json!({ "key": "env:UNSET" }), "key: the environment variable `UNSET` is".to_owned()),
            (
                json!({ "key": key("rsa-1024") }),
                format!("key: `{}` holds an RSA key that is too short", key("rsa-1024")),
            ),
            (
                json!({ "key": key("ec") }),
                format!("key: `{}` holds a key that is neither RSA nor Ed25519", key("ec")),
            ),
            (
                json!({ "key": "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----" }),
                "key: the key itself does not belong in a plan, but the path of its file"
                    .to_owned(),
            ),
            (json!({ "headers": ["a:"] }), "headers/0: `a:` is no header name".to_owned()),
            (json!({ "headers": ["To", "to"] }), "headers/1: `to` stands twice".to_owned()),
            (json!({ "expire": "1500ms" }), "expire: a signature holds for whole".to_owned()),
            (json!({ "expire": "0s" }), "expire: a signature holds for whole".to_owned()),
        ];
        for (changes, mistake) in table {
            let told = mistakes(&signed(changes.clone()));
            assert_eq!(told.len(), 1, "{changes}: {told:?}");
            let (code, told) = told[0].split_once(" /messages/real/dkim/").unwrap();
            assert!(["E012", "E013"].contains(&code), "{changes}: {code}");
            assert!(told.starts_with(&mistake), "{changes}: {told}");
        }
        let told = mistakes(&with(json!({ "messages": { "real": { "dkim": {} } } })));
        assert_eq!(told.len(), 3, "{told:?}");
    }
}
