//! `attachments` of a message → what goes along with it, read from its files.

use std::path::Path;
use std::sync::Arc;

use super::super::faults::Faults;
use crate::message::{Attachment, Content, is_media_type, media_type_of};
use crate::plan::document::{Attachment as Table, ShortOr};
use crate::plan::files::{self, Files};

/// Lowers the attachments of a message; `pointer` is that of the list.
pub(super) fn lower_attachments(
    attachments: &[ShortOr<String, Table>],
    pointer: &str,
    files: &Files,
    faults: &mut Faults,
) -> Vec<Attachment> {
    let lowered = attachments.iter().enumerate().map(|(n, attachment)| {
        let pointer = format!("{pointer}/{n}");
        let (table, at_file) = match attachment {
            ShortOr::Short(file) => {
                (Table { file: Some(file.clone()), ..Table::default() }, pointer.clone())
            }
            ShortOr::Long(table) => (table.clone(), format!("{pointer}/file")),
        };
        Lowering { table: &table, pointer: &pointer, faults }.lower(&at_file, files)
    });
    lowered.collect()
}

struct Lowering<'a> {
    table: &'a Table,
    pointer: &'a str,
    faults: &'a mut Faults,
}

impl Lowering<'_> {
    fn lower(&mut self, at_file: &str, files: &Files) -> Attachment {
        let content = self.content(at_file, files);
        let name = self.name();
        let suggested = name.as_deref().map_or("application/octet-stream", media_type_of);
        let media_type = self.table.media_type.clone().unwrap_or_else(|| suggested.to_owned());
        if !is_media_type(&media_type) {
            let message = "a media type is such as `application/pdf`, without parameters";
            self.faults.bad(&self.at("type"), message);
        }
        self.check_composite(&media_type, &content);
        if let Some(id) = &self.table.inline
            && !is_content_id(id)
        {
            let message = "up to 64 letters, digits, `.`, `_`, `-` and `@`, as `html` names it";
            self.faults.bad(&self.at("inline"), message);
        }
        Attachment { name, media_type, content, inline: self.table.inline.clone() }
    }

    /// A message inside a message goes as it is (RFC 2046 5.2.1), so it has to be one that every
    /// server takes.
    fn check_composite(&mut self, media_type: &str, content: &Content) {
        if media_type.starts_with("multipart/") {
            self.faults.bad(&self.at("type"), "an attachment is a single part");
        }
        if !media_type.starts_with("message/") {
            return;
        }
        let message = match content {
            Content::Generated(_) => "made-up octets are no message",
            Content::Octets(octets) if !octets.is_ascii() || octets.contains(&0) => {
                "a message that is attached has octets up to 127 and no NUL; else attach it as \
                 `type = \"application/octet-stream\"`"
            }
            Content::Octets(_) => return,
        };
        self.faults.bad(&self.at("type"), message);
    }

    fn at(&self, key: &str) -> String {
        format!("{}/{key}", self.pointer)
    }

    fn content(&mut self, at_file: &str, files: &Files) -> Content {
        match (&self.table.file, self.table.size) {
            (Some(_), Some(_)) => {
                let message = "an attachment is a file or of a size, not both";
                self.faults.conflict(self.pointer, "size", message);
            }
            (Some(file), None) => match files.content(file) {
                Ok(content) => return Content::Octets(Arc::from(content)),
                Err(reason) => self.faults.bad(at_file, reason),
            },
            (None, Some(size)) if size.octets() > files::LARGEST_ATTACHMENT => {
                self.faults.bad(&self.at("size"), "an attachment is at most 64MiB");
            }
            (None, Some(size)) => return Content::Generated(size.octets()),
            (None, None) => self.faults.missing(self.pointer, "file"),
        }
        Content::Generated(0)
    }

    fn name(&mut self) -> Option<String> {
        let of_file = || {
            let name = Path::new(self.table.file.as_deref()?).file_name()?;
            name.to_str().map(str::to_owned)
        };
        let name = self.table.name.clone().or_else(of_file);
        if name.as_ref().is_some_and(|name| name.contains(char::is_control) || name.len() > 255) {
            let message = "a name has up to 255 octets and no control characters";
            self.faults.bad(&self.at("name"), message);
        }
        name
    }
}

/// The left side of a Content-ID (RFC 2392), or a whole one.
fn is_content_id(id: &str) -> bool {
    let legal = |octet: u8| octet.is_ascii_alphanumeric() || b"._-@".contains(&octet);
    (1..=64).contains(&id.len()) && id.bytes().all(legal)
}
