//! The `[sink]` of a plan → what its server says to EHLO, in clear and behind a handshake.

use std::rc::Rc;

use super::xclient::ATTRIBUTES;
use crate::plan::SinkPlan;
use crate::smtp::{Mechanism, TlsMode};

/// The largest text that is accepted, as EHLO says (RFC 1870).
pub(super) const LARGEST_TEXT: u64 = 52_428_800;

/// What is offered by every server and in every session.
const ALWAYS: [&str; 5] = ["PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN"];

/// Whether a session is encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Security {
    /// It is not.
    Clear,
    /// It is.
    Encrypted,
}

/// The answers to EHLO.
#[derive(Debug)]
pub(super) struct Capabilities {
    clear: Rc<[u8]>,
    encrypted: Rc<[u8]>,
}

impl Capabilities {
    /// What a server offers that behaves as planned.
    pub(super) fn of(plan: &SinkPlan) -> Self {
        let reply = |security| reply(&keywords(plan, security));
        Self { clear: reply(Security::Clear), encrypted: reply(Security::Encrypted) }
    }

    /// The answer to EHLO in a session.
    pub(super) fn reply(&self, security: Security) -> Rc<[u8]> {
        Rc::clone(match security {
            Security::Clear => &self.clear,
            Security::Encrypted => &self.encrypted,
        })
    }
}

fn keywords(plan: &SinkPlan, security: Security) -> Vec<String> {
    let mut keywords = Vec::from(ALWAYS.map(str::to_owned));
    keywords.push(format!("SIZE {LARGEST_TEXT}"));
    let is_starttls = plan.tls.as_ref().is_some_and(|tls| tls.mode == TlsMode::Starttls);
    if is_starttls && security == Security::Clear {
        keywords.push("STARTTLS".to_owned());
    }
    if plan.xclient {
        keywords.push(format!("XCLIENT {}", ATTRIBUTES.join(" ")));
    }
    if plan.users.is_some() {
        let names = Mechanism::ALL.map(Mechanism::name).join(" ");
        keywords.push(format!("AUTH {names}"));
    }
    keywords.push("ENHANCEDSTATUSCODES".to_owned());
    keywords
}

fn reply(keywords: &[String]) -> Rc<[u8]> {
    let mut lines = vec!["sink.invalid"];
    lines.extend(keywords.iter().map(String::as_str));
    let last = lines.len() - 1;
    let marked = lines.iter().enumerate().map(|(n, line)| {
        let mark = if n == last { ' ' } else { '-' };
        format!("250{mark}{line}\r\n")
    });
    marked.collect::<String>().into_bytes().into()
}
