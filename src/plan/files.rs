//! A document → the files that it names, found from the plan's folder and read once.
//!
//! They are read when the plan is loaded, so that a file that is missing or wrong is a mistake at
//! its key like any other, and `validate` finds it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use super::corpora::{self, Corpora};
use super::document::{Document, Feed, FeedFormat as FormatKey, ShortOr};
use super::secrets;
use crate::message::{FeedFormat, FeedMistake, Library, Table, read_feed};

/// Files beside a plan are small; a device or a mistyped name must not fill the memory.
const LARGEST: u64 = 4 << 20;

/// Feeds may have a million rows.
const LARGEST_FEED: u64 = 256 << 20;

/// Larger than what most servers take in all.
pub(super) const LARGEST_ATTACHMENT: u64 = 64 << 20;

/// The content of files, by the paths that the document names them with.
#[derive(Debug, Default)]
pub(super) struct Files {
    contents: BTreeMap<String, io::Result<Vec<u8>>>,
    /// What was found at its corpora, which are too large to be read.
    pub(super) corpora: Corpora,
    /// By the names of the feeds.
    feeds: BTreeMap<String, Result<Table, FeedFault>>,
    library: Arc<Library>,
}

/// Why the file of a feed has no rows to give.
#[derive(Debug)]
pub(super) enum FeedFault {
    /// Neither its name nor `format` says how it is written.
    NoFormat,
    /// It can't be read.
    Unread(io::Error),
    /// What is wrong in it.
    Wrong(Vec<FeedMistake>),
}

/// Makes the paths of a document absolute: they begin at `folder`.
pub(super) fn anchor(document: &mut Document, folder: &Path) {
    for client in document.clients.values_mut() {
        if let Some(ShortOr::Long(table)) = &mut client.tls {
            table.files_mut().for_each(|path| anchor_path(path, folder));
        }
    }
    for message in document.messages.values_mut() {
        if let Some(path) = corpora::path_mut(message) {
            anchor_path(path, folder);
        }
    }
    secrets::settle(document, |path| anchor_path(path, folder));
    for path in document.feeds.values_mut().filter_map(|feed| feed.file.as_mut()) {
        anchor_path(path, folder);
    }
    for message in document.messages.values_mut() {
        message.files_mut().for_each(|path| anchor_path(path, folder));
    }
    let sink = document.sink.as_mut().and_then(|sink| sink.tls.as_mut());
    if let Some(ShortOr::Long(table)) = sink {
        table.files_mut().for_each(|path| anchor_path(path, folder));
    }
}

fn anchor_path(path: &mut String, folder: &Path) {
    // A document holds text; what can't be text stays as the user wrote it, and is found missing.
    if let Some(absolute) = folder.join(&*path).to_str().filter(|_| !path.is_empty()) {
        *path = absolute.to_owned();
    }
}

impl Files {
    /// Reads the files of a document.
    pub(super) fn of(document: &Document) -> Self {
        let mut files = Self { corpora: Corpora::of(document), ..Self::default() };
        for (_, client) in document.clients.iter() {
            if let Some(ShortOr::Long(table)) = &client.tls {
                table.files().for_each(|(_, path)| files.add(path));
            }
        }
        let sink = document.sink.as_ref().and_then(|sink| sink.tls.as_ref());
        if let Some(ShortOr::Long(table)) = sink {
            table.files().for_each(|path| files.add(path));
        }
        files.feeds = read_feeds(document);
        for path in secrets::paths(document, &files) {
            files.add(&path);
        }
        for (_, message) in document.messages.iter() {
            message.attached().for_each(|path| files.add_attachment(path));
        }
        files
    }

    /// The same with the templates of a folder, which are read as they are met: only they
    /// themselves tell which others they include.
    pub(super) fn beside(self, folder: &Path) -> Self {
        Self { library: Arc::new(Library::reading(folder, |path| read(path, LARGEST))), ..self }
    }

    /// The templates.
    pub(super) fn library(&self) -> &Arc<Library> {
        &self.library
    }

    fn add(&mut self, path: &str) {
        if !self.contents.contains_key(path) {
            self.contents.insert(path.to_owned(), read(Path::new(path), LARGEST));
        }
    }

    /// The rows of a feed that is a file; none where it is none.
    pub(super) fn rows(&self, feed: &str) -> Option<Result<&Table, &FeedFault>> {
        self.feeds.get(feed).map(Result::as_ref)
    }

