//! What happens while a run goes on → objects for programs, one on each line.
//!
//! `docs/progress.md` describes them; fields are added, never renamed.

use std::net::SocketAddr;

use serde::Serialize;

use super::Progress;

/// One line of `--progress json`.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Bulletin<'a> {
    /// The clock has begun.
    Began {
        /// Where the results are written.
        folder: String,
        /// The targets.
        targets: Vec<TargetAddresses<'a>>,
        /// The address of the embedded server, if it runs.
        sink: Option<SocketAddr>,
        /// Where the figures are served, if they are.
        #[serde(skip_serializing_if = "Option::is_none")]
        figures: Option<&'a str>,
    },
    /// A phase is in force from now on.
    Phase(&'a Progress),
    /// A second is over.
    Second(&'a Progress),
    /// Something to know.
    Note {
        /// What it is about.
        matter: Matter,
        /// The same words that a person reads.
        text: &'a str,
    },
}

/// Where the sessions of a target go.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TargetAddresses<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its addresses, resolved.
    pub addresses: &'a [String],
}

/// What a note is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Matter {
    /// A signal: nothing starts any more.
    Draining,
    /// A second signal: everything ends.
    Stopping,
    /// A feed has no row left.
    FeedUsedUp,
    /// The server holds back.
    Throttled,
    /// A probe of a search was judged.
    Probed,
    /// A search has ended.
    Searched,
    /// A threshold that is judged while the run goes on broke, ended the run, or recovered.
    Threshold,
    /// Something that goes wrong on the tester's side.
    Trouble,
    /// Where something is found.
    Place,
}

impl Bulletin<'_> {
    /// The line, without its end.
    pub fn line(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::progress::tests::progress;
    use super::*;

    #[test]
    fn each_line_says_its_kind() {
        let addresses = ["127.0.0.1:2525".to_owned()];
        let targets = vec![TargetAddresses { name: "default", addresses: &addresses }];
        let folder = "results/soak".to_owned();
        let began = Bulletin::Began { folder, targets, sink: None, figures: None };
        let note = Bulletin::Note { matter: Matter::Trouble, text: "a \"task\" panicked" };
        let progress = progress();
        let lines = [began, Bulletin::Second(&progress), note].map(|it| it.line().unwrap());

        expect![[r#"
            {"kind":"began","folder":"results/soak","targets":[{"name":"default","addresses":["127.0.0.1:2525"]}],"sink":null}
            {"kind":"second","elapsed_s":67.0,"total_s":630.0,"phase":{"name":"soak","position":2,"of":3,"elapsed_s":37.0,"length_s":60.0,"planned":{"per_second":800.0},"response_ms":{"count":28311,"min":null,"mean":null,"p50":1.23,"p90":null,"p95":12.3,"p99":45.6,"p999":null,"max":203.0,"censored":0},"lag_ms":null},"open_sessions":1204,"errors":12345,"last_second":{"started":801,"accepted":795,"errors":6,"dropped":0,"cases":0,"sent":1520000,"received":98000,"p50_ms":1.23,"p95_ms":12.3,"p99_ms":45.6,"max_ms":203.0,"lag_p99_ms":0.31},"so_far":{"planned":41000,"started":41000,"dropped":0,"outcomes":{"accepted":28000,"temporary":12345},"codes":{"250":28000,"450":12345},"sessions_opened":4120,"sessions_failed":0},"machine":null}
            {"kind":"note","matter":"trouble","text":"a \"task\" panicked"}"#]].assert_eq(&lines.join("\n"));
    }
}
