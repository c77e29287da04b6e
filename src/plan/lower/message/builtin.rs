//! `builtin` of a message → the mail that scanners object to by agreement.

use super::super::faults::Faults;
use super::given_parts;
use crate::message::Builtin;
use crate::plan::document::{Builtin as Name, Message};

/// The builtin of a message, if it has one.
pub(super) fn lower_builtin(
    message: &Message,
    pointer: &str,
    faults: &mut Faults,
) -> Option<Builtin> {
    let builtin = match message.builtin? {
        Name::Eicar => Builtin::Eicar,
        Name::Gtube => Builtin::Gtube,
    };
    let others = [
        ("raw", message.raw.is_some()),
        ("template", message.template.is_some()),
        ("corpus", message.corpus.is_some()),
        ("order", message.order.is_some()),
        ("classes", message.classes.is_some()),
        ("size", message.size.is_some()),
    ];
    let parts = given_parts(message).filter(|key| !matches!(*key, "subject" | "cc"));
    let others = others.into_iter().filter(|(_, is_there)| *is_there).map(|(key, _)| key);
    for key in parts.chain(others) {
        let message =
            format!("`{key}` has no place beside `builtin`, which is made as it has to be");
        faults.conflict(pointer, key, message);
    }
    Some(builtin)
}
