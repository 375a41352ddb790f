//! Starts the server, and ends it in good order.

use std::{
    fmt,
    future::pending,
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
    time::Duration,
};

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    time::{ClockId, clock_gettime},
};
use tokio::{
    net::TcpListener,
    runtime,
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep},
};
use tracing::{Level, Metadata};
use tracing_subscriber::{
    filter::filter_fn, fmt::layer, layer::SubscriberExt, util::SubscriberInitExt,
};

use super::{
    accept,
    admin::{self, NoAnswer},
    backup::{self, BackupError},
    config::{self, Config, ConfigError, LogFormat},
    flack::Flack,
    healthcheck, http,
    network::{ConnectionLimits, Network, Proxies},
    store::{DataDir, StoreError},
};

/// How long requests that are under way may take at the end.
pub const GRACE: Duration = Duration::from_secs(5);

/// How many files may be open beside the connections: the database, and what reads it.
const OTHER_FILES: usize = 100;

/// How often memory is freed of windows that nobody looks at.
const SWEEP: Duration = Duration::from_secs(60);

/// How often people are told what happens in rooms that they do not look at, and what is only true for a
/// moment.
const NOTICE: Duration = Duration::from_secs(1);

/// Notices of rooms that people do not look at may take a hundredth of a processor, and what is only true for
/// a moment a twentieth.
const MOVED_REST: u32 = 100;
const PULSE_REST: u32 = 20;

/// How long that rests at most.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// How many connections those may have who watch over the server.
const WATCHERS: ConnectionLimits = ConnectionLimits { all: 16, of_one_address: 0 };

/// Every so many sweeps, files are looked through that nobody knows: once an hour.
const FILE_SWEEPS: u64 = 60;

/// Why the server did not start, or did not go on.
enum Failure {
    Config(ConfigError),
    Store(StoreError),
    Listen(SocketAddr, io::Error),
    Serve(io::Error),
    Admin(NoAnswer),
    Backup(BackupError),
}

impl Failure {
    /// How the process ends then (sysexits.h).
    fn code(&self) -> u8 {
        match self {
            Failure::Config(_) => 78,
            Failure::Backup(error) => error.code(),
            _ => 69,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Config(error) => error.fmt(f),
            Failure::Store(error) => error.fmt(f),
            Failure::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Failure::Serve(error) => error.fmt(f),
            Failure::Admin(error) => error.fmt(f),
            Failure::Backup(error) => error.fmt(f),
        }
    }
}

/// The whole program.
pub fn main() -> ExitCode {
    let arguments = config::command().get_matches();
    let config = Config::load(&arguments).map_err(Failure::Config);
    let done = config.and_then(|config| match arguments.subcommand() {
        Some((admin::ADMIN, question)) => admin::ask(&config, question).map_err(Failure::Admin),
        Some((backup::BACKUP, file)) => done(backup::back_up(&config, file)),
        Some((backup::RESTORE, file)) => done(backup::restore(&config, file)),
        Some((healthcheck::HEALTHCHECK, _)) => Ok(healthcheck::check(&config)),
        _ => start(config).map(|()| ExitCode::SUCCESS),
    });
    match done {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("flack: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn done(done: Result<(), BackupError>) -> Result<ExitCode, Failure> {
    done.map(|()| ExitCode::SUCCESS).map_err(Failure::Backup)
}

fn start(config: Config) -> Result<(), Failure> {
    // What people write is in the frames, which the library would log at its lowest level.
    let is_harmless = |metadata: &Metadata<'_>| {
        !metadata.target().starts_with("tungstenite") || *metadata.level() <= Level::INFO
    };
    let log = tracing_subscriber::registry().with(config.log.clone()).with(filter_fn(is_harmless));
    let lines = layer().with_writer(io::stderr);
    match config.log_format {
        LogFormat::Text => log.with(lines.with_ansi(false)).init(),
        LogFormat::Json => log.with(lines.json()).init(),
    }
    let config = Config { connections: allow_connections(config.connections), ..config };
    let dir = DataDir::lock(&config.data_dir).map_err(Failure::Store)?;
    let (flack, writer) = Flack::open(dir, config.limits).map_err(Failure::Store)?;
    let runtime =
        runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::Serve)?;
    runtime.block_on(async {
        let address = config.address;
        let listener = listen(address).await?;
        let address = listener.local_addr().map_err(Failure::Serve)?;
        let metrics = match config.metrics {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        let config = Config { address, ..config };
        let admin = match admin::listen(&config) {
            Ok(listener) => {
                Some(tokio::spawn(admin::serve(listener, flack.clone(), config.clone())))
            }
            Err(error) => {
                tracing::warn!(%error, "flack admin will not work");
                None
            }
        };
        // Whoever reads that it is ready may ask it to stop at once.
        let stop = asked_to_stop().map_err(Failure::Serve)?;
        // The first line an operator sees, whatever the log level.
        let _ = writeln!(io::stdout(), "Flack is ready: open http://{address}");
        serve(listener, metrics, flack, &config, stop).await;
        if let Some(admin) = admin {
            admin.abort();
            admin::close(&config);
        }
        Ok(())
    })?;
    // Tasks that still hold the engine end with the runtime; then the log writes what it has.
    runtime.shutdown_timeout(GRACE);
    let _ = writer.join();
    tracing::info!("stopped");
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| Failure::Listen(address, error))
}

