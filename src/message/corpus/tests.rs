//! Corpora on a disk → what was found, and the mails that messages take.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use proptest::prelude::*;
use tempfile::TempDir;

use super::library::open_all;
use super::*;
use crate::draw::Draw;
use crate::message::wire::Wire;
use crate::message::{
    Composer, FeedOrder, Form, Mail, Numbering, Order, Recipe, Recipients, RunIdentity,
};
use crate::smtp::Expectations;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn spec(path: &Path, by: ClassesBy) -> CorpusSpec {
    let survey = survey_corpus(path, None, by).unwrap();
    let class = |name| CorpusClass { name, expect: Expectations::default() };
    CorpusSpec {
        path: path.to_owned(),
        format: survey.format,
        classes_by: by,
        classes: survey.classes.into_iter().map(class).collect(),
        order: FeedOrder::Sequential,
        rewrite: false,
        envelope: CorpusEnvelope::Plan,
    }
}

fn open(spec: &CorpusSpec, kept: u64) -> Corpus {
    open_all([(0, spec)].into_iter(), 42, kept).unwrap().pop().unwrap().1
}

fn order(seq: u64) -> Order<'static> {
    Order {
        message: 0,
        draw: Draw::new(42).at(seq),
        seq,
        numbering: Numbering::Dense,
        turns: None,
        client: "app",
        phase: "soak",
        session: None,
        user: None,
        recipients: None,
        body: crate::smtp::BodyType::SevenBit,
        now: SystemTime::UNIX_EPOCH,
    }
}

fn text(letter: &Letter) -> String {
    let text = letter.parts.iter().map(|part| match part {
        Part::Text(wire) => {
            let mut copy = Wire::default();
            copy.put_wire(wire);
            String::from_utf8(copy.into_octets()).unwrap()
        }
        Part::Date => "<D>".to_owned(),
        Part::MessageId => "<M>".to_owned(),
    });
    text.collect()
}

/// The text and the class of each mail, in order.
fn all(spec: &CorpusSpec, kept: u64) -> Vec<(String, Option<&str>)> {
    let corpus = open(spec, kept);
    let seqs = (1..).take(corpus.count());
    seqs.map(|seq| {
        let class = corpus
            .class(corpus.position(&order(seq)))
            .map(|class| spec.classes[class].name.as_str());
        (text(&corpus.letter(corpus.position(&order(seq))).unwrap()), class)
    })
    .collect()
}

fn compose(spec: CorpusSpec, seq: u64) -> Mail {
    let recipe = Recipe {
        name: "real".to_owned(),
        from: "plan@load.test".to_owned(),
        to: Recipients::Each(vec!["{{ seq }}@example.test".to_owned()]),
        cc: None,
        bcc: None,
        form: Form::Corpus(spec),
        size: None,
        classes: Vec::new(),
        trace: crate::message::Trace::Left,
        dkim: None,
        expect: Expectations::default(),
        library: std::sync::Arc::default(),
    };
    let run = RunIdentity { id: 1, seed: 42 };
    let mut composer = Composer::new(&[recipe], &[], run).unwrap();
    let mut mail = Mail::default();
    composer.compose(&order(seq), &mut mail).unwrap();
    mail
}

#[test]
fn a_folder_of_files_is_read_with_its_sub_folders_as_classes() {
    let folder = folder(&[
        ("clean/2.eml", "S: c2\n"),
        ("clean/deep/er/1.EML", "S: c1\n"),
        ("spam/1.eml", "S: s1\n"),
        ("0.eml", "S: 0\n"),
        ("notes.txt", "no mail"),
        ("spam/.hidden.eml", "no mail"),
        (".git/x.eml", "no mail"),
        ("empty/readme", "no mail"),
    ]);

    let spec = spec(folder.path(), ClassesBy::Folder);

    assert_eq!(spec.format, CorpusFormat::Eml);
    let expected = [
        ("S: 0\r\n", None),
        ("S: c2\r\n", Some("clean")),
        ("S: c1\r\n", Some("clean")),
        ("S: s1\r\n", Some("spam")),
    ];
    for kept in [0, 1 << 20] {
        let found = all(&spec, kept);
        let found: Vec<(&str, Option<&str>)> =
            found.iter().map(|(text, class)| (text.as_str(), *class)).collect();
        assert_eq!(found, expected, "{kept}");
    }
}

