//! Servers that do not take a large text whole, which is written from the mail that holds it.

use super::*;
use crate::record::ErrorKey;

/// Takes so many octets of a text, and then does this.
#[derive(Clone, Copy)]
enum Then {
    Closes,
    Refuses,
    ReadsNoMore,
}

#[derive(Clone, Copy)]
struct Midway(Then);

const TAKEN: usize = 100 << 10;

async fn midway(then: Then, far: DuplexStream) -> io::Result<()> {
    let mut stream = BufStream::new(far);
    stream.write_all(b"220 hi\r\n").await?;
    loop {
        stream.flush().await?;
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        if line == "DATA\r\n" {
            break;
        }
        stream.write_all(b"250 ok\r\n").await?;
    }
    stream.write_all(b"354 go\r\n").await?;
    stream.flush().await?;
    stream.read_exact(&mut vec![0; TAKEN]).await?;
    match then {
        Then::Closes => {}
        Then::Refuses => {
            stream.write_all(b"552 5.3.4 too large\r\n").await?;
            stream.flush().await?;
        }
        Then::ReadsNoMore => std::future::pending().await,
    }
    Ok(())
}

impl Dialer for Midway {
    type Connection = DuplexStream;

    async fn connect(&self, _: &Route) -> io::Result<DuplexStream> {
        let (near, far) = tokio::io::duplex(1 << 16);
        tokio::task::spawn_local(midway(self.0, far));
        Ok(near)
    }
}

/// Six messages of 300 KiB.
async fn sent_to(then: Then) -> Cell {
    let mut counted = phase("a", steady(2.0), Some(60.0));
    counted.count = Some(6);
    let mut plan = plan(vec![counted], 0.0);
    plan.messages[0].form = Form::Raw { text: "0123456789 0123456789\n".repeat(14_000).into() };
    plan.targets[0].timeouts.reply = seconds(5.0);
    plan.targets[0].timeouts.end_of_data = seconds(5.0);

    let sum = count_at(plan, Midway(then)).await;

    assert_eq!(sum.messages.started, 6);
    // What was given to the kernel, not what the text has.
    let each = sum.octets.sent / 6;
    assert!((TAKEN as u64..TAKEN as u64 + (80 << 10)).contains(&each), "{each}");
    sum
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_within_a_text_is_not_ambiguous() {
    let sum = sent_to(Then::Closes).await;

    assert_eq!(sum.messages.of(Outcome::Disconnected), 6, "{:?}", sum.errors);
}

#[tokio::test(start_paused = true)]
async fn a_reply_within_a_text_answers_nothing_and_is_told_as_an_example() {
    let sum = sent_to(Then::Refuses).await;

    let key = ErrorKey { outcome: Outcome::Protocol, step: Step::EndOfData, code: None };
    let error = &sum.errors[&key];
    assert_eq!(error.count, 6);
    assert_eq!(error.example, "`552 5.3.4 too large`, which answers nothing that was said");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_reads_no_further_is_given_up_at_the_limit() {
    let sum = sent_to(Then::ReadsNoMore).await;

    assert_eq!(sum.messages.of(Outcome::TimedOut), 6, "{:?}", sum.errors);
}
