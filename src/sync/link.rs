//! Whether the server can be heard, and when to try again.

use super::{Moment, Output};
use crate::domain::frame::{ClientFrame, CloseCode, PING_SECONDS, SILENCE_SECONDS};

/// What a person is told of the link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkState {
    /// The page has only just come; nothing is known.
    #[default]
    Starting,
    Live,
    /// Cut, and being restored.
    Reconnecting,
    /// The browser has no network.
    Offline,
    /// Ended by the server for good; only a new page helps.
    Stopped,
}

/// One socket at a time, one timer, and it never gives up unless the server says so.
#[derive(Debug, Default)]
pub struct Link {
    phase: Phase,
    /// How many times in a row connecting has failed.
    failures: u32,
    has_been_live: bool,
    unplugged: bool,
    /// How long to spread the return, in milliseconds, as the server said last.
    spread: u64,
    /// The last [tick](Self::tick).
    ticked: u64,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    New,
    Waiting {
        until: u64,
    },
    /// No welcome yet: the socket is being opened, or hello was said.
    Connecting {
        since: u64,
        is_open: bool,
    },
    Live {
        since: u64,
        ping_at: u64,
        /// When the link is dead if no ping is answered until then.
        dead_at: u64,
        /// When the first ping was sent that is not answered yet.
        asked: Option<u64>,
    },
    Stopped,
}

const FIRST_DELAY: f64 = 500.0;
/// Whoever waits for a network should not wait for Flack as well. It is the [spread](Link::spread)
/// that protects the server from many who come back, not this.
const LONGEST_DELAY: f64 = 4_000.0;
/// How long a socket may take to be opened and welcomed.
const CONNECT: u64 = 10_000;
/// A link that lived this long was healthy: the next failure starts counting from one.
const HEALTHY: u64 = 10_000;
/// How much longer than after any other end to stay away, when too much was said.
const FLOODED: u64 = 10_000;
const PING: u64 = PING_SECONDS * 1_000;
/// How long the server may leave pings unanswered. A second less than it may take, so that it is
/// noticed in time.
const SILENCE: u64 = SILENCE_SECONDS * 1_000 - 1_000;
/// How long it may do so on a link that is doubted, because the browser slept or changed its network.
const DOUBT: u64 = 5_000;

impl Link {
    pub fn state(&self) -> LinkState {
        match self.phase {
            Phase::Stopped => LinkState::Stopped,
            // The browser knows before the socket does.
            _ if self.unplugged => LinkState::Offline,
            Phase::Live { .. } => LinkState::Live,
            _ if self.has_been_live || self.failures > 0 => LinkState::Reconnecting,
            _ => LinkState::Starting,
        }
    }

