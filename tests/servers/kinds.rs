//! Every kind of client and the servers that support it, as a table.

use At::{
    Dovecot, DovecotSocket, Embedded, EmbeddedLmtp, Postfix, PostfixCertificate, PostfixImplicit,
    PostfixLogin, PostfixProxy, PostfixStrict, PostfixV6, PostfixXclient, SmtpSink, SmtpSinkLmtp,
};
use Shows::{Clients, Finding, Logged, LoggedIn, NoFinding, NoStep, RefusedOnPurpose, Step, Tls};

/// A server and the port of it that a client uses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum At {
    Postfix,
    PostfixV6,
    PostfixImplicit,
    PostfixCertificate,
    PostfixXclient,
    PostfixProxy,
    PostfixStrict,
    PostfixLogin,
    Dovecot,
    DovecotSocket,
    SmtpSink,
    SmtpSinkLmtp,
    Embedded,
    EmbeddedLmtp,
}

/// What must be seen beside the messages.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shows {
    /// A step that was taken.
    Step(&'static str),
    /// A step that was never taken.
    NoStep(&'static str),
    /// The version of TLS of all handshakes.
    Tls(&'static str),
    /// All logins were accepted.
    LoggedIn,
    /// Logins were accepted, and others were refused, on purpose only.
    RefusedOnPurpose,
    /// In Postfix's case: a malformed case with findings.
    Finding(&'static str),
    /// In Postfix's case: a malformed case without findings.
    NoFinding(&'static str),
    /// In Postfix's log: at least so many clients whose addresses begin so.
    Clients(&'static str, usize),
    /// In Postfix's log: these words.
    Logged(&'static str),
}

/// What a client shares the server with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Load {
    /// Nothing: 10 connections send 200 messages.
    Alone,
    /// As many starts of ordinary mail, 400 in all.
    BesideMail,
}

/// One kind of client.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Its keys in the plan; `@TRUST@` stands for the root that signed the server's certificate,
    /// `@CERTIFICATE@` and `@KEY@` for a client's; the feed `accounts` has two users.
    pub(crate) client: &'static str,
    /// The keys of its message.
    pub(crate) message: &'static str,
    pub(crate) load: Load,
    pub(crate) on: &'static [At],
    pub(crate) shows: &'static [Shows],
}

const NOTE: &str = r#"
from = "from@load.test"
to = "to{{ seq }}@example.test"
subject = "Note {{ seq }}"
text = "One of many."
"#;

const SEVERAL: &str = r#"
from = "from@load.test"
to = ["a{{ seq }}@example.test", "b{{ seq }}@example.test", "c{{ seq }}@example.test"]
subject = "Note {{ seq }}"
text = "One for three."
"#;

const EIGHT_BIT: &str = r#"
from = "from@load.test"
to = "to{{ seq }}@example.test"
raw = "Subject: Note {{ seq }}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGrüße aus Köln.\n"
"#;

const UTF8_ADDRESS: &str = r#"
from = "jürgen@load.test"
to = "用户{{ seq }}@example.test"
subject = "Grüße {{ seq }}"
text = "Grüße aus Köln."
"#;

const fn mail(
    name: &'static str,
    client: &'static str,
    on: &'static [At],
    shows: &'static [Shows],
) -> Kind {
    Kind { name, client, message: NOTE, load: Load::Alone, on, shows }
}

const fn mail_of(
    name: &'static str,
    client: &'static str,
    message: &'static str,
    on: &'static [At],
    shows: &'static [Shows],
) -> Kind {
    Kind { name, client, message, load: Load::Alone, on, shows }
}

/// All kinds; a server has at most one entry in each.
pub(crate) const KINDS: &[Kind] = &[
    mail("lock-step", r#"pipelining = "never""#, &[Postfix, SmtpSink, Embedded], &[]),
    mail("groups", r#"pipelining = "auto""#, &[Postfix, SmtpSink, Embedded], &[]),
    mail(
        "next group behind the text",
        r#"pipelining = "full""#,
        &[Postfix, SmtpSink, Embedded],
        &[],
    ),
    mail(
        "a connection for each message",
        "messages_per_connection = 1",
        &[Postfix, SmtpSink, Embedded],
        &[],
    ),
    mail_of("three recipients", "", SEVERAL, &[Postfix, SmtpSink, Embedded], &[]),
    mail(
        "closes without QUIT",
        r#"end = "close""#,
        &[Postfix, SmtpSink, Embedded],
        &[NoStep("quit")],
    ),
    mail(
        "resets without QUIT",
        r#"end = "reset""#,
        &[Postfix, SmtpSink, Embedded],
        &[NoStep("quit")],
    ),
    mail("pauses between messages", r#"think = "20ms""#, &[Postfix, SmtpSink, Embedded], &[]),
    mail(
        "slow: waits before commands, 4 KiB/s",
        r#"pace = { before_command = "20ms", data = "4KiB/s" }"#,
        &[Postfix, SmtpSink, Embedded],
        &[],
    ),
    mail(
        "slow: octet by octet, behind TLS",
        "pace = { data = \"16KiB/s\", byte_by_byte = true }\ntls = { mode = \"starttls\"@TRUST@ }",
        &[Postfix, Embedded],
        &[Step("tls")],
    ),
    mail("BDAT", r#"chunking = "auto""#, &[Postfix, Embedded], &[Step("bdat"), NoStep("data")]),
    mail(
        "BDAT, several in flight",
        "chunking = \"auto\"\npipelining = \"full\"",
        &[Postfix, Embedded],
        &[Step("bdat"), NoStep("data")],
    ),
    mail(
        "STARTTLS, TLS 1.3",
        r#"tls = { mode = "starttls", min = "1.3"@TRUST@ }"#,
        &[Postfix, Embedded],
        &[Step("starttls"), Step("tls"), Tls("TLSv1.3")],
    ),
    mail(
        "STARTTLS, TLS 1.2",
        r#"tls = { mode = "starttls", max = "1.2"@TRUST@ }"#,
        &[Postfix, Embedded],
        &[Step("starttls"), Step("tls"), Tls("TLSv1.2")],
    ),
    mail(
        "implicit TLS",
        r#"tls = { mode = "implicit"@TRUST@ }"#,
        &[PostfixImplicit, Embedded],
        &[Step("tls"), NoStep("starttls")],
    ),
    mail(
        "TLS 1.3 resumed",
        "messages_per_connection = 2\ntls = { mode = \"starttls\", min = \"1.3\"@TRUST@ }",
        &[Postfix, Embedded],
        &[Step("tls"), Step("tls_resumed")],
    ),
    mail(
        "TLS 1.2 resumed",
        "messages_per_connection = 2\ntls = { mode = \"starttls\", max = \"1.2\"@TRUST@ }",
        &[Postfix, Embedded],
        &[Step("tls"), Step("tls_resumed")],
    ),
    mail(
        "TLS, never resumed",
        "messages_per_connection = 2\ntls = { mode = \"starttls\", resume = false@TRUST@ }",
        &[Postfix, Embedded],
        &[Step("tls"), NoStep("tls_resumed")],
    ),
    mail(
        "TLS with groups and BDAT",
        "pipelining = \"full\"\nchunking = \"auto\"\ntls = { mode = \"starttls\"@TRUST@ }",
        &[Postfix, Embedded],
        &[Step("tls"), Step("bdat")],
    ),
    mail(
        "client certificate",
        r#"tls = { mode = "starttls"@TRUST@, certificate = "@CERTIFICATE@", key = "@KEY@" }"#,
        &[PostfixCertificate],
        &[Logged("Trusted TLS connection established from")],
    ),
    mail(
        "100 source addresses",
        "messages_per_connection = 1\nsource = \"127.0.1.0/25\"",
        &[Postfix, SmtpSink, Embedded],
        &[Clients("127.0.1.", 100)],
    ),
    mail("IPv6", "", &[PostfixV6], &[Clients("::1", 1)]),
    mail(
        "XCLIENT",
        r#"xclient = { name = "mx.load.test", addr = "198.18.0.0/15", helo = "mx.load.test" }"#,
        &[PostfixXclient, Embedded],
        &[Clients("198.18.", 20), Logged("client=mx.load.test[198.18.")],
    ),
    mail(
        "PROXY protocol, version 1",
        r#"proxy = "v1""#,
        &[PostfixProxy, Embedded],
        &[Clients("198.1", 20)],
    ),
    mail(
        "PROXY protocol, version 2",
        r#"proxy = "v2""#,
        &[PostfixProxy, Embedded],
        &[Clients("198.1", 20)],
    ),
    mail(
        "DSN",
        r#"dsn = { notify = ["success", "failure"], ret = "hdrs", envid = true, orcpt = true }"#,
        &[Postfix, SmtpSink, Embedded],
        &[Logged("sender delivery status notification")],
    ),
    mail(
        "AUTH PLAIN",
        r#"auth = { mechanism = "plain", users = "accounts" }"#,
        &[PostfixLogin, Embedded],
        &[
            LoggedIn,
            Logged("sasl_method=PLAIN, sasl_username=user1@example.test"),
            Logged("sasl_method=PLAIN, sasl_username=user2@example.test"),
        ],
    ),
    mail(
        "AUTH LOGIN",
        r#"auth = { mechanism = "login", users = "accounts" }"#,
        &[PostfixLogin, Embedded],
        &[
            LoggedIn,
            Logged("sasl_method=LOGIN, sasl_username=user1@example.test"),
            Logged("sasl_method=LOGIN, sasl_username=user2@example.test"),
        ],
    ),
    mail(
        "AUTH CRAM-MD5",
        r#"auth = { mechanism = "cram-md5", users = "accounts" }"#,
        &[PostfixLogin, Embedded],
        &[
            LoggedIn,
            Logged("sasl_method=CRAM-MD5, sasl_username=user1@example.test"),
            Logged("sasl_method=CRAM-MD5, sasl_username=user2@example.test"),
        ],
    ),
    mail(
        "AUTH SCRAM-SHA-256",
        r#"auth = { mechanism = "scram-sha-256", users = "accounts" }"#,
        &[PostfixLogin, Embedded],
        &[
            LoggedIn,
            Logged("sasl_method=SCRAM-SHA-256, sasl_username=user1@example.test"),
            Logged("sasl_method=SCRAM-SHA-256, sasl_username=user2@example.test"),
        ],
    ),
    mail(
        "AUTH XOAUTH2",
        r#"auth = { mechanism = "xoauth2", users = "accounts" }"#,
        &[Embedded],
        &[LoggedIn],
    ),
    mail(
        "AUTH OAUTHBEARER",
        r#"auth = { mechanism = "oauthbearer", users = "accounts" }"#,
        &[Embedded],
        &[LoggedIn],
    ),
    mail(
        "AUTH behind STARTTLS",
        "auth = { mechanism = \"plain\", users = \"accounts\" }\n\
         tls = { mode = \"starttls\"@TRUST@ }",
        &[PostfixLogin, Embedded],
        &[LoggedIn, Step("tls"), Logged("sasl_method=PLAIN")],
    ),
    mail(
        "AUTH PLAIN, a tenth with a wrong password",
        "messages_per_connection = 1\n\
         auth = { mechanism = \"plain\", users = \"accounts\", failure_rate = \"10%\" }",
        &[PostfixLogin, Embedded],
        &[RefusedOnPurpose, Logged("SASL PLAIN authentication failed")],
    ),
    mail(
        "AUTH SCRAM-SHA-256, a tenth with a wrong password",
        "messages_per_connection = 1\n\
         auth = { mechanism = \"scram-sha-256\", users = \"accounts\", failure_rate = \"10%\" }",
        &[PostfixLogin, Embedded],
        &[RefusedOnPurpose, Logged("SASL SCRAM-SHA-256 authentication failed")],
    ),
    mail(
        "AUTH XOAUTH2, a tenth with a wrong token",
        "messages_per_connection = 1\n\
         auth = { mechanism = \"xoauth2\", users = \"accounts\", failure_rate = \"10%\" }",
        &[Embedded],
        &[RefusedOnPurpose],
    ),
    mail_of("8-bit text", "", EIGHT_BIT, &[Postfix, SmtpSink, Embedded], &[]),
    mail_of("SMTPUTF8", "", UTF8_ADDRESS, &[Postfix, Embedded], &[Logged("用户")]),
    mail("LMTP, lock-step", r#"pipelining = "never""#, &[Dovecot, SmtpSinkLmtp, EmbeddedLmtp], &[]),
    mail("LMTP, groups", r#"pipelining = "auto""#, &[Dovecot, SmtpSinkLmtp, EmbeddedLmtp], &[]),
    mail(
        "LMTP, next group behind the text",
        r#"pipelining = "full""#,
        &[Dovecot, SmtpSinkLmtp, EmbeddedLmtp],
        &[],
    ),
    mail_of("LMTP, three recipients", "", SEVERAL, &[Dovecot, SmtpSinkLmtp, EmbeddedLmtp], &[]),
    mail_of(
        "LMTP, three recipients, next group behind the text",
        r#"pipelining = "full""#,
        SEVERAL,
        &[Dovecot, SmtpSinkLmtp, EmbeddedLmtp],
        &[],
    ),
    mail_of(
        "LMTP, BDAT",
        r#"chunking = "auto""#,
        SEVERAL,
        &[Dovecot, EmbeddedLmtp],
        &[Step("bdat")],
    ),
    mail_of(
        "LMTP, BDAT, several in flight",
        "chunking = \"auto\"\npipelining = \"full\"",
        SEVERAL,
        &[Dovecot, EmbeddedLmtp],
        &[Step("bdat")],
    ),
    mail_of("LMTP, Unix socket", "", SEVERAL, &[DovecotSocket], &[]),
    mail_of(
        "LMTP, slow: waits before commands, 4 KiB/s",
        r#"pace = { before_command = "20ms", data = "4KiB/s" }"#,
        SEVERAL,
        &[Dovecot, SmtpSinkLmtp, EmbeddedLmtp],
        &[],
    ),
    mail_of("LMTP, 8-bit text", "", EIGHT_BIT, &[Dovecot, SmtpSinkLmtp, EmbeddedLmtp], &[]),
    Kind {
        name: "malformed, beside mail",
        client: "kind = \"malformed\"",
        message: NOTE,
        load: Load::BesideMail,
        on: &[Postfix, SmtpSink, Embedded],
        // Texts can be smuggled into a Postfix with the defaults from before 3.9.
        shows: &[Finding("data-end-lf-dot-lf")],
    },
    Kind {
        name: "malformed, where Postfix forbids bare newlines",
        client: "kind = \"malformed\"",
        message: NOTE,
        load: Load::BesideMail,
        on: &[PostfixStrict],
        shows: &[NoFinding("data-end-lf-dot-lf"), NoFinding("data-end-crlf-dot-lf")],
    },
];
