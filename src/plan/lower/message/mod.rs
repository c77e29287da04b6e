//! `[messages]` → recipes, with every template tried once.

mod attachment;
mod builtin;
mod class;
mod corpus;
mod dkim;
mod feed;
mod size;

use std::sync::Arc;

use super::client::lower_expect;
use super::faults::Faults;
use super::weights::lower_recipients;
use crate::message::{
    Builtin, CountRange, Dkim, FeedSpec, Form, Parts, Recipe, Recipients, Supplies, Template,
    TemplateError, Trace, check_header_name, check_header_template, check_recipient_template,
    check_sender_template, check_template,
};
use crate::plan::document::{
    Document, Expect, Headers, Message as MessageTable, Recipients as RecipientTable, ShortOr, Text,
};
use crate::plan::secrets::Vault;
use crate::plan::{Diagnostic, DiagnosticCode, Place, escape};

use attachment::lower_attachments;
use builtin::lower_builtin;
pub(super) use class::Classes;
use corpus::lower_corpus;
use dkim::lower_dkim;
pub(super) use feed::lower_feeds;
use size::lower_size;

const SENDER: &str = "sender@load.test";
const RECIPIENT: &str = "recipient@example.test";
const SUBJECT: &str = "Load test";
const TEXT: &str = "This message belongs to a load test.\n";

/// All messages in file order.
pub(super) fn lower_all(
    document: &Document,
    feeds: &[FeedSpec],
    vault: Vault<'_>,
    classes: &mut Classes,
    faults: &mut Faults,
) -> Vec<Recipe> {
    let files = vault.files;
    let library = files.library();
    let supplies = Supplies { feeds, library };
    let messages = document.messages.iter();
    let mut recipes: Vec<Recipe> = messages
        .map(|(name, message)| {
            let pointer = format!("/messages/{}", escape(name));
            let mut recipe =
                Lowering { message, pointer: &pointer, supplies, vault, faults }.lower(name);
            recipe.classes = classes.of(message, &recipe.form, &pointer, faults);
            recipe
        })
        .collect();
    // All that the trials met has been read; nothing is read while mail is sent.
    let read = Arc::new(library.closed());
    for recipe in &mut recipes {
        recipe.library = Arc::clone(&read);
    }
    recipes
}

/// The opening of a session is answered before any message is known.
fn refuse_opening(expect: Option<&Expect>, pointer: &str, faults: &mut Faults) {
    let Some(expect) = expect else { return };
    for (key, named) in [("greeting", &expect.greeting), ("ehlo", &expect.ehlo)] {
        if named.is_some() {
            faults.conflict(pointer, key, format!("`{key}` belongs to the `expect` of a client"));
        }
    }
}

/// The keys of a message that say what it is composed from.
fn given_parts(message: &MessageTable) -> impl Iterator<Item = &'static str> {
    let parts = [
        ("subject", message.subject.is_some()),
        ("headers", message.headers.is_some()),
        ("text", message.text.is_some()),
        ("html", message.html.is_some()),
        ("attachments", message.attachments.is_some()),
        ("cc", message.cc.is_some()),
    ];
    parts.into_iter().filter(|(_, is_there)| *is_there).map(|(key, _)| key)
}

type Check = fn(&Template, Supplies<'_>) -> Result<(), TemplateError>;

struct Lowering<'a> {
    message: &'a MessageTable,
    pointer: &'a str,
    supplies: Supplies<'a>,
    vault: Vault<'a>,
    faults: &'a mut Faults,
}

