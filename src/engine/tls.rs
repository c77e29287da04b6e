//! A plan's clients → what their handshakes begin with.
//!
//! Roots and keys are read once for a run; each worker has a store of its own for resumption, so
//! that its sessions resume its own sessions and no lock is shared.

use std::borrow::Cow;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{Resumption, WebPkiServerVerifier};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    self, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};

use super::server_address::ServerAddress;
use crate::plan::{Client, Endpoint, Plan, Target, Tls, TlsVersion, Verify};

/// The name of servers on this machine that are given without one.
const LOCALHOST: &str = "localhost";

/// For so many servers a worker keeps what it needs to resume sessions, by client.
const REMEMBERED: usize = 256;

/// Why a client can't make handshakes: the tester's side, before anything was sent.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Nothing to check a server's certificate against.
    #[error("client `{client}`: the system has no root certificates")]
    NoRoots {
        /// The client.
        client: String,
        /// Why not, where the system says.
        source: Option<rustls_native_certs::Error>,
    },
    /// What the plan says does not go together for rustls.
    #[error("client `{client}`: its `tls` can't be used")]
    Unusable {
        /// The client.
        client: String,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// By client: what its handshakes begin with; none where it speaks in clear.
#[derive(Clone, Debug)]
pub struct TlsSetups(Arc<[Option<Setup>]>);

#[derive(Debug)]
struct Setup {
    config: ClientConfig,
    name: Option<ServerName<'static>>,
    resume: bool,
}

/// A client's handshakes in one worker.
pub(super) struct Connector {
    connector: TlsConnector,
    name: Option<ServerName<'static>>,
}

impl TlsSetups {
    /// Those of all clients of a plan. `sink` are the certificates of the embedded server: its
    /// clients check it against these, unless they have roots of their own.
    pub fn new(plan: &Plan, sink: &[CertificateDer<'static>]) -> Result<Self, TlsError> {
        let mut system = SystemRoots::default();
        let setups = plan.clients.iter().map(|client| {
            let Some(tls) = &client.tls else { return Ok(None) };
            let target = plan.targets.get(client.target.index());
            Ok(Some(Setup {
                config: config(client, &own_roots(tls, target, sink), &mut system)?,
                name: tls.server_name.clone().or_else(|| name_of(target?)),
                resume: tls.resume,
            }))
        });
        setups.collect::<Result<Vec<_>, _>>().map(|setups| Self(setups.into()))
    }

    /// What a worker begins a client's handshakes with.
    pub(super) fn connector(&self, client: usize) -> Option<Connector> {
        let setup = self.0.get(client)?.as_ref()?;
        let mut config = setup.config.clone();
        config.resumption = if setup.resume {
            Resumption::in_memory_sessions(REMEMBERED)
        } else {
            Resumption::disabled()
        };
        Some(Connector { connector: Arc::new(config).into(), name: setup.name.clone() })
    }
}

impl Connector {
    pub(super) fn connector(&self) -> &TlsConnector {
        &self.connector
    }

    /// The name that a server is asked for; that of its IP address where it has no other.
    pub(super) fn name(&self, server: &ServerAddress) -> ServerName<'static> {
        let ip = || server.ip().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        self.name.clone().unwrap_or_else(|| ServerName::IpAddress(ip().into()))
    }
}

/// The host that all addresses of a target share; the embedded server and Unix sockets are
/// `localhost`.
fn name_of(target: &Target) -> Option<ServerName<'static>> {
    let addresses = match &target.endpoint {
        Endpoint::Sink => return ServerName::try_from(LOCALHOST).ok(),
        Endpoint::One(address) => std::slice::from_ref(address),
        Endpoint::Spread(addresses) => addresses,
    };
    let mut hosts = addresses.iter().map(|address| address.host().unwrap_or(LOCALHOST));
    let host = hosts.next()?;
    hosts.all(|other| other == host).then(|| ServerName::try_from(host.to_owned()).ok()).flatten()
}

/// The system knows nothing of a certificate that was made for this run: what the embedded server
/// itself shows is the root for its own clients.
fn own_roots<'a>(
    tls: &'a Tls,
    target: Option<&Target>,
    sink: &[CertificateDer<'static>],
) -> Cow<'a, Tls> {
    let is_sink = target.is_some_and(|target| target.endpoint == Endpoint::Sink);
    if !is_sink || sink.is_empty() || tls.verify != Verify::System {
        return Cow::Borrowed(tls);
    }
    Cow::Owned(Tls { verify: Verify::Roots(sink.into()), ..tls.clone() })
}

/// The system's roots, read when they are first asked for.
#[derive(Default)]
struct SystemRoots(Option<Arc<RootCertStore>>);

impl SystemRoots {
    fn get(&mut self, client: &str) -> Result<Arc<RootCertStore>, TlsError> {
        if let Some(known) = &self.0 {
            return Ok(Arc::clone(known));
        }
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        // A system's list may hold what webpki does not read; the others serve.
        let (added, _) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            let source = found.errors.into_iter().next();
            return Err(TlsError::NoRoots { client: client.to_owned(), source });
        }
        Ok(Arc::clone(self.0.insert(Arc::new(roots))))
    }
}

fn config(client: &Client, tls: &Tls, system: &mut SystemRoots) -> Result<ClientConfig, TlsError> {
    let unusable = |source: Box<dyn std::error::Error + Send + Sync>| TlsError::Unusable {
        client: client.name.clone(),
        source,
    };
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(tls))
        .map_err(|error| unusable(error.into()))?;
    let verifier: Arc<dyn ServerCertVerifier> = match &tls.verify {
        Verify::Nothing => Arc::new(AnyCertificate(provider)),
        Verify::System => webpki(system.get(&client.name)?, provider).map_err(unusable)?,
        Verify::Roots(certificates) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates.iter() {
                roots.add(certificate.clone()).map_err(|error| unusable(error.into()))?;
            }
            webpki(Arc::new(roots), provider).map_err(unusable)?
        }
    };
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    match &tls.identity {
        None => Ok(builder.with_no_client_auth()),
        Some(identity) => builder
            .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
            .map_err(|error| unusable(error.into())),
    }
}

fn webpki(
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Box<dyn std::error::Error + Send + Sync>> {
    Ok(WebPkiServerVerifier::builder_with_provider(roots, provider).build()?)
}

/// The versions that are offered.
fn versions(tls: &Tls) -> Vec<&'static SupportedProtocolVersion> {
    use rustls::version::{TLS12, TLS13};
    let all = [(TlsVersion::Tls13, &TLS13), (TlsVersion::Tls12, &TLS12)];
    let offered = all.into_iter().filter(|(version, _)| (tls.min..=tls.max).contains(version));
    offered.map(|(_, version)| version).collect()
}

/// Takes any certificate, as `verify = "none"` asks for. The server must still hold its key: what
/// it signs is checked, so that a handshake costs what it costs.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether an error of a connection is one of TLS, and not of the transport below it.
pub(super) fn is_of_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
}
