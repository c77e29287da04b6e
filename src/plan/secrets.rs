//! Where passwords stand in a plan → what they are; and a plan in force without any of them.
//!
//! `env:NAME` and `file:PATH` are references, and stay in the plan in force. A literal password
//! is replaced there by a reference to an environment variable, so that nothing that is written
//! holds it: neither the results nor, by a [`Veil`], the message of a mistake.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::document::Document;
use super::escape;
use super::files::Files;
use crate::smtp::{Secret, Veil};

/// The field of a feed that holds passwords.
pub(super) const PASSWORD: &str = "password";

/// What looks an environment variable up.
type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The environment variables that a plan may name.
#[derive(Clone)]
pub struct Environment(Arc<Lookup>);

impl Environment {
    /// Variables that are looked up so.
    pub fn new(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(lookup))
    }

    fn value(&self, name: &str) -> Option<String> {
        (self.0)(name)
    }
}

impl Default for Environment {
    /// One without any variable.
    fn default() -> Self {
        Self::new(|_| None)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment(..)")
    }
}

/// A password as a plan writes it.
enum Reference<'a> {
    Environment(&'a str),
    File(&'a str),
    Literal(&'a str),
}

impl<'a> Reference<'a> {
    fn of(text: &'a str) -> Self {
        if let Some(name) = text.strip_prefix("env:") {
            Self::Environment(name)
        } else if let Some(path) = text.strip_prefix("file:") {
            Self::File(path)
        } else {
            Self::Literal(text)
        }
    }
}

/// The path of a `file:` reference.
pub(super) fn file_of(text: &str) -> Option<&str> {
    match Reference::of(text) {
        Reference::File(path) => Some(path),
        Reference::Environment(_) | Reference::Literal(_) => None,
    }
}

/// Where references lead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vault<'a> {
    pub(super) environment: &'a Environment,
    pub(super) files: &'a Files,
}

impl Vault<'_> {
    /// The secret itself, or why there is none.
    pub(super) fn open(&self, text: &str) -> Result<Secret, String> {
        let secret = match Reference::of(text) {
            Reference::Environment(name) => self
                .environment
                .value(name)
                .ok_or_else(|| format!("the environment variable `{name}` is not set"))?,
            Reference::File(path) => {
                let content = std::str::from_utf8(self.files.content(path)?);
                let content = content.map_err(|_| format!("`{path}` holds no text"))?;
                let line = content.strip_suffix('\n').unwrap_or(content);
                line.strip_suffix('\r').unwrap_or(line).to_owned()
            }
            Reference::Literal(text) => text.to_owned(),
        };
        if secret.is_empty() {
            return Err("the password is empty".to_owned());
        }
        if secret.contains(char::is_control) {
            return Err("the password has a control character in it".to_owned());
        }
        Ok(Secret::new(&secret))
    }

    /// What a private key's file or variable holds, or why that is not known. Unlike a password,
    /// a text without a scheme is a path.
    pub(super) fn private_key(&self, text: &str) -> Result<Cow<'_, [u8]>, String> {
        match Reference::of(text) {
            Reference::Environment(name) => {
                let value = self.environment.value(name);
                let value = value.map(|value| Cow::Owned(value.into_bytes()));
                value.ok_or_else(|| format!("the environment variable `{name}` is not set"))
            }
            Reference::File(path) | Reference::Literal(path) => {
                self.files.content(path).map(Cow::Borrowed)
            }
        }
    }
}

/// Whether a text is a private key itself in place of its path.
pub(super) fn is_private_key(text: &str) -> bool {
    text.contains("-----BEGIN")
}

/// The keys that messages are signed with.
fn keys_mut(document: &mut Document) -> impl Iterator<Item = &mut String> {
    document.messages.values_mut().filter_map(|message| message.dkim.as_mut()?.key.as_mut())
}

/// The path of a private key; none where it is no file.
pub(super) fn key_path(text: &str) -> Option<&str> {
    match Reference::of(text) {
        Reference::File(path) | Reference::Literal(path) => Some(path),
        Reference::Environment(_) => None,
    }
    .filter(|path| !is_private_key(path))
}

/// The feeds that hold passwords: those that a client, or the sink, takes its users from.
pub(super) fn feeds(document: &Document) -> BTreeSet<String> {
    let clients = document.clients.iter().filter_map(|(_, client)| client.auth.as_ref());
    let of_clients = clients.filter_map(|auth| auth.users.as_ref());
    let of_sink = document.sink.iter().filter_map(|sink| sink.users.as_ref());
    of_clients.chain(of_sink).cloned().collect()
}

