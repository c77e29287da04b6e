//! The thread that draws and reads keys.

use std::io;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::mpsc::UnboundedSender;

use super::News;
use super::screen::{self, Screen, THREAD};
use crate::report::live::{Board, Looking, render};
use crate::report::{Course, Style};
use crate::verdict::Interruption;

/// How long a key may wait for news, and news for a key.
const TICK: Duration = Duration::from_millis(100);
/// The least time between two pictures.
const BETWEEN: Duration = Duration::from_millis(250);

/// What is drawn, and what its user wants.
pub(super) struct View {
    board: Board,
    /// The picture that is held, while it is.
    held: Option<Board>,
    looking: Looking,
    style: Style,
    keys: UnboundedSender<Interruption>,
    /// Whether the screen shows something else.
    stale: bool,
    drawn: Option<Instant>,
}

/// Whether the view goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Next {
    Go,
    End,
}

/// Starts the thread; the screen is taken when this returns.
pub(super) fn spawn(view: View, news: Receiver<News>) -> io::Result<JoinHandle<()>> {
    let screen = screen::take()?;
    let thread = std::thread::Builder::new().name(THREAD.to_owned());
    let spawned = thread.spawn(move || {
        // What goes wrong with the terminal ends the view; the run goes on in plain lines.
        let _ = view.run(screen, &news);
        screen::leave();
    });
    if spawned.is_err() {
        screen::leave();
    }
    spawned
}

impl View {
    pub(super) fn new(course: Course, style: Style, keys: UnboundedSender<Interruption>) -> Self {
        let board = Board::new(course);
        Self { board, held: None, looking: Looking::Newest, style, keys, stale: true, drawn: None }
    }

    fn run(mut self, mut screen: Screen, news: &Receiver<News>) -> io::Result<()> {
        loop {
            if self.learn(news) == Next::End {
                return Ok(());
            }
            if self.stale && self.drawn.is_none_or(|drawn| drawn.elapsed() >= BETWEEN) {
                self.draw(&mut screen)?;
            }
            if event::poll(TICK)? {
                self.meet(&event::read()?, &mut screen)?;
            }
        }
    }

    /// Takes in all that is new.
    fn learn(&mut self, news: &Receiver<News>) -> Next {
        loop {
            match news.try_recv() {
                Ok(News::End) | Err(TryRecvError::Disconnected) => return Next::End,
                Err(TryRecvError::Empty) => return Next::Go,
                Ok(News::Planned(course)) => self.board.replan(course),
                Ok(News::Phase(progress)) => self.board.phase(*progress),
                Ok(News::Second(progress)) => self.board.second(*progress),
                Ok(News::Note(text)) => self.board.note(&text),
                Ok(News::Going(going)) => self.board.end(going),
            }
            self.stale |= self.held.is_none();
        }
    }

    fn draw(&mut self, screen: &mut Screen) -> io::Result<()> {
        let board = self.held.as_ref().unwrap_or(&self.board);
        let (looking, style) = (self.looking, self.style);
        screen.draw(|frame| render(board, looking, style, frame.area(), frame.buffer_mut()))?;
        self.stale = false;
        self.drawn = Some(Instant::now());
        Ok(())
    }

    fn meet(&mut self, event: &Event, screen: &mut Screen) -> io::Result<()> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.press(*key, screen)?,
            Event::Resize(..) => self.redraw(),
            Event::Key(_)
            | Event::Mouse(_)
            | Event::Paste(_)
            | Event::FocusGained
            | Event::FocusLost => {}
        }
        Ok(())
    }

    fn press(&mut self, key: KeyEvent, screen: &mut Screen) -> io::Result<()> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => self.interrupt(),
            KeyCode::Char('z') if control => return self.suspend(screen),
            KeyCode::Char('l') if control => {
                screen.clear()?;
                self.redraw();
            }
            KeyCode::Char('q' | 'Q') => self.interrupt(),
            KeyCode::Char('p' | ' ') => self.hold(),
            KeyCode::Char('?' | 'h') => self.look(Looking::Help),
            KeyCode::Esc => self.look(Looking::Newest),
            _ => {}
        }
        Ok(())
    }

    fn interrupt(&mut self) {
        // Without a conductor the run is at its end anyway.
        let _ = self.keys.send(Interruption::Interrupt);
    }

    /// Holds the picture, or lets it go on.
    fn hold(&mut self) {
        self.held = if self.held.is_some() { None } else { Some(self.board.clone()) };
        self.looking = if self.held.is_some() { Looking::Held } else { Looking::Newest };
        self.redraw();
    }

    /// Looks at something, or back where it is looked at already.
    fn look(&mut self, at: Looking) {
        let back = if self.held.is_some() { Looking::Held } else { Looking::Newest };
        self.looking = if self.looking == at { back } else { at };
        if self.looking == Looking::Newest {
            self.looking = back;
        }
        self.redraw();
    }

    /// A key or a new size is answered at once.
    fn redraw(&mut self) {
        self.stale = true;
        self.drawn = None;
    }

    /// What Ctrl-Z does elsewhere: the whole process stops here until it is told to go on.
    fn suspend(&mut self, screen: &mut Screen) -> io::Result<()> {
        screen::leave();
        kill_process(getpid(), Signal::TSTP)?;
        // The signal may meet another thread, and this one runs on for a moment.
        std::thread::sleep(TICK);
        *screen = screen::take()?;
        screen.clear()?;
        self.redraw();
        Ok(())
    }
}
