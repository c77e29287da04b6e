//! Messages of a plan → what they are made of, or what is wrong with them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::tests::{mistakes, plan, with};
use crate::message::{
    ClassesBy, Content, CorpusEnvelope, CorpusFormat, CorpusSpec, FeedOrder, Form, Recipients,
    SizeSpec, Trace,
};
use crate::smtp::{Code, Step};

/// Mails in two sub-folders, one of which has a name that is none.
fn corpus() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for path in ["good/clean/1.eml", "good/spam/1.eml", "bad/a b/1.eml", "bad/c/1.eml"] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "Subject: x\n\n").unwrap();
    }
    folder
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

fn message(message: &Value) -> Value {
    with(json!({ "messages": { "real": message } }))
}

fn lowered(table: &Value) -> CorpusSpec {
    let plan = plan(&message(table));
    let Form::Corpus(spec) = plan.messages[0].form.clone() else { panic!("no corpus") };
    spec
}

#[test]
fn a_corpus_is_a_path_or_a_table() {
    let folder = corpus();
    let good = path(folder.path(), "good");

    let short = lowered(&json!({ "corpus": good }));
    let long = lowered(&json!({
        "corpus": {
            "path": good, "format": "eml", "classes": "none", "rewrite": false, "envelope": "mail",
        },
        "order": "shuffled",
    }));

    assert_eq!((short.format, short.classes_by), (CorpusFormat::Eml, ClassesBy::Folder));
    assert_eq!((short.order, short.rewrite), (FeedOrder::Sequential, true));
    assert_eq!(short.envelope, CorpusEnvelope::Plan);
    let names: Vec<&str> = short.classes.iter().map(|class| class.name.as_str()).collect();
    assert_eq!(names, ["clean", "spam"]);
    assert_eq!((long.order, long.rewrite), (FeedOrder::Shuffled, false));
    assert_eq!(long.envelope, CorpusEnvelope::Mail);
    assert!(long.classes.is_empty());
}

#[test]
fn a_class_may_expect_replies() {
    let folder = corpus();

    let spec = lowered(&json!({
        "corpus": path(folder.path(), "good"),
        "classes": { "spam": { "expect": { "end_of_data": "550" } } },
    }));

    assert!(spec.classes[0].expect.is_empty());
    let codes = spec.classes[1].expect.at(Step::EndOfData).unwrap();
    assert!(codes.holds(Code::new(550).unwrap()));
}

#[test]
fn what_can_not_be_a_corpus_is_told_with_its_place() {
    let folder = corpus();
    let good = path(folder.path(), "good");
    let (bad, missing) = (path(folder.path(), "bad"), path(folder.path(), "missing"));
    let table = [
        (
            json!({ "corpus": missing }),
            format!("E012 /messages/real/corpus: cannot read `{missing}`: No such file"),
        ),
        (
            json!({ "corpus": { "path": good, "format": "mbox" } }),
            format!("E012 /messages/real/corpus/path: `{good}` is no file"),
        ),
        (json!({ "corpus": "" }), "E012 /messages/real/corpus: a corpus has a path".to_owned()),
        (json!({ "corpus": {} }), "E013 /messages/real/corpus/path: missing key".to_owned()),
        (
            json!({ "corpus": bad }),
            "E021 /messages/real/corpus: `a b` can't be the name of a class (a name begins with"
                .to_owned(),
        ),
        (
            json!({ "corpus": good, "size": "1KiB" }),
            "E014 /messages/real/size key: `size` has no place beside `corpus`".to_owned(),
        ),
        (
            json!({ "corpus": good, "text": "x" }),
            "E014 /messages/real/text key: `text` has no place beside `corpus`".to_owned(),
        ),
        (
            json!({ "builtin": "eicar", "text": "x" }),
            "E014 /messages/real/text key: `text` has no place beside `builtin`".to_owned(),
        ),
        (
            json!({ "builtin": "gtube", "order": "random" }),
            "E014 /messages/real/order key: `order` has no place beside `builtin`".to_owned(),
        ),
        (
            json!({ "order": "random" }),
            "E014 /messages/real/order key: `order` needs a `corpus`".to_owned(),
        ),
        (
            json!({ "corpus": good, "classes": { "spm": {} } }),
            "E020 /messages/real/classes/spm key: no class of the corpus is named `spm` \
             (did you mean `spam`?)"
                .to_owned(),
        ),
        (
            json!({ "corpus": good, "classes": { "spam": { "expect": { "auth": "535" } } } }),
            "E014 /messages/real/classes/spam/expect/auth key: a session logs in before".to_owned(),
        ),
        (
            json!({ "corpus": good, "classes": { "spam": { "expect": { "ehlo": "550" } } } }),
            "E014 /messages/real/classes/spam/expect/ehlo key: `ehlo` belongs to the".to_owned(),
        ),
        (
            json!({ "corpus": { "path": good, "classes": "none" }, "classes": { "spam": {} } }),
            "E020 /messages/real/classes/spam key: no class of the corpus is named `spam` \
             (it has none)"
                .to_owned(),
        ),
    ];
    for (table, expected) in table {
        let told = mistakes(&message(&table));
        assert!(told.len() == 1 && told[0].starts_with(&expected), "{table}: {told:?}");
    }
}