/// Every password of a document, with the variable that could hold it.
fn each_mut(document: &mut Document, mut with: impl FnMut(&str, &mut String)) {
    let names: Vec<String> = document.clients.names().map(str::to_owned).collect();
    for (name, client) in names.iter().zip(document.clients.values_mut()) {
        if let Some(password) = client.auth.as_mut().and_then(|auth| auth.password.as_mut()) {
            with(&variable(name), &mut password.0);
        }
    }
    let secret = feeds(document);
    let names: Vec<String> = document.feeds.names().map(str::to_owned).collect();
    for (name, feed) in names.iter().zip(document.feeds.values_mut()) {
        let rows = feed.inline.iter_mut().flatten().filter(|_| secret.contains(name));
        for (row, n) in rows.zip(1_usize..) {
            if let Some(Value::String(password)) = row.get_mut(PASSWORD) {
                with(&format!("{}_{n}", variable(name)), password);
            }
        }
    }
}

fn variable(name: &str) -> String {
    format!("MAILQUAKE_PASSWORD_{}", name.to_ascii_uppercase().replace('-', "_"))
}

/// Makes all passwords texts, and the paths among them such as `anchor` gives.
pub(super) fn settle(document: &mut Document, anchor: impl Fn(&mut String)) {
    let secret = feeds(document);
    let names: Vec<String> = document.feeds.names().map(str::to_owned).collect();
    let feeds = names.iter().zip(document.feeds.values_mut());
    for (_, feed) in feeds.filter(|(name, _)| secret.contains(*name)) {
        for password in feed.inline.iter_mut().flatten().filter_map(|row| row.get_mut(PASSWORD)) {
            if let Value::Number(number) = password {
                *password = Value::String(number.to_string());
            }
        }
    }
    each_mut(document, |_, text| {
        if let Some(mut path) = file_of(text).map(str::to_owned) {
            anchor(&mut path);
            *text = format!("file:{path}");
        }
    });
    for key in keys_mut(document) {
        if let Some(mut path) = key_path(key).map(str::to_owned) {
            anchor(&mut path);
            *key = path;
        }
    }
}

/// A password from the file of a feed: a path in it begins at that file's folder.
pub(super) fn beside(file: &str, text: &str) -> String {
    let Some(path) = file_of(text).filter(|path| !path.is_empty()) else { return text.to_owned() };
    let folder = Path::new(file).parent().unwrap_or_else(|| Path::new(""));
    folder.join(path).to_str().map_or_else(|| text.to_owned(), |path| format!("file:{path}"))
}

/// The paths of all passwords and keys that stand in files of their own.
pub(super) fn paths(document: &Document, files: &Files) -> Vec<String> {
    let mut paths = Vec::new();
    let clients = document.clients.iter().filter_map(|(_, client)| client.auth.as_ref());
    let passwords = clients.filter_map(|auth| auth.password.as_ref());
    paths.extend(passwords.filter_map(|text| file_of(&text.0)).map(str::to_owned));
    let signing = document.messages.iter().filter_map(|(_, message)| message.dkim.as_ref());
    let keys = signing.filter_map(|dkim| key_path(dkim.key.as_ref()?));
    paths.extend(keys.map(str::to_owned));
    let secret = feeds(document);
    for (name, feed) in document.feeds.iter().filter(|(name, _)| secret.contains(*name)) {
        for row in feed.inline.iter().flatten() {
            let password = row.get(PASSWORD).and_then(Value::as_str);
            paths.extend(password.and_then(file_of).map(str::to_owned));
        }
        let (Some(file), Some(Ok(rows))) = (&feed.file, files.rows(name)) else { continue };
        let passwords = (0..rows.len()).filter_map(|row| rows.cell(row, PASSWORD));
        let passwords = passwords.filter_map(|text| Some(beside(file, text.as_str()?)));
        paths.extend(passwords.filter_map(|text| file_of(&text).map(str::to_owned)));
    }
    paths
}

