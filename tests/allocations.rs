//! A constant message costs no allocation: what a run allocates does not grow with its messages.
//!
//! Runs of the same length send few and many messages, so that what is done each second, as
//! handing over what was counted, is the same in both. The server is another process.

#![expect(clippy::unwrap_used, reason = "a test stops at what it cannot read")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use mailquake::plan::{Environment, Format, Overrides, Source, Surroundings, load};
use mailquake::run::{Job, Options, Permits, Update, run};
use mailquake::verdict::ExitCode;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// What histograms that grow, and a second more of handing over, may add to a message.
const NOTHING: f64 = 0.1;

/// `mailquake sink`, ended with the test.
struct Sink(Child, String);

impl Sink {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mailquake"))
            .args(["sink", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = said.find(|line| line.as_ref().unwrap().starts_with("listening on ")).unwrap();
        let line = line.unwrap();
        let address = line.trim_start_matches("listening on ").split(';').next().unwrap();
        Self(child, address.trim().to_owned())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// So many messages were begun in a second, and so many blocks of memory were allocated then.
fn sent(sink: &Sink, client: &str, phase: &str) -> (u64, u64) {
    let plan = format!(
        "version = 1\nname = \"allocations\"\nseed = 1\n[target]\naddress = \"{}\"\n\
         [clients.app]\nmessages = \"note\"\n{client}\n\
         messages_per_connection = 1000000\n\
         [messages.note]\nfrom = \"from@load.test\"\nto = \"to@example.test\"\nsubject = \"Note\"\n\
         text = \"One of many.\"\n[monitor]\nenabled = false\n\
         [[phases]]\nname = \"a\"\nkind = \"steady\"\n{phase}\nduration = \"2500ms\"\n",
        sink.1
    );
    let surroundings = Surroundings {
        host: "load.test".into(),
        seed: 1,
        folder: Path::new("").to_owned(),
        environment: Environment::new(|_| None),
    };
    let source = Source::new("plan.toml", plan, Format::Toml);
    let loaded = load(&source, &Overrides::default(), &surroundings).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let job = Job {
        plan: Arc::new(loaded.plan.clone()),
        text: loaded.plan_toml(),
        hash: loaded.hash(),
        file: None,
    };
    let options = Options {
        folder: Some(folder.path().join("out")),
        workers: Some(1),
        permits: Permits::default(),
        on_threshold: ExitCode::chosen(5),
        prometheus: None,
    };
    let (_keep, signals) = tokio::sync::mpsc::unbounded_channel();
    let mut seconds: Vec<(u64, u64)> = Vec::with_capacity(16);
    let finished = run(&job, &options, signals, &mut |update| {
        if let Update::Second(progress) = update {
            seconds.push((progress.so_far.started, dhat::HeapStats::get().total_blocks));
        }
    });
    assert_eq!(finished.unwrap().summary.all.messages.errors(), 0);
    // The first second opens the sessions, and behind the last one pages are made.
    let (from, to) = (seconds[0], seconds[1]);
    (to.0 - from.0, to.1 - from.1)
}

/// What a message more allocates, by a run that sends few and one that sends many.
fn each(sink: &Sink, [few, many]: [(&str, &str); 2]) -> f64 {
    let [few, many] = [few, many].map(|(client, phase)| sent(sink, client, phase));
    assert!(many.0 > few.0 + 500, "{few:?} {many:?}");
    let more = |few, many| f64::from(u32::try_from(many).unwrap()) - f64::from(few);
    more(u32::try_from(few.1).unwrap(), many.1) / more(u32::try_from(few.0).unwrap(), many.0)
}

/// All in one, because the allocator counts for the whole process.
#[test]
fn a_constant_message_allocates_nothing() {
    let sink = Sink::start();
    let _profiler = dhat::Profiler::builder().testing().build();
    // Closed, for in an open model messages that a busy machine lets wait need room of their own.
    let few = ("think = \"10ms\"", "connections = 1");
    // What is made at the first use stays.
    let _ = sent(&sink, few.0, few.1);
    for pipelining in ["never", "auto", "full"] {
        let client = format!("pipelining = \"{pipelining}\"");
        let each = each(&sink, [few, (&client, "connections = 4")]);
        assert!(each < NOTHING, "{pipelining}: {each} allocations for each message");
    }
}