    pub fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live { .. })
    }

    /// Whether there is a socket, greeted or not.
    pub fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Live { .. } | Phase::Connecting { is_open: true, .. })
    }

    pub fn opened(&mut self) {
        if let Phase::Connecting { is_open, .. } = &mut self.phase {
            *is_open = true;
        }
    }

    pub fn welcomed(&mut self, now: Moment) {
        self.has_been_live = true;
        self.unplugged = false;
        let Moment { millis: since, .. } = now;
        let (ping_at, dead_at) = (next_ping(now), since + SILENCE);
        self.phase = Phase::Live { since, ping_at, dead_at, asked: None };
    }

    /// What the server says of how many have to come back with this client, in seconds.
    pub fn spread_over(&mut self, seconds: u32) {
        self.spread = u64::from(seconds) * 1_000;
    }

    /// What the server says of it in its welcome. One that has just started has not seen its crowd
    /// yet, so what was said before holds until the next pong.
    pub fn spread_over_at_least(&mut self, seconds: u32) {
        self.spread = self.spread.max(u64::from(seconds) * 1_000);
    }

    pub fn heard(&mut self, now: Moment) {
        // Whatever the browser says: this came over a network.
        self.unplugged = false;
        if let Phase::Live { since, .. } = self.phase
            && now.millis.saturating_sub(since) >= HEALTHY
        {
            self.failures = 0;
        }
    }

    /// A ping is answered. Nothing else keeps a link alive: where only one direction is dead, there
    /// is much to hear from a server that hears nothing.
    pub fn answered(&mut self, now: Moment) {
        if let Phase::Live { dead_at, asked, .. } = &mut self.phase {
            *dead_at = now.millis + SILENCE;
            *asked = None;
        }
    }

    pub fn closed(&mut self, code: Option<CloseCode>, now: Moment) {
        use CloseCode::*;
        self.phase = match code {
            Some(Protocol | SignedOut | Version) => Phase::Stopped,
            Some(Draining | TooSlow | Silent | Full | RateLimited) | None => match self.phase {
                Phase::Stopped => Phase::Stopped,
                _ => self.retry(now),
            },
        };
        if let (Some(RateLimited), Phase::Waiting { until }) = (code, &mut self.phase) {
            *until += FLOODED;
        }
    }

    /// There is nothing to connect for any more.
    pub fn stop(&mut self) {
        self.phase = Phase::Stopped;
    }

    /// The browser is online or visible again: do not wait any longer.
    pub fn woken(&mut self, now: Moment) {
        self.unplugged = false;
        match &mut self.phase {
            Phase::Waiting { until } => *until = now.millis,
            Phase::Live { .. } => self.doubt(now),
            _ => {}
        }
    }

    pub fn unplugged(&mut self, now: Moment) {
        self.unplugged = true;
        self.doubt(now);
    }

    /// It may be dead: ask at once, and do not wait long for the answer.
    fn doubt(&mut self, now: Moment) {
        if let Phase::Live { ping_at, dead_at, .. } = &mut self.phase {
            *ping_at = now.millis;
            *dead_at = (*dead_at).min(now.millis + DOUBT);
        }
    }

    /// What time asks for.
    pub fn tick(&mut self, now: Moment) -> Option<Output> {
        let was_away = now.millis >= self.ticked + DOUBT;
        self.ticked = now.millis;
        if let Phase::Live { ping_at, dead_at, asked, .. } = &mut self.phase {
            // A page in the background may be told of time once a minute. As long as it has not
            // asked, silence says nothing about the link.
            let has_asked = asked.is_some_and(|asked| now.millis >= asked + DOUBT);
            if was_away && !has_asked {
                *ping_at = now.millis;
                *dead_at = now.millis + DOUBT;
            }
        }
        match &mut self.phase {
            Phase::New => Some(self.connect(now)),
            Phase::Waiting { until } if now.millis >= *until => Some(self.connect(now)),
            Phase::Live { dead_at: end, .. } if now.millis >= *end => Some(self.give_up(now)),
            Phase::Connecting { since, .. } if now.millis >= *since + CONNECT => {
                Some(self.give_up(now))
            }
            Phase::Live { ping_at, asked, .. } if now.millis >= *ping_at => {
                *ping_at = next_ping(now);
                asked.get_or_insert(now.millis);
                Some(Output::Send(ClientFrame::Ping))
            }
            _ => None,
        }
    }

    fn connect(&mut self, now: Moment) -> Output {
        self.phase = Phase::Connecting { since: now.millis, is_open: false };
        Output::Connect
    }

    fn give_up(&mut self, now: Moment) -> Output {
        self.phase = self.retry(now);
        Output::Disconnect
    }

    /// Full jitter: anywhere between at once and a bound that doubles with every failure, but is
    /// never less than the server asks for.
    ///
    /// Whoever tried in vain waits for all that the server asks for, and then for the jitter. So
    /// nobody knocks twice within the spread, and a crowd knocks no faster than it comes back, for
    /// however long the server is away.
    fn retry(&mut self, now: Moment) -> Phase {
        let bound = (FIRST_DELAY * 2f64.powi(self.failures.min(16) as i32)).min(LONGEST_DELAY);
        let (at_least, bound) = match self.phase {
            Phase::Live { .. } => (0, bound.max(self.spread as f64)),
            _ => (self.spread, bound),
        };
        self.failures = self.failures.saturating_add(1);
        Phase::Waiting { until: now.millis + at_least + (bound * now.random) as u64 }
    }
}