/// Puts a reference in the place of each literal password. Equal ones share a variable.
pub(super) fn refer(document: &mut Document) {
    let mut taken = BTreeSet::new();
    each_mut(document, |_, text| {
        if let Reference::Environment(name) = Reference::of(text) {
            taken.insert(name.to_owned());
        }
    });
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    each_mut(document, |variable, text| {
        if let Reference::Literal(literal) = Reference::of(text) {
            let name = known.entry(literal.to_owned()).or_insert_with(|| free(variable, &taken));
            taken.insert(name.clone());
            *text = format!("env:{name}");
        }
    });
}

/// The name, or the first one like it that nothing else has.
fn free(name: &str, taken: &BTreeSet<String>) -> String {
    let more = (2_u32..).map(|n| format!("{name}__{n}"));
    let mut names = std::iter::once(name.to_owned()).chain(more);
    names.find(|name| !taken.contains(name)).unwrap_or_default()
}

/// A document's tree without its passwords, whatever they are: they say nothing of what a plan
/// does.
pub(super) fn forget(tree: &mut Value, secret: &BTreeSet<String>) {
    for (_, client) in tables(tree, "clients") {
        if let Some(password) = client.get_mut("auth").and_then(|auth| auth.get_mut(PASSWORD)) {
            *password = Value::Null;
        }
    }
    for (name, feed) in tables(tree, "feeds") {
        let rows = feed.get_mut("inline").and_then(Value::as_array_mut);
        for row in rows.into_iter().flatten().filter(|_| secret.contains(name)) {
            if let Some(password) = row.get_mut(PASSWORD) {
                *password = Value::Null;
            }
        }
    }
}

fn tables<'a>(
    tree: &'a mut Value,
    section: &str,
) -> impl Iterator<Item = (&'a String, &'a mut Value)> + use<'a> {
    tree.get_mut(section).and_then(Value::as_object_mut).into_iter().flatten()
}

/// A veil over the literal passwords, and keys, of a settled tree, for the messages of its mistakes.
pub(super) fn veil(tree: &Value) -> Veil {
    let table = |section: &str| tree.get(section).and_then(Value::as_object).into_iter().flatten();
    let clients = table("clients").filter_map(|(_, client)| client.get("auth")?.get(PASSWORD));
    let rows = table("feeds").filter_map(|(_, feed)| feed.get("inline")?.as_array()).flatten();
    let rows = rows.filter_map(|row| row.get(PASSWORD));
    let keys = table("messages").filter_map(|(_, message)| message.get("dkim")?.get("key"));
    let keys = keys.filter(|key| key.as_str().is_some_and(is_private_key));
    let mut secrets = Vec::new();
    for password in clients.chain(rows).chain(keys) {
        let text = match password {
            Value::String(text) => text.clone(),
            Value::Null => continue,
            other => other.to_string(),
        };
        // A variable that was not found is no secret.
        if matches!(Reference::of(&text), Reference::Literal(_)) && !text.contains("${") {
            let written = Value::from(text.as_str()).to_string();
            secrets.push(written.trim_matches('"').to_owned());
            secrets.push(text);
        }
    }
    Veil::over(secrets.iter().map(String::as_str))
}