    fn add_attachment(&mut self, path: &str) {
        // What is attached and named elsewhere too may be larger.
        self.contents.insert(path.to_owned(), read(Path::new(path), LARGEST_ATTACHMENT));
    }

    /// What a file holds, or why that is not known.
    pub(super) fn content(&self, path: &str) -> Result<&[u8], String> {
        match self.contents.get(path) {
            Some(Ok(content)) => Ok(content),
            Some(Err(error)) => Err(format!("cannot read `{path}`: {error}")),
            None => Err(format!("cannot read `{path}`")),
        }
    }
}

fn read_feeds(document: &Document) -> BTreeMap<String, Result<Table, FeedFault>> {
    let named =
        document.feeds.iter().filter_map(|(name, feed)| Some((name, feed.file.as_ref()?, feed)));
    named.map(|(name, path, feed)| (name.to_owned(), read_rows(path, feed))).collect()
}

fn read_rows(path: &str, feed: &Feed) -> Result<Table, FeedFault> {
    let format = match feed.format {
        Some(FormatKey::Csv) => FeedFormat::Csv,
        Some(FormatKey::Jsonl) => FeedFormat::Jsonl,
        None => FeedFormat::of_path(path).ok_or(FeedFault::NoFormat)?,
    };
    let content = read(Path::new(path), LARGEST_FEED).map_err(FeedFault::Unread)?;
    read_feed(&content, format).map_err(FeedFault::Wrong)
}

/// What a file holds, if it is one and not too large.
pub(super) fn read(path: &Path, largest: u64) -> io::Result<Vec<u8>> {
    // Asked first: opening a pipe would wait for somebody to write.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut content = Vec::new();
    fs::File::open(path)?.take(largest + 1).read_to_end(&mut content)?;
    if content.len() as u64 > largest {
        return Err(io::Error::other(format!("it is larger than {} MiB", largest >> 20)));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::document::{Client, TlsTable};

    fn document(ca: &str) -> Document {
        let table = TlsTable { ca: Some(ca.to_owned()), ..TlsTable::default() };
        let client = Client { tls: Some(ShortOr::Long(table)), ..Client::default() };
        Document {
            clients: [("a".to_owned(), client)].into_iter().collect(),
            ..Document::default()
        }
    }

    fn ca(document: &Document) -> String {
        let client = document.clients.named("a").unwrap();
        let Some(ShortOr::Long(table)) = &client.tls else { panic!("no table") };
        table.ca.clone().unwrap()
    }

    #[test]
    fn paths_begin_at_the_folder_of_the_plan() {
        let table = [("ca.pem", "/plans/ca.pem"), ("../a/ca.pem", "/plans/../a/ca.pem"), ("", "")];
        for (path, expected) in table.into_iter().chain([("/etc/ca.pem", "/etc/ca.pem")]) {
            let mut document = document(path);
            anchor(&mut document, Path::new("/plans"));
            assert_eq!(ca(&document), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_file_or_too_large_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let large = folder.path().join("large");
        fs::File::create(&large).unwrap().set_len(LARGEST + 1).unwrap();
        let table = [
            (folder.path().to_path_buf(), "it is no file"),
            ("/dev/zero".into(), "it is no file"),
            (large, "it is larger than 4 MiB"),
            (folder.path().join("missing"), "No such file"),
        ];
        for (path, reason) in table {
            let path = path.to_str().unwrap();
            let error = Files::of(&document(path)).content(path).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_feed_may_be_larger_than_other_files_but_not_without_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        let rows = |feed: Feed| read_rows(path.to_str().unwrap(), &feed);
        fs::write(&path, format!("name\n{}", "Ada\n".repeat(2 << 20))).unwrap();
        assert_eq!(rows(Feed::default()).unwrap().len(), 2 << 20);

        fs::File::options().write(true).open(&path).unwrap().set_len(LARGEST_FEED + 1).unwrap();

        let Err(FeedFault::Unread(error)) = rows(Feed::default()) else { panic!("it was read") };
        assert_eq!(error.to_string(), "it is larger than 256 MiB");
    }

    #[test]
    fn the_key_goes_before_the_extension() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        fs::write(&path, "{\"name\": \"Ada\"}").unwrap();

        let feed = Feed { format: Some(FormatKey::Jsonl), ..Feed::default() };

        assert_eq!(read_rows(path.to_str().unwrap(), &feed).unwrap().len(), 1);
    }
}
