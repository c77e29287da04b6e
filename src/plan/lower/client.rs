//! `[clients]` → kinds of senders.

use super::auth::{self, Accounts};
use super::cases;
use super::faults::Faults;
use super::names::Names;
use super::route::{check_ending, lower_proxy, lower_source};
use super::tls;
use super::weights::{at_least_one, lower_count, lower_recipients, lower_weights};
use super::{chunking, dsn, pace, xclient};
use crate::message::CountRange;
use crate::plan::complete::DEFAULT_NAME;
use crate::plan::document::{
    Client as ClientTable, CodeText, Document, Ending as EndingName, Expect, OneOrMany,
    Pipelining as PipeliningName, ShortOr,
};
use crate::plan::files::Files;
use crate::plan::model::{Client, MessageId, Target, Weighted};
use crate::plan::{DiagnosticCode, Part, Span, escape};
use crate::smtp::{CodeSet, EhloName, EhloNameError, Ending, Expectations, Pipelining, Step};

/// What clients take from around the document.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    /// The name that they give of themselves by default.
    pub(super) host: &'a str,
    /// The files that the document names.
    pub(super) files: &'a Files,
    /// The feeds that users come from.
    pub(super) accounts: Accounts<'a>,
    /// The targets, in their order.
    pub(super) targets: &'a [Target],
}

/// All clients in file order.
pub(super) fn lower_all(
    document: &Document,
    names: &Names<'_>,
    around: Around<'_>,
    faults: &mut Faults,
) -> Vec<Client> {
    let clients = document.clients.iter();
    clients
        .map(|(name, client)| {
            let pointer = format!("/clients/{}", escape(name));
            let mut lowering = Lowering { client, pointer: &pointer, names, faults };
            lowering.lower(name, around)
        })
        .collect()
}

struct Lowering<'a> {
    client: &'a ClientTable,
    pointer: &'a str,
    names: &'a Names<'a>,
    faults: &'a mut Faults,
}

impl Lowering<'_> {
    fn lower(&mut self, name: &str, around: Around<'_>) -> Client {
        let client = self.client;
        let pointer = self.pointer;
        let at = |key: &str| format!("{pointer}/{key}");
        let target = client.target.as_deref().unwrap_or(DEFAULT_NAME);
        let target = self.names.target(target, &at("target"), self.faults);
        let per_connection =
            client.messages_per_connection.as_ref().map_or(CountRange::exactly(10), |count| {
                lower_count(count, &at("messages_per_connection"), self.faults)
            });
        let recipients = client.recipients.as_ref();
        let recipients =
            recipients.map(|count| lower_recipients(count, &at("recipients"), self.faults));
        let max_connections =
            at_least_one(client.max_connections, &at("max_connections"), self.faults);
        let expect = lower_expect(client.expect.as_ref(), &at("expect"), self.faults);
        let tls = tls::lower(client.tls.as_ref(), &at("tls"), around.files, self.faults);
        let server = around.targets.get(target.index());
        let endpoint = server.map(|target| &target.endpoint);
        check_ending(client, endpoint, self.pointer, self.faults);
        let cases =
            cases::lower(client, server.map(|target| target.protocol), pointer, self.faults);
        // A malformed session ends with its case, whatever a mail session's does.
        let per_connection = cases.as_ref().map_or(per_connection, |_| CountRange::exactly(1));
        Client {
            name: name.to_owned(),
            target,
            source: lower_source(client, endpoint, self.pointer, self.faults),
            proxy: lower_proxy(client, self.pointer, self.faults),
            messages: match cases {
                Some(_) => Weighted { choices: Vec::new() },
                None => self.messages(),
            },
            cases,
            messages_per_connection: per_connection,
            max_connections,
            recipients,
            pipelining: client.pipelining.map(lower_pipelining).unwrap_or_default(),
            tls,
            chunking: chunking::lower(client, pointer, self.faults),
            dsn: dsn::lower(client.dsn.as_ref(), &at("dsn"), self.faults),
            xclient: xclient::lower(client.xclient.as_ref(), &at("xclient"), self.faults),
            auth: auth::lower(client, around.accounts, pointer, self.faults),
            ehlo: self.ehlo(around.host),
            think: client.think.map(Span::duration).unwrap_or_default(),
            pace: pace::lower(client.pace.as_ref(), &at("pace"), self.faults),
            end: client.end.map(lower_ending).unwrap_or_default(),
            expect,
        }
    }

    fn messages(&mut self) -> Weighted<MessageId> {
        let names = self.names;
        let pointer = format!("{}/messages", self.pointer);
        match &self.client.messages {
            Some(ShortOr::Short(name)) => {
                let message = names.message(name, (&pointer, Part::Value), self.faults);
                Weighted { choices: vec![(message, 1.0)] }
            }
            Some(ShortOr::Long(weights)) => {
                lower_weights(weights, &pointer, self.faults, |name, pointer, faults| {
                    names.message(name, (pointer, Part::Key), faults)
                })
            }
            None => {
                if names.messages() > 1 {
                    self.faults.value_with_help(
                        DiagnosticCode::MissingKey,
                        &pointer,
                        "missing key `messages`",
                        "the plan has several messages; name one, or give weights",
                    );
                }
                Weighted { choices: vec![(MessageId(0), 1.0)] }
            }
        }
    }

    /// The name of the plan, else that of the host, else one that is always legal.
    fn ehlo(&mut self, host: &str) -> EhloName {
        let Some(text) = &self.client.ehlo else {
            return host.parse().unwrap_or_else(|_| localhost());
        };
        text.parse().unwrap_or_else(|error: EhloNameError| {
            let message = format!("`{text}` is no EHLO name: {error}");
            self.faults.bad(&format!("{}/ehlo", self.pointer), message);
            localhost()
        })
    }
}

