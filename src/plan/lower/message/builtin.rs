//! `builtin` of a message → the mail that scanners object to by agreement.

use super::super::faults::Faults;
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
    let keys = [
        ("headers", message.headers.is_some()),
        ("text", message.text.is_some()),
        ("html", message.html.is_some()),
        ("attachments", message.attachments.is_some()),
        ("raw", message.raw.is_some()),
        ("template", message.template.is_some()),
        ("corpus", message.corpus.is_some()),
        ("order", message.order.is_some()),
        ("classes", message.classes.is_some()),
        ("size", message.size.is_some()),
    ];
    for (key, _) in keys.into_iter().filter(|(_, is_there)| *is_there) {
        let message =
            format!("`{key}` has no place beside `builtin`, which is made as it has to be");
        faults.conflict(pointer, key, message);
    }
    Some(builtin)
}
