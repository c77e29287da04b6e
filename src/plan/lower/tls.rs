//! `[clients.NAME].tls` → how the client's sessions are encrypted, its files read as PEM.

use std::sync::Arc;

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::faults::Faults;
use crate::plan::Address;
use crate::plan::document::{
    ShortOr, Tls as TlsValue, TlsMode as ModeName, TlsTable, TlsVerify, TlsVersion as VersionName,
};
use crate::plan::files::Files;
use crate::plan::model::{Client, Endpoint, Identity, Target, Tls, TlsVersion, Verify};
use crate::plan::{Diagnostic, DiagnosticCode, escape};
use crate::smtp::TlsMode;

/// How a client's sessions are encrypted; none where they are in clear.
pub(super) fn lower(
    tls: Option<&TlsValue>,
    pointer: &str,
    files: &Files,
    faults: &mut Faults,
) -> Option<Tls> {
    let short;
    let table = match tls? {
        ShortOr::Short(mode) => {
            short = TlsTable { mode: Some(*mode), ..TlsTable::default() };
            &short
        }
        ShortOr::Long(table) => table,
    };
    Lowering { table, pointer, files, faults }.lower()
}

struct Lowering<'a> {
    table: &'a TlsTable,
    pointer: &'a str,
    files: &'a Files,
    faults: &'a mut Faults,
}

impl Lowering<'_> {
    fn lower(&mut self) -> Option<Tls> {
        let table = self.table;
        if table.mode.is_none() {
            self.faults.missing(self.pointer, "mode");
        }
        let min = table.min.map_or(TlsVersion::Tls12, version);
        let max = table.max.map_or(TlsVersion::Tls13, version);
        if min > max {
            let key = if table.max.is_some() { "max" } else { "min" };
            self.bad(key, "`max` is below `min`");
        }
        let verify = self.verify();
        let identity = self.identity();
        let server_name = self.server_name();
        let mode = match table.mode? {
            ModeName::None => {
                self.refuse_keys_without_effect();
                return None;
            }
            ModeName::Starttls => TlsMode::Starttls,
            ModeName::Implicit => TlsMode::Implicit,
        };
        let resume = table.resume.unwrap_or(true);
        Some(Tls { mode, verify, server_name, min, max, identity, resume })
    }

    fn bad(&mut self, key: &str, message: impl Into<String>) {
        self.faults.bad(&format!("{}/{key}", self.pointer), message);
    }

    fn refuse_keys_without_effect(&mut self) {
        let alone = TlsTable { mode: self.table.mode, ..TlsTable::default() };
        if *self.table != alone {
            let message = "with `mode = \"none\"` no other key has an effect";
            self.faults.conflict(self.pointer, "mode", message);
        }
    }

    fn verify(&mut self) -> Verify {
        let unverified = self.table.verify == Some(TlsVerify::None);
        match &self.table.ca {
            None if unverified => Verify::Nothing,
            None => Verify::System,
            Some(path) => {
                if unverified {
                    let message = "with `verify = \"none\"` nothing is checked against a `ca`";
                    self.faults.conflict(self.pointer, "ca", message);
                }
                Verify::Roots(self.roots(path))
            }
        }
    }

    fn roots(&mut self, path: &str) -> Arc<[CertificateDer<'static>]> {
        let certificates = self.certificates("ca", path);
        let mut store = RootCertStore::empty();
        for certificate in &certificates {
            if let Err(error) = store.add(certificate.clone()) {
                self.bad("ca", format!("a certificate in `{path}` can't be used: {error}"));
                break;
            }
        }
        certificates.into()
    }

    /// The certificates of a file, at least one; none where that is told as a mistake.
    fn certificates(&mut self, key: &str, path: &str) -> Vec<CertificateDer<'static>> {
        let read = self.files.content(path).and_then(|content| {
            let all = CertificateDer::pem_slice_iter(content).collect::<Result<Vec<_>, _>>();
            match all {
                Ok(all) if all.is_empty() => Err(format!("`{path}` holds no certificate in PEM")),
                Ok(all) => Ok(all),
                Err(error) => Err(format!("`{path}` can't be read as PEM: {}", reason(&error))),
            }
        });
        read.unwrap_or_else(|message| {
            self.bad(key, message);
            Vec::new()
        })
    }

    fn private_key(&mut self, path: &str) -> Option<PrivateKeyDer<'static>> {
        let read = self.files.content(path).and_then(|content| {
            PrivateKeyDer::from_pem_slice(content).map_err(|error| match error {
                pem::Error::NoItemsFound => format!("`{path}` holds no private key in PEM"),
                error => format!("`{path}` can't be read as PEM: {}", reason(&error)),
            })
        });
        read.map_err(|message| self.bad("key", message)).ok()
    }

    fn identity(&mut self) -> Option<Arc<Identity>> {
        let table = self.table;
        let (certificate, key) = match (&table.certificate, &table.key) {
            (None, None) => return None,
            (Some(certificate), Some(key)) => (certificate, key),
            (Some(_), None) => {
                self.faults.conflict(self.pointer, "certificate", "`certificate` needs `key`");
                return None;
            }
            (None, Some(_)) => {
                self.faults.conflict(self.pointer, "key", "`key` needs `certificate`");
                return None;
            }
        };
        let chain = self.certificates("certificate", certificate);
        let key = self.private_key(key)?;
        if chain.is_empty() {
            return None;
        }
        let provider = ring::default_provider();
        if let Err(error) = CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider) {
            self.bad("key", format!("the key can't be used with the certificate: {error}"));
        }
        Some(Arc::new(Identity { chain, key }))
    }

    fn server_name(&mut self) -> Option<ServerName<'static>> {
        let text = self.table.server_name.as_ref()?;
        let name = ServerName::try_from(text.clone());
        name.map_err(|_| self.bad("server_name", format!("`{text}` is no name of a host"))).ok()
    }
}