#[expect(clippy::expect_used, reason = "the text is fixed and legal")]
fn localhost() -> EhloName {
    "localhost".parse().expect("a legal EHLO name")
}

fn lower_pipelining(name: PipeliningName) -> Pipelining {
    match name {
        PipeliningName::Never => Pipelining::Never,
        PipeliningName::Auto => Pipelining::Auto,
        PipeliningName::Full => Pipelining::Full,
        PipeliningName::Always => Pipelining::Always,
    }
}

fn lower_ending(name: EndingName) -> Ending {
    match name {
        EndingName::Quit => Ending::Quit,
        EndingName::Close => Ending::Close,
        EndingName::Reset => Ending::Reset,
    }
}

/// The replies that must come, for each step that names any.
pub(super) fn lower_expect(
    expect: Option<&Expect>,
    pointer: &str,
    faults: &mut Faults,
) -> Expectations {
    let Some(expect) = expect else { return Expectations::default() };
    let steps = [
        (Step::Greeting, &expect.greeting),
        (Step::Ehlo, &expect.ehlo),
        (Step::Auth, &expect.auth),
        (Step::Mail, &expect.mail),
        (Step::Rcpt, &expect.rcpt),
        (Step::Data, &expect.data),
        (Step::EndOfData, &expect.end_of_data),
        (Step::Bdat, &expect.bdat),
    ];
    let named = steps.into_iter().filter_map(|(step, codes)| Some((step, codes.as_ref()?)));
    Expectations::new(named.map(|(step, codes)| {
        (step, lower_codes(codes, &format!("{pointer}/{}", step.name()), faults))
    }))
}

fn lower_codes(codes: &OneOrMany<CodeText>, pointer: &str, faults: &mut Faults) -> CodeSet {
    if codes.as_slice().is_empty() {
        faults.bad(pointer, "a list of codes has at least one");
    }
    let mut set = CodeSet::default();
    for (pointer, text) in codes.with_pointers(pointer) {
        match text.0.parse::<CodeSet>() {
            Ok(codes) => set = set.or(codes),
            Err(error) => faults.bad(&pointer, format!("`{}` is {error}", text.0)),
        }
    }
    set
}