#[test]
fn a_message_has_parts_copies_and_a_histogram_of_sizes() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("logo.png"), b"png").unwrap();
    let plan = plan(&message(&json!({
        "from": "Shop <shop@load.test>",
        "cc": ["Ada <ada@example.test>"],
        "bcc": { "address": "u{{ seq }}@example.test", "count": 2 },
        "html": "<img src='cid:logo'>",
        "attachments": [
            { "file": path(folder.path(), "logo.png"), "inline": "logo" },
            { "size": "1KiB", "name": "a.pdf" },
            path(folder.path(), "logo.png"),
        ],
        "size": { "histogram": { "64KiB": 1, "2KiB": 3 } },
        "trace": false,
    })));
    let real = &plan.messages[0];

    assert_eq!(real.to, Recipients::Each(vec![]), "cc and bcc are recipients enough");
    assert_eq!(real.cc, Some(Recipients::Each(vec!["Ada <ada@example.test>".into()])));
    assert!(matches!(&real.bcc, Some(Recipients::Repeated { count, .. }) if count.min == 2));
    assert_eq!(real.trace, Trace::Left);
    assert_eq!(real.size, Some(SizeSpec::Histogram([(2048, 3.0), (65536, 1.0)].into())));
    let Form::Composed(parts) = &real.form else { panic!("{:?}", real.form) };
    assert!(parts.html.is_some() && parts.text.is_none());
    let [logo, made_up, file] = &parts.attachments[..] else { panic!("{:?}", parts.attachments) };
    assert_eq!((logo.inline.as_deref(), &*logo.media_type), (Some("logo"), "image/png"));
    assert_eq!(logo.content, Content::Octets(b"png"[..].into()));
    assert_eq!(made_up.content, Content::Generated(1024));
    assert_eq!((made_up.name.as_deref(), &*made_up.media_type), (Some("a.pdf"), "application/pdf"));
    assert_eq!((file.name.as_deref(), &file.inline), (Some("logo.png"), &None));
}

#[test]
fn mistakes_in_the_parts_of_a_message_have_their_place() {
    let table = [
        (
            json!({ "attachments": ["/nowhere/a.pdf"] }),
            "E012 /messages/real/attachments/0: cannot read `/nowhere/a.pdf`: No such file or directory (os error 2)",
        ),
        (
            json!({ "attachments": [{ "name": "a" }] }),
            "E013 /messages/real/attachments/0/file: missing key `file`",
        ),
        (
            json!({ "attachments": [{ "size": "65MiB" }] }),
            "E012 /messages/real/attachments/0/size: an attachment is at most 64MiB",
        ),
        (
            json!({ "attachments": [{ "size": 1, "type": "pdf" }] }),
            "E012 /messages/real/attachments/0/type: a media type is such as `application/pdf`, without parameters",
        ),
        (
            json!({ "html": "x", "attachments": [{ "size": 1, "inline": "<a>" }] }),
            "E012 /messages/real/attachments/0/inline: up to 64 letters, digits, `.`, `_`, `-` and `@`, as `html` names it",
        ),
        (
            json!({ "attachments": [{ "size": 1, "inline": "a" }] }),
            "E014 /messages/real/attachments key: an `inline` attachment is shown in `html`, which is missing",
        ),
        (
            json!({ "html": "x", "headers": { "content-type": "text/html" } }),
            "E014 /messages/real/headers/content-type key: `content-type` follows from `html` and `attachments`",
        ),
        (
            json!({ "raw": "x", "html": "x" }),
            "E014 /messages/real/html key: `html` is part of `raw`, which is a whole message",
        ),
        (
            json!({ "attachments": [{ "size": 1, "type": "message/rfc822" }] }),
            "E012 /messages/real/attachments/0/type: made-up octets are no message",
        ),
        (
            json!({ "to": { "address": "a@b.test", "count": 4_000_000_000_u64 } }),
            "E012 /messages/real/to/count: a message has at most 10000 recipients",
        ),
        (
            json!({ "to": "a@b.test,c@d.test" }),
            "E024 /messages/real/to: `a@b.test,c@d.test` is no address: it holds `,`, `;`, `(` or `)`; several recipients are a list of texts",
        ),
        (
            json!({ "cc": "a b" }),
            "E024 /messages/real/cc: `a b` is no address: it holds a space, a control character or an angle bracket",
        ),
        (
            json!({ "size": { "histogram": { "2 apples": 1 } } }),
            "E012 /messages/real/size/histogram: a histogram has a step that counts something",
        ),
    ];
    for (real, mistake) in table {
        let told = mistakes(&message(&real));
        assert_eq!(told.last().map(String::as_str), Some(mistake), "{real}: {told:?}");
    }
}
