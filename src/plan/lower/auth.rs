//! `auth` of a client and `users` of the sink → who logs in, with every secret looked up.

use std::sync::Arc;

use serde_json::Value;

use super::faults::Faults;
use crate::message::Table;
use crate::plan::document::{
    Auth as AuthTable, AuthMechanism, Client as ClientTable, Document, Row,
};
use crate::plan::secrets::{self, PASSWORD, Vault, pointer as row_pointer};
use crate::plan::{DiagnosticCode, Share, escape, suggest};
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
        let spot = |key| Spot::at(format!("{pointer}/{key}"));
        let (user_at, password_at) = (spot("user"), spot(PASSWORD));
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
        let logins: Vec<Option<Login>> = match &feed.file {
            None => {
                let rows = feed.inline.iter().flatten().enumerate();
                rows.map(|(n, row)| self.of_row(name, n, row, faults)).collect()
            }
            Some(file) => match self.vault.files.rows(name) {
                Some(Ok(rows)) => {
                    (0..rows.len()).map(|n| self.of_file((name, file), rows, n, faults)).collect()
                }
                // What is wrong with the file is told where feeds are lowered.
                Some(Err(_)) | None => Vec::new(),
            },
        };
        logins.into_iter().flatten().collect()
    }

    /// The user of a row in the plan.
    fn of_row(&self, feed: &str, n: usize, row: &Row, faults: &mut Faults) -> Option<Login> {
        let spot = |field| Spot::at(row_pointer(feed, n, field));
        let (user_at, password_at) = (spot("user"), spot(PASSWORD));
        let user = field_text(row.get("user"), "user", &user_at, faults);
        let password = field_text(row.get(PASSWORD), PASSWORD, &password_at, faults);
        self.login((&user?, &user_at), (&password?, &password_at), faults)
    }

    /// The user of a row in the file of a feed.
    fn of_file(
        &self,
        (feed, file): (&str, &str),
        rows: &Table,
        n: usize,
        faults: &mut Faults,
    ) -> Option<Login> {
        let spot = Spot { pointer: format!("/feeds/{}/file", escape(feed)), row: Some(n + 1) };
        let mut text = |field| {
            let cell = rows.cell(n, field).and_then(|cell| serde_json::to_value(&cell).ok());
            field_text(cell.as_ref(), field, &spot, faults)
        };
        let (user, password) = (text("user"), text(PASSWORD));
        let password = secrets::beside(file, &password?);
        self.login((&user?, &spot), (&password, &spot), faults)
    }

    fn login(
        &self,
        (user, user_at): (&str, &Spot),
        (password, password_at): (&str, &Spot),
        faults: &mut Faults,
    ) -> Option<Login> {
        if user.is_empty() || user.contains(char::is_control) {
            user_at.bad("a user is not empty and has no control character in it", faults);
        }
        let password: Secret = match self.vault.open(password) {
            Ok(password) => password,
            Err(why) => {
                password_at.bad(&why, faults);
                return None;
            }
        };
        if user.len() + password.expose().len() > LONGEST {
            let message = format!("user and password have at most {LONGEST} octets together");
            password_at.bad(&message, faults);
        }
        Some(Login { user: user.into(), password })
    }
}

/// Where a user or a password stands: at a pointer, or in a row of the file that is named there.
struct Spot {
    pointer: String,
    row: Option<usize>,
}

impl Spot {
    fn at(pointer: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), row: None }
    }

    fn bad(&self, message: &str, faults: &mut Faults) {
        self.tell(DiagnosticCode::BadValue, message, faults);
    }

    fn tell(&self, code: DiagnosticCode, message: &str, faults: &mut Faults) {
        match self.row {
            None => faults.value(code, &self.pointer, message),
            Some(row) => faults.value(code, &self.pointer, format!("row {row}: {message}")),
        }
    }
}

fn field_text(
    value: Option<&Value>,
    field: &str,
    spot: &Spot,
    faults: &mut Faults,
) -> Option<String> {
    match value {
        Some(Value::String(text)) => return Some(text.clone()),
        Some(Value::Number(number)) => return Some(number.to_string()),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
            spot.bad(&format!("`{field}` of a feed of users is a text"), faults);
        }
        None => {
            let message = format!("missing field `{field}`: clients log in with this feed");
            spot.tell(DiagnosticCode::MissingKey, &message, faults);
        }
    }
    None
}
