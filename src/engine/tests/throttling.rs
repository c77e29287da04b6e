//! Servers that hold back under a paused clock: which attempts they see, and who pays for it.

use std::cell::RefCell;

use super::*;
use crate::record::{Allowed, ThrottleKey};
use crate::smtp::{Code, Throttle};

/// What a server does with each connection.
#[derive(Clone, Copy)]
enum Temper {
    /// Takes none.
    Refuses,
    /// Says this instead of a greeting, and closes.
    Says(&'static str),
    /// Takes so many messages, says this behind the last, and closes.
    Takes(u32, &'static str),
    /// Takes so many messages, and closes after a while.
    Tires(u32, Duration),
}

/// Connects to such servers, and knows when it was asked to.
#[derive(Clone)]
struct Moody {
    temper: Temper,
    attempts: Rc<RefCell<Vec<Instant>>>,
}

impl Moody {
    fn new(temper: Temper) -> Self {
        Self { temper, attempts: Rc::default() }
    }

    /// The pauses between attempts, in milliseconds.
    fn pauses(&self) -> Vec<u128> {
        let attempts = self.attempts.borrow();
        attempts.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect()
    }
}

impl Dialer for Moody {
    type Connection = DuplexStream;

    async fn connect(&self, _: &Route) -> io::Result<DuplexStream> {
        self.attempts.borrow_mut().push(Instant::now());
        let (near, far) = tokio::io::duplex(1 << 16);
        match self.temper {
            Temper::Refuses => return Err(io::ErrorKind::ConnectionRefused.into()),
            Temper::Says(instead) => {
                tokio::task::spawn_local(async move {
                    let mut far = far;
                    far.write_all(instead.as_bytes()).await
                });
            }
            Temper::Takes(messages, farewell) => {
                tokio::task::spawn_local(take(far, messages, farewell, Duration::ZERO));
            }
            Temper::Tires(messages, after) => {
                tokio::task::spawn_local(take(far, messages, "", after));
            }
        }
        Ok(near)
    }
}

async fn take(
    far: DuplexStream,
    messages: u32,
    farewell: &'static str,
    patience: Duration,
) -> io::Result<()> {
    let mut stream = BufStream::new(far);
    let mut taken = 0;
    stream.write_all(b"220 hi\r\n").await?;
    while taken < messages {
        stream.flush().await?;
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let answer = match line.trim_end() {
            "" => return Ok(()),
            "DATA" => "354 go\r\n",
            "." => {
                taken += 1;
                "250 ok\r\n"
            }
            "x" => "",
            _ => "250 ok\r\n",
        };
        stream.write_all(answer.as_bytes()).await?;
    }
    stream.write_all(farewell.as_bytes()).await?;
    stream.flush().await?;
    tokio::time::sleep(patience).await;
    Ok(())
}

/// One phase of messages of one line.
fn one(load: Load, length: f64, count: Option<u64>) -> Plan {
    let mut only = phase("a", load, Some(length));
    only.count = count;
    let mut plan = plan(vec![only], 0.0);
    plan.messages[0].form = Form::Raw { text: "x\n".into() };
    plan
}

fn signs(cell: &Cell) -> Vec<(Throttle, Option<Step>, u64)> {
    cell.throttles.iter().map(|(key, cell)| (key.sign, key.step, cell.count)).collect()
}

fn allowed(cell: &Cell, sign: Throttle) -> Option<Allowed> {
    cell.throttles[&ThrottleKey { sign, step: None }].allowed
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_gets_no_session_backs_off_whether_refused_or_put_off() {
    let put_off = Throttle::Reply(Code::CLOSING);
    for (temper, sign, step) in [
        (Temper::Refuses, Throttle::Refused, Step::Connect),
        (Temper::Says(""), Throttle::Refused, Step::Greeting),
        (Temper::Says("421 4.7.0 too many\r\n"), put_off, Step::Greeting),
    ] {
        let moody = Moody::new(temper);
        let sum = count_at(one(steady(1.0), 5.0, None), moody.clone()).await;

        // 100 ms doubling, each a quarter more or less: the attempts are at 0, 0.1, 0.3, 0.7, ...
        let attempts = moody.attempts.borrow().len() as u64;
        for (n, pause) in moody.pauses().into_iter().enumerate() {
            assert!((75 << n..=125 << n).contains(&pause), "pause {n}: {pause} ms");
        }
        assert!((5..=7).contains(&attempts), "{attempts}");
        assert_eq!(sum.messages.of(Outcome::Unconnected), attempts, "each attempt is a message's");
        assert_eq!(signs(&sum), [(sign, Some(step), attempts)]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_schedule_of_the_open_model_does_not_back_off() {
    let moody = Moody::new(Temper::Refuses);
    let sum = count_at(one(rate(10.0), 2.0, None), moody.clone()).await;

    assert_eq!(moody.pauses(), vec![100; 19]);
    assert_eq!(sum.messages.of(Outcome::Unconnected), 20);
    assert_eq!(signs(&sum), [(Throttle::Refused, Some(Step::Connect), 20)]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_closes_after_some_messages_costs_neither_messages_nor_time() {
    for (think, farewell, sign) in [
        (0.0, "", Throttle::Closed),
        (0.1, "", Throttle::Closed),
        (0.1, "421 4.7.0 enough\r\n", Throttle::Reply(Code::CLOSING)),
    ] {
        let moody = Moody::new(Temper::Takes(3, farewell));
        let mut plan = one(steady(1.0), 5.0, Some(11));
        plan.clients[0].think = seconds(think);
        let sum = count_at(plan, moody.clone()).await;

        assert_eq!(sum.messages.of(Outcome::Accepted), 11, "{:?}", sum.errors);
        assert_eq!((sum.messages.started, sum.sessions.opened), (11, 4));
        assert_eq!(signs(&sum), [(sign, None, 3)]);
        assert_eq!(allowed(&sum, sign), Some(Allowed { min: 3, max: 3 }));
        // Two pauses to think for each session, and none before the next one.
        let pause = if think > 0.0 { 200..=210 } else { 0..=1 };
        assert!(moody.pauses().iter().all(|at| pause.contains(at)), "{:?}", moody.pauses());
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_found_closed_in_the_open_model_is_replaced_at_no_charge() {
    let moody = Moody::new(Temper::Takes(3, ""));
    let sum = count_at(one(rate(10.0), 2.0, None), moody.clone()).await;

    assert_eq!(sum.messages.of(Outcome::Accepted), 20, "{:?}", sum.errors);
    assert_eq!((sum.sessions.opened, sum.sessions.stale), (7, 6));
    assert_eq!(signs(&sum), [(Throttle::Closed, None, 6)]);
    assert_eq!(moody.pauses(), vec![300; 6]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_closes_idle_sessions_when_their_phase_is_over_throttles_nobody() {
    let moody = Moody::new(Temper::Tires(3, seconds(1.0)));
    let mut plan = one(rate(10.0), 0.35, None);
    let rest = Phase { begin: Begin::After(PhaseId(0)), ..phase("rest", Load::Pause, Some(3.0)) };
    plan.phases.push(rest);
    let sum = count_at(plan, moody).await;

    assert_eq!((sum.messages.of(Outcome::Accepted), sum.sessions.stale), (3, 1));
    assert_eq!(signs(&sum), []);
}

#[tokio::test(start_paused = true)]
async fn a_phase_has_its_level_up_to_the_second_in_which_it_ends_and_none_as_it_drains() {
    let outcomes = run(plan(vec![phase("a", rate(10.0), Some(1.5))], 0.8)).await;

    assert_eq!(outcomes.levels[0], [10.0, 10.0, 0.0]);
}
