//! Corpora of a plan → what messages take, or what is wrong with them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::tests::{mistakes, plan, with};
use crate::message::{ClassesBy, CorpusEnvelope, CorpusFormat, CorpusSpec, FeedOrder, Form};
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