/// The pointer of a row's field.
pub(super) fn pointer(feed: &str, row: usize, field: &str) -> String {
    format!("/feeds/{}/inline/{row}/{field}", escape(feed))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::{Format, Loaded, Look, Overrides, PlanErrors, Source, Surroundings, load};

    const PLAN: &str = r#"version = 1
seed = 1
[vars]
pw = "in-a-var"
[clients.a-b]
auth = { mechanism = "plain", user = "u", password = "in-the-plan" }
[clients.a_b]
auth = { mechanism = "plain", user = "u", password = "${pw}" }
[clients.feed]
auth = { mechanism = "login", users = "f" }
[feeds.f]
inline = [
    { user = "one", password = "in-the-feed" },
    { user = "two", password = "in-the-plan" },
    { user = "three", password = "env:SET" },
]
[feeds.other]
inline = [{ password = "no secret" }]
[[phases]]
name = "p"
kind = "steady"
mix = "feed"
connections = 1
duration = "1s"
"#;

    fn loaded(text: &str, values: &[(&str, &str)]) -> Result<Loaded, PlanErrors> {
        let values: Vec<(String, String)> =
            values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let environment = Environment::new(move |wanted| {
            values.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
        });
        let surroundings = Surroundings {
            host: "host.test".to_owned(),
            seed: 1,
            folder: "/plans".into(),
            environment,
        };
        load(&Source::new("plan.toml", text, Format::Toml), &Overrides::default(), &surroundings)
    }

    #[test]
    fn the_plan_in_force_has_references_in_place_of_passwords() {
        let plan = loaded(PLAN, &[("SET", "from-outside")]).unwrap();

        let text = plan.plan_toml();
        for secret in ["in-the-plan", "in-a-var", "in-the-feed", "from-outside"] {
            assert!(!text.contains(secret), "{text}");
        }
        for reference in [
            "env:MAILQUAKE_PASSWORD_A_B\"",
            "env:MAILQUAKE_PASSWORD_A_B__2\"",
            "env:MAILQUAKE_PASSWORD_F_1\"",
            "env:SET\"",
            "no secret",
        ] {
            assert!(text.contains(reference), "{reference}: {text}");
        }
        let again = loaded(
            &text,
            &[
                ("MAILQUAKE_PASSWORD_A_B", "in-the-plan"),
                ("MAILQUAKE_PASSWORD_A_B__2", "in-a-var"),
                ("MAILQUAKE_PASSWORD_F_1", "in-the-feed"),
                ("SET", "from-outside"),
            ],
        )
        .unwrap();
        assert_eq!(again.plan.clients, plan.plan.clients);
        assert_eq!((again.hash(), again.plan_toml()), (plan.hash(), text));
    }

    #[test]
    fn a_fingerprint_does_not_hold_passwords() {
        let hash = |text: &str| loaded(text, &[("SET", "x")]).unwrap().hash();

        assert_eq!(hash(PLAN), hash(&PLAN.replace("in-the-feed", "another")));
        assert_ne!(hash(PLAN), hash(&PLAN.replace("\"one\"", "\"first\"")));
    }

    #[test]
    fn a_password_in_a_file_is_its_line() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pw"), "from a file\r\n").unwrap();
        let path = folder.path().join("pw");
        let text = PLAN.replace("in-the-feed", &format!("file:{}", path.display()));

        let plan = loaded(&text, &[("SET", "x")]).unwrap();

        let logins = &plan.plan.clients[2].auth.as_ref().unwrap().logins;
        assert_eq!(logins[0].password.expose(), "from a file");
        assert!(plan.plan_toml().contains(&format!("file:{}", path.display())));
        let relative = loaded(&PLAN.replace("in-the-feed", "file:pw"), &[("SET", "x")]);
        let told = relative.unwrap_err().render(Look::Plain);
        assert!(told.contains("cannot read `/plans/pw`"), "{told}");
    }

    /// The plan with the feed that clients log in with in a file beside it.
    fn with_file(folder: &Path, rows: &str) -> String {
        let file = folder.join("users.csv");
        std::fs::write(&file, rows).unwrap();
        let (before, rest) = PLAN.split_once("inline = [\n").unwrap();
        let (_, after) = rest.split_once("\n]").unwrap();
        format!("{before}file = {:?}{after}", file.to_str().unwrap())
    }

    #[test]
    fn logins_come_from_a_file_and_no_password_of_it_is_written_or_rendered() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pw"), "from-a-file\n").unwrap();
        let rows = "user,password,name\none,in-the-csv,Ada\ntwo,env:SET,Grace\nthree,file:pw,Éva\n";
        let text = with_file(folder.path(), rows);

        let plan = loaded(&text, &[("SET", "from-outside")]).unwrap();

        let logins = &plan.plan.clients[2].auth.as_ref().unwrap().logins;
        let logins = logins.iter().map(|login| (&*login.user, login.password.expose()));
        assert_eq!(
            logins.collect::<Vec<_>>(),
            [("one", "in-the-csv"), ("two", "from-outside"), ("three", "from-a-file")]
        );
        assert_eq!(plan.plan.feeds[0].rows.fields().collect::<Vec<_>>(), ["user", "name"]);
        let shown = format!("{}{:?}", plan.plan_toml(), plan.plan.feeds);
        for secret in ["in-the-csv", "from-outside", "from-a-file"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert_eq!(
            loaded(
                &plan.plan_toml(),
                &[
                    ("SET", "from-outside"),
                    ("MAILQUAKE_PASSWORD_A_B", "in-the-plan"),
                    ("MAILQUAKE_PASSWORD_A_B__2", "in-a-var")
                ]
            )
            .unwrap()
            .plan
            .clients,
            plan.plan.clients
        );
        let template = format!("{text}[messages.m]\ntext = \"{{{{ feed.f.password }}}}\"\n");
        let told = loaded(&template, &[("SET", "x")]).unwrap_err().render(Look::Plain);
        assert!(told.contains("the feed `f` has no field `password`"), "{told}");
    }

    #[test]
    fn a_wrong_login_in_a_file_is_told_by_its_row_and_without_its_password() {
        let folder = tempfile::tempdir().unwrap();
        for (rows, mistake) in [
            ("user,password\none,x\ntwo,\n", "row 2: the password is empty"),
            ("user,password\n,secret\n", "row 1: a user is not empty"),
            ("user,pass\none,secret\n", "row 1: missing field `password`"),
            ("user,password\none,env:GONE\n", "row 1: the environment variable `GONE` is not set"),
            ("user,password\none,file:gone\n", "/gone`: No such file"),
            ("user,password\none,secret,two\n", "line 2: 3 fields, where the first line names 2"),
        ] {
            let text = with_file(folder.path(), rows);

            let errors = loaded(&text, &[("SET", "x")]).unwrap_err();

            let told = errors.render(Look::Plain);
            assert!(told.contains(mistake), "{rows}: {told}");
            assert!(!told.contains("secret"), "{told}");
        }
    }

    #[test]
    fn mistakes_show_no_password() {
        for (right, wrong) in [
            (
                "mechanism = \"plain\", user = \"u\", password = \"in-the-plan\"",
                "mechanism = \"plan\", user = \"u\", password = \"in-the-plan\"",
            ),
            (
                "{ user = \"one\", password = \"in-the-feed\" }",
                "{ user = [], password = \"in-the-feed\" }",
            ),
            ("pw = \"in-a-var\"", "pw = \"in-a-var\"\n\"b d\" = \"in-a-var\""),
        ] {
            let text = PLAN.replace(right, wrong);
            assert_ne!(text, PLAN, "{right}");
            let errors = loaded(&text, &[("SET", "x")]).unwrap_err();
            let shown = format!("{}{}{errors:?}", errors.render(Look::Plain), errors.to_json());
            for secret in ["in-the-plan", "in-a-var", "in-the-feed"] {
                assert!(!errors.render(Look::Plain).contains(secret), "{shown}");
                assert!(!errors.to_json().to_string().contains(secret), "{shown}");
            }
        }
    }

    #[test]
    fn a_numeric_password_is_a_text() {
        let tree = json!({ "clients": { "a": { "auth": { "password": 12345 } } } });

        assert_eq!(veil(&tree).cover("12345"), "[secret]");
    }

    const SIGNED: &str = r#"version = 1
