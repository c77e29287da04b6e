//! A scripted SMTP server on a thread of its own: what it hears → what the test lets it answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the server hears.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Heard<'a> {
    /// Somebody connected.
    Connection,
    /// A command, without its line end.
    Command(&'a str),
    /// A whole message, dot-stuffed, without the final dot.
    Text(&'a str),
}

/// What it does then.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Writes this; it must bring its line ends.
    Say(&'static str),
    /// Writes this and closes.
    Leave(&'static str),
}

/// What one connection is answered.
pub(crate) type Script = Box<dyn FnMut(Heard<'_>) -> Answer + Send>;

/// A server that listens until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    peers: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Server {
    /// Answers all connections alike.
    pub(crate) fn start(script: impl Fn(Heard<'_>) -> Answer + Send + Sync + 'static) -> Self {
        let script = Arc::new(script);
        Self::start_each(move || {
            let script = Arc::clone(&script);
            Box::new(move |heard| script(heard))
        })
    }

    /// Makes a script for each connection.
    pub(crate) fn start_each(scripts: impl Fn() -> Script + Send + 'static) -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), scripts)
    }

    /// Listens at an address, and makes a script for each connection.
    pub(crate) fn start_at(ip: IpAddr, scripts: impl Fn() -> Script + Send + 'static) -> Self {
        let listener = TcpListener::bind((ip, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let listening = Arc::clone(&ended);
        let peers: Arc<Mutex<Vec<SocketAddr>>> = Arc::default();
        let seen = Arc::clone(&peers);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if listening.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(stream), script) = (stream, scripts()) else { continue };
                seen.lock().unwrap().extend(stream.peer_addr());
                // A client that goes away ends its thread, which is no failure of the test.
                thread::spawn(move || serve(&stream, script));
            }
        });
        Self { address, ended, peers }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Who connected, in this order.
    pub(crate) fn peers(&self) -> Vec<SocketAddr> {
        self.peers.lock().unwrap().clone()
    }
}

/// Answers so many connections to a socket of the file system.
pub(crate) fn serve_at(path: &Path, connections: usize, script: fn(Heard<'_>) -> Answer) {
    let listener = UnixListener::bind(path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().take(connections).flatten() {
            thread::spawn(move || serve(&stream, Box::new(script)));
        }
    });
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // One more connection wakes the listener.
        let _ = TcpStream::connect(self.address);
    }
}

/// What a server answers that is well.
pub(crate) fn well(heard: Heard<'_>) -> Answer {
    match heard {
        Heard::Connection => Answer::Say("220 test.example ESMTP\r\n"),
        Heard::Text(_) => Answer::Say("250 2.0.0 queued\r\n"),
        Heard::Command(command) => match verb(command).as_str() {
            "EHLO" => Answer::Say("250-test.example\r\n250 ENHANCEDSTATUSCODES\r\n"),
            "MAIL" | "RCPT" | "RSET" | "NOOP" => Answer::Say("250 2.1.0 ok\r\n"),
            "DATA" => Answer::Say("354 go on\r\n"),
            "QUIT" => Answer::Leave("221 2.0.0 bye\r\n"),
            _ => Answer::Say("502 5.5.1 unknown\r\n"),
        },
    }
}

/// The first word of a command.
pub(crate) fn verb(command: &str) -> String {
    command.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase()
}

fn serve<S>(mut stream: &S, mut script: Script) -> std::io::Result<()>
where
    for<'a> &'a S: Read + Write,
{
    let mut reader = BufReader::new(stream);
    let mut answer = script(Heard::Connection);
    loop {
        let said = match answer {
            Answer::Say(text) => text,
            Answer::Leave(text) => return stream.write_all(text.as_bytes()),
        };
        stream.write_all(said.as_bytes())?;
        answer = if said.starts_with("354") {
            let text = text(&mut reader)?;
            script(Heard::Text(&text))
        } else {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            script(Heard::Command(line.trim_end()))
        };
    }
}

fn text(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut text = String::new();
    while !text.ends_with("\r\n.\r\n") {
        if reader.read_line(&mut text)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(text)
}
