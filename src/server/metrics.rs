//! What an operator can watch: numbers about the server, and none about anybody.
//!
//! What happens often is counted by the batch, with a relaxed addition each; how much there is of
//! anything is found out when somebody asks. The registry is a value of the engine, so that two
//! engines in one process do not count each other. Labels are codes that stand in the source, so that
//! nobody can make more of them.

use std::{fmt, time::Instant};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, prometheus_text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
        info::Info,
    },
    registry::{Registry, Unit},
};

use crate::domain::refusal::RefusalCode;

/// What an answer of [`Metrics::text`] is (Prometheus text format, version 0.0.4).
pub use prometheus_text::CONTENT_TYPE;

/// The close code of a connection that broke off without one (RFC 6455 §7.1.5).
const BROKEN_OFF: u16 = 1006;

/// How busy the log is.
#[derive(Clone, Debug)]
pub struct LogMeter {
    /// Requests that wait for the commit after the current one.
    pub queue: Gauge,
    /// Seconds of a commit, from the first decision to the end of the sync.
    pub commits: Histogram,
    /// Requests of a commit.
    pub batches: Histogram,
}

impl Default for LogMeter {
    fn default() -> Self {
        Self {
            queue: Gauge::default(),
            // From a quarter of a millisecond to eight seconds.
            commits: Histogram::new(exponential_buckets(0.000_25, 2.0, 16)),
            batches: Histogram::new(exponential_buckets(1.0, 2.0, 9)),
        }
    }
}

/// What is told to those who listen.
#[derive(Clone, Debug)]
pub struct Deliveries {
    events: Counter,
    /// Seconds from when the first event of a burst was applied until all who listen are written to.
    bursts: Histogram,
}

impl Default for Deliveries {
    fn default() -> Self {
        let bursts = Histogram::new(exponential_buckets(0.000_1, 2.0, 15));
        Self { events: Counter::default(), bursts }
    }
}

impl Deliveries {
    /// A burst of so many events was written to so many listeners.
    pub fn count(&self, events: usize, listeners: usize) {
        self.events.inc_by((events * listeners) as u64);
    }

    /// A burst is out, of which the first event was applied then.
    pub fn done(&self, begun: Instant) {
        self.bursts.observe(begun.elapsed().as_secs_f64());
    }
}

/// What was refused, for whoever says so.
#[derive(Clone, Debug, Default)]
pub struct Refusals(Family<Refused, Counter>);

impl Refusals {
    /// Somebody was told that what they asked for is not done.
    pub fn count(&self, code: RefusalCode) {
        self.0.get_or_create(&Refused { code: Code(code) }).inc();
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    code: Code,
}

/// As it is called on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Code(RefusalCode);

impl EncodeLabelValue for Code {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> fmt::Result {
        let name = serde_json::to_string(&self.0).map_err(|_| fmt::Error)?;
        EncodeLabelValue::encode(&name.trim_matches('"'), encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Closed {
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    status: u16,
}

/// How much there is of what is not counted as it happens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Levels {
    /// Connections over TCP, of pages and of all else.
    pub connections: usize,
    pub sockets: usize,
    /// Bytes that wait for sockets whose clients have not read them.
    pub waiting: usize,
    pub windows: usize,
    pub sessions: usize,
    pub channels: usize,
    /// Bytes of all files, and how many there may be.
    pub storage: u64,
    pub storage_limit: u64,
    pub is_writable: bool,
}

#[derive(Debug, Default)]
struct LevelGauges {
    connections: Gauge,
    sockets: Gauge,
    waiting: Gauge,
    windows: Gauge,
    sessions: Gauge,
    channels: Gauge,
    storage: Gauge,
    storage_limit: Gauge,
    writable: Gauge,
}

/// All that is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    levels: LevelGauges,
    answers: Family<Answered, Counter>,
    refusals: Refusals,
    closed: Family<Closed, Counter>,
    uploads: Counter,
    uploaded: Counter,
    backups: Counter,
}

impl Metrics {
    pub fn new(log: &LogMeter, deliveries: &Deliveries) -> Self {
        let mut all = Registry::default();
        process::register(&mut all);
        let registry = all.sub_registry_with_prefix("flack");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Which Flack this is", build);

        let levels = LevelGauges::default();
        let gauges: [(&str, &str, &Gauge); 9] = [
            ("connections", "Connections over TCP, of pages and of all else", &levels.connections),
            ("sockets", "Pages that are connected live", &levels.sockets),
            (
                "socket_waiting_bytes",
                "What sockets wait for their clients to read",
                &levels.waiting,
            ),
            ("windows", "Rooms whose newest messages are in memory", &levels.windows),
            ("sessions", "Devices that are signed in", &levels.sessions),
            ("channels", "Channels", &levels.channels),
            ("storage_bytes", "What all files take up", &levels.storage),
            ("storage_limit_bytes", "What all files may take up", &levels.storage_limit),
            ("writable", "1 as long as what people say can be saved", &levels.writable),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }

        registry.register("log_queue", "Requests that wait for a commit", log.queue.clone());
        let help = "How long a commit took, with its sync";
        registry.register_with_unit("commit", help, Unit::Seconds, log.commits.clone());
        registry.register("commit_requests", "Requests of a commit", log.batches.clone());

        let help = "Events that were written to those who listen";
        registry.register("deliveries", help, deliveries.events.clone());
        let help = "How long it took from a commit until all who listen were written to";
        registry.register_with_unit("delivery", help, Unit::Seconds, deliveries.bursts.clone());

        let answers = Family::default();
        registry.register("answers", "Answers over HTTP, by their status", answers.clone());
        let refusals = Refusals::default();
        let help = "What was refused, over HTTP and over sockets, by the code of docs/protocol.md";
        registry.register("refusals", help, refusals.0.clone());
        let closed = Family::default();
        let help = "Sockets that ended, by the close code; 1006 is one that broke off without one";
        registry.register("sockets_closed", help, closed.clone());

        let [uploads, uploaded, backups] = [(); 3].map(|()| Counter::default());
        registry.register("uploads", "Files that came in", uploads.clone());
        registry.register("uploaded_bytes", "What was in files that came in", uploaded.clone());
        registry.register("backups", "Backups that were made in whole", backups.clone());

        Self { registry: all, levels, answers, refusals, closed, uploads, uploaded, backups }
    }