#[test]
fn file_names_tell_classes_by_the_letters_that_they_begin_with() {
    let folder = folder(&[
        ("spam-0001.eml", "S: 1\n"),
        ("virus2.eml", "S: 2\n"),
        ("x/Clean_mail-3.eml", "S: 3\n"),
        ("004.eml", "S: 4\n"),
    ]);

    let by_name = spec(folder.path(), ClassesBy::Prefix);
    let by_nothing = spec(folder.path(), ClassesBy::Nothing);

    let classes: Vec<Option<&str>> = all(&by_name, 0).into_iter().map(|(_, class)| class).collect();
    assert_eq!(classes, [None, Some("spam"), Some("virus"), Some("Clean")]);
    assert!(by_nothing.classes.is_empty());
    assert!(all(&by_nothing, 0).iter().all(|(_, class)| class.is_none()));
}

#[test]
fn a_maildir_has_its_own_mails_and_those_of_its_folders() {
    let folder = folder(&[
        ("cur/1.a:2,S", "S: 1\n"),
        ("new/2.a", "S: 2\n"),
        ("tmp/3.a", "half a mail"),
        ("dovecot.index", "no mail"),
        (".spam/cur/4.a:2,", "S: 4\n"),
        (".spam/maildirfolder", ""),
        (".spam.old/new/5.a", "S: 5\n"),
        ("clean/cur/6.a", "S: 6\n"),
    ]);

    let spec = spec(folder.path(), ClassesBy::Folder);

    assert_eq!(spec.format, CorpusFormat::Maildir);
    let found: BTreeSet<(String, Option<&str>)> = all(&spec, 0).into_iter().collect();
    let expected = [
        ("S: 1\r\n", None),
        ("S: 2\r\n", None),
        ("S: 4\r\n", Some("spam")),
        ("S: 5\r\n", Some("spam")),
        ("S: 6\r\n", Some("clean")),
    ];
    assert_eq!(found, expected.map(|(text, class)| (text.to_owned(), class)).into());
}

#[test]
fn a_folder_of_maildirs_is_one_too() {
    let folder = folder(&[("ham/cur/1.a", "S: 1\n"), ("spam/new/2.a", "S: 2\n")]);

    let spec = spec(folder.path(), ClassesBy::Folder);

    assert_eq!(
        all(&spec, 0),
        [("S: 1\r\n".to_owned(), Some("ham")), ("S: 2\r\n".to_owned(), Some("spam"))]
    );
}

#[test]
fn an_mbox_is_read_mail_by_mail_as_it_was_before_it_was_quoted() {
    let mbox = "From a Mon\nS: 1\n\n>From me\n\nFrom b Mon\nS: 2\n\n.\n\n";
    let folder = folder(&[("mail", mbox)]);

    let spec = spec(&folder.path().join("mail"), ClassesBy::Folder);

    assert_eq!(spec.format, CorpusFormat::Mbox);
    for kept in [0, 1 << 20] {
        let texts: Vec<String> = all(&spec, kept).into_iter().map(|(text, _)| text).collect();
        assert_eq!(texts, ["S: 1\r\n\r\nFrom me\r\n", "S: 2\r\n\r\n..\r\n"], "{kept}");
    }
}

