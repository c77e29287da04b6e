//! How a client's sessions are encrypted.

use std::sync::Arc;

use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use crate::smtp::TlsMode;

/// How a client's sessions are encrypted. The files that the plan names have been read.
#[derive(Clone, Debug, PartialEq)]
pub struct Tls {
    /// When the handshake is.
    pub mode: TlsMode,
    /// What the server's certificate is checked against.
    pub verify: Verify,
    /// The name that the server is asked for, and that its certificate must carry; none: the host
    /// of the target, or the session's IP address.
    pub server_name: Option<ServerName<'static>>,
    /// The oldest version that is offered.
    pub min: TlsVersion,
    /// The newest version that is offered, not below `min`.
    pub max: TlsVersion,
    /// What the client shows of itself, where it is asked.
    pub identity: Option<Arc<Identity>>,
    /// Whether sessions are resumed.
    pub resume: bool,
}

/// What a server's certificate is checked against.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verify {
    /// The system's roots.
    System,
    /// These roots, at least one.
    Roots(Arc<[CertificateDer<'static>]>),
    /// Nothing: any certificate will do.
    Nothing,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// A certificate with its key. The key shows itself nowhere, not even to `Debug`.
#[derive(Debug, PartialEq)]
pub struct Identity {
    /// The chain, the client's own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key of the first certificate.
    pub key: PrivateKeyDer<'static>,
}

/// How the embedded server encrypts sessions. The files that the plan names have been read.
#[derive(Clone, Debug, PartialEq)]
pub struct SinkTls {
    /// When the handshake is.
    pub mode: TlsMode,
    /// What it shows of itself; none: a certificate that it makes when it starts.
    pub identity: Option<Arc<Identity>>,
}
