//! Text with `{{ }}` → a template that is compiled once and rendered for each message.
//!
//! Text without a tag never reaches the template engine, which lets the composer build such
//! messages ahead.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

use super::library::{Library, TemplateFile, Unread, is_inline, joined};
use super::links::links;
use super::scene::Scene;

/// The steps that one rendering may take; a loop without an end stops there. The engine counts a
/// step for each 64 octets too, so this is enough for [`MOST_OUTPUT`].
const FUEL: u64 = 1_200_000;

/// The octets that one rendering may make.
const MOST_OUTPUT: usize = 64 << 20;

/// A template of a plan.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Template {
    /// It stands in the plan.
    Inline(String),
    /// It is this file, by its absolute path, of the recipe's [`Library`].
    File(String),
}

impl<T: Into<String>> From<T> for Template {
    fn from(text: T) -> Self {
        Self::Inline(text.into())
    }
}

/// Why a template can't be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What is wrong: a lowercase fragment, the user's own text in backticks.
    pub message: String,
    /// The file that it stands in; none is the plan.
    pub file: Option<Arc<TemplateFile>>,
    /// Where in the template's text, in octets, if that is known.
    pub range: Option<Range<usize>>,
    /// What would be right.
    pub help: Option<String>,
}

impl TemplateError {
    /// An error of the whole template.
    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self { message: message.into(), file: None, range: None, help: None }
    }
}

/// A text to put into a message: as it is, or rendered each time.
#[derive(Debug)]
pub(crate) enum Snippet {
    /// It has no tag.
    Plain(String),
    /// It is compiled under this name.
    Compiled { name: String, text: String },
    /// It is a file of the library.
    File { path: String },
}

/// All compiled templates of a composer.
#[derive(Debug)]
pub(crate) struct Templates {
    environment: Environment<'static>,
    library: Arc<Library>,
    count: usize,
}

