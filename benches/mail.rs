//! What a message of each kind costs to compose, as a worker does it: into the buffer that held
//! one of the same kind before, with a number and a draw of its own.

#![expect(clippy::unwrap_used, reason = "a bench stops at what it cannot read")]

use std::path::Path;
use std::time::SystemTime;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mailquake::draw::Draw;
use mailquake::message::{Composer, Mail, Numbering, Order, RunIdentity};
use mailquake::plan::{Environment, Format, Overrides, Plan, Source, Surroundings, load};
use mailquake::smtp::BodyType;

fn plan() -> Plan {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches");
    let text = std::fs::read_to_string(folder.join("mail.toml")).unwrap();
    let source = Source::new("mail.toml", text, Format::Toml);
    let environment = Environment::new(|_| None);
    let surroundings = Surroundings { host: "bench.test".into(), seed: 1, folder, environment };
    load(&source, &Overrides::default(), &surroundings).unwrap().plan
}

fn order(message: usize, seq: u64, now: SystemTime) -> Order<'static> {
    Order {
        message,
        draw: Draw::new(1).at(seq),
        seq,
        numbering: Numbering::Dense,
        turns: None,
        client: "app",
        phase: "soak",
        session: None,
        user: None,
        recipients: None,
        body: BodyType::EightBitMime,
        now,
    }
}

fn compose(criterion: &mut Criterion) {
    let plan = plan();
    let run = RunIdentity { id: 1, seed: 1 };
    let mut composer = Composer::new(&plan.messages, &plan.feeds, run).unwrap();
    let mut group = criterion.benchmark_group("compose");
    let now = SystemTime::now();
    for (message, recipe) in plan.messages.iter().enumerate() {
        let mut mail = Mail::default();
        composer.compose(&order(message, 1, now), &mut mail).unwrap();
        group.throughput(Throughput::Bytes(mail.size));
        let mut seq = 1;
        group.bench_function(&recipe.name, |bencher| {
            bencher.iter(|| {
                seq += 1;
                composer.compose(&order(message, seq, now), &mut mail).unwrap();
                mail.size
            });
        });
    }
    group.finish();
}

criterion_group!(benches, compose);
criterion_main!(benches);
