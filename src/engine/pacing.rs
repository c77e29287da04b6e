//! A session of a paced client: what its pauses mean for deadlines, lag and the dialog.
//!
//! While the plan holds octets back nobody waits for the server, so no deadline runs; and the
//! pause before the first octet is the plan's doing, not lag of the tester's.

use tokio::time::Instant;

use super::dialer::Dialer;
use super::session::{Flow, Session};
use crate::smtp::Input;

impl<D: Dialer> Session<D> {
    /// Whether there is something to be written that the plan holds back.
    pub(super) fn is_at_its_own_pace(&self) -> bool {
        self.trickle.as_ref().is_some_and(|trickle| trickle.is_at_its_own_pace())
            && !self.out.is_written()
    }

    /// The plan holds the next octets back.
    pub(super) fn paused(&mut self, now: Instant) {
        for start in &mut self.starts {
            start.act(now);
        }
        self.handle.deadline.set(None);
    }

    /// The kernel has no room: from now on it is the server that is waited for.
    pub(super) fn stuck(&mut self, now: Instant) {
        let Some(trickle) = &mut self.trickle else { return };
        if trickle.is_at_its_own_pace() {
            trickle.blocked(now);
            self.await_reply(now);
        }
    }

    /// Octets were written; the server may answer each command as soon as its line is there.
    pub(super) fn trickled(&mut self, count: usize, now: Instant) {
        let Some(trickle) = &mut self.trickle else { return };
        trickle.progressed(now);
        let written = self.out.written() - count..self.out.written();
        for _ in 0..trickle.commands_in(self.out.own(), written) {
            self.dialog.command_written(now);
        }
        self.await_reply(now);
    }

    /// The drain of a phase is over, and its message is still being sent as slowly as planned.
    pub(super) fn break_off(&mut self, now: Instant) -> Flow {
        self.text.because("its phase was over while it was sent at its own pace");
        self.take(Input::Cut, None, now)
    }
}
