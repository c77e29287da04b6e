//! What a client and its messages expect → the replies that must come for one mail.

use std::rc::Rc;

use crate::message::{Form, Recipe};
use crate::plan::{Client, Plan};
use crate::smtp::Expectations;

/// What is expected of the mails of one client, by message.
pub(super) struct Expected(Vec<OfMessage>);

/// What is expected of the mails of one message.
struct OfMessage {
    unclassed: Option<Rc<Expectations>>,
    by_class: Vec<Option<Rc<Expectations>>>,
}

impl Expected {
    /// The class goes before the message, and that before the client, step by step.
    pub(super) fn new(client: &Client, plan: &Plan) -> Self {
        let of_message = |message: &Recipe| {
            let both = client.expect.overridden_by(&message.expect);
            let classes = match &message.form {
                Form::Corpus(corpus) => corpus.classes.as_slice(),
                Form::Composed(_) | Form::Raw { .. } => &[],
            };
            let by_class = classes.iter().map(|class| shared(both.overridden_by(&class.expect)));
            OfMessage { by_class: by_class.collect(), unclassed: shared(both) }
        };
        Self(plan.messages.iter().map(of_message).collect())
    }

    /// What is expected of a mail of a message, which may have a class.
    pub(super) fn of(&self, message: usize, class: Option<usize>) -> Option<Rc<Expectations>> {
        let of_message = self.0.get(message)?;
        let of_class = class.and_then(|class| of_message.by_class.get(class));
        of_class.unwrap_or(&of_message.unclassed).clone()
    }
}

fn shared(expectations: Expectations) -> Option<Rc<Expectations>> {
    (!expectations.is_empty()).then(|| Rc::new(expectations))
}
