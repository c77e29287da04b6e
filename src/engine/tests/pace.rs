//! Slow clients under a paused clock: what is written when, and what counts as whose doing.

use std::cell::RefCell;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::*;
use crate::engine::Connection;
use crate::smtp::{Pace, Writes};

type Log = Rc<RefCell<Vec<(Duration, Vec<u8>)>>>;

/// A connection that notes each write with its time.
struct Noted {
    inner: DuplexStream,
    began: Instant,
    log: Log,
}

impl Connection for Noted {
    fn reset_on_close(&self) {}
}

impl AsyncRead for Noted {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for Noted {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_write(context, octets);
        if let Poll::Ready(Ok(count)) = polled {
            this.log.borrow_mut().push((this.began.elapsed(), octets[..count].to_vec()));
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}

/// Connects to the embedded server, and notes what is written.
#[derive(Clone)]
struct Noting {
    server: Server,
    began: Instant,
    log: Log,
}

impl Noting {
    fn at(plan: &Plan) -> Self {
        let server = Server::new(&plan.sink, plan.seed).unwrap();
        Self { server, began: Instant::now(), log: Log::default() }
    }
}

impl Dialer for Noting {
    type Connection = Noted;

    async fn connect(&self, _: &Route) -> io::Result<Noted> {
        let (inner, far) = tokio::io::duplex(1 << 16);
        let server = self.server.clone();
        tokio::task::spawn_local(async move { server.attend(far).await });
        Ok(Noted { inner, began: self.began, log: Rc::clone(&self.log) })
    }
}

fn paced(plan: &mut Plan, pace: Pace) {
    plan.clients[0].pace = Some(pace);
}

fn one_message(pace: Pace, pipelining: Pipelining) -> Plan {
    let mut counted = phase("a", steady(1.0), Some(60.0));
    counted.count = Some(1);
    let mut plan = plan(vec![counted], 0.0);
    plan.clients[0].pipelining = pipelining;
    plan.clients[0].messages_per_connection = CountRange::exactly(1);
    paced(&mut plan, pace);
    plan
}

/// When each command was written, by its first word, with the text as `text`.
fn words(log: &Log) -> Vec<(u128, String)> {
    let log = log.borrow();
    let word = |octets: &[u8]| {
        let text = String::from_utf8_lossy(octets).into_owned();
        let first = text.split([' ', ':', '\r']).next().unwrap_or_default().to_owned();
        let known = ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"].contains(&first.as_str());
        if known { first } else { "text".to_owned() }
    };
    log.iter().map(|(at, octets)| (at.as_millis(), word(octets))).collect()
}

#[tokio::test(start_paused = true)]
async fn each_command_waits_and_the_text_does_not() {
    let pace = Pace { before_command: seconds(0.5), ..Pace::default() };
    let plan = one_message(pace, Pipelining::Never);
    let dialer = Noting::at(&plan);
    let log = Rc::clone(&dialer.log);

    let sum = count_at(plan, dialer).await;

    let said = words(&log);
    let named: Vec<(u128, &str)> = said.iter().map(|(at, word)| (*at, word.as_str())).collect();
    assert_eq!(
        named,
        [
            (500, "EHLO"),
            (1000, "MAIL"),
            (1500, "RCPT"),
            (2000, "DATA"),
            (2000, "text"),
            (2500, "QUIT"),
        ]
    );
    assert_eq!(sum.messages.of(Outcome::Accepted), 1);
    // From MAIL's first octet: the pause before it is no part of the message.
    assert_eq!(sum.service.measured().unwrap().max() / 1000, 1000);
}

#[tokio::test(start_paused = true)]
async fn a_group_waits_once() {
    let pace = Pace { before_command: seconds(0.5), ..Pace::default() };
    let plan = one_message(pace, Pipelining::Auto);
    let dialer = Noting::at(&plan);
    let log = Rc::clone(&dialer.log);

    count_at(plan, dialer).await;

    let times: Vec<u128> = words(&log).iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [500, 1000, 1000, 1500], "EHLO, a group, its text, QUIT");
}

#[tokio::test(start_paused = true)]
async fn commands_that_go_octet_by_octet_may_be_answered_one_by_one() {
    let pace = Pace { writes: Writes::EachOctet, ..Pace::default() };
    for pipelining in [Pipelining::Never, Pipelining::Auto, Pipelining::Full] {
        let plan = one_message(pace, pipelining);
        let dialer = Noting::at(&plan);
        let log = Rc::clone(&dialer.log);

        let sum = count_at(plan, dialer).await;

        assert_eq!(sum.messages.of(Outcome::Accepted), 1, "{pipelining:?}: {:?}", sum.errors);
        assert!(log.borrow().iter().all(|(_, octets)| octets.len() == 1), "{pipelining:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn chunks_that_go_octet_by_octet_are_taken_too() {
    let pace = Pace { writes: Writes::EachOctet, ..Pace::default() };
    let mut counted = phase("a", steady(1.0), Some(60.0));
    counted.count = Some(9);
    let mut plan = plan(vec![counted], 0.0);
    plan.clients[0].pipelining = Pipelining::Full;
    plan.clients[0].chunking = Chunking::Always;
    paced(&mut plan, pace);

    let sum = count_at(plan, Chunks).await;

    assert_eq!(sum.messages.of(Outcome::Accepted), 9, "{:?}", sum.errors);
}

#[tokio::test(start_paused = true)]
async fn no_deadline_runs_while_the_plan_holds_the_text_back() {
    let data = NonZeroU64::new(10);
    let plan = one_message(Pace { data, ..Pace::default() }, Pipelining::Auto);
    assert_eq!(plan.targets[0].timeouts.end_of_data, seconds(1.0));
    let dialer = Noting::at(&plan);
    let log = Rc::clone(&dialer.log);

    let sum = count_at(plan, dialer).await;

    assert_eq!(sum.messages.of(Outcome::Accepted), 1, "{:?}", sum.errors);
    let log = log.borrow();
    // EHLO and the group stand before it, QUIT behind it.
    let texts = &log[2..log.len() - 1];
    let octets: usize = texts.iter().map(|(_, octets)| octets.len()).sum();
    let (last, _) = texts.last().unwrap();
    assert!(octets > 15, "{octets} octets");
    assert!(*last >= seconds(0.1) * u32::try_from(octets).unwrap(), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn the_cut_interrupts_what_is_sent_slowly_and_times_out_what_waits_for_the_server() {
    for (data, outcome) in [(NonZeroU64::new(1), Outcome::Interrupted), (None, Outcome::TimedOut)] {
        let mut only = phase("a", steady(1.0), Some(2.0));
        only.drain = seconds(1.0);
        let mut plan = plan(vec![only], 0.0);
        plan.sink.latency = match outcome {
            Outcome::TimedOut => vec![(Step::Data, Delay::Constant(seconds(100.0)))],
            _ => Vec::new(),
        };
        plan.targets[0].timeouts.reply = seconds(100.0);
        paced(&mut plan, Pace { before_command: seconds(0.1), data, ..Pace::default() });

        let outcomes = run(plan).await;

        assert_eq!(outcomes.ended(0, outcome), 1, "{:?}", outcomes.phase(0).messages);
        assert_eq!(outcomes.phase(0).messages.started, 1);
        let took = outcomes.took;
        assert!(took < seconds(4.0), "{took:?}: the cut comes at 3 s");
    }
}

#[tokio::test(start_paused = true)]
async fn the_pause_before_the_first_command_is_no_lag() {
    let mut plan = plan(vec![phase("a", rate(2.0), Some(10.0))], 0.0);
    paced(&mut plan, Pace { before_command: seconds(0.2), ..Pace::default() });

    let outcomes = run(plan).await;

    let cell = outcomes.phase(0);
    assert_eq!(cell.messages.of(Outcome::Accepted), 20);
    assert!(cell.lag.measured().unwrap().max() <= 2000, "{}", cell.lag.measured().unwrap().max());
    assert!(cell.response.measured().unwrap().min() >= 199_000);
}

/// A server that takes part of a text, says 421, and notes when the client has gone.
async fn impatient_server(far: DuplexStream, gone: Rc<Place<Duration>>) -> io::Result<()> {
    let began = Instant::now();
    let mut stream = BufStream::new(far);
    stream.write_all(b"220 hi\r\n").await?;
    loop {
        stream.flush().await?;
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        if line.starts_with("DATA") {
            stream.write_all(b"354 go\r\n").await?;
            stream.flush().await?;
            tokio::time::sleep(seconds(1.0)).await;
            stream.write_all(b"421 4.4.2 too slow\r\n").await?;
            stream.flush().await?;
            while stream.read_line(&mut line).await? > 0 {}
            gone.set(began.elapsed());
            return Ok(());
        }
        stream.write_all(b"250 ok\r\n").await?;
    }
}

#[derive(Clone, Default)]
struct Impatient {
    gone: Rc<Place<Duration>>,
}

impl Dialer for Impatient {
    type Connection = DuplexStream;

    async fn connect(&self, _: &Route) -> io::Result<DuplexStream> {
        let (near, far) = tokio::io::duplex(1 << 16);
        tokio::task::spawn_local(impatient_server(far, Rc::clone(&self.gone)));
        Ok(near)
    }
}

#[tokio::test(start_paused = true)]
async fn a_421_is_heard_in_the_middle_of_a_slow_text() {
    let data = NonZeroU64::new(1);
    let plan = one_message(Pace { data, ..Pace::default() }, Pipelining::Never);
    let server = Impatient::default();

    let sum = count_at(plan, server.clone()).await;

    assert_eq!(sum.messages.of(Outcome::Temporary), 1, "{:?}", sum.errors);
    assert_eq!(server.gone.get().as_secs(), 1);
}
