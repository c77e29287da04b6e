//! A port → the figures of the run that goes on, for Prometheus to scrape.
//!
//! It lives on the conductor's runtime, never on a worker's. A scrape asks the conductor, which
//! answers between two notes; figures are made once for each second at most, however often they
//! are asked for.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::RunError;
use crate::report::{Exposed, Exposition};

/// Where the figures are.
const PATH: &str = "/metrics";
/// The most connections at a time; further ones wait.
const CONNECTIONS: usize = 16;
/// How long a connection may take, from its first octet to the last of the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// One who wants the figures.
pub(super) type Scrape = oneshot::Sender<Arc<Exposed>>;

/// A port that is listened on.
#[derive(Debug)]
pub(super) struct ScrapePort {
    listener: TcpListener,
    address: SocketAddr,
}

impl ScrapePort {
    /// Listens, so that a port in use is known before anything is sent.
    pub(super) fn bind(wanted: SocketAddr) -> Result<Self, RunError> {
        let bound = TcpListener::bind(wanted).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(Self { address: listener.local_addr()?, listener })
        });
        bound.map_err(|source| RunError::Scrape { address: wanted, source })
    }

    /// Where the figures are found.
    pub(super) fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// Serves from now on, inside a runtime and until that ends or the set is dropped; gives
    /// those who want figures.
    pub(super) fn serve(self, tasks: &mut JoinSet<()>) -> std::io::Result<mpsc::Receiver<Scrape>> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let (ask, asked) = mpsc::channel(CONNECTIONS);
        tasks.spawn(accept(listener, ask));
        Ok(asked)
    }
}

async fn accept(listener: tokio::net::TcpListener, ask: mpsc::Sender<Scrape>) {
    let mut connections = JoinSet::new();
    loop {
        if connections.len() >= CONNECTIONS {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _)) => {
                let ask = ask.clone();
                let serve = service_fn(move |request| answer(request, ask.clone()));
                let mut server = http1::Builder::new();
                // One request for each connection: who stays would keep others out.
                server.timer(TokioTimer::new()).keep_alive(false);
                let connection = server.serve_connection(TokioIo::new(stream), serve);
                // What goes wrong on a scraper's side is the scraper's to tell.
                connections.spawn(async { drop(timeout(PATIENCE, connection).await) });
            }
            // No descriptor is left, for one: the run needs them more.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(
    request: Request<Incoming>,
    ask: mpsc::Sender<Scrape>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() != PATH {
        return Ok(plain(StatusCode::NOT_FOUND, "the figures are at /metrics\n"));
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Ok(refused);
    }
    let exposition = wanted(request.headers().get(ACCEPT));
    let (tell, told) = oneshot::channel();
    let figures = match ask.send(tell).await {
        Ok(()) => told.await.ok(),
        Err(_) => None,
    };
    let Some(figures) = figures else {
        return Ok(plain(StatusCode::SERVICE_UNAVAILABLE, "the run is over\n"));
    };
    let text = Exposed::clone(&figures).text(exposition);
    let mut response = Response::new(Full::new(Bytes::from(text)));
    let kind = HeaderValue::from_static(exposition.content_type());
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

/// `OpenMetrics` to those who ask for it.
fn wanted(accept: Option<&HeaderValue>) -> Exposition {
    let accept = accept.and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accept.contains("application/openmetrics-text") {
        Exposition::OpenMetrics
    } else {
        Exposition::Prometheus
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}
