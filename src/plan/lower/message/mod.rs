//! `[messages]` → recipes, with every template tried once.

mod corpus;
mod feed;
mod size;

use super::client::lower_expect;
use super::faults::Faults;
use super::weights::lower_count;
use crate::message::{
    CountRange, FeedSpec, Form, Recipe, Recipients, TemplateError, check_header_name,
    check_header_template, check_recipient_template, check_sender_template, check_template,
};
use crate::plan::corpora::Corpora;
use crate::plan::document::{Document, Expect, Headers, Message as MessageTable, ShortOr};
use crate::plan::{Diagnostic, DiagnosticCode, escape};

use corpus::lower_corpus;
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
    corpora: &Corpora,
    faults: &mut Faults,
) -> Vec<Recipe> {
    let messages = document.messages.iter();
    messages
        .map(|(name, message)| {
            let pointer = format!("/messages/{}", escape(name));
            Lowering { message, pointer: &pointer, feeds, corpora, faults }.lower(name)
        })
        .collect()
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

type Check = fn(&str, &[FeedSpec]) -> Result<(), TemplateError>;

struct Lowering<'a> {
    message: &'a MessageTable,
    pointer: &'a str,
    feeds: &'a [FeedSpec],
    corpora: &'a Corpora,
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
            to: self.recipients(),
            form: self.form(),
            size,
            expect,
        }
    }

    fn at(&self, key: &str) -> String {
        format!("{}/{key}", self.pointer)
    }

    fn form(&mut self) -> Form {
        let message = self.message;
        if let Some(spec) = lower_corpus(message, self.pointer, self.corpora, self.faults) {
            return Form::Corpus(spec);
        }
        let Some(raw) = message.raw.as_deref() else {
            let subject = message.subject.as_deref();
            return Form::Composed {
                subject: self.template("subject", subject, SUBJECT, check_header_template),
                headers: self.headers(message.headers.as_ref()),
                text: self.template("text", message.text.as_deref(), TEXT, check_template),
            };
        };
        let parts = [
            ("subject", message.subject.is_some()),
            ("headers", message.headers.is_some()),
            ("text", message.text.is_some()),
        ];
        for (key, _) in parts.into_iter().filter(|(_, is_there)| *is_there) {
            let message = format!("`{key}` is part of `raw`, which is a whole message");
            self.faults.conflict(self.pointer, key, message);
        }
        Form::Raw { text: self.template("raw", Some(raw), "", check_template) }
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

    fn recipients(&mut self) -> Recipients {
        let pointer = self.at("to");
        match &self.message.to {
            None => Recipients::Each(vec![RECIPIENT.to_owned()]),
            Some(ShortOr::Short(addresses)) => {
                if addresses.as_slice().is_empty() {
                    self.faults.bad(&pointer, "a message has at least one recipient");
                }
                for (pointer, address) in addresses.with_pointers(&pointer) {
                    self.check(&pointer, address, check_recipient_template);
                }
                Recipients::Each(addresses.as_slice().to_vec())
            }
            Some(ShortOr::Long(to)) => {
                match &to.address {
                    Some(address) => {
                        let pointer = format!("{pointer}/address");
                        self.check(&pointer, address, check_recipient_template);
                    }
                    None => self.faults.missing(&pointer, "address"),
                }
                let count = to.count.as_ref().map_or(CountRange::exactly(1), |count| {
                    lower_count(count, &format!("{pointer}/count"), self.faults)
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
        let Err(TemplateError { message, range, help }) = check(text, self.feeds) else { return };
        let line = range.and_then(|range| text.get(..range.start)).map(|before| {
            let line = before.matches('\n').count() + 1;
            format!(" in line {line} of the text")
        });
        let line = line.filter(|_| text.trim_end().contains('\n')).unwrap_or_default();
        let message = format!("{message}{line}");
        let code = DiagnosticCode::Template;
        self.faults.add(Diagnostic::value(code, pointer, message).with_help(help));
    }
}

#[cfg(test)]
mod tests;