/// What is wrong, without the octets that a parser shows: they may be of a key.
fn reason(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end",
        pem::Error::IllegalSectionStart { .. } => "a section begins with an illegal line",
        pem::Error::Base64Decode(_) => "a section holds what is no base64",
        _ => "it has another form",
    }
}

const fn version(name: VersionName) -> TlsVersion {
    match name {
        VersionName::Tls12 => TlsVersion::Tls12,
        VersionName::Tls13 => TlsVersion::Tls13,
    }
}

/// A certificate is checked against one name: a target with several hosts does not give it.
pub(super) fn check_names(clients: &[Client], targets: &[Target], faults: &mut Faults) {
    for client in clients {
        let Some(tls) = &client.tls else { continue };
        let target = targets.get(client.target.index());
        let has_many = target.is_some_and(|target| match &target.endpoint {
            Endpoint::Sink | Endpoint::One(_) => false,
            Endpoint::Spread(addresses) => {
                let mut hosts = addresses.iter().map(Address::host);
                let is_name = |host: &str| host.parse::<std::net::IpAddr>().is_err();
                hosts.clone().flatten().any(is_name)
                    && hosts.next().is_some_and(|first| hosts.any(|host| host != first))
            }
        });
        if has_many && tls.server_name.is_none() && tls.verify != Verify::Nothing {
            let pointer = format!("/clients/{}/tls", escape(&client.name));
            faults.add(
                Diagnostic::value(
                    DiagnosticCode::MissingKey,
                    pointer,
                    "the target has several hosts, and a certificate is checked against one name",
                )
                .with_help("write `server_name`".to_owned()),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::*;
    use crate::plan::certificates::Authority;
    use crate::plan::document::{Client as ClientTable, Document, Table, VOCABULARY};
    use crate::plan::follow::Follow;
    use crate::plan::{Place, de};

    /// What a value of `tls` becomes, and its mistakes as place and message.
    fn lowered(value: &Value) -> (Option<Tls>, Vec<String>) {
        let mut errors = Vec::new();
        let tree = json!({ "tls": value });
        let client: ClientTable = de::read(&tree, "/here", VOCABULARY, &mut errors);
        let tls = client.tls.clone();
        let clients: Table<ClientTable> = [("a".to_owned(), client)].into_iter().collect();
        let files = Files::of(&Document { clients, ..Document::default() });
        let mut faults = Faults::default();
        let lowered = lower(tls.as_ref(), "/here/tls", &files, &mut faults);
        let follow = Follow::of(&errors);
        let later = faults.into_diagnostics().into_iter();
        errors.extend(later.filter(|error| !follow.explains(error)));
        (lowered, errors.into_iter().map(shown).collect())
    }

    fn shown(error: Diagnostic) -> String {
        let Place::Plan(pointer, _) = error.place else { panic!("{:?}", error.place) };
        let help = error.help.map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{} {pointer}: {}{help}", error.code, error.message)
    }

    fn tls(value: &Value) -> Tls {
        let (tls, mistakes) = lowered(value);
        assert_eq!(mistakes, Vec::<String>::new(), "{value}");
        tls.unwrap()
    }

    fn only_mistake(value: &Value) -> String {
        let (_, mistakes) = lowered(value);
        assert_eq!(mistakes.len(), 1, "{value}: {mistakes:?}");
        mistakes[0].clone()
    }

    #[test]
    fn the_short_form_checks_by_the_system_offers_both_versions_and_resumes() {
        let expected = Tls {
            mode: TlsMode::Starttls,
            verify: Verify::System,
            server_name: None,
            min: TlsVersion::Tls12,
            max: TlsVersion::Tls13,
            identity: None,
            resume: true,
        };

        assert_eq!(tls(&json!("starttls")), expected);
        assert_eq!(tls(&json!({ "mode": "starttls" })), expected);
        assert_eq!(tls(&json!("implicit")).mode, TlsMode::Implicit);
        assert_eq!(lowered(&json!("none")), (None, Vec::new()));
        assert_eq!(lowered(&json!({ "mode": "none" })), (None, Vec::new()));
    }

    #[test]
    fn the_long_form_says_everything_and_versions_need_no_quotes() {
        let table = json!({
            "mode": "implicit", "verify": "none", "server_name": "mx.test", "min": 1.3,
            "max": "1.3", "resume": false,
        });
        let tls = tls(&table);

        assert_eq!((tls.verify, tls.resume), (Verify::Nothing, false));
        assert_eq!((tls.min, tls.max), (TlsVersion::Tls13, TlsVersion::Tls13));
        assert_eq!(tls.server_name, ServerName::try_from("mx.test").ok());
    }

    #[test]
    fn mistakes_stand_at_their_keys() {
        let table = [
            (
                json!("startls"),
                "E012 /here/tls: unknown value `startls` (did you mean `starttls`?)",
            ),
            (
                json!("ssl"),
                "E012 /here/tls: unknown value `ssl` (expected one of: none, starttls, implicit)",
            ),
            (json!(5), "E011 /here/tls: expected a name or a table, found the number `5`"),
            (json!({}), "E013 /here/tls/mode: missing key `mode`"),
            (
                json!({ "mode": "implict" }),
                "E012 /here/tls/mode: unknown value `implict` (did you mean `implicit`?)",
            ),
            (
                json!({ "mode": "implicit", "verfy": "ca" }),
                "E010 /here/tls/verfy: unknown key `verfy` (did you mean `verify`?)",
            ),
            (
                json!({ "mode": "implicit", "min": "1.1" }),
                "E012 /here/tls/min: `1.1` is no version of TLS that is spoken: 1.2 or 1.3",
            ),
            (
                json!({ "mode": "implicit", "min": "1.3", "max": "1.2" }),
                "E012 /here/tls/max: `max` is below `min`",
            ),
            (
                json!({ "mode": "implicit", "server_name": "a b" }),
                "E012 /here/tls/server_name: `a b` is no name of a host",
            ),
            (
                json!({ "mode": "implicit", "certificate": "c.pem" }),
                "E014 /here/tls/certificate: `certificate` needs `key`",
            ),
            (
                json!({ "mode": "implicit", "key": "k.pem" }),
                "E014 /here/tls/key: `key` needs `certificate`",
            ),
            (
                json!({ "mode": "none", "resume": true }),
                "E014 /here/tls/mode: with `mode = \"none\"` no other key has an effect",
            ),
        ];
        for (value, mistake) in table {
            assert_eq!(only_mistake(&value), mistake);
        }
    }

    #[test]
    fn files_are_read_as_pem() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let authority = Authority::new();
        let (own, other) = (authority.sign("me.test"), authority.sign("other.test"));
        let both = format!("{}{}", own.pem, authority.pem);
        let write = |name: &str, text: &str| fs::write(path(name), text).unwrap();
        write("ca.pem", &authority.pem);
        write("chain.pem", &both);
        write("own.key", &own.key_pem);
        write("other.key", &other.key_pem);
        write("empty.pem", "");
        write("cut.pem", authority.pem.get(..100).unwrap());

        let table = json!({
            "mode": "implicit", "ca": path("ca.pem"), "certificate": path("chain.pem"),
            "key": path("own.key"),
        });
        let read = tls(&table);
        assert_eq!(read.verify, Verify::Roots([authority.certificate.clone()].into()));
        let identity = read.identity.unwrap();
        assert_eq!(identity.chain, [own.chain[0].clone(), authority.certificate.clone()]);
        assert_eq!(identity.key, own.key);

        let wrong = [
            (
                "ca",
                "missing.pem",
                "cannot read `missing.pem`: No such file or directory (os error 2)",
            ),
            ("ca", "empty.pem", "`empty.pem` holds no certificate in PEM"),
            ("ca", "own.key", "`own.key` holds no certificate in PEM"),
            ("ca", "cut.pem", "`cut.pem` can't be read as PEM: a section has no end"),
            ("certificate", "empty.pem", "`empty.pem` holds no certificate in PEM"),
            ("key", "ca.pem", "`ca.pem` holds no private key in PEM"),
            (
                "key",
                "other.key",
                "the key can't be used with the certificate: keys may not be consistent: KeyMismatch",
            ),
        ];
        for (key, file, message) in wrong {
            let mut tree = table.clone();
            tree[key] = json!(path(file));
            let told = only_mistake(&tree).replace(&format!("{}/", folder.path().display()), "");
            assert_eq!(told, format!("E012 /here/tls/{key}: {message}"));
        }
        let mut unverified = table;
        unverified["verify"] = json!("none");
        assert_eq!(
            only_mistake(&unverified),
            "E014 /here/tls/ca: with `verify = \"none\"` nothing is checked against a `ca`"
        );
    }

    #[test]
    fn a_target_of_several_hosts_needs_the_name_that_is_checked() {
        let told = |hosts: &[&str], value: &Value| {
            let mut plan = crate::plan::lower::tests::plan_of_one_client();
            plan.clients[0].tls = Some(tls(value));
            let addresses =
                hosts.iter().map(|host| Address::Host { host: (*host).to_owned(), port: 25 });
            plan.targets[0].endpoint = Endpoint::Spread(addresses.collect());
            let mut faults = Faults::default();
            check_names(&plan.clients, &plan.targets, &mut faults);
            faults.into_diagnostics().len()
        };
        let (checked, unchecked) =
            (json!("implicit"), json!({ "mode": "implicit", "verify": "none" }));
        let named = json!({ "mode": "implicit", "server_name": "mx.test" });

        assert_eq!(told(&["a.test", "b.test"], &checked), 1);
        assert_eq!(told(&["a.test", "127.0.0.1"], &checked), 1);
        assert_eq!(told(&["a.test", "b.test"], &unchecked), 0);
        assert_eq!(told(&["a.test", "b.test"], &named), 0);
        assert_eq!(told(&["a.test", "a.test"], &checked), 0);
        assert_eq!(told(&["127.0.0.1", "127.0.0.2"], &checked), 0, "each is its own name");
    }
}
