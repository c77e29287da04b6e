//! `auth` of a client and `users` of the sink → who logs in, with every secret looked up.

use std::sync::Arc;

use serde_json::Value;

use super::faults::Faults;
use crate::plan::document::{Auth as AuthTable, AuthMechanism, Client as ClientTable, Document};
use crate::plan::secrets::{PASSWORD, Vault, pointer as row_pointer};
use crate::plan::{DiagnosticCode, Share, suggest};
use crate::smtp::{Auth, Login, Mechanism, Secret};

/// The most octets of a user and a password together: what base64 makes of them fits into a
/// response (RFC 4954 4.1).
const LONGEST: usize = 9000;

/// The feeds that users come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accounts<'a> {
    pub(super) document: &'a Document,
    pub(super) vault: Vault<'a>,
}

/// How a client logs in.
pub(super) fn lower(
    client: &ClientTable,
    accounts: Accounts<'_>,
    pointer: &str,
    faults: &mut Faults,
) -> Option<Auth> {
    let Some(table) = &client.auth else {
        if client.expect.as_ref().is_some_and(|expect| expect.auth.is_some()) {
            let message = "`expect.auth` says nothing of a client without `auth`";
            faults.conflict(&format!("{pointer}/expect"), "auth", message);
        }
        return None;
    };
    let pointer = format!("{pointer}/auth");
    if table.mechanism.is_none() {
        faults.missing(&pointer, "mechanism");
    }
    let logins = match &table.users {
        Some(feed) => {
            for (key, is_there) in
                [("user", table.user.is_some()), (PASSWORD, table.password.is_some())]
            {
                if is_there {
                    let message = format!("`{key}` and `users` exclude each other");
                    faults.conflict(&pointer, key, message);
                }
            }
            accounts.of_feed(feed, &format!("{pointer}/users"), faults)
        }
        None => accounts.one(table, &pointer, faults),
    };
    let mechanism = table.mechanism.map_or(Mechanism::Plain, mechanism);
    let failure_rate = table.failure_rate.map_or(0.0, Share::fraction);
    Some(Auth { mechanism, logins, failure_rate })
}

fn mechanism(name: AuthMechanism) -> Mechanism {
    match name {
        AuthMechanism::Plain => Mechanism::Plain,
        AuthMechanism::Login => Mechanism::Login,
        AuthMechanism::CramMd5 => Mechanism::CramMd5,
        AuthMechanism::ScramSha256 => Mechanism::ScramSha256,
        AuthMechanism::Xoauth2 => Mechanism::Xoauth2,
        AuthMechanism::Oauthbearer => Mechanism::Oauthbearer,
    }
}

impl Accounts<'_> {
    /// The one user of a table.
    fn one(&self, table: &AuthTable, pointer: &str, faults: &mut Faults) -> Arc<[Login]> {
        let (Some(user), Some(password)) = (&table.user, &table.password) else {
            for (key, is_there) in
                [("user", table.user.is_some()), (PASSWORD, table.password.is_some())]
            {
                if !is_there {
                    faults.value_with_help(
                        DiagnosticCode::MissingKey,
                        &format!("{pointer}/{key}"),
                        format!("missing key `{key}`"),
                        "write `user` and `password`, or `users` with the name of a feed",
                    );
                }
            }
            return Arc::new([]);
        };
        let (user_at, password_at) = (format!("{pointer}/user"), format!("{pointer}/{PASSWORD}"));
        self.login((user, &user_at), (&password.0, &password_at), faults).into_iter().collect()
    }

    /// The users of a feed.
    pub(super) fn of_feed(&self, name: &str, pointer: &str, faults: &mut Faults) -> Arc<[Login]> {
        let Some(feed) = self.document.feeds.named(name) else {
            let known = self.document.feeds.names();
            let message = format!("no feed is named `{name}`");
            let help = suggest(name, known)
                .unwrap_or_else(|| format!("write `[feeds.{name}]` with `user` and `password`"));
            faults.value_with_help(DiagnosticCode::UnknownName, pointer, message, &help);
            return Arc::new([]);
        };
        let rows = feed.inline.iter().flatten().enumerate();
        let logins = rows.filter_map(|(n, row)| {
            let mut text = |field: &str| {
                let at = row_pointer(name, n, field);
                let text = field_text(row.get(field), field, &at, faults);
                text.map(|text| (text, at))
            };
            let (user, password) = (text("user"), text(PASSWORD));
            let ((user, user_at), (password, password_at)) = (user?, password?);
            self.login((&user, &user_at), (&password, &password_at), faults)
        });
        logins.collect()
    }

    fn login(
        &self,
        (user, user_at): (&str, &str),
        (password, password_at): (&str, &str),
        faults: &mut Faults,
    ) -> Option<Login> {
        if user.is_empty() || user.contains(char::is_control) {
            faults.bad(user_at, "a user is not empty and has no control character in it");
        }
        let password: Secret = match self.vault.open(password) {
            Ok(password) => password,
            Err(why) => {
                faults.bad(password_at, why);
                return None;
            }
        };
        if user.len() + password.expose().len() > LONGEST {
            let message = format!("user and password have at most {LONGEST} octets together");
            faults.bad(password_at, message);
        }
        Some(Login { user: user.into(), password })
    }
}

fn field_text(
    value: Option<&Value>,
    field: &str,
    pointer: &str,
    faults: &mut Faults,
) -> Option<String> {
    match value {
        Some(Value::String(text)) => return Some(text.clone()),
        Some(Value::Number(number)) => return Some(number.to_string()),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
            faults.bad(pointer, format!("`{field}` of a feed of users is a text"));
        }
        None => {
            let message = format!("missing field `{field}`: clients log in with this feed");
            faults.value(DiagnosticCode::MissingKey, pointer, message);
        }
    }
    None
}
