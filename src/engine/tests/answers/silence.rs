//! V9: one message in a hundred never gets its answer. And the server for it, which counts.

use super::*;

/// Which command of a message is the one that may get no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Silence {
    AtMail,
    AtTheEnd,
}

/// A server that numbers all messages, from 1: how long each waits for its answer, or none.
#[derive(Clone)]
pub(super) struct Numbered {
    at: Silence,
    answer: fn(u64) -> Option<Duration>,
    seen: Rc<Place<u64>>,
}

impl Numbered {
    pub(super) fn answering(at: Silence, answer: fn(u64) -> Option<Duration>) -> Self {
        Self { at, answer, seen: Rc::default() }
    }

    /// Waits as the next message is to wait; false where it gets no answer.
    async fn answers(&self, now: Silence) -> bool {
        if now != self.at {
            return true;
        }
        self.seen.set(self.seen.get() + 1);
        match (self.answer)(self.seen.get()) {
            Some(delay) => tokio::time::sleep(delay).await,
            None => return false,
        }
        true
    }

    async fn serve(self, far: DuplexStream) -> io::Result<()> {
        let mut stream = BufStream::new(far);
        stream.write_all(b"220 hi\r\n").await?;
        loop {
            stream.flush().await?;
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let (answers, reply) = match line.split([' ', ':', '\r']).next() {
                Some("EHLO") => (true, "250-hi\r\n250 PIPELINING\r\n"),
                Some("MAIL") => (self.answers(Silence::AtMail).await, "250 ok\r\n"),
                Some("DATA") => {
                    stream.write_all(b"354 go\r\n").await?;
                    stream.flush().await?;
                    while line != ".\r\n" {
                        line.clear();
                        stream.read_line(&mut line).await?;
                    }
                    (self.answers(Silence::AtTheEnd).await, "250 taken\r\n")
                }
                Some("QUIT") => return stream.shutdown().await,
                _ => (true, "250 ok\r\n"),
            };
            if !answers {
                // Until the client goes.
                return tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop);
            }
            stream.write_all(reply.as_bytes()).await?;
        }
    }
}

impl Dialer for Numbered {
    type Connection = DuplexStream;

    async fn connect(&self, _: &Route) -> io::Result<DuplexStream> {
        let (near, far) = tokio::io::duplex(1 << 16);
        tokio::task::spawn_local(self.clone().serve(far));
        Ok(near)
    }
}

/// How long a client of these cases waits, in milliseconds of the case.
const TIMEOUT: f64 = 2000.0;

async fn one_in_a_hundred_is_silent(at: Silence) -> Answers {
    let mut plan = case(open(500.0, 20_000.0), SinkPlan::default());
    let timeouts = &mut plan.targets[0].timeouts;
    (timeouts.reply, timeouts.end_of_data) = (ms(TIMEOUT), ms(TIMEOUT));
    let silent = |n: u64| (!n.is_multiple_of(100)).then(|| ms(5.0));
    measure_at(plan, Numbered::answering(at, silent)).await
}

/// 100 of 10,000 are counted, keep their place behind all that was answered, and are said to have
/// taken at least as long as they were waited for.
fn tail_is_at_least_the_timeout(case: &str, answers: &Answers, outcome: Outcome) {
    let messages = &answers.cell.messages;
    assert_eq!((messages.started, messages.of(Outcome::Accepted)), (10_000, 9_900));
    assert_eq!(messages.of(outcome), 100);
    row(
        case,
        outcome.name(),
        "100 of 10000",
        &format!("{} of {}", messages.of(outcome), messages.started),
    );
    assert!((answers.figures.errors_share - 0.01).abs() < 1e-12);
    answers.are(case, Side::Response, &[(50.0, 5.0), (98.9, 5.0), (99.0, 5.0)]);
    let times = answers.figures.response_ms.unwrap();
    assert_eq!((times.censored, times.p99.is_some()), (100, true));
    assert_eq!((times.p999, times.max, times.mean), (None, None, None));
    for (what, bound) in [("p99.9", times.p999_at_least), ("max", times.max_at_least)] {
        let bound = bound.unwrap() / f64::from(SCALE);
        row(case, &format!("response {what}"), "≥ 2000 ms", &format!("≥ {bound:.3} ms"));
        // The bound is the lower end of its bucket, and deadlines are looked at 20 times a second
        // of the paused clock.
        assert!((TIMEOUT * 0.999..TIMEOUT * 1.002).contains(&bound), "{what}: {bound}");
    }
    let mean = times.mean_at_least.unwrap() / f64::from(SCALE);
    let least = 0.99 * 5.0 + 0.01 * TIMEOUT;
    row(case, "response mean", &format!("≥ {least} ms"), &format!("≥ {mean:.3} ms"));
    assert!((mean / least - 1.0).abs() < 0.001, "{mean}");
}

#[tokio::test(start_paused = true)]
async fn v9_texts_that_are_never_answered_are_ambiguous_and_the_tail_is_at_least_the_timeout() {
    let answers = one_in_a_hundred_is_silent(Silence::AtTheEnd).await;

    tail_is_at_least_the_timeout("V9 end of data", &answers, Outcome::Ambiguous);
}

#[tokio::test(start_paused = true)]
async fn v9_commands_that_are_never_answered_time_out_and_the_tail_is_at_least_the_timeout() {
    let answers = one_in_a_hundred_is_silent(Silence::AtMail).await;

    tail_is_at_least_the_timeout("V9 mail", &answers, Outcome::TimedOut);
}