/// Lets this process open as many files as it may: a shell allows 1,024 at first, and every
/// connection is one. If even that is too few, it says so, and gives how many there can be.
fn allow_connections(limits: ConnectionLimits) -> ConnectionLimits {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(_) => limit.current,
    };
    let Some(files) = files else { return limits };
    let fit = usize::try_from(files).unwrap_or(usize::MAX).saturating_sub(OTHER_FILES).max(1);
    let wanted = if limits.all == 0 { fit } else { limits.all };
    if wanted > fit {
        tracing::warn!(
            files,
            wanted,
            "the operating system allows fewer open files than max-connections needs"
        );
    }
    ConnectionLimits { all: wanted.min(fit), ..limits }
}

/// Serves until `stop`, then lets go of everyone: sockets are told to come back, requests that are
/// under way are finished. Who comes to `metrics` is told numbers.
pub async fn serve(
    listener: TcpListener,
    metrics: Option<TcpListener>,
    flack: Flack,
    config: &Config,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let sweeper = tokio::spawn(sweep(flack.clone()));
    let repeated = [
        tokio::spawn(repeat(flack.clone(), Flack::tell_moved, MOVED_REST)),
        tokio::spawn(repeat(flack.clone(), Flack::pulse, PULSE_REST)),
        tokio::spawn(repeat(flack.clone(), Flack::save_seen, PULSE_REST)),
    ];
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let draining = flack.clone();
    let stop = async move {
        stop.await;
        tracing::info!("stopping");
        draining.drain().await;
        let _ = stopping.send(());
    };
    let network = Network::new(config.proxies.clone(), config.connections);
    let watched = metrics.map(|listener| {
        let app = http::watch(flack.clone(), network.clone());
        let network = Network::new(Proxies::default(), WATCHERS);
        tokio::spawn(accept::serve(listener, app, network, pending()))
    });
    let app = http::app(flack, config.origin.clone(), network.clone());
    let server = accept::serve(listener, app, network, stop);
    let grace = async {
        if stopped.await.is_ok() { tokio::time::sleep(GRACE).await } else { pending().await }
    };
    tokio::select! {
        () = server => {}
        () = grace => {}
    }
    sweeper.abort();
    repeated.iter().for_each(JoinHandle::abort);
    watched.iter().for_each(JoinHandle::abort);
}

/// Does this once a second, and less often where it is much work because people are so many: with `rest`, it
/// is not done again for so many times as long as a processor worked for it.
async fn repeat(flack: Flack, task: fn(&Flack), rest: u32) {
    loop {
        let flack = flack.clone();
        let timed = move || {
            let begun = worked();
            task(&flack);
            worked().saturating_sub(begun)
        };
        // A write to each of thousands of sockets would hold up those whose turn it is.
        let took = tokio::task::spawn_blocking(timed).await.unwrap_or_default();
        sleep((took * rest).clamp(NOTICE, LONGEST_REST)).await;
    }
}

/// For how long a processor has worked for this thread. What else the machine does is not in it.
fn worked() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

async fn sweep(flack: Flack) {
    let mut ticks = interval(SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for tick in 0_u64.. {
        ticks.tick().await;
        let windows = flack.sweep();
        let remembered = flack.rates().sweep();
        tracing::debug!(windows, remembered, "swept");
        if tick % FILE_SWEEPS == FILE_SWEEPS - 1 {
            flack.sweep_files().await;
        }
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
