//! How often anybody may ask for anything.
//!
//! Each rate is a number in a period: so many at once, and as many again in the period after that
//! (GCRA). Those of a person are counted for the person; all who share an address have
//! [`SHARED`] times as much together, because a team may be behind one.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::{
    NotUntil, Quota, RateLimiter,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed, StateStore, keyed::ShrinkableKeyedStateStore},
};

use super::network::Source;
use crate::domain::{person::PersonId, refusal::Refusal};

/// How many people may share an address before they notice.
pub const SHARED: u32 = 20;

/// How many persons or addresses are remembered for one rate, at most. A few megabytes in all.
pub const REMEMBERED: usize = 64 * 1024;

/// How often what may be done; 0 stands for any number of times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Messages of a person in a minute, with edits and deletions.
    pub messages: u32,
    /// Frames of a socket in a minute, of any kind.
    pub frames: u32,
    /// Requests of a person in a minute, for pages and server functions.
    pub requests: u32,
    /// Sockets that a person opens in a minute.
    pub sockets: u32,
    /// Channels that a person creates, and topics that they set, in an hour.
    pub channels: u32,
    /// Names that are asked for from one address in an hour.
    pub sign_ins: u32,
}

/// Tells the time since some beginning.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Clock {
    pub fn new(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub fn now(&self) -> Duration {
        (self.0)()
    }
}

impl Default for Clock {
    /// Tokio's clock, which tests wind.
    fn default() -> Self {
        let start = tokio::time::Instant::now();
        Self::new(move || start.elapsed())
    }
}

impl governor::clock::Clock for Clock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Clock::now(self)
    }
}

/// A limiter that tells time by our clock.
type Limiter<K, S> = RateLimiter<K, S, Clock, NoOpMiddleware<Duration>>;

/// Counts what is asked for.
pub struct Rates {
    messages: Shared,
    requests: Shared,
    sockets: Shared,
    channels: Shared,
    sign_ins: Rate<Source>,
    frames: Option<Quota>,
    clock: Clock,
}

impl Rates {
    pub fn new(limits: RateLimits, clock: Clock) -> Self {
        let minute = |number| Shared::new(number, Quota::per_minute, &clock);
        Self {
            messages: minute(limits.messages),
            requests: minute(limits.requests),
            sockets: minute(limits.sockets),
            channels: Shared::new(limits.channels, Quota::per_hour, &clock),
            sign_ins: Rate::new(limits.sign_ins, Quota::per_hour, &clock),
            frames: NonZeroU32::new(limits.frames).map(Quota::per_minute),
            clock,
        }
    }

    /// # Errors
    /// [`Refusal::rate_limited`], here and below: when that was one too many.
    pub fn message(&self, person: PersonId, source: Source) -> Result<(), Refusal> {
        self.messages.check(person, source)
    }

    /// # Errors
    /// See [`message`](Self::message).
    pub fn socket(&self, person: PersonId, source: Source) -> Result<(), Refusal> {
        self.sockets.check(person, source)
    }

    /// # Errors
    /// See [`message`](Self::message).
    pub fn channel(&self, person: PersonId, source: Source) -> Result<(), Refusal> {
        self.channels.check(person, source)
    }

    /// # Errors
    /// See [`message`](Self::message).
    pub fn sign_in(&self, source: Source) -> Result<(), Refusal> {
        self.sign_ins.check(&source)
    }

    /// Any request from an address.
    ///
    /// # Errors
    /// See [`message`](Self::message).
    pub fn request_from(&self, source: Source) -> Result<(), Refusal> {
        self.requests.all.check(&source)
    }

    /// A person's request for a page or a server function.
    ///
    /// # Errors
    /// See [`message`](Self::message).
    pub fn request_of(&self, person: PersonId) -> Result<(), Refusal> {
        self.requests.one.check(&person)
    }

    /// The frames of one more socket.
    pub fn frames(&self) -> Frames {
        let limiter = |quota| RateLimiter::new(quota, InMemoryState::default(), self.clock.clone());
        Frames(self.frames.map(limiter))
    }

    /// Forgets who has not asked for long enough not to matter. Gives how many are remembered.
    pub fn sweep(&self) -> usize {
        let Self { messages, requests, sockets, channels, sign_ins, .. } = self;
        let shared: usize = [messages, requests, sockets, channels].map(Shared::sweep).iter().sum();
        shared + sign_ins.sweep()
    }
}

