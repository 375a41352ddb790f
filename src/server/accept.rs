//! Who comes in over TCP, and how long they may take about it: from the first byte on.
//!
//! A connection that says nothing, half a request head, or nothing more after an answer is closed
//! after [`HEAD_SECONDS`]. One that takes no byte of an answer is closed after
//! [`UNREAD_SECONDS`]. There are so many connections in all and from one address; whoever comes
//! beyond that is told so and closed at once.

use std::{
    io::{self, Write},
    net::IpAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{Router, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    select,
    sync::watch,
    time::{Instant, Sleep, sleep},
};
use tower_service::Service;

use super::network::{Network, Seat};

/// Seconds in which a request's head has to come, from the connection or the answer before on. Ten
/// are promised, until both sides know.
pub const HEAD_SECONDS: u64 = 9;

/// Seconds for which a client may take nothing of an answer that waits for it.
pub const UNREAD_SECONDS: u64 = 10;

/// The largest head of a request, in bytes.
pub const HEAD_LIMIT: usize = 16 * 1024;

/// The most that is read ahead of a body, in bytes.
const BUFFER_LIMIT: usize = 64 * 1024;

/// How long to wait when the operating system has no more files to give. Connections that end
/// meanwhile give some back.
const PAUSE: Duration = Duration::from_secs(1);

/// What there is no room for is told this, as far as it gets there.
const NO_ROOM: &str = "HTTP/1.1 503 Service Unavailable\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 60\r\n\
    retry-after: 5\r\n\
    connection: close\r\n\
    \r\n\
    There are too many connections. Try again in a few seconds.\n";

/// Where a request came from, among its extensions.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The other end of the connection; a proxy, perhaps.
    pub address: IpAddr,
    /// Counts the connection, for as long as anybody has it.
    pub seat: Arc<Seat>,
}

/// Serves `app` to whoever connects, until `stop`. Then nobody else comes in, and requests that are
/// under way are finished.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    network: Network,
    stop: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEAD_SECONDS))
        .max_header_size(HEAD_LIMIT)
        .max_buf_size(BUFFER_LIMIT);
    let (stopping, stopped) = watch::channel(false);
    // Closed when the last connection has let go of its end.
    let (ended, under_way) = watch::channel(());
    let mut stop = pin!(stop);
    loop {
        let (stream, address) = select! {
            accepted = accept(&listener) => accepted,
            () = &mut stop => break,
        };
        let Some(seat) = network.enter(address) else {
            turn_away(stream);
            continue;
        };
        let peer = Peer { address, seat: Arc::new(seat) };
        let (http, app, stopped) = (http.clone(), app.clone(), stopped.clone());
        let under_way = under_way.clone();
        tokio::spawn(async move {
            converse(&http, stream, peer, app, stopped).await;
            drop(under_way);
        });
    }
    drop((listener, under_way));
    let _ = stopping.send(true);
    ended.closed().await;
}

/// The next connection, whatever is wrong with those before it.
async fn accept(listener: &TcpListener) -> (TcpStream, IpAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                // A message is small and should not wait for the next one.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY");
                }
                return (stream, address.ip());
            }
            // Gone before it was taken.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot take another connection");
                sleep(PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Says so, without waiting for anything.
fn turn_away(stream: TcpStream) {
    tracing::debug!("a connection too many");
    if let Ok(mut stream) = stream.into_std() {
        let _ = stream.write(NO_ROOM.as_bytes());
    }
}

/// Until nobody else comes in.
async fn stop(stopped: &mut watch::Receiver<bool>) {
    // An error means that the accept loop is gone, which is the same.
    let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
}

/// Serves one connection to its end, or until it is upgraded.
async fn converse(
    http: &http1::Builder,
    stream: TcpStream,
    peer: Peer,
    app: Router,
    mut stopped: watch::Receiver<bool>,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        app.clone().call(request)
    });
    let stream = TokioIo::new(Patient::new(stream));
    let mut connection = pin!(http.serve_connection(stream, service).with_upgrades());
    let result = select! {
        result = &mut connection => result,
        () = stop(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// A stream whose other end has to take what is written to it, be it slowly.
#[derive(Debug)]
pub struct Patient {
    stream: TcpStream,
    /// Until when the other end has to take something; only while it does not.
    unread: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    fn new(stream: TcpStream) -> Self {
        Self { stream, unread: None }
    }

    pub fn into_inner(self) -> TcpStream {
        self.stream
    }

    fn wait<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.unread = None;
            return written;
        }
        let limit = Duration::from_secs(UNREAD_SECONDS);
        let sleep = self
            .unread
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + limit)));
        ready!(sleep.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wait(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wait(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::NO_ROOM;

    #[test]
    fn the_answer_without_room_is_well_formed() {
        let (head, body) = NO_ROOM.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
    }
}