fn next_ping(now: Moment) -> u64 {
    now.millis + PING + (now.random * 1_000.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment { millis, random: 0.999 }
    }

    fn live() -> Link {
        let mut link = Link::default();
        assert_eq!(link.tick(at(0)), Some(Output::Connect));
        link.opened();
        link.welcomed(at(0));
        link
    }

    #[test]
    fn delays_double_up_to_a_bound_and_never_end() {
        let mut link = Link::default();
        let mut now = 0;
        let mut delays = Vec::new();
        for _ in 0..1_000 {
            link.tick(at(now));
            link.closed(None, at(now));
            let Phase::Waiting { until } = link.phase else { panic!("gave up") };
            delays.push(until - now);
            now = until;
            assert_eq!(link.tick(at(now)), Some(Output::Connect));
        }
        assert_eq!(delays[..4], [499, 999, 1_998, 3_996]);
        assert!(delays[4..].iter().all(|delay| *delay == 3_996));
        assert_eq!(link.state(), LinkState::Reconnecting);
    }

    #[test]
    fn jitter_reaches_down_to_at_once() {
        let mut link = Link::default();
        link.tick(at(0));
        link.closed(None, Moment { millis: 7, random: 0.0 });
        assert!(matches!(link.phase, Phase::Waiting { until: 7 }));
    }

    #[test]
    fn a_crowd_comes_back_as_slowly_as_the_server_asks() {
        let mut link = live();
        link.spread_over(15);
        link.closed(Some(CloseCode::Draining), at(0));
        assert!(matches!(link.phase, Phase::Waiting { until: 14_985 }));
        // One who comes back alone, because their own network was away, does not wait.
        link.woken(at(1));
        assert_eq!(link.tick(at(1)), Some(Output::Connect));
    }

    #[test]
    fn a_crowd_knocks_no_faster_than_it_comes_back() {
        let mut link = live();
        link.spread_over(15);
        link.closed(None, at(0));
        assert_eq!(link.tick(at(14_985)), Some(Output::Connect));
        link.closed(None, Moment { millis: 14_985, random: 0.0 });
        assert!(matches!(link.phase, Phase::Waiting { until: 29_985 }));
    }

    #[test]
    fn a_server_that_has_just_started_does_not_know_its_crowd() {
        let mut link = live();
        link.spread_over(15);
        link.welcomed(at(0));
        link.spread_over_at_least(2);
        assert_eq!(link.spread, 15_000);
        link.spread_over(2);
        assert_eq!(link.spread, 2_000);
    }

    #[test]
    fn a_healthy_link_forgets_the_failures_before_it() {
        let mut link = Link { failures: 9, ..live() };
        link.heard(at(9_999));
        assert_eq!(link.failures, 9);
        link.heard(at(10_000));
        assert_eq!(link.failures, 0);
    }

    /// Lets a second pass again and again, and gives what that leads to.
    fn wait(link: &mut Link, seconds: std::ops::RangeInclusive<u64>) -> Vec<(u64, Output)> {
        seconds.filter_map(|second| Some((second, link.tick(at(second * 1_000))?))).collect()
    }

    #[test]
    fn a_page_that_was_not_told_of_time_asks_before_it_gives_up() {
        let mut link = live();
        for minute in 1..10 {
            // As browsers do in the background.
            let now = minute * 60_000;
            assert_eq!(link.tick(at(now)), Some(Output::Send(ClientFrame::Ping)), "{minute}");
            link.answered(at(now + 50));
        }
        // Without an answer, it does.
        assert_eq!(link.tick(at(10 * 60_000)), Some(Output::Send(ClientFrame::Ping)));
        assert_eq!(link.tick(at(11 * 60_000)), Some(Output::Disconnect));
    }

    #[test]
    fn silence_is_a_dead_link() {
        let ping = Output::Send(ClientFrame::Ping);
        assert_eq!(
            wait(&mut live(), 1..=30),
            [(11, ping.clone()), (22, ping), (24, Output::Disconnect), (25, Output::Connect)]
        );
    }

    #[test]
    fn a_server_that_talks_but_does_not_answer_is_on_a_dead_link() {
        let mut link = live();
        let ends = (1..=30).find(|second| {
            link.heard(at(second * 1_000));
            link.tick(at(second * 1_000)) == Some(Output::Disconnect)
        });
        assert_eq!(ends, Some(24));
    }

    #[test]
    fn a_link_that_may_have_died_in_sleep_is_asked_at_once_and_not_believed_for_long() {
        let ping = Output::Send(ClientFrame::Ping);
        let mut link = live();
        assert_eq!(wait(&mut link, 1..=6), []);
        link.woken(at(7_000));
        assert_eq!(wait(&mut link, 7..=12), [(7, ping.clone()), (12, Output::Disconnect)]);

        let mut link = live();
        assert_eq!(wait(&mut link, 1..=6), []);
        link.woken(at(7_000));
        assert_eq!(wait(&mut link, 7..=7), [(7, ping.clone())]);
        link.answered(at(7_050));
        assert_eq!(wait(&mut link, 8..=20), [(18, ping)]);
        assert_eq!(link.state(), LinkState::Live);
    }

    #[test]
    fn a_socket_that_never_opens_is_given_up_for_the_next() {
        let mut link = Link::default();
        assert_eq!(link.tick(at(0)), Some(Output::Connect));
        assert_eq!(link.tick(at(9_999)), None);
        assert_eq!(link.tick(at(10_000)), Some(Output::Disconnect));
        assert_eq!(link.tick(at(10_500)), Some(Output::Connect));
    }

    #[test]
    fn the_browser_is_believed_until_the_server_is_heard() {
        let mut link = live();
        link.unplugged(at(5));
        assert_eq!(link.state(), LinkState::Offline);
        assert_eq!(link.tick(at(5)), Some(Output::Send(ClientFrame::Ping)));
        link.heard(at(6));
        assert_eq!(link.state(), LinkState::Live);
    }

    #[test]
    fn who_said_too_much_stays_away_for_longer() {
        let mut link = live();
        link.closed(Some(CloseCode::RateLimited), at(0));
        assert!(matches!(link.phase, Phase::Waiting { until: 10_499 }));
        assert_eq!(link.state(), LinkState::Reconnecting);
    }

    #[test]
    fn only_the_server_can_end_it() {
        for (code, stops) in [
            (Some(CloseCode::Draining), false),
            (Some(CloseCode::TooSlow), false),
            (Some(CloseCode::RateLimited), false),
            (Some(CloseCode::Protocol), true),
            (Some(CloseCode::SignedOut), true),
            (Some(CloseCode::Version), true),
            (None, false),
        ] {
            let mut link = Link::default();
            link.tick(at(0));
            link.closed(code, at(0));
            assert_eq!(link.state() == LinkState::Stopped, stops, "{code:?}");
            link.woken(at(1));
            assert_eq!(link.tick(at(1)).is_some(), !stops, "{code:?}");
        }
    }
}
