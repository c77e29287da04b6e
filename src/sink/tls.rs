//! `[sink].tls` → what the server's handshakes begin with: a certificate of the user's, or one made
//! when the server starts.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::ring::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DnType, KeyPair};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use super::SinkError;
use crate::plan::SinkTls;
use crate::smtp::TlsMode;

/// The names in a certificate that is made here: those under which a server of this machine is
/// reached, and the one in its greeting.
const NAMES: [&str; 4] = ["localhost", "127.0.0.1", "::1", "sink.invalid"];

/// How long the lines of a certificate in PEM are.
const PEM_WIDTH: usize = 64;

/// Why the server has no certificate to show.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// None could be made.
    #[error("no certificate could be made")]
    Make(#[from] rcgen::Error),
    /// The plan's can't be used.
    #[error("the certificate can't be used")]
    Use(#[from] rustls::Error),
}

/// How a server encrypts its sessions.
#[derive(Clone)]
pub(super) struct Encryption {
    pub(super) mode: TlsMode,
    pub(super) acceptor: TlsAcceptor,
    /// Its own certificate first.
    pub(super) chain: Arc<[CertificateDer<'static>]>,
}

impl Encryption {
    /// What the plan asks for.
    pub(super) fn of(tls: &SinkTls) -> Result<Self, SinkError> {
        let (chain, key) = match &tls.identity {
            Some(identity) => (identity.chain.clone(), identity.key.clone_key()),
            None => made().map_err(|error| SinkError::Certificate(error.into()))?,
        };
        let config = config(chain.clone(), key)
            .map_err(|error| SinkError::Certificate(CertificateError::Use(error)))?;
        Ok(Self { mode: tls.mode, acceptor: Arc::new(config).into(), chain: chain.into() })
    }
}

impl std::fmt::Debug for Encryption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encryption").field("mode", &self.mode).finish_non_exhaustive()
    }
}

fn made() -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    // A root is found by its name: that of another sink must not be taken for this one's.
    let name = digits(key.public_key_raw());
    params.distinguished_name.push(DnType::CommonName, format!("mailquake sink {name}"));
    let certificate = params.self_signed(&key)?;
    Ok((vec![certificate.der().clone()], key.into()))
}

/// A few digits that tell keys apart.
fn digits(octets: &[u8]) -> String {
    let hash = digest(&SHA256, octets);
    hash.as_ref().iter().take(4).fold(0_u32, |sum, octet| sum << 8 | u32::from(*octet)).to_string()
}

/// Certificates as a text that other programs read (RFC 7468).
pub(super) fn pem(certificates: &[CertificateDer<'static>]) -> String {
    let mut text = String::new();
    for certificate in certificates {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        let base64 = STANDARD.encode(certificate);
        for (n, digit) in base64.chars().enumerate() {
            if n > 0 && n % PEM_WIDTH == 0 {
                text.push('\n');
            }
            text.push(digit);
        }
        text.push_str("\n-----END CERTIFICATE-----\n");
    }
    text
}

/// TLS 1.2 and 1.3; sessions are resumed by tickets, so that nothing is kept for a client.
fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.ticketer = ring::Ticketer::new()?;
    Ok(config)
}

/// A stream with octets that were read from it already: they come first.
///
/// What stands in clear behind STARTTLS, and what stands behind the header of a proxy, is so read
/// as the beginning of a handshake, and as nothing else (RFC 3207 5).
pub(super) struct Preread<S> {
    octets: Vec<u8>,
    stream: S,
}

impl<S> Preread<S> {
    pub(super) fn new(octets: Vec<u8>, stream: S) -> Self {
        Self { octets, stream }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Preread<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        read: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.octets.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, read);
        }
        let length = self.octets.len().min(read.remaining());
        read.put_slice(&self.octets[..length]);
        self.octets.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Preread<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;

    use super::*;

    #[test]
    fn a_certificate_reads_back_from_its_text() {
        let tls = SinkTls { mode: TlsMode::Implicit, identity: None };
        let chain = Encryption::of(&tls).unwrap().chain;

        let text = pem(&chain);

        let read: Vec<_> =
            CertificateDer::pem_slice_iter(text.as_bytes()).map(Result::unwrap).collect();
        assert_eq!(read, *chain);
        assert!(text.lines().all(|line| line.len() <= 64), "{text}");
    }

    #[test]
    fn each_server_has_a_certificate_of_its_own() {
        let tls = SinkTls { mode: TlsMode::Implicit, identity: None };

        let [first, second] = [0, 1].map(|_| Encryption::of(&tls).unwrap().chain);

        assert_ne!(first, second);
    }

    #[tokio::test]
    async fn what_was_read_ahead_comes_first() {
        let mut stream = Preread::new(b"ahead, ".to_vec(), &b"behind"[..]);
        let mut all = String::new();

        stream.read_to_string(&mut all).await.unwrap();

        assert_eq!(all, "ahead, behind");
    }
}
