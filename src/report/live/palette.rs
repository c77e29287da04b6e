//! What a part of the screen means → how it looks.
//!
//! Only the terminal's own colours are used, which its user has chosen for a dark or a light
//! ground; without colours, weight and shape tell the same.

use ratatui::style::{Color, Modifier, Style};

use crate::report::Style as Look;

/// Titles, names that matter, and what was planned.
pub(super) const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);
/// Labels and axes.
pub(super) const DIM: Style = Style::new().add_modifier(Modifier::DIM);

/// The colours of parts of the screen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette(pub(super) Look);

impl Palette {
    fn colour(self, colour: Color) -> Style {
        match self.0 {
            Look::Coloured => Style::new().fg(colour),
            Look::Plain => Style::new(),
        }
    }

    /// What was achieved.
    pub(super) fn achieved(self) -> Style {
        self.colour(Color::Green)
    }

    /// A second row of what was achieved.
    pub(super) fn second(self) -> Style {
        self.colour(Color::Cyan)
    }

    /// What is wrong.
    pub(super) fn wrong(self) -> Style {
        self.colour(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// What is worth a look.
    pub(super) fn notable(self) -> Style {
        self.colour(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    /// Wrong if there is any, else plain.
    pub(super) fn wrong_if(self, count: u64) -> Style {
        if count > 0 { self.wrong() } else { Style::new() }
    }
}