[messages.plain]
dkim = { domain = "load.test", selector = "s1", key = "KEY" }
[messages.heir]
extends = "plain"
[clients.app]
messages = "heir"
[[phases]]
name = "p"
kind = "steady"
connections = 1
duration = "1s"
"#;

    #[test]
    fn a_key_comes_from_a_variable_is_inherited_and_stands_nowhere() {
        let key = include_str!("../../tests/keys/ed25519.pem");
        let text = SIGNED.replace("KEY", "env:DKIM");

        let loaded = loaded(&text, &[("DKIM", key)]).unwrap();

        assert!(loaded.plan.messages.iter().all(|message| message.dkim.is_some()));
        let secret = key.lines().nth(1).unwrap();
        for shown in [loaded.plan_toml(), format!("{:?}", loaded.plan)] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(loaded.plan_toml().contains("env:DKIM"));
    }

    #[test]
    fn the_path_of_a_key_begins_at_the_folder_of_the_plan() {
        for key in ["keys/a.pem", "file:keys/a.pem"] {
            let errors = loaded(&SIGNED.replace("KEY", key), &[]).unwrap_err();
            let told = errors.render(Look::Plain);
            assert!(told.contains("cannot read `/plans/keys/a.pem`"), "{told}");
        }
    }

    #[test]
    fn a_key_in_the_plan_is_refused_and_not_shown() {
        let key = include_str!("../../tests/keys/ed25519.pem").replace('\n', "\\n");

        let errors = loaded(&SIGNED.replace("KEY", &key), &[]).unwrap_err();

        let told = errors.render(Look::Plain) + &errors.to_json().to_string();
        let secret = key.split("\\n").nth(1).unwrap();
        assert!(told.contains("does not belong in a plan"), "{told}");
        assert!(!told.contains(secret), "{told}");
    }
}