#[test]
fn what_is_no_corpus_is_told() {
    let folder = folder(&[
        ("a.txt", "S: 1\n"),
        ("empty", ""),
        ("sub/readme", ""),
        ("mail", "From a\nS: 1\n"),
        ("many/x.eml", ""),
    ]);
    for n in 0..101 {
        let name = format!("many/{}{}.eml", char::from(b'a' + n / 26), char::from(b'a' + n % 26));
        fs::write(folder.path().join(name), "S: 1\n").unwrap();
    }
    let look = |path: &str, format, by| {
        survey_corpus(&folder.path().join(path), format, by).unwrap_err().to_string()
    };
    let (by, eml, mbox) = (ClassesBy::Folder, Some(CorpusFormat::Eml), Some(CorpusFormat::Mbox));
    let table = [
        (look("missing", None, by), "No such file"),
        (look("a.txt", None, by), "is no mbox: it does not begin with `From `"),
        (look("empty", None, by), "there is no mail in"),
        (look("sub", None, by), "there is no mail in"),
        (look("sub", mbox, by), "is no file"),
        (look("mail", eml, by), "is no folder"),
        (look("mail", None, ClassesBy::Prefix), "have no file names to tell classes by"),
        (look("many", None, ClassesBy::Prefix), "has more than 100 classes"),
    ];
    for (error, expected) in table {
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_shuffled_corpus_takes_each_mail_once_in_an_order_of_the_seed() {
    let files: Vec<(String, String)> =
        (0..50).map(|n| (format!("{n}.eml"), format!("S: {n}\n"))).collect();
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let folder = folder(&files);
    let mut spec = spec(folder.path(), ClassesBy::Folder);
    let texts = |spec: &CorpusSpec| -> Vec<String> {
        all(spec, 1 << 20).into_iter().map(|(text, _)| text).collect()
    };
    let sequential = texts(&spec);

    spec.order = FeedOrder::Shuffled;
    let shuffled = texts(&spec);
    spec.order = FeedOrder::Random;
    let random = texts(&spec);

    assert_ne!(shuffled, sequential);
    let set = |texts: &[String]| texts.iter().cloned().collect::<BTreeSet<String>>();
    assert_eq!(set(&shuffled), set(&sequential));
    assert!((20..50).contains(&set(&random).len()), "{random:?}");
}

#[test]
fn mails_are_taken_in_their_order_though_the_numbers_of_messages_have_gaps() {
    let files: Vec<String> = (0..10).map(|n| format!("{n}.eml")).collect();
    let files: Vec<(&str, &str)> =
        files.iter().map(|path| (path.as_str(), path.as_str())).collect();
    let folder = folder(&files);
    let corpus = open(&spec(folder.path(), ClassesBy::Folder), 1 << 20);

    let numbers = (0..100).map(|n| Order { numbering: Numbering::Sparse, ..order(4 * n + 1) });
    let texts: Vec<String> =
        numbers.map(|order| text(&corpus.letter(corpus.position(&order)).unwrap())).collect();

    for (n, text) in texts.iter().enumerate() {
        assert_eq!(*text, format!("{}.eml\r\n", n % 10), "{texts:?}");
    }
}

#[test]
fn a_corpus_beyond_the_limit_is_read_when_needed_and_kept_up_to_the_limit() {
    let text = format!("S: x\n\n{}\n", "x".repeat(1000));
    let files: Vec<String> = (0..100).map(|n| format!("{n}.eml")).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|path| (path.as_str(), &*text)).collect();
    let folder = folder(&files);
    let spec = spec(folder.path(), ClassesBy::Folder);

    let corpus = open(&spec, 20_000);

    assert!(corpus.reads());
    assert_eq!(corpus.mean_octets(), text.len() as u64);
    for seq in 1..1000 {
        corpus.letter(corpus.position(&order(seq))).unwrap();
        assert!(corpus.kept() <= 20_000, "{}", corpus.kept());
    }
    assert!(corpus.kept() > 10_000, "{}", corpus.kept());
    assert!(!open(&spec, 200_000).reads());
}

#[test]
fn a_cached_mail_is_not_read_again() {
    let folder = folder(&[("1.eml", "S: 1\n"), ("2.eml", &"x".repeat(2000))]);
    let spec = spec(folder.path(), ClassesBy::Folder);
    let corpus = open(&spec, 1500);
    corpus.letter(corpus.position(&order(1))).unwrap();
    fs::remove_dir_all(folder.path()).unwrap();

    assert_eq!(text(&corpus.letter(corpus.position(&order(1))).unwrap()), "S: 1\r\n");
    let gone = corpus.letter(corpus.position(&order(2))).unwrap_err().to_string();
    assert!(gone.contains("cannot read") && gone.contains("2.eml"), "{gone}");
}

#[test]
fn several_corpora_share_the_limit() {
    let large = folder(&[("1.eml", &"x".repeat(3000)), ("2.eml", &"x".repeat(3000))]);
    let small = folder(&[("1.eml", &"x".repeat(300))]);
    let specs = [&large, &small].map(|folder| spec(folder.path(), ClassesBy::Folder));

    let corpora = open_all(specs.iter().enumerate(), 42, 4000).unwrap();

    let reads: Vec<bool> = corpora.iter().map(|(_, corpus)| corpus.reads()).collect();
    assert_eq!(reads, [true, false]);
}

#[test]
fn a_message_has_a_fresh_date_and_message_id_where_the_mail_had_its_own() {
    let raw =
        "From: a@b.test\nDate: Mon, 1 Jan 2001 00:00:00 +0000\nMessage-ID:\n <x@y>\n\n.h\u{e9}\n";
    let folder = folder(&[("1.eml", raw)]);
    let spec = CorpusSpec { rewrite: true, ..spec(folder.path(), ClassesBy::Folder) };

    let mail = compose(spec, 7);

    let text = String::from_utf8(mail.octets.to_vec()).unwrap();
    let expected = "From: a@b.test\r\nDate: Thu, 01 Jan 1970 00:00:00 +0000\r\n\
        Message-ID: <0000000000000007.0000000000000001@mailquake.invalid>\r\n\r\n..h\u{e9}\r\n.\r\n";
    assert_eq!(text, expected);
    assert_eq!(mail.size, text.len() as u64 - 4);
    assert!(mail.eight_bit && !mail.utf8);
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        ("plan@load.test", &["7@example.test".to_owned()][..])
    );
}