impl Templates {
    /// No template yet; the files that they name come from the library.
    pub(crate) fn over(library: &Arc<Library>) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        environment.set_debug(false);
        environment.set_auto_reload(false);
        environment.remove_global("debug");
        if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
            environment.set_syntax(syntax);
        }
        environment.set_path_join_callback(|name, parent| Cow::Owned(joined(name, parent)));
        let files = Arc::clone(library);
        environment.set_loader(move |path| match files.text(path) {
            Ok(text) => Ok(Some(text.to_string())),
            Err(unread) => Err(not_read(unread)),
        });
        Self { environment, library: Arc::clone(library), count: 0 }
    }

    /// The same for a trial: errors know their columns, which costs time in each rendering.
    pub(crate) fn on_trial(library: &Arc<Library>) -> Self {
        let mut templates = Self::over(library);
        templates.environment.set_debug(true);
        templates
    }

    /// Compiles a text of the plan.
    pub(crate) fn add(&mut self, text: &str) -> Result<Snippet, TemplateError> {
        if !has_tag(text) {
            return Ok(Snippet::Plain(text.to_owned()));
        }
        let name = self.library.inline(self.count);
        self.environment
            .add_template_owned(name.clone(), text.to_owned())
            .map_err(|error| self.error(&error, text))?;
        self.count += 1;
        Ok(Snippet::Compiled { name, text: text.to_owned() })
    }

    /// Compiles a text of the plan or a file.
    pub(crate) fn add_template(&mut self, template: &Template) -> Result<Snippet, TemplateError> {
        let path = match template {
            Template::Inline(text) => return self.add(text),
            Template::File(path) => path,
        };
        let text = self.library.text(path).map_err(|unread| TemplateError::whole(unread.reason))?;
        if !has_tag(&text) {
            return Ok(Snippet::Plain(text.to_string()));
        }
        self.environment.get_template(path).map_err(|error| self.error(&error, &text))?;
        Ok(Snippet::File { path: path.clone() })
    }

    /// Every name that a template and the files that it names read from outside themselves, with
    /// its attributes: `feed.a.b`.
    pub(crate) fn names(&self, snippet: &Snippet) -> BTreeSet<String> {
        let Some(path) = snippet.path() else { return BTreeSet::new() };
        let mut files = self.reachable(snippet).unwrap_or_default();
        let chooses = |text: &Arc<str>| links(text).iter().any(|link| !link.required);
        if files.values().chain([&self.source(snippet)]).any(chooses) {
            // A name that is computed may be that of any file.
            files.extend(self.library.texts());
        }
        let more = files.keys().flat_map(|path| self.names_in(path));
        self.names_in(path).into_iter().chain(more).collect()
    }

    /// Whether the engine can read a template of this path and text.
    pub(crate) fn check_syntax(&self, path: &str, text: &str) -> Result<(), TemplateError> {
        let template = self.environment.get_template(path);
        template.map(drop).map_err(|error| self.error(&error, text))
    }

    /// The same of one template alone.
    pub(crate) fn names_in(&self, path: &str) -> BTreeSet<String> {
        let template = self.environment.get_template(path);
        template.map(|one| one.undeclared_variables(true).into_iter().collect()).unwrap_or_default()
    }

    /// The files that a template names, and those that they name; their texts by their paths.
    ///
    /// # Errors
    /// A file that must be there is not.
    pub(crate) fn reachable(
        &self,
        snippet: &Snippet,
    ) -> Result<BTreeMap<String, Arc<str>>, TemplateError> {
        let mut found = BTreeMap::new();
        let Some(path) = snippet.path() else { return Ok(found) };
        let mut open: Vec<(String, Arc<str>)> = vec![(path.to_owned(), self.source(snippet))];
        while let Some((parent, text)) = open.pop() {
            for link in links(&text) {
                let path = joined(&link.name, &parent);
                match self.library.text(&path) {
                    Ok(_) if found.contains_key(&path) => {}
                    Ok(text) => {
                        found.insert(path.clone(), Arc::clone(&text));
                        open.push((path, text));
                    }
                    Err(Unread { reason, .. }) if link.required => {
                        let file = self.file(&parent);
                        let (message, range) = (reason, Some(link.range));
                        return Err(TemplateError { message, file, range, help: None });
                    }
                    Err(_) => {}
                }
            }
        }
        Ok(found)
    }

    /// The text of a snippet.
    pub(crate) fn source(&self, snippet: &Snippet) -> Arc<str> {
        match snippet {
            Snippet::Plain(text) | Snippet::Compiled { text, .. } => text.as_str().into(),
            Snippet::File { path } => self.library.text(path).unwrap_or_default(),
        }
    }

    /// The file of a path; none for what stands in the plan.
    pub(crate) fn file(&self, path: &str) -> Option<Arc<TemplateFile>> {
        if is_inline(path) { None } else { self.library.file(path).map(Arc::new) }
    }

    /// The engine's error at its place; `text` is that of a template in the plan.
    pub(crate) fn error(&self, error: &Error, text: &str) -> TemplateError {
        let error = innermost(error);
        let file = error.name().and_then(|name| self.file(name));
        let text = file.as_ref().map_or(text, |file| &file.text);
        let exact = error.range().and_then(|range| on_one_line(text, range));
        let range = exact.or_else(|| error.line().and_then(|line| line_range(text, line)));
        TemplateError { message: reason(error), file, range, help: None }
    }

    /// Where a rendering failed: a file and its line, or the text of the plan.
    pub(crate) fn place(&self, error: &Error, snippet: &Snippet) -> String {
        let error = innermost(error);
        let path = error.name().filter(|name| !is_inline(name)).or(match snippet {
            Snippet::File { path } => Some(path.as_str()),
            Snippet::Plain(_) | Snippet::Compiled { .. } => None,
        });
        match (path, error.line()) {
            (Some(path), Some(line)) => format!("{}:{line}", self.library.shown(path)),
            (Some(path), None) => self.library.shown(path),
            (None, _) => self.source(snippet).to_string(),
        }
    }

    /// The functions that the engine brings itself, such as `range`.
    pub(crate) fn built_in(&self) -> BTreeSet<&str> {
        self.environment.globals().map(|(name, _)| name).collect()
    }

    /// The text of one message.
    pub(crate) fn render<'a>(
        &self,
        snippet: &'a Snippet,
        scene: &Value,
    ) -> Result<Cow<'a, str>, Error> {
        let (path, source) = match snippet {
            Snippet::Plain(text) => return Ok(Cow::Borrowed(text)),
            Snippet::Compiled { name, text } => (name, text.len()),
            Snippet::File { path } => (path, 0),
        };
        // Values are mostly longer than their names.
        let mut output = Limited(Vec::with_capacity(source + source / 4));
        self.environment.get_template(path)?.render_captured_to(scene.clone(), &mut output)?;
        let text = String::from_utf8(output.0);
        text.map(Cow::Owned).map_err(|_| Error::new(ErrorKind::WriteFailure, "it is no UTF-8 text"))
    }

    /// The text of one message, drawn for the template's site in it.
    pub(crate) fn render_at<'a>(
        &self,
        snippet: &'a Snippet,
        scene: &Arc<Scene>,
        site: u64,
    ) -> Result<Cow<'a, str>, Error> {
        scene.enter(site);
        self.render(snippet, &Value::from_dyn_object(Arc::clone(scene)))
    }
}