/// How often one socket may say something.
pub struct Frames(Option<Limiter<NotKeyed, InMemoryState>>);

impl Frames {
    /// Counts a frame. Gives whether it is not one too many.
    pub fn admit(&self) -> bool {
        self.0.as_ref().is_none_or(|limiter| limiter.check().is_ok())
    }
}

/// The rate of a person, and that of those at one address.
struct Shared {
    one: Rate<PersonId>,
    all: Rate<Source>,
    /// Whoever asks for both: what one of them admits and the other does not counts for neither.
    both: Mutex<()>,
}

impl Shared {
    fn new(number: u32, quota: fn(NonZeroU32) -> Quota, clock: &Clock) -> Self {
        Self {
            one: Rate::new(number, quota, clock),
            all: Rate::new(number.saturating_mul(SHARED), quota, clock),
            both: Mutex::default(),
        }
    }

    fn check(&self, person: PersonId, source: Source) -> Result<(), Refusal> {
        let _turn = self.both.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.one.used(&person);
        self.one.check(&person)?;
        self.all.check(&source).inspect_err(|_| self.one.put_back(person, before))
    }

    fn sweep(&self) -> usize {
        self.one.sweep() + self.all.sweep()
    }
}

/// A rate of whatever is told apart by `K`.
struct Rate<K: Copy + Eq + Hash> {
    /// None where there is no limit.
    limiter: Option<Limiter<K, Remembered<K>>>,
    /// What the limiter goes by.
    remembered: Remembered<K>,
}

impl<K: Copy + Eq + Hash> Rate<K> {
    fn new(number: u32, quota: fn(NonZeroU32) -> Quota, clock: &Clock) -> Self {
        let remembered = Remembered::default();
        let limiter = |number| RateLimiter::new(quota(number), remembered.clone(), clock.clone());
        Self { limiter: NonZeroU32::new(number).map(limiter), remembered }
    }

    fn check(&self, key: &K) -> Result<(), Refusal> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter.check_key(key).map_err(|not_until: NotUntil<Duration>| {
            let now = governor::clock::Clock::now(limiter.clock());
            Refusal::rate_limited(seconds(not_until.wait_time_from(now)))
        })
    }

    /// How far somebody has used it up.
    fn used(&self, key: &K) -> Option<Nanos> {
        self.remembered.times().get(key).copied()
    }

    /// Makes it as far used up as it was.
    fn put_back(&self, key: K, used: Option<Nanos>) {
        let mut times = self.remembered.times();
        match used {
            Some(used) => times.insert(key, used),
            None => times.remove(&key),
        };
    }

    fn sweep(&self) -> usize {
        let Some(limiter) = &self.limiter else { return 0 };
        limiter.retain_recent();
        limiter.shrink_to_fit();
        limiter.len()
    }
}

/// Whole seconds, after which it is sure to be over.
fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
}

/// How far each one has used up what they may do, as the time at which they would have done it
/// evenly. Who is below now has used up nothing.
struct Remembered<K>(Arc<Mutex<HashMap<K, Nanos>>>);

impl<K> Default for Remembered<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K> Clone for Remembered<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K> Remembered<K> {
    fn times(&self) -> MutexGuard<'_, HashMap<K, Nanos>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> StateStore for Remembered<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut times = self.times();
        let (value, time) = decide(times.get(key).copied())?;
        if times.len() >= REMEMBERED && !times.contains_key(key) {
            forget_half(&mut times);
        }
        times.insert(*key, time);
        Ok(value)
    }
}

/// Forgets those who have used up least, so that a crowd of strangers does not hide who floods.
fn forget_half<K: Copy + Eq + Hash>(times: &mut HashMap<K, Nanos>) {
    let mut order: Vec<(Nanos, K)> = times.iter().map(|(key, time)| (*time, *key)).collect();
    let half = order.len() / 2;
    order.select_nth_unstable_by_key(half, |(time, _)| *time);
    for (_, key) in &order[..=half] {
        times.remove(key);
    }
}