#[test]
fn the_envelope_comes_from_the_mail_and_else_from_the_plan() {
    let folder = folder(&[
        ("1.eml", "From: A <a@b.test>\nTo: c@d.test\nCc: \u{e9}@d.test\n\n"),
        ("2.eml", "Return-Path: <>\nTo: undisclosed-recipients:;\n\n"),
        ("3.eml", "Subject: nobody\n\n"),
    ]);
    let spec = spec(folder.path(), ClassesBy::Folder);
    let spec = CorpusSpec { envelope: CorpusEnvelope::Mail, ..spec };
    let envelope = |seq| {
        let mail = compose(spec.clone(), seq);
        (mail.from, mail.to.join(" "), mail.utf8)
    };

    assert_eq!(envelope(1), ("a@b.test".into(), "c@d.test \u{e9}@d.test".into(), true));
    assert_eq!(envelope(2), (String::new(), "2@example.test".into(), false));
    assert_eq!(envelope(3), ("plan@load.test".into(), "3@example.test".into(), false));
}

/// What a receiver makes of a text behind DATA; none where it is not legal.
fn received(octets: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let mut rest = octets.strip_suffix(b".\r\n")?;
    while !rest.is_empty() {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let (line, tail) = rest.split_at(end);
        if line == b"." || line.contains(&b'\r') || line.contains(&b'\n') {
            return None;
        }
        text.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        text.push(b'\n');
        rest = tail.get(2..)?;
    }
    Some(text)
}

/// The text with LF alone as line end, and one behind its last line.
fn unix(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut rest = raw;
    while let Some((first, tail)) = rest.split_first() {
        let is_pair = *first == b'\r' && tail.first() == Some(&b'\n');
        text.push(if *first == b'\r' { b'\n' } else { *first });
        rest = if is_pair { &tail[1..] } else { tail };
    }
    if text.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
    text
}

proptest! {
    #[test]
    fn any_octets_go_over_the_wire_legally_and_arrive_as_they_were(
        raw in prop::collection::vec(
            prop_oneof![any::<u8>(), Just(b'\r'), Just(b'\n'), Just(b'.'), Just(b':'), Just(b' ')],
            0..200,
        ),
        rewrite: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("1.eml"), &raw).unwrap();
        let spec = CorpusSpec { rewrite, ..spec(folder.path(), ClassesBy::Nothing) };

        let mail = compose(spec, 1);

        let stored = received(&mail.octets);
        prop_assert_eq!(stored.as_deref(), Some(&*unix(&raw)));
        prop_assert_eq!(mail.eight_bit, !raw.is_ascii());
    }

    #[test]
    fn any_mails_come_out_of_an_mbox_as_they_went_in(
        mails in prop::collection::vec("(From |>From |>>From |x|\n|\n\n| ){0,12}", 1..6),
    ) {
        let mut mbox = String::new();
        for mail in &mails {
            mbox.push_str("From a@b.test Mon Jan  1 00:00:00 2001\n");
            for line in mail.split_inclusive('\n') {
                if line.trim_start_matches('>').starts_with("From ") {
                    mbox.push('>');
                }
                mbox.push_str(line);
            }
            mbox.push_str(if mail.ends_with('\n') || mail.is_empty() { "\n" } else { "\n\n" });
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mail"), &mbox).unwrap();
        let spec = spec(&folder.path().join("mail"), ClassesBy::Folder);

        let found: Vec<String> = all(&spec, 0).into_iter().map(|(text, _)| text).collect();

        let sent = |mail: &String| String::from_utf8(unix(mail.as_bytes())).unwrap().replace('\n', "\r\n");
        prop_assert_eq!(found, mails.iter().map(sent).collect::<Vec<String>>());
    }
}
