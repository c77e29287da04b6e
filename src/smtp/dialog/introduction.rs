//! XCLIENT between two EHLOs: the session says whom it stands for, and begins anew.

use std::rc::Rc;

use super::super::{Capabilities, Code, Event, Outcome, Reply, Step};
use super::{Act, Command, Dialog};

const NOT_OFFERED: &str =
    "the plan has `xclient`, and the server does not offer XCLIENT with all its attributes";

impl Dialog {
    /// EHLO was answered: the session logs in or is ready, unless it must say first whom it stands for.
    pub(super) fn introduce(&mut self, out: &mut Vec<u8>, events: &mut Vec<Event>) -> Act {
        let manners = Rc::clone(&self.manners);
        let Some(xclient) = manners.xclient.as_ref().filter(|_| !self.introduced) else {
            return self.log_in(out, events);
        };
        if !self.offered.takes(xclient) {
            events.push(Event::Lacking(NOT_OFFERED));
            self.opening_failed(Outcome::Unconnected, Step::Ehlo, None, events);
            return self.leave(out);
        }
        self.introduced = true;
        xclient.put(self.number, out);
        self.ask(Command::Xclient, b"", out)
    }

    /// The server greets whom the session stands for, and EHLO may be answered otherwise now.
    pub(super) fn xclient_answered(
        &mut self,
        reply: &Reply<'_>,
        out: &mut Vec<u8>,
        events: &mut Vec<Event>,
    ) -> Act {
        if reply.code() == Code::GREETING {
            self.offered = Capabilities::default();
            return self.say_hello(out);
        }
        self.refused_at(Step::Xclient, reply, out, events)
    }
}
