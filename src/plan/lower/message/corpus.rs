//! `corpus` of a message → the mails that it takes.

use std::path::PathBuf;

use super::super::client::lower_expect;
use super::super::faults::Faults;
use super::feed::lower_order;
use super::{given_parts, refuse_opening};
use crate::message::{CorpusClass, CorpusEnvelope, CorpusSpec, CorpusSurvey};
use crate::plan::corpora::{Corpora, classes_by, table_of};
use crate::plan::document::{Corpus, CorpusEnvelope as EnvelopeName, Message, ShortOr, Table};
use crate::plan::name::{RULE, is_name};
use crate::plan::{Diagnostic, DiagnosticCode, escape, suggest};

/// The corpus of a message, if it has one that can be used.
pub(super) fn lower_corpus(
    message: &Message,
    pointer: &str,
    corpora: &Corpora,
    faults: &mut Faults,
) -> Option<CorpusSpec> {
    let Some(table) = table_of(message) else {
        refuse_keys(message, pointer, faults);
        return None;
    };
    refuse_parts(message, pointer, faults);
    let lowering = Lowering { message, pointer, table: &table };
    let survey = lowering.survey(corpora, faults)?;
    Some(CorpusSpec {
        path: PathBuf::from(table.path.as_deref().unwrap_or_default()),
        format: survey.format,
        classes_by: classes_by(&table),
        classes: lowering.classes(survey, faults),
        order: lower_order(message.order),
        rewrite: table.rewrite != Some(false),
        envelope: match table.envelope {
            Some(EnvelopeName::Mail) => CorpusEnvelope::Mail,
            Some(EnvelopeName::Plan) | None => CorpusEnvelope::Plan,
        },
    })
}

/// Keys that say nothing without a corpus.
fn refuse_keys(message: &Message, pointer: &str, faults: &mut Faults) {
    let keys = [("order", message.order.is_some()), ("classes", message.classes.is_some())];
    for (key, _) in keys.into_iter().filter(|(_, is_there)| *is_there) {
        faults.conflict(pointer, key, format!("`{key}` needs a `corpus`"));
    }
}

/// Keys that say how a message is made which is there already.
fn refuse_parts(message: &Message, pointer: &str, faults: &mut Faults) {
    let whole = [
        ("raw", message.raw.is_some()),
        ("template", message.template.is_some()),
        ("size", message.size.is_some()),
    ];
    let whole = whole.into_iter().filter(|(_, is_there)| *is_there).map(|(key, _)| key);
    for key in given_parts(message).chain(whole) {
        let message = format!("`{key}` has no place beside `corpus`, which has whole mails");
        faults.conflict(pointer, key, message);
    }
}

struct Lowering<'a> {
    message: &'a Message,
    pointer: &'a str,
    table: &'a Corpus,
}

impl Lowering<'_> {
    fn survey<'c>(&self, corpora: &'c Corpora, faults: &mut Faults) -> Option<&'c CorpusSurvey> {
        let pointer = self.path_pointer();
        match (corpora.survey(self.table), &self.table.path) {
            (Some(Ok(survey)), _) => return Some(survey),
            (Some(Err(error)), _) => {
                let code = DiagnosticCode::BadValue;
                let diagnostic = Diagnostic::value(code, pointer, error.to_string());
                faults.add(diagnostic.with_help(error.help().map(str::to_owned)));
            }
            (None, Some(_)) => faults.bad(&pointer, "a corpus has a path"),
            (None, None) => faults.missing(&format!("{}/corpus", self.pointer), "path"),
        }
        None
    }

    /// Where the path stands.
    fn path_pointer(&self) -> String {
        match self.message.corpus {
            Some(ShortOr::Long(_)) => format!("{}/corpus/path", self.pointer),
            Some(ShortOr::Short(_)) | None => format!("{}/corpus", self.pointer),
        }
    }

    fn classes(&self, survey: &CorpusSurvey, faults: &mut Faults) -> Vec<CorpusClass> {
        for name in survey.classes.iter().filter(|name| !is_name(name)) {
            let message = format!("`{}` can't be the name of a class", name.escape_debug());
            let help = format!("{RULE}; rename it, or write `classes = \"none\"`");
            faults.value_with_help(DiagnosticCode::BadName, &self.path_pointer(), message, &help);
        }
        self.refuse_unknown(survey, faults);
        let named = survey.classes.iter().map(|name| {
            let class = self.message.classes.as_ref().and_then(|classes| classes.named(name));
            let expect = class.and_then(|class| class.expect.as_ref());
            let pointer = format!("{}/classes/{}/expect", self.pointer, escape(name));
            refuse_opening(expect, &pointer, faults);
            if expect.is_some_and(|expect| expect.auth.is_some()) {
                let message = "a session logs in before it has a mail of any class";
                faults.conflict(&pointer, "auth", message);
            }
            CorpusClass { name: name.clone(), expect: lower_expect(expect, &pointer, faults) }
        });
        named.collect()
    }

    fn refuse_unknown(&self, survey: &CorpusSurvey, faults: &mut Faults) {
        let known = || survey.classes.iter().map(String::as_str);
        for name in self.message.classes.iter().flat_map(Table::names) {
            if known().any(|known| known == name) {
                continue;
            }
            let pointer = format!("{}/classes/{}", self.pointer, escape(name));
            let message = format!("no class of the corpus is named `{name}`");
            let help = suggest(name, known()).or_else(|| Some("it has none".to_owned()));
            let diagnostic = Diagnostic::key(DiagnosticCode::UnknownName, pointer, message);
            faults.add(diagnostic.with_help(help));
        }
    }
}
