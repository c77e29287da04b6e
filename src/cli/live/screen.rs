//! The terminal: whether it can show the view, taking its screen, and giving it back on every way
//! out.
//!
//! A panic anywhere would print into the view, and one in this thread or the conductor's would
//! leave the terminal in a mode in which its user cannot type. So a hook stands before the usual
//! one: it gives the screen back first where the panic ends the view or the run, and keeps the
//! words for later where a worker goes on.

use std::io::{self, BufWriter, IsTerminal, Stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

/// The least columns and rows for which the view is chosen by itself.
const ROOMY: (u16, u16) = (60, 16);

/// The name of the thread that draws.
pub(super) const THREAD: &str = "live";

/// Whether the screen is taken.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// What panics of other threads said while it was.
static HELD: Mutex<Vec<String>> = Mutex::new(Vec::new());
static HOOK: Once = Once::new();

/// The terminal of the view.
pub(super) type Screen = Terminal<CrosstermBackend<BufWriter<Stderr>>>;

/// Why there can be no view on standard error, if so.
pub(in crate::cli) fn obstacle() -> Option<&'static str> {
    if !io::stderr().is_terminal() {
        return Some("standard error is no terminal");
    }
    if std::env::var_os("TERM").is_none_or(|name| name.is_empty() || name == "dumb") {
        return Some("TERM names no terminal that can move its cursor");
    }
    // A process in the background that changes the terminal's modes is stopped by the kernel.
    let foreground = rustix::termios::tcgetpgrp(io::stderr());
    if foreground.is_ok_and(|group| group != rustix::process::getpgrp()) {
        return Some("the process runs in the background");
    }
    None
}

/// Whether the terminal is large enough for the view to be better than lines.
pub(in crate::cli) fn is_roomy() -> bool {
    let size = rustix::termios::tcgetwinsize(io::stderr());
    size.is_ok_and(|size| size.ws_col >= ROOMY.0 && size.ws_row >= ROOMY.1)
}

/// Takes the screen.
pub(super) fn take() -> io::Result<Screen> {
    HOOK.call_once(guard);
    TAKEN.store(true, Ordering::SeqCst);
    let taken = enable_raw_mode()
        .and_then(|()| execute!(io::stderr(), EnterAlternateScreen, Hide))
        .and_then(|()| Terminal::new(CrosstermBackend::new(BufWriter::new(io::stderr()))));
    if taken.is_err() {
        leave();
    }
    taken
}

/// Gives the screen back as it was, if it is taken.
pub(super) fn leave() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // A terminal that went away needs nothing back.
        let _ = execute!(io::stderr(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// What was kept back while the screen was taken.
pub(super) fn held() -> Vec<String> {
    std::mem::take(&mut *HELD.lock().unwrap_or_else(PoisonError::into_inner))
}

fn guard() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let thread = std::thread::current();
        // The conductor's is the main thread.
        let ends = matches!(thread.name(), Some(THREAD | "main") | None);
        if ends {
            leave();
        }
        if TAKEN.load(Ordering::SeqCst) {
            let name = thread.name().unwrap_or("?");
            let text = format!("thread `{name}`: {panic}");
            HELD.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        } else {
            usual(panic);
        }
    }));
}
