//! The classes of messages → their ids.

use super::super::faults::Faults;
use crate::message::{ClassId, Form};
use crate::plan::document::{Builtin, Message};
use crate::plan::name::{RULE, is_name};
use crate::plan::{Diagnostic, DiagnosticCode};

/// The most classes; each has its own rows and histograms.
const MOST: usize = 1000;

/// The names of all classes, in the order in which messages name them.
#[derive(Debug, Default)]
pub(in crate::plan::lower) struct Classes(pub(in crate::plan::lower) Vec<String>);

impl Classes {
    /// The classes of a message's mails; `pointer` is that of the message.
    pub(super) fn of(
        &mut self,
        message: &Message,
        form: &Form,
        pointer: &str,
        faults: &mut Faults,
    ) -> Vec<ClassId> {
        let Form::Corpus(corpus) = form else {
            let usual = message.builtin.map(|builtin| match builtin {
                Builtin::Eicar => "virus",
                Builtin::Gtube => "spam",
            });
            if let Some(name) = message.class.as_deref().filter(|name| !is_name(name)) {
                let message = format!("`{}` is no name", name.escape_debug());
                let code = DiagnosticCode::BadName;
                let diagnostic = Diagnostic::value(code, format!("{pointer}/class"), message);
                faults.add(diagnostic.with_help(RULE.to_owned()));
            }
            let name = message.class.as_deref().or(usual);
            return name.into_iter().map(|name| self.id(name, pointer, faults)).collect();
        };
        if message.class.is_some() {
            let message = "the mails of a corpus have its own classes";
            faults.conflict(pointer, "class", message);
        }
        let names = corpus.classes.iter().map(|class| &class.name);
        names.map(|name| self.id(name, pointer, faults)).collect()
    }

    fn id(&mut self, name: &str, pointer: &str, faults: &mut Faults) -> ClassId {
        let known = self.0.iter().position(|known| known == name);
        let place = known.unwrap_or(self.0.len());
        if known.is_none() && place < MOST {
            self.0.push(name.to_owned());
        } else if known.is_none() {
            faults.bad(pointer, format!("the messages of a plan have at most {MOST} classes"));
        }
        ClassId(u16::try_from(place).unwrap_or(u16::MAX))
    }
}
