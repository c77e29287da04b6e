//! Mails of every form, signed by `dkim` → whether an independent verifier takes the signatures.
//!
//! The mails are those that `render` writes. Python's dkimpy verifies them, with the public key in
//! place of DNS; it needs `python3-dkim`, `python3-nacl` and `openssl`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

/// Debian's own, which has Debian's packages.
const PYTHON: &str = "/usr/bin/python3";

/// Selector and key.
const KEYS: [(&str, &str); 2] = [("rsa", "rsa-2048"), ("ed", "ed25519")];

const FORMS: [&str; 4] = ["relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"];

/// What messages are made of.
const MESSAGES: [(&str, &str); 12] = [
    ("ascii", "text = \"Hi {{ seq }}.\\n\\nBye  now.\\t\\n\"\nsubject = \"Hello {{ seq }}\""),
    (
        "eight-bit",
        "from = \"Größe <a@load.test>\"\nsubject = \"Grüße\"\ntext = \"Grüße, 用户 ✉\\n\"",
    ),
    (
        "parts",
        "text = \"a\"\nhtml = \"<p>a</p>\"\nattachments = [{ size = \"3KiB\", name = \"a.pdf\" }]",
    ),
    ("sized", "text = \"a\"\nsize = \"20001B\""),
    ("dots", "text = \".\\n..\\n.hidden\\n\\n.\\n\""),
    ("blank-end", "raw = \"From: a@load.test\\n\\ntext\\n \\n\\t\\n\\n\\n\""),
    (
        "raw",
        "raw = \"fRom:  a@load.test\\nSubject:\\ta  b \\n\\tc\\t\\nTo: x@y.test\\nTO: z@y.test\\nX: 1\\n\\n.a  b\\t c \\n\\n\\tü\\n\"",
    ),
    ("no-text", "raw = \"From: a@load.test\\nSubject: {{ seq }}\\n\\n\""),
    ("blank-text", "raw = \"From: a@load.test\\n\\n\\n\\n\\n\""),
    ("template", "template = \"mail.eml\""),
    ("corpus", "corpus = \"mails\""),
    ("gtube", "builtin = \"gtube\""),
];

/// In a folder of a corpus, and as a template.
const MAIL: &str = "Received: by x.test;\n\tlong ago\nFrom: Ada <ada@load.test>\nTo: b@load.test\n\
    Date: Thu, 1 Jan 1970 00:00:00 +0000\nMessage-ID: <1@load.test>\nSubject: a\n\n\
    From here on\n.dot\n  two  spaces  \n\n\n";

/// A plan with each message, signed in each way.
fn plan() -> String {
    let mut plan = String::from("version = 1\nname = \"signed\"\nseed = 7\n");
    let mut names = Vec::new();
    for (name, keys) in MESSAGES {
        for (selector, key) in KEYS {
            for (n, form) in FORMS.iter().enumerate() {
                let name = format!("{name}-{selector}-{n}");
                write!(
                    plan,
                    "[messages.{name}]\n{keys}\n[messages.{name}.dkim]\ndomain = \"load.test\"\n\
                     selector = \"{selector}\"\ncanonicalization = \"{form}\"\nexpire = \"1h\"\n\
                     key = \"{}/tests/keys/{key}.pem\"\n",
                    env!("CARGO_MANIFEST_DIR")
                )
                .unwrap();
                names.push(format!("{name} = 1"));
            }
        }
    }
    let weights = names.join(", ");
    plan + &format!(
        "[clients.app]\nmessages = {{ {weights} }}\n[sink]\n[[phases]]\nname = \"all\"\n\
         kind = \"steady\"\nrate = \"100/s\"\ncount = 10000\n"
    )
}

fn told(output: &Output) -> String {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Renders two mails of each message.
fn render(plan: &Path, mails: &Path, body: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailquake"));
    command.arg("render").arg(plan).args(["--count", "2", "--out"]).arg(mails).args(body);
    told(&command.output().unwrap());
}

/// What the verifier says of each mail.
fn verdicts(mails: &Path) -> Vec<String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut command = Command::new(PYTHON);
    command.arg(here.join("servers/verify_dkim.py")).arg(mails).arg("load.test");
    for (selector, key) in KEYS {
        command.arg(format!("{selector}={}", here.join(format!("keys/{key}.pem")).display()));
    }
    told(&command.output().unwrap()).lines().map(str::to_owned).collect()
}

#[test]
#[ignore = "needs Debian's python3-dkim and python3-nacl"]
fn signatures_verify_and_none_does_where_an_octet_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("mails")).unwrap();
    std::fs::write(path("mails/1.eml"), MAIL).unwrap();
    std::fs::write(path("mail.eml"), MAIL).unwrap();
    std::fs::write(path("plan.toml"), plan()).unwrap();
    for (name, body) in [("seven", &[][..]), ("eight", &["--8bit"])] {
        render(&path("plan.toml"), &path(name), body);

        let verdicts = verdicts(&path(name));

        assert_eq!(verdicts.len(), MESSAGES.len() * KEYS.len() * FORMS.len() * 2);
        let wrong: Vec<&String> =
            verdicts.iter().filter(|verdict| !verdict.ends_with(" True False False")).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
