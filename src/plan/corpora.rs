//! A document → what its corpora are, looked at once when the plan is loaded.

use std::path::Path;

use super::document::{ClassesBy, Corpus, CorpusFormat, Document, Message, ShortOr};
use crate::message::{self, CorpusError, CorpusSurvey, survey_corpus};

/// What was found at the corpora of a document.
#[derive(Debug, Default)]
pub(super) struct Corpora(Vec<(Corpus, Result<CorpusSurvey, CorpusError>)>);

impl Corpora {
    /// Looks at the corpora of a document.
    pub(super) fn of(document: &Document) -> Self {
        let mut corpora = Self::default();
        for (_, message) in document.messages.iter() {
            if let Some(table) = table_of(message)
                && let Some(path) = table.path.as_deref().filter(|path| !path.is_empty())
                && corpora.survey(&table).is_none()
            {
                let survey = survey_corpus(Path::new(path), format(&table), classes_by(&table));
                corpora.0.push((table, survey));
            }
        }
        corpora
    }

    /// What was found at a corpus.
    pub(super) fn survey(&self, table: &Corpus) -> Option<&Result<CorpusSurvey, CorpusError>> {
        self.0.iter().find(|(known, _)| known == table).map(|(_, survey)| survey)
    }
}

/// The long form of a message's corpus.
pub(super) fn table_of(message: &Message) -> Option<Corpus> {
    Some(match message.corpus.as_ref()? {
        ShortOr::Short(path) => Corpus { path: Some(path.clone()), ..Corpus::default() },
        ShortOr::Long(table) => table.clone(),
    })
}

/// The path of a message's corpus, to change it.
pub(super) fn path_mut(message: &mut Message) -> Option<&mut String> {
    match message.corpus.as_mut()? {
        ShortOr::Short(path) => Some(path),
        ShortOr::Long(table) => table.path.as_mut(),
    }
}

fn format(table: &Corpus) -> Option<message::CorpusFormat> {
    match table.format {
        None | Some(CorpusFormat::Auto) => None,
        Some(CorpusFormat::Eml) => Some(message::CorpusFormat::Eml),
        Some(CorpusFormat::Maildir) => Some(message::CorpusFormat::Maildir),
        Some(CorpusFormat::Mbox) => Some(message::CorpusFormat::Mbox),
    }
}

/// What a corpus tells classes by.
pub(super) fn classes_by(table: &Corpus) -> message::ClassesBy {
    match table.classes {
        None | Some(ClassesBy::Folder) => message::ClassesBy::Folder,
        Some(ClassesBy::Prefix) => message::ClassesBy::Prefix,
        Some(ClassesBy::None) => message::ClassesBy::Nothing,
    }
}
