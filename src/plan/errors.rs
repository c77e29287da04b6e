//! The mistakes of one plan → text for people, with the source line and a caret, and JSON for
//! machines.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};

use super::{Diagnostic, Part, Place, Source};
use crate::smtp::Veil;

/// So many mistakes are shown; the rest is counted.
const SHOWN: usize = 100;

/// A line that is longer is shown without its text, for it would fill the screen.
const LONGEST_LINE: usize = 2000;

/// All mistakes of a plan, in the order of its text; those of flags come first.
#[derive(Clone, Debug)]
pub struct PlanErrors {
    source: Source,
    diagnostics: Vec<Diagnostic>,
    /// Over the passwords that the text has in it.
    veil: Veil,
}

/// How mistakes are shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Look {
    /// For files and tests.
    Plain,
    /// With colours.
    Styled,
}

/// Where a mistake stands, for a reader.
struct Spot {
    /// Where in the plan, for the order.
    rank: usize,
    octets: Range<usize>,
    line: usize,
    column: usize,
}

impl PlanErrors {
    /// The mistakes of a plan.
    pub(super) fn new(source: &Source, diagnostics: Vec<Diagnostic>) -> Self {
        Self { source: source.clone(), diagnostics, veil: Veil::default() }
    }

    /// The same with a veil over whatever of the user's own text is shown.
    pub(super) fn veiled(mut self, veil: Veil) -> Self {
        for diagnostic in &mut self.diagnostics {
            diagnostic.message = veil.cover(&diagnostic.message);
            diagnostic.help = diagnostic.help.as_deref().map(|help| veil.cover(help));
            if let Place::Flag(flag) = &mut diagnostic.place {
                *flag = veil.cover(flag);
            }
        }
        Self { veil, ..self }
    }

