//! Messages that name `user` × clients that send them → a no where a session has no login.

use super::faults::Faults;
use crate::message::{FeedSpec, Recipe, needs_login};
use crate::plan::model::Client;
use crate::plan::{DiagnosticCode, escape};

/// Tells each message that asks for the login of sessions that don't log in.
pub(super) fn check(
    clients: &[Client],
    messages: &[Recipe],
    feeds: &[FeedSpec],
    faults: &mut Faults,
) {
    for client in clients.iter().filter(|client| client.auth.is_none() && !client.is_malformed()) {
        for (id, _) in &client.messages.choices {
            let Some(recipe) = messages.get(id.index()) else { continue };
            if needs_login(recipe, feeds) {
                let message = format!(
                    "the message names `user`, and sessions of client `{}` have no login",
                    client.name
                );
                faults.value_with_help(
                    DiagnosticCode::Template,
                    &format!("/messages/{}", escape(&recipe.name)),
                    message,
                    "give the client `auth`, or write `{% if user is defined %}`",
                );
            }
        }
    }
}