impl<K: Copy + Eq + Hash> ShrinkableKeyedStateStore<K> for Remembered<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.times().retain(|_, time| *time > drop_below);
    }

    fn shrink_to_fit(&self) {
        self.times().shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.times().len()
    }

    fn is_empty(&self) -> bool {
        self.times().is_empty()
    }
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rates").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use governor::clock::{Clock as _, FakeRelativeClock};

    use super::*;
    use crate::domain::position::Position;

    const LIMITS: RateLimits = RateLimits {
        messages: 60,
        frames: 60,
        requests: 60,
        sockets: 60,
        channels: 60,
        sign_ins: 60,
    };

    fn rates(limits: RateLimits) -> (Rates, FakeRelativeClock) {
        let time = FakeRelativeClock::default();
        let told = time.clone();
        (Rates::new(limits, Clock::new(move || told.now().into())), time)
    }

    fn person(number: u64) -> PersonId {
        PersonId(Position(number))
    }

    fn source(number: u32) -> Source {
        IpAddr::V4(Ipv4Addr::from(number)).into()
    }

    #[test]
    fn so_many_at_once_and_then_one_after_the_other() {
        let (rates, time) = rates(LIMITS);
        let ask = || rates.message(person(1), source(1));
        for _ in 0..60 {
            ask().unwrap();
        }
        assert_eq!(ask(), Err(Refusal::rate_limited(1)));
        rates.message(person(2), source(1)).expect("others go on");
        time.advance(Duration::from_secs(1));
        ask().unwrap();
        assert_eq!(ask(), Err(Refusal::rate_limited(1)), "what was refused counts for nothing");
        time.advance(Duration::from_secs(60));
        (0..60).for_each(|_| ask().unwrap());
        // A rate of an hour says how long that is.
        (0..60).for_each(|_| rates.channel(person(1), source(1)).unwrap());
        assert_eq!(rates.channel(person(1), source(1)), Err(Refusal::rate_limited(60)));
    }

    #[test]
    fn those_at_one_address_share() {
        let (rates, _) = rates(LIMITS);
        let mut admitted = 0;
        while rates.message(person(admitted), source(1)).is_ok() {
            admitted += 1;
        }
        assert_eq!(admitted, u64::from(60 * SHARED));
        rates.message(person(1), source(2)).expect("elsewhere there is room");
        (0..60).for_each(|_| rates.sign_in(source(3)).unwrap());
        assert!(rates.sign_in(source(3)).is_err());
    }

    #[test]
    fn what_an_address_may_not_do_costs_a_person_nothing() {
        let (rates, _) = rates(LIMITS);
        for crowd in 2..2 + u64::from(SHARED) {
            (0..60).for_each(|_| rates.message(person(crowd), source(1)).unwrap());
        }
        rates.message(person(1), source(2)).unwrap();
        for _ in 0..200 {
            assert_eq!(rates.message(person(1), source(1)), Err(Refusal::rate_limited(1)));
        }
        let mut left = 0;
        while rates.message(person(1), source(2)).is_ok() {
            left += 1;
        }
        assert_eq!(left, 59);
        // Also where nothing is known of them.
        assert!(rates.message(person(1_000), source(1)).is_err());
        (0..60).for_each(|_| rates.message(person(1_000), source(3)).unwrap());
    }

    #[test]
    fn a_socket_counts_for_itself() {
        let (rates, time) = rates(LIMITS);
        let (one, other) = (rates.frames(), rates.frames());
        assert!((0..60).all(|_| one.admit()));
        assert!(!one.admit() && other.admit());
        time.advance(Duration::from_secs(1));
        assert!(one.admit());
    }

    #[test]
    fn nothing_is_no_limit() {
        let (rates, _) = rates(RateLimits::default());
        let frames = rates.frames();
        for _ in 0..10_000 {
            rates.message(person(1), source(1)).unwrap();
            rates.sign_in(source(1)).unwrap();
            assert!(frames.admit());
        }
        assert_eq!(rates.sweep(), 0, "nobody is remembered");
    }

    #[test]
    fn a_crowd_is_forgotten_and_a_flood_is_not() {
        let (rates, time) = rates(LIMITS);
        (0..60).for_each(|_| rates.sign_in(source(0)).unwrap());
        for number in 1..=4 * REMEMBERED as u32 {
            rates.sign_in(source(number)).unwrap();
        }
        assert!(rates.sign_in(source(0)).is_err(), "it is still known");
        let remembered = rates.sweep();
        assert!((REMEMBERED / 2..=REMEMBERED).contains(&remembered), "{remembered}");
        time.advance(Duration::from_secs(3_700));
        assert_eq!(rates.sweep(), 0);
    }
}
