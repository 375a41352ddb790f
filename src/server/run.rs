//! Starts the server, and ends it in good order.

use std::{fmt, io, process::ExitCode, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    net::TcpListener,
    runtime,
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, interval},
};
use tracing_subscriber::EnvFilter;

use super::{
    config::{self, Config, ConfigError, LogFormat},
    flack::Flack,
    http,
    store::{DataDir, StoreError},
};

/// How long requests that are under way may take at the end.
const GRACE: Duration = Duration::from_secs(5);

/// How many files may be open beside the live sockets: the database, and requests for pages.
const OTHER_FILES: usize = 100;

/// How often memory is freed of windows that nobody looks at.
const SWEEP: Duration = Duration::from_secs(60);

/// Why the server did not start, or did not go on.
enum Failure {
    Config(ConfigError),
    Store(StoreError),
    Listen(std::net::SocketAddr, io::Error),
    Serve(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Config(error) => error.fmt(f),
            Failure::Store(error) => error.fmt(f),
            Failure::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Failure::Serve(error) => error.fmt(f),
        }
    }
}

/// The whole program.
pub fn main() -> ExitCode {
    let arguments = config::command().get_matches();
    match Config::load(&arguments).map_err(Failure::Config).and_then(start) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("flack: {failure}");
            // EX_CONFIG and EX_UNAVAILABLE of sysexits.h
            ExitCode::from(if matches!(failure, Failure::Config(_)) { 78 } else { 69 })
        }
    }
}

fn start(config: Config) -> Result<(), Failure> {
    // What people write is in the frames, which the library would log at its lowest level.
    let frames = "tungstenite=info".parse().expect("this directive is valid");
    let filter = EnvFilter::new(&config.log).add_directive(frames);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match config.log_format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().init(),
    }
    raise_file_limit(config.limits.sockets);
    let dir = DataDir::lock(&config.data_dir).map_err(Failure::Store)?;
    let (flack, writer) = Flack::open(dir, config.limits).map_err(Failure::Store)?;
    let runtime =
        runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::Serve)?;
    runtime.block_on(async {
        let address = config.address;
        let listener =
            TcpListener::bind(address).await.map_err(|error| Failure::Listen(address, error))?;
        let address = listener.local_addr().map_err(Failure::Serve)?;
        // Whoever reads that it is ready may ask it to stop at once.
        let stop = asked_to_stop().map_err(Failure::Serve)?;
        // The first line an operator sees, whatever the log level.
        println!("Flack is ready: open http://{address}");
        serve(listener, flack, &config, stop).await.map_err(Failure::Serve)
    })?;
    // Tasks that still hold the engine end with the runtime; then the log writes what it has.
    runtime.shutdown_timeout(GRACE);
    let _ = writer.join();
    tracing::info!("stopped");
    Ok(())
}

/// Lets this process open as many files as it may: a shell allows 1,024 at first, and every socket
/// is one. Says so if even that is too few.
fn raise_file_limit(sockets: usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(_) => limit.current,
    };
    if let Some(files) = files
        && files < (sockets + OTHER_FILES) as u64
    {
        tracing::warn!(
            files,
            sockets,
            "the operating system allows fewer open files than max-sockets needs"
        );
    }
}

/// Serves until `stop`, then lets go of everyone: sockets are told to come back, requests that are
/// under way are finished.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(
    listener: TcpListener,
    flack: Flack,
    config: &Config,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let sweeper = tokio::spawn(sweep(flack.clone()));
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let draining = flack.clone();
    let stop = async move {
        stop.await;
        tracing::info!("stopping");
        draining.drain().await;
        let _ = stopping.send(());
    };
    let app = http::app(flack, config.origin.clone());
    let server = async { http::listen(listener, app).with_graceful_shutdown(stop).await };
    let grace = async {
        // An error here means that the server ended by itself.
        if stopped.await.is_ok() {
            tokio::time::sleep(GRACE).await
        } else {
            std::future::pending().await
        }
    };
    let result = tokio::select! {
        result = server => result,
        () = grace => Ok(()),
    };
    sweeper.abort();
    result
}

async fn sweep(flack: Flack) {
    let mut ticks = interval(SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let windows = flack.sweep();
        tracing::debug!(windows, "swept");
    }
}

/// Resolves on SIGTERM, and on the interrupt of a terminal.
fn asked_to_stop() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
