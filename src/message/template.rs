//! Text with `{{ }}` → a template that is compiled once and rendered for each message.
//!
//! Text without a tag never reaches the template engine, which lets the composer build such
//! messages ahead.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

use super::scene::Scene;

/// The steps that one rendering may take; a loop without an end stops there.
const FUEL: u64 = 100_000;

/// Why a template can't be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What is wrong: a lowercase fragment, the user's own text in backticks.
    pub message: String,
    /// Where in the template's text, in octets, if that is known.
    pub range: Option<Range<usize>>,
    /// What would be right.
    pub help: Option<String>,
}

impl TemplateError {
    /// An error of the whole template.
    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self { message: message.into(), range: None, help: None }
    }

    /// The engine's error, at the line that it names.
    pub(crate) fn of_engine(error: &Error, text: &str) -> Self {
        let range = error.line().and_then(|line| line_range(text, line));
        Self { message: reason(error), range, help: None }
    }
}

/// A text to put into a message: as it is, or rendered each time.
#[derive(Debug)]
pub(crate) enum Snippet {
    /// It has no tag.
    Plain(String),
    /// It is compiled under this name.
    Compiled { name: String, text: String },
}

/// All compiled templates of a composer.
#[derive(Debug)]
pub(crate) struct Templates {
    environment: Environment<'static>,
    count: usize,
}

impl Templates {
    /// No template yet.
    pub(crate) fn new() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        environment.remove_global("debug");
        if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
            environment.set_syntax(syntax);
        }
        Self { environment, count: 0 }
    }

    /// Compiles a text.
    pub(crate) fn add(&mut self, text: &str) -> Result<Snippet, TemplateError> {
        if !has_tag(text) {
            return Ok(Snippet::Plain(text.to_owned()));
        }
        let name = format!("\u{0}{}", self.count);
        self.environment
            .add_template_owned(name.clone(), text.to_owned())
            .map_err(|error| TemplateError::of_engine(&error, text))?;
        self.count += 1;
        Ok(Snippet::Compiled { name, text: text.to_owned() })
    }

    /// Every name that a template reads from outside itself, with its attributes: `feed.a.b`.
    pub(crate) fn names(&self, snippet: &Snippet) -> BTreeSet<String> {
        match snippet {
            Snippet::Plain(_) => BTreeSet::new(),
            Snippet::Compiled { name, .. } => self
                .environment
                .get_template(name)
                .map(|template| template.undeclared_variables(true).into_iter().collect())
                .unwrap_or_default(),
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
        match snippet {
            Snippet::Plain(text) => Ok(Cow::Borrowed(text)),
            Snippet::Compiled { name, .. } => {
                let template = self.environment.get_template(name)?;
                template.render(scene.clone()).map(Cow::Owned)
            }
        }
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
            Self::Compiled { .. } => None,
        }
    }

    /// The text as the plan says it.
    pub(crate) fn source(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Compiled { text, .. } => text,
        }
    }
}

/// What went wrong, without the engine's name of the template.
pub(crate) fn reason(error: &Error) -> String {
    let mut text = match error.detail() {
        _ if error.kind() == ErrorKind::OutOfFuel => format!("it takes more than {FUEL} steps"),
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    if let Some(cause) = std::error::Error::source(error).and_then(|e| e.downcast_ref::<Error>()) {
        text.push_str(": ");
        text.push_str(&reason(cause));
    }
    text
}

fn has_tag(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|tag| text.contains(tag))
}

/// The octets of a line, counted from 1, without its line end and the space around it.
fn line_range(text: &str, line: usize) -> Option<Range<usize>> {
    let found = text.split('\n').nth(line.checked_sub(1)?)?;
    let before: usize = text.split('\n').take(line - 1).map(|line| line.len() + 1).sum();
    let start = before + (found.len() - found.trim_start().len());
    Some(start..start + found.trim().len())
}
