//! Why a run could not be made: the tester's or the user's side, never the server's replies.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, SocketAddr};

use crate::engine::{EngineError, ServerAddress, TlsError};
use crate::message::{ComposeError, ComposerError};
use crate::monitor::WatchError;
use crate::record::FolderError;
use crate::sink::SinkError;
use crate::verdict::ExitCode;

/// Why a run could not start, or its results could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A name has no address.
    #[error("`{host}` can't be resolved")]
    Resolve {
        /// The name.
        host: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A target has no address at all.
    #[error("target `{target}` has no address")]
    NoAddress {
        /// The target.
        target: String,
    },
    /// Nobody answers.
    #[error("no connection to target `{target}` at {address}")]
    Connect {
        /// The target.
        target: String,
        /// The last address that was tried.
        address: ServerAddress,
        /// The system's reason.
        source: io::Error,
    },
    /// A client's addresses can't reach its server.
    #[error("client `{client}` has no `source` address of the same family as {server}")]
    NoSource {
        /// The client.
        client: String,
        /// The server's address.
        server: IpAddr,
    },
    /// A client's address is not this machine's.
    #[error("client `{client}`: sessions can't come from {ip}")]
    Source {
        /// The client.
        client: String,
        /// The address.
        ip: IpAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The address is not loopback and not inside an allowed range.
    #[error(
        "target `{target}`: {ip} (`{host}`) is not allowed: only loopback is, unless you say so"
    )]
    NotAllowed {
        /// The target.
        target: String,
        /// As the plan names it.
        host: String,
        /// As it resolved.
        ip: IpAddr,
    },
    /// The address is public and the user has not vouched for it.
    #[error("target `{target}`: {ip} (`{host}`) is a public address")]
    NotAuthorized {
        /// The target.
        target: String,
        /// As the plan names it.
        host: String,
        /// As it resolved.
        ip: IpAddr,
    },
    /// A client can't make TLS handshakes.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There is nothing to watch, or it is not clear what.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// The embedded server did not start.
    #[error("the embedded server did not start")]
    Sink(#[from] SinkError),
    /// The figures can't be served.
    #[error("the figures can't be served at {address}")]
    Scrape {
        /// Where they were to be.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// A message can't be composed.
    #[error("a message can't be composed")]
    Message(#[source] ComposerError),
    /// One mail can't be composed, with the values that it has.
    #[error("a mail can't be composed")]
    Mail(#[source] ComposeError),
    /// The workers did not start.
    #[error("the engine did not start")]
    Engine(#[from] EngineError),
    /// The results can't be written.
    #[error("the results can't be written")]
    Folder(#[from] FolderError),
    /// The runtime could not be made.
    #[error("the program could not get what it needs from the system")]
    System(#[from] io::Error),
}

impl RunError {
    /// What the user can do about it, where that is known.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NotAllowed { ip, .. } => Some(format!(
                "if you may load it, add `--allow {}`, or `allow` to the target in the plan",
                ipnet::IpNet::from(*ip)
            )),
            Self::NotAuthorized { host, .. } => {
                Some(format!("if you own it, or have its owner's word, add `--authorized {host}`"))
            }
            Self::Connect { .. } => Some(
                "is the server running there? `--sink` tries the plan with the embedded server"
                    .to_owned(),
            ),
            Self::Tls(TlsError::NoRoots { .. }) => Some(
                "name the roots to trust by `ca`, or trust any certificate by `verify = \"none\"`"
                    .to_owned(),
            ),
            Self::Watch(WatchError::Absent(_)) => Some(
                "start it first; `[monitor] process` is the name of its program as `ps -e` shows it, \
                 or its number"
                    .to_owned(),
            ),
            Self::Watch(WatchError::Several { .. }) => {
                Some("name the one that you mean by its number".to_owned())
            }
            Self::Source { .. } => {
                Some("`source` takes addresses of this machine; all of 127.0.0.0/8 are".to_owned())
            }
            Self::Scrape { source, .. } if source.kind() == io::ErrorKind::AddrInUse => Some(
                "another program listens there; port 0 takes a free one".to_owned(),
            ),
            Self::Resolve { .. }
            | Self::Scrape { .. }
            | Self::NoAddress { .. }
            | Self::NoSource { .. }
            | Self::Tls(TlsError::Unusable { .. })
            | Self::Sink(_)
            | Self::Message(_)
            | Self::Mail(_)
            | Self::Engine(_)
            | Self::Folder(_)
            | Self::System(_) => None,
        }
    }

    /// The exit code that it ends the program with.
    pub const fn exit(&self) -> ExitCode {
        match self {
            Self::Resolve { .. }
            | Self::NoAddress { .. }
            | Self::Connect { .. }
            | Self::NoSource { .. }
            | Self::Source { .. }
            | Self::NotAllowed { .. }
            | Self::NotAuthorized { .. }
            | Self::Tls(_)
            | Self::Watch(_)
            | Self::Scrape { .. }
            | Self::Sink(_) => ExitCode::NOT_STARTED,
            // The plan's texts are not right for all of their values.
            Self::Mail(_) => ExitCode::PLAN,
            Self::Message(_) | Self::Engine(_) | Self::Folder(_) | Self::System(_) => {
                ExitCode::TOOL_FAILED
            }
        }
    }
}

/// An error with all its causes, in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string does not fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