impl Snippet {
    /// The text, if it is the same in each message.
    pub(crate) fn plain(&self) -> Option<&str> {
        match self {
            Self::Plain(text) => Some(text),
            Self::Compiled { .. } | Self::File { .. } => None,
        }
    }

    /// The name that the engine knows it by.
    fn path(&self) -> Option<&str> {
        match self {
            Self::Plain(_) => None,
            Self::Compiled { name: path, .. } | Self::File { path } => Some(path),
        }
    }
}

/// What is rendered, as long as it is not too much.
struct Limited(Vec<u8>);

impl io::Write for Limited {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        if self.0.len() + octets.len() > MOST_OUTPUT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn not_read(unread: Unread) -> Error {
    let kind =
        if unread.missing { ErrorKind::TemplateNotFound } else { ErrorKind::InvalidOperation };
    Error::new(kind, unread.reason)
}

/// The error that others are about: that of an included file, say, with a place of its own.
fn innermost(error: &Error) -> &Error {
    let causes = std::iter::successors(Some(error), |error| {
        std::error::Error::source(*error).and_then(|cause| cause.downcast_ref::<Error>())
    });
    causes.filter(|error| error.line().is_some()).last().unwrap_or(error)
}

/// What went wrong, without the engine's name of the template.
fn reason(error: &Error) -> String {
    let mut text = match error.detail() {
        _ if error.kind() == ErrorKind::OutOfFuel => format!("it takes more than {FUEL} steps"),
        _ if error.kind() == ErrorKind::WriteFailure => "it renders to more than 64 MiB".to_owned(),
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    if let Some(cause) = std::error::Error::source(error).and_then(|e| e.downcast_ref::<Error>()) {
        text.push_str(": ");
        text.push_str(&reason(cause));
    }
    text
}

/// The same while mail is composed, when no file is read any more.
pub(crate) fn late_reason(error: &Error) -> String {
    let error = innermost(error);
    match error.kind() {
        ErrorKind::TemplateNotFound => {
            format!(
                "{}; files are read when the plan is loaded, and this one was not",
                reason(error)
            )
        }
        _ => reason(error),
    }
}

fn has_tag(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|tag| text.contains(tag))
}

/// The part of a range that is on its first line; none where nothing is left.
fn on_one_line(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let line = text.get(range.clone())?.lines().next()?.trim_end();
    (!line.is_empty()).then(|| range.start..range.start + line.len())
}

/// The octets of a line, counted from 1, without its line end and the space around it.
fn line_range(text: &str, line: usize) -> Option<Range<usize>> {
    let found = text.split('\n').nth(line.checked_sub(1)?)?;
    let before: usize = text.split('\n').take(line - 1).map(|line| line.len() + 1).sum();
    let start = before + (found.len() - found.trim_start().len());
    Some(start..start + found.trim().len())
}
