//! Commissions → mails, one after the other, beside the worker.
//!
//! Under a paused clock there is no thread: a task of the worker's own runtime takes its place,
//! behind the same queues.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::Commission;
use super::promise::Built;
use crate::engine::books::panic_text;
use crate::engine::order::Note;
use crate::engine::shared::Shared;
use crate::message::{Composer, Mail};

/// How messages are built.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) enum Means {
    /// By a thread, for the worker of this number.
    Thread(u32),
    /// By a task that takes so long for each, in the time of tokio's clock.
    Task(Duration),
}

/// A commission with a used buffer.
pub(super) struct Job {
    pub(super) commission: Commission,
    pub(super) mail: Mail,
    /// Gone when nobody wants the mail any more.
    pub(super) wanted: Weak<()>,
}

/// The worker's ends of the queues. They need no bound of their own: what is in them belongs to
/// the budget, or to starts that are due.
pub(in crate::engine) struct Maker {
    pub(super) jobs: UnboundedSender<Job>,
    pub(super) built: UnboundedReceiver<Built>,
    by: By,
}

enum By {
    Thread(JoinHandle<()>),
    Task { _task: JoinSet<()> },
}

/// Who composes.
struct Craft {
    composer: Composer,
    shared: Arc<Shared>,
    notes: UnboundedSender<Note>,
}

impl Job {
    fn is_wanted(&self) -> bool {
        self.wanted.strong_count() > 0
    }
}

impl Maker {
    /// Whoever builds for one worker, if the plan has messages that are built apart. A panic is
    /// told by a note.
    pub(in crate::engine) fn new(
        means: Means,
        composer: &Composer,
        shared: &Arc<Shared>,
        notes: &UnboundedSender<Note>,
    ) -> io::Result<Option<Self>> {
        if !(0..shared.plan.messages.len()).any(|message| composer.is_built_apart(message)) {
            return Ok(None);
        }
        let (jobs, ordered) = unbounded_channel();
        let (done, built) = unbounded_channel();
        let (composer, shared, notes) = (composer.clone(), Arc::clone(shared), notes.clone());
        let craft = Craft { composer, shared, notes };
        let by = match means {
            Means::Thread(worker) => {
                let thread = std::thread::Builder::new().name(format!("builder-{worker}"));
                By::Thread(thread.spawn(move || craft.work_off(ordered, &done))?)
            }
            Means::Task(each) => {
                let mut task = JoinSet::new();
                task.spawn_local(craft.work_off_slowly(each, ordered, done));
                By::Task { _task: task }
            }
        };
        Ok(Some(Self { jobs, built, by }))
    }

    /// Waits until the thread has ended; what it has not begun is not built any more.
    pub(super) fn end(self) {
        let Self { jobs, built, by } = self;
        drop((jobs, built));
        if let By::Thread(thread) = by {
            // Its panics are caught, and told, one message at a time.
            let _ = thread.join();
        }
    }
}

impl Craft {
    fn work_off(mut self, mut jobs: UnboundedReceiver<Job>, done: &UnboundedSender<Built>) {
        while let Some(job) = jobs.blocking_recv()
            && !done.is_closed()
        {
            self.settle(job, done);
        }
    }

    async fn work_off_slowly(
        mut self,
        each: Duration,
        mut jobs: UnboundedReceiver<Job>,
        done: UnboundedSender<Built>,
    ) {
        while let Some(job) = jobs.recv().await {
            if !each.is_zero() && job.is_wanted() {
                tokio::time::sleep(each).await;
            }
            self.settle(job, &done);
        }
    }

    fn settle(&mut self, job: Job, done: &UnboundedSender<Built>) {
        let built = if job.is_wanted() { self.make(job) } else { Ok(job.mail) };
        // A worker that no longer listens wants nothing any more.
        let _ = done.send(built);
    }

    fn make(&mut self, Job { commission, mut mail, .. }: Job) -> Built {
        let order = commission.order(&self.shared.plan, None);
        let composer = &mut self.composer;
        let outcome = guarded(&self.notes, || composer.compose(&order, &mut mail))?;
        outcome.map(|()| mail).map_err(|error| error.to_string())
    }
}

/// What a closure gives; its panic is told like that of any task, and costs one message.
fn guarded<T>(notes: &UnboundedSender<Note>, with: impl FnOnce() -> T) -> Result<T, String> {
    // Only the mail and the date's text may be left half written: the mail is dropped, and the
    // text is written anew in the next second.
    catch_unwind(AssertUnwindSafe(with)).map_err(|panic| {
        let text = panic_text(&*panic);
        // A conductor that is gone needs no telling.
        let _ = notes.send(Note::Panicked(text.clone()));
        format!("a panic: {text}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_and_costs_its_message_alone() {
        let (notes, mut told) = unbounded_channel();

        let spoiled = guarded(&notes, || -> u8 { panic!("a planted panic") });
        let next = guarded(&notes, || 7);

        assert_eq!(spoiled, Err("a panic: a planted panic".to_owned()));
        assert_eq!(next, Ok(7));
        assert!(matches!(told.try_recv(), Ok(Note::Panicked(text)) if text == "a planted panic"));
        assert!(told.try_recv().is_err());
    }
}
