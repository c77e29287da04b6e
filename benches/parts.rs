//! What the parts cost that each message passes: its place in time, the dialog, the replies, and
//! what is counted. Composing is benched in `mail.rs`.

#![expect(clippy::unwrap_used, reason = "a bench stops at what it cannot read")]

use std::hint::black_box;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use mailquake::plan::{ClientId, Environment, Format, Overrides, Plan, Source, Surroundings, load};
use mailquake::record::{CellKey, Tally};
use mailquake::smtp::{Dialog, Envelope, Event, Input, Manners, Pipelining, Reply, Step};
use mailquake::timeline::{Share, Timeline};
use tokio::time::Instant;

/// What a server says to a message in lock-step, and to one whose commands go as a group.
const REPLIES: &[u8] = b"250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go\r\n250 2.0.0 queued as 3B5A4\r\n";
const HELLO: &[u8] =
    b"250-mx.bench.test\r\n250-PIPELINING\r\n250-SIZE 10485760\r\n250-8BITMIME\r\n\
    250-ENHANCEDSTATUSCODES\r\n250 CHUNKING\r\n";

fn plan(phases: &str) -> Plan {
    let text = format!(
        "version = 1\nname = \"parts\"\nseed = 1\n[clients.app]\nmessages = \"note\"\n\
         [messages.note]\nfrom = \"a@bench.test\"\nto = \"b@bench.test\"\nsubject = \"n\"\n\
         text = \"n\"\n{phases}"
    );
    let surroundings = Surroundings {
        host: "bench.test".into(),
        seed: 1,
        folder: Path::new("").to_owned(),
        environment: Environment::new(|_| None),
    };
    let source = Source::new("parts.toml", text, Format::Toml);
    load(&source, &Overrides::default(), &surroundings).unwrap().plan
}

fn planner(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("planner");
    let phase = |n: u32| {
        format!(
            "[[phases]]\nname = \"p{n}\"\nkind = \"steady\"\nrate = \"50/s\"\nduration = \"1s\"\n"
        )
    };
    let many = plan(&(0..1000).map(phase).collect::<String>());
    group.bench_function("timeline of 1,000 phases", |bencher| {
        bencher.iter(|| Timeline::new(black_box(&many)));
    });
    for arrival in ["even", "poisson"] {
        let plan = plan(&format!(
            "[[phases]]\nname = \"a\"\nkind = \"steady\"\nrate = \"1000/s\"\nduration = \"1000s\"\n\
             arrival = \"{arrival}\"\n"
        ));
        let timeline = Timeline::new(&plan);
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("a start, {arrival}"), |bencher| {
            let line = &timeline.lines()[0];
            let mut starts = line.starts(Share::ALL);
            bencher.iter(|| {
                let next = starts.next();
                if next.is_none() {
                    starts = line.starts(Share::ALL);
                }
                next
            });
        });
    }
    group.finish();
}

fn replies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reply");
    group.bench_function("one line", |bencher| {
        bencher.iter(|| Reply::parse(black_box(REPLIES)).unwrap().unwrap().1);
    });
    group.bench_function("of EHLO", |bencher| {
        bencher.iter(|| Reply::parse(black_box(HELLO)).unwrap().unwrap().1);
    });
    group.finish();
}

/// A message from MAIL to the final reply, by an engine that writes whatever it is given.
fn dialog(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dialog");
    for (name, pipelining) in [("lock-step", Pipelining::Never), ("a group", Pipelining::Auto)] {
        let manners = Manners { pipelining, ..Manners::of("bench.test".parse().unwrap()) };
        let mut dialog = Dialog::new(Rc::new(manners));
        let (now, mut out, mut events) = (Instant::now(), Vec::new(), Vec::new());
        dialog.on(Input::Opened, now, &mut out, &mut events);
        say(&mut dialog, b"220 hi\r\n", &mut out, &mut events);
        say(&mut dialog, HELLO, &mut out, &mut events);
        let to = ["b@bench.test".to_owned()];
        let envelope = Envelope {
            id: 1,
            from: "a@bench.test",
            to: &to,
            size: 4,
            eight_bit: false,
            utf8: false,
        };
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                events.clear();
                out.clear();
                dialog.begin(&envelope, None, &mut out);
                say(&mut dialog, REPLIES, &mut out, &mut events);
                assert!(dialog.is_idle());
                events.len()
            });
        });
    }
    group.finish();
}

fn say(dialog: &mut Dialog, text: &[u8], out: &mut Vec<u8>, events: &mut Vec<Event>) {
    let now = Instant::now();
    let mut rest = text;
    dialog.on(Input::Flushed, now, out, events);
    while let Some((reply, length)) = Reply::parse(rest).unwrap() {
        dialog.on(Input::Reply(reply), now, out, events);
        dialog.on(Input::Flushed, now, out, events);
        rest = rest.get(length..).unwrap();
    }
}

fn recorder(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("recorder");
    let plan = plan("[[phases]]\nname = \"a\"\nkind = \"steady\"\nconnections = 1\ncount = 1\n");
    let line = Timeline::new(&plan).lines()[0].id();
    let key = CellKey { phase: line, client: ClientId(0), address: 0 };
    let code = Reply::parse(REPLIES).unwrap().unwrap().0.code();
    let mut tally = Tally::default();
    let mut took = 0;
    group.bench_function("a reply", |bencher| {
        bencher.iter(|| {
            took = (took + 7919) % 50_000;
            let cell = tally.cell(black_box(key));
            cell.step(Step::Mail).reply(code, Duration::from_micros(took));
        });
    });
    group.bench_function("a second handed over", |bencher| {
        let filled = || {
            let mut tally = Tally::default();
            for step in [Step::Mail, Step::Rcpt, Step::Data, Step::EndOfData] {
                let cell = tally.cell(key);
                (0..1000).for_each(|n| cell.step(step).reply(code, Duration::from_micros(n * 13)));
            }
            tally
        };
        bencher.iter_batched(filled, |mut tally| tally.take(), BatchSize::SmallInput);
    });
    group.finish();
}

criterion_group!(benches, planner, replies, dialog, recorder);
criterion_main!(benches);