    /// An answer went out over HTTP.
    pub fn answered(&self, status: u16) {
        self.answers.get_or_create(&Answered { status }).inc();
    }

    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// A socket ended, for the reason of this close code if there was one.
    pub fn closed(&self, code: Option<u16>) {
        self.closed.get_or_create(&Closed { code: code.unwrap_or(BROKEN_OFF) }).inc();
    }

    /// A file of so many bytes came in.
    pub fn uploaded(&self, size: u64) {
        self.uploads.inc();
        self.uploaded.inc_by(size);
    }

    /// To be raised by one with each.
    pub fn backups(&self) -> &Counter {
        &self.backups
    }

    /// Everything, for a program that watches.
    pub fn text(&self, now: &Levels) -> String {
        let gauge = |gauge: &Gauge, number: u64| gauge.set(number.cast_signed());
        let levels = &self.levels;
        gauge(&levels.connections, now.connections as u64);
        gauge(&levels.sockets, now.sockets as u64);
        gauge(&levels.waiting, now.waiting as u64);
        gauge(&levels.windows, now.windows as u64);
        gauge(&levels.sessions, now.sessions as u64);
        gauge(&levels.channels, now.channels as u64);
        gauge(&levels.storage, now.storage);
        gauge(&levels.storage_limit, now.storage_limit);
        gauge(&levels.writable, now.is_writable.into());
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)
            .expect("writing into memory succeeds, and codes have names");
        text
    }
}

/// What the operating system knows of this process, under the names that all programs use.
#[cfg(target_os = "linux")]
mod process {
    use std::{fmt, time::SystemTime};

    use procfs::{page_size, process::Process, ticks_per_second};
    use prometheus_client::{
        collector::Collector,
        encoding::{DescriptorEncoder, EncodeMetric},
        metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
        registry::Registry,
    };
    use rustix::process::{Resource, getrlimit};

    pub fn register(registry: &mut Registry) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let start = ConstGauge::new(now.as_secs_f64());
        registry.register("process_start_time_seconds", "When it started, since 1970", start);
        registry.register_collector(Box::new(Collected));
    }

    #[derive(Debug)]
    struct Collected;

    impl Collector for Collected {
        /// What cannot be read is not there, rather than 0.
        fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
            let Ok(process) = Process::myself() else { return Ok(()) };
            let memory = process.statm().ok().map(|memory| memory.resident * page_size());
            let open = process.fd_count().ok().map(|count| count as u64);
            for (name, help, value) in [
                ("process_resident_memory_bytes", "Memory in use", memory),
                ("process_open_fds", "Open files, with connections", open),
                ("process_max_fds", "Files that may be open", getrlimit(Resource::Nofile).current),
            ] {
                let Some(value) = value else { continue };
                let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
                ConstGauge::new(value.cast_signed()).encode(metric)?;
            }
            if let Ok(stat) = process.stat() {
                let (name, help) = ("process_cpu_seconds", "Time that processors spent");
                let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
                let seconds = (stat.utime + stat.stime) as f64 / ticks_per_second() as f64;
                ConstCounter::new(seconds).encode(metric)?;
            }
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod process {
    pub fn register(_: &mut prometheus_client::registry::Registry) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told_under_its_name() {
        let (log, deliveries) = (LogMeter::default(), Deliveries::default());
        let metrics = Metrics::new(&log, &deliveries);
        log.queue.inc_by(3);
        log.commits.observe(0.003);
        deliveries.count(2, 50);
        metrics.answered(200);
        metrics.refusals().count(RefusalCode::RateLimited);
        metrics.closed(Some(4001));
        metrics.closed(None);
        metrics.uploaded(7);
        let levels = Levels { sockets: 5, is_writable: true, ..Levels::default() };
        let text = metrics.text(&levels);
        for line in [
            concat!("flack_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "flack_log_queue 3",
            "flack_commit_seconds_bucket{le=\"0.004\"} 1",
            "flack_commit_seconds_count 1",
            "flack_deliveries_total 100",
            "flack_answers_total{status=\"200\"} 1",
            "flack_refusals_total{code=\"rate_limited\"} 1",
            "flack_sockets_closed_total{code=\"4001\"} 1",
            "flack_sockets_closed_total{code=\"1006\"} 1",
            "flack_uploads_total 1",
            "flack_uploaded_bytes_total 7",
            "flack_sockets 5",
            "flack_writable 1",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} in {text}");
        }
    }

    #[test]
    fn two_servers_in_one_process_do_not_count_each_other() {
        let [one, other] =
            [(); 2].map(|()| Metrics::new(&LogMeter::default(), &Deliveries::default()));
        one.uploaded(1);
        assert!(one.text(&Levels::default()).contains("flack_uploads_total 1"));
        assert!(other.text(&Levels::default()).contains("flack_uploads_total 0"));
    }
}
