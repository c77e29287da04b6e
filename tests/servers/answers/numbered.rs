//! A server that numbers all texts, from 1: how long each waits for its answer, or none.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// When the answer to a text is due; none: never.
type Answer = fn(u64) -> Option<Duration>;

/// A server that takes connections until it is dropped.
pub(super) struct Numbered {
    address: String,
    ended: Arc<AtomicBool>,
}

impl Numbered {
    pub(super) fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (ended, seen): (Arc<AtomicBool>, Arc<AtomicU64>) = Default::default();
        let over = Arc::clone(&ended);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                let seen = Arc::clone(&seen);
                // A client that goes away ends its thread, which is no failure of the test.
                std::thread::spawn(move || serve(&stream, &seen, answer));
            }
        });
        Self { address, ended }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Numbered {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // One more connection wakes the listener.
        let _ = TcpStream::connect(&self.address);
    }
}

fn serve(mut stream: &TcpStream, seen: &AtomicU64, answer: Answer) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    stream.write_all(b"220 answers.example\r\n")?;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let reply: &[u8] = match line.get(..4) {
            Some("QUIT") => return stream.write_all(b"221 bye\r\n"),
            Some("DATA") => {
                stream.write_all(b"354 go on\r\n")?;
                while line != ".\r\n" {
                    line.clear();
                    reader.read_line(&mut line)?;
                }
                match answer(seen.fetch_add(1, Ordering::SeqCst) + 1) {
                    Some(delay) => std::thread::sleep(delay),
                    None => return reader.read_to_end(&mut Vec::new()).map(drop),
                }
                b"250 taken\r\n"
            }
            _ => b"250 ok\r\n",
        };
        stream.write_all(reply)?;
    }
}