    /// The mistakes as they were found.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The mistakes as text; the first 100, and the number of the others.
    pub fn render(&self, look: Look) -> String {
        let renderer = match look {
            Look::Plain => Renderer::plain(),
            Look::Styled => Renderer::styled(),
        };
        let mut blocks: Vec<String> = self
            .located()
            .iter()
            .map(|(diagnostic, spot)| self.block(diagnostic, spot.as_ref(), &renderer))
            .collect();
        if let Some(more) = self.diagnostics.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            blocks.push(format!("and {more} more"));
        }
        blocks.join("\n\n")
    }

    /// The mistakes for machines; all of them, the first 100 with line and column.
    pub fn to_json(&self) -> Value {
        let shown = self.located();
        let others = self.diagnostics.iter().skip(SHOWN).map(|diagnostic| (diagnostic, None));
        let all = shown.into_iter().chain(others);
        all.map(|(diagnostic, spot)| self.entry(diagnostic, spot.as_ref())).collect()
    }

    /// The first mistakes with their places, sorted by them.
    fn located(&self) -> Vec<(&Diagnostic, Option<Spot>)> {
        let shown = self.diagnostics.iter().take(SHOWN);
        let mut located: Vec<_> =
            shown.map(|diagnostic| (diagnostic, self.spot(&diagnostic.place))).collect();
        located.sort_by_key(|(_, spot)| spot.as_ref().map(|spot| (spot.rank, spot.octets.start)));
        located
    }

    fn spot(&self, place: &Place) -> Option<Spot> {
        let octets = match place {
            Place::Plan(pointer, part) => self.source.locate(pointer, *part),
            Place::Octets(octets) | Place::File { octets, .. } => octets.clone(),
            Place::Flag(_) => return None,
        };
        let rank = match place {
            Place::File { pointer, .. } => self.source.locate(pointer, Part::Value).start,
            Place::Plan(..) | Place::Octets(_) | Place::Flag(_) => octets.start,
        };
        let before = self.text(place).get(..octets.start)?;
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.matches('\n').count() + 1;
        let column = before.get(line_start..)?.chars().count() + 1;
        Some(Spot { rank, octets, line, column })
    }

    /// The text that a place is in.
    fn text<'a>(&'a self, place: &'a Place) -> &'a str {
        match place {
            Place::File { file, .. } => &file.text,
            Place::Plan(..) | Place::Octets(_) | Place::Flag(_) => self.source.text(),
        }
    }

    /// The name of the file that a place is in, as a user would open it.
    fn file(&self, place: &Place) -> String {
        let plan = self.source.name();
        match place {
            Place::File { file, .. } => {
                let folder = Path::new(plan).parent().unwrap_or(Path::new(""));
                folder.join(&file.path).to_string_lossy().into_owned()
            }
            Place::Plan(..) | Place::Octets(_) | Place::Flag(_) => plan.to_owned(),
        }
    }

    /// Who uses the file that a mistake is in.
    fn user(&self, place: &Place) -> Option<String> {
        let Place::File { pointer, .. } = place else { return None };
        let start = self.source.locate(pointer, Part::Value).start;
        let line = self.source.text().get(..start)?.matches('\n').count() + 1;
        Some(format!("used by `{pointer}` ({}:{line})", self.source.name()))
    }

    fn block(&self, diagnostic: &Diagnostic, spot: Option<&Spot>, renderer: &Renderer) -> String {
        let message = shown(&diagnostic.message);
        let code = diagnostic.code.to_string();
        let title = Level::ERROR.primary_title(message).id(code);
        let mut groups = Vec::new();
        match (spot, &diagnostic.place) {
            (Some(spot), _) => {
                let (text, start) = self.around(spot, &diagnostic.place);
                let octets = spot.octets.start - start..spot.octets.end - start;
                let snippet = Snippet::source(self.veil.blot(text))
                    .line_start(spot.line)
                    .path(self.file(&diagnostic.place))
                    .annotation(AnnotationKind::Primary.span(octets));
                let mut group = Group::with_title(title).element(snippet);
                if let Some(user) = self.user(&diagnostic.place) {
                    group = group.element(Level::NOTE.message(shown(&user)));
                }
                groups.push(group);
            }
            (None, Place::Flag(flag)) => {
                let from = Level::NOTE.message(format!("in `{}`", shown(flag)));
                groups.push(Group::with_title(title).element(from));
            }
            (None, Place::Plan(..) | Place::Octets(_) | Place::File { .. }) => {
                groups.push(Group::with_title(title));
            }
        }
        if let Some(help) = &diagnostic.help {
            groups.push(Group::with_title(Level::HELP.secondary_title(shown(help))));
        }
        renderer.render(&groups)
    }

    /// The line of a spot, and where it begins.
    fn around<'a>(&'a self, spot: &Spot, place: &'a Place) -> (&'a str, usize) {
        let text = self.text(place);
        let before = text.get(..spot.octets.start).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let rest = text.get(start..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        if line.len() <= LONGEST_LINE {
            return (line, start);
        }
        let around = text.get(spot.octets.clone()).unwrap_or_default();
        (
            around.get(..around.floor_char_boundary(LONGEST_LINE)).unwrap_or_default(),
            spot.octets.start,
        )
    }

    fn entry(&self, diagnostic: &Diagnostic, spot: Option<&Spot>) -> Value {
        let mut entry = json!({
            "code": diagnostic.code.to_string(),
            "message": diagnostic.message,
        });
        if let Some(spot) = spot {
            entry["file"] = self.file(&diagnostic.place).into();
            entry["line"] = spot.line.into();
            entry["column"] = spot.column.into();
        }
        match &diagnostic.place {
            Place::Plan(pointer, _) | Place::File { pointer, .. } => {
                entry["pointer"] = pointer.as_str().into();
            }
            Place::Flag(flag) => entry["flag"] = flag.as_str().into(),
            Place::Octets(_) => {}
        }
        if let Some(help) = &diagnostic.help {
            entry["help"] = help.as_str().into();
        }
        entry
    }
}

/// A message may hold the user's own text, which could move the cursor.
fn shown(text: &str) -> String {
    let is_harmful = |c: char| c.is_control() && c != '\n';
    text.chars().map(|c| if is_harmful(c) { '\u{fffd}' } else { c }).collect()
}

impl fmt::Display for PlanErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} mistakes in the plan `{}`", self.diagnostics.len(), self.source.name())
    }
}

impl std::error::Error for PlanErrors {}