impl Lowering<'_> {
    fn lower(&mut self, name: &str) -> Recipe {
        let message = self.message;
        let size = message.size.as_ref();
        let size = size.and_then(|size| lower_size(size, &self.at("size"), self.faults));
        let expect = lower_expect(message.expect.as_ref(), &self.at("expect"), self.faults);
        refuse_opening(message.expect.as_ref(), &self.at("expect"), self.faults);
        Recipe {
            name: name.to_owned(),
            from: self.template("from", message.from.as_deref(), SENDER, check_sender_template),
            to: self.to(),
            cc: message.cc.as_ref().map(|cc| self.recipients("cc", cc)),
            bcc: message.bcc.as_ref().map(|bcc| self.recipients("bcc", bcc)),
            form: self.form(),
            size,
            classes: Vec::new(),
            trace: if message.trace == Some(false) { Trace::Left } else { Trace::Shown },
            dkim: self.dkim(),
            expect,
            library: Arc::default(),
        }
    }

    fn dkim(&mut self) -> Option<Dkim> {
        let pointer = self.at("dkim");
        lower_dkim(self.message.dkim.as_ref()?, &pointer, self.vault, self.faults)
    }

    fn at(&self, key: &str) -> String {
        format!("{}/{key}", self.pointer)
    }

    fn form(&mut self) -> Form {
        let message = self.message;
        if let Some(builtin) = lower_builtin(message, self.pointer, self.faults) {
            return self.builtin(builtin);
        }
        if let Some(spec) =
            lower_corpus(message, self.pointer, &self.vault.files.corpora, self.faults)
        {
            return Form::Corpus(spec);
        }
        let (whole, text) = match (&message.raw, &message.template) {
            (None, None) => {
                return Form::Composed(self.parts());
            }
            (_, Some(path)) => ("template", Template::File(path.clone())),
            (Some(text), None) => ("raw", Template::Inline(text.clone())),
        };
        for key in given_parts(message) {
            let message = format!("`{key}` is part of `{whole}`, which is a whole message");
            self.faults.conflict(self.pointer, key, message);
        }
        if message.raw.is_some() && whole != "raw" {
            let message = "`raw` and `template` are both a whole message";
            self.faults.conflict(self.pointer, "raw", message);
        }
        self.check_template(&self.at(whole), &text, check_template);
        Form::Raw { text }
    }

    fn builtin(&mut self, builtin: Builtin) -> Form {
        let (subject, usual) = (self.message.subject.as_deref(), builtin.subject());
        let subject = self.template("subject", subject, usual, check_header_template);
        Form::Composed(Parts { subject, ..builtin.parts() })
    }

    /// What a message is composed from.
    fn parts(&mut self) -> Parts {
        let message = self.message;
        let listed = message.attachments.as_deref().unwrap_or_default();
        let attachments =
            lower_attachments(listed, &self.at("attachments"), self.vault.files, self.faults);
        let html = message.html.as_ref().map(|html| self.text("html", html));
        let text = match (&message.text, &html) {
            (Some(text), _) => Some(self.text("text", text)),
            (None, Some(_)) => None,
            (None, None) => Some(TEXT.into()),
        };
        if html.is_none() && attachments.iter().any(|part| part.inline.is_some()) {
            let message = "an `inline` attachment is shown in `html`, which is missing";
            self.faults.conflict(self.pointer, "attachments", message);
        }
        if html.is_some() || !attachments.is_empty() {
            self.refuse_own_types();
        }
        let subject = message.subject.as_deref();
        Parts {
            subject: self.template("subject", subject, SUBJECT, check_header_template),
            headers: self.headers(message.headers.as_ref()),
            text,
            html,
            attachments,
        }
    }

    /// The fields that say how a message of several parts is divided are not for the plan.
    fn refuse_own_types(&mut self) {
        let headers = self.message.headers.iter().flat_map(|headers| headers.0.iter());
        let own = ["Content-Type", "Content-Transfer-Encoding"];
        for (name, _) in headers {
            if own.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                let message = format!("`{name}` follows from `html` and `attachments`");
                self.faults.conflict(&self.at("headers"), &escape(name), message);
            }
        }
    }

    /// A text that stands in the plan or in a file.
    fn text(&mut self, key: &str, text: &Text) -> Template {
        let pointer = self.at(key);
        let (pointer, template) = match text {
            ShortOr::Short(text) => (pointer, Template::Inline(text.clone())),
            ShortOr::Long(table) => {
                let Some(path) = &table.file else {
                    self.faults.missing(&pointer, "file");
                    return "".into();
                };
                (format!("{pointer}/file"), Template::File(path.clone()))
            }
        };
        self.check_template(&pointer, &template, check_template);
        template
    }

    fn headers(&mut self, headers: Option<&Headers>) -> Vec<(String, String)> {
        let mut lowered = Vec::new();
        for (name, value) in headers.into_iter().flat_map(|headers| headers.0.iter()) {
            let pointer = format!("{}/{}", self.at("headers"), escape(name));
            if let Err(error) = check_header_name(name) {
                let TemplateError { message, help, .. } = error;
                let code = DiagnosticCode::BadName;
                self.faults.add(Diagnostic::key(code, &pointer, message).with_help(help));
            }
            self.check(&pointer, value, check_header_template);
            lowered.push((name.to_owned(), value.clone()));
        }
        lowered
    }

    /// Those of `to`; where nobody is named at all, one by default.
    fn to(&mut self) -> Recipients {
        let message = self.message;
        match &message.to {
            Some(to) => self.recipients("to", to),
            None if message.cc.is_some() || message.bcc.is_some() => Recipients::Each(Vec::new()),
            None => Recipients::Each(vec![RECIPIENT.to_owned()]),
        }
    }

    fn recipients(&mut self, key: &str, recipients: &RecipientTable) -> Recipients {
        let pointer = self.at(key);
        match recipients {
            ShortOr::Short(addresses) => {
                if addresses.as_slice().is_empty() {
                    self.faults.bad(&pointer, "a message has at least one recipient");
                }
                for (pointer, address) in addresses.with_pointers(&pointer) {
                    self.check(&pointer, address, check_recipient_template);
                }
                Recipients::Each(addresses.as_slice().to_vec())
            }
            ShortOr::Long(to) => {
                match &to.address {
                    Some(address) => {
                        let pointer = format!("{pointer}/address");
                        self.check(&pointer, address, check_recipient_template);
                    }
                    None => self.faults.missing(&pointer, "address"),
                }
                let count = to.count.as_ref().map_or(CountRange::exactly(1), |count| {
                    lower_recipients(count, &format!("{pointer}/count"), self.faults)
                });
                Recipients::Repeated { address: to.address.clone().unwrap_or_default(), count }
            }
        }
    }

    fn template(&mut self, key: &str, text: Option<&str>, default: &str, check: Check) -> String {
        let Some(text) = text else { return default.to_owned() };
        self.check(&self.at(key), text, check);
        text.to_owned()
    }

    fn check(&mut self, pointer: &str, text: &str, check: Check) {
        self.check_template(pointer, &text.into(), check);
    }

    fn check_template(&mut self, pointer: &str, template: &Template, check: Check) {
        let Err(error) = check(template, self.supplies) else { return };
        let code = DiagnosticCode::Template;
        let TemplateError { mut message, file, range, help } = error;
        let place = file.zip(range.clone()).map(|(file, octets)| {
            let pointer = pointer.to_owned();
            Place::File { file, octets, pointer }
        });
        if let (None, Template::Inline(text)) = (&place, template) {
            message.push_str(&line_of(text, range.map(|range| range.start)));
        }
        let mut diagnostic = Diagnostic::value(code, pointer, message).with_help(help);
        diagnostic.place = place.unwrap_or(diagnostic.place);
        self.faults.add(diagnostic);
    }
}

/// Names the line of a text of several lines.
fn line_of(text: &str, start: Option<usize>) -> String {
    let before = start.and_then(|start| text.get(..start));
    let line = before.map(|before| before.matches('\n').count() + 1);
    let line = line.filter(|_| text.trim_end().contains('\n'));
    line.map(|line| format!(" in line {line} of the text")).unwrap_or_default()
}
#[cfg(test)]
mod tests;
