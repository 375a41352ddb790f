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
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    New,
    Waiting {
        until: u64,
    },
    Connecting {
        since: u64,
    },
    /// Hello was said; no welcome yet.
    Greeting {
        since: u64,
    },
    Live {
        since: u64,
        heard: u64,
        ping_at: u64,
    },
    Stopped,
}

const FIRST_DELAY: f64 = 500.0;
const LONGEST_DELAY: f64 = 30_000.0;
/// A link that lived this long was healthy: the next failure starts counting from one.
const HEALTHY: u64 = 10_000;
const PING: u64 = PING_SECONDS * 1_000;
const SILENCE: u64 = SILENCE_SECONDS * 1_000;

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
        matches!(self.phase, Phase::Live { .. } | Phase::Greeting { .. })
    }

    pub fn opened(&mut self, now: Moment) {
        self.phase = Phase::Greeting { since: now.millis };
    }

    pub fn welcomed(&mut self, now: Moment) {
        self.has_been_live = true;
        self.unplugged = false;
        self.phase = Phase::Live { since: now.millis, heard: now.millis, ping_at: next_ping(now) };
    }

    pub fn heard(&mut self, now: Moment) {
        // Whatever the browser says: this came over a network.
        self.unplugged = false;
        if let Phase::Live { since, heard, .. } = &mut self.phase {
            *heard = now.millis;
            if now.millis - *since >= HEALTHY {
                self.failures = 0;
            }
        }
    }

    pub fn closed(&mut self, code: Option<CloseCode>, now: Moment) {
        use CloseCode::*;
        self.phase = match code {
            Some(Protocol | SignedOut | Version) => Phase::Stopped,
            Some(Draining | TooSlow | Silent | Full) | None => match self.phase {
                Phase::Stopped => Phase::Stopped,
                _ => self.retry(now),
            },
        };
    }

    /// The browser is online or visible again: do not wait any longer.
    pub fn woken(&mut self, now: Moment) {
        self.unplugged = false;
        match &mut self.phase {
            Phase::Waiting { until } => *until = now.millis,
            // It may have slept with the link dead: ask at once.
            Phase::Live { ping_at, .. } => *ping_at = now.millis,
            _ => {}
        }
    }

    pub fn unplugged(&mut self, now: Moment) {
        self.unplugged = true;
        if let Phase::Live { ping_at, .. } = &mut self.phase {
            *ping_at = now.millis;
        }
    }

    /// What time asks for.
    pub fn tick(&mut self, now: Moment) -> Option<Output> {
        match &mut self.phase {
            Phase::New => {
                self.phase = Phase::Connecting { since: now.millis };
                Some(Output::Connect)
            }
            Phase::Waiting { until } if now.millis >= *until => {
                self.phase = Phase::Connecting { since: now.millis };
                Some(Output::Connect)
            }
            Phase::Live { heard, .. } if now.millis >= *heard + SILENCE => {
                self.phase = self.retry(now);
                Some(Output::Disconnect)
            }
            Phase::Connecting { since } | Phase::Greeting { since }
                if now.millis >= *since + SILENCE =>
            {
                self.phase = self.retry(now);
                Some(Output::Disconnect)
            }
            Phase::Live { ping_at, .. } if now.millis >= *ping_at => {
                *ping_at = next_ping(now);
                Some(Output::Send(ClientFrame::Ping))
            }
            _ => None,
        }
    }

    /// Full jitter: anywhere between at once and a bound that doubles with every failure.
    fn retry(&mut self, now: Moment) -> Phase {
        let bound = (FIRST_DELAY * 2f64.powi(self.failures.min(16) as i32)).min(LONGEST_DELAY);
        self.failures = self.failures.saturating_add(1);
        Phase::Waiting { until: now.millis + (bound * now.random) as u64 }
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

    #[test]
    fn delays_double_up_to_half_a_minute_and_never_end() {
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
        assert!(delays[8..].iter().all(|delay| *delay == 29_970));
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
    fn a_healthy_link_forgets_the_failures_before_it() {
        let mut link = Link { failures: 9, ..Link::default() };
        link.opened(at(0));
        link.welcomed(at(0));
        link.heard(at(9_999));
        assert_eq!(link.failures, 9);
        link.heard(at(10_000));
        assert_eq!(link.failures, 0);
    }

    #[test]
    fn silence_is_a_dead_link() {
        let mut link = Link::default();
        link.opened(at(0));
        link.welcomed(at(0));
        assert_eq!(link.tick(at(9_999)), None);
        assert_eq!(link.tick(at(11_000)), Some(Output::Send(ClientFrame::Ping)));
        assert_eq!(link.tick(at(11_001)), None);
        assert_eq!(link.tick(at(24_999)), Some(Output::Send(ClientFrame::Ping)));
        assert_eq!(link.tick(at(25_000)), Some(Output::Disconnect));
        assert_eq!(link.state(), LinkState::Reconnecting);
    }

    #[test]
    fn a_socket_that_never_opens_is_given_up_for_the_next() {
        let mut link = Link::default();
        assert_eq!(link.tick(at(0)), Some(Output::Connect));
        assert_eq!(link.tick(at(24_999)), None);
        assert_eq!(link.tick(at(25_000)), Some(Output::Disconnect));
        assert_eq!(link.tick(at(25_500)), Some(Output::Connect));
    }

    #[test]
    fn the_browser_is_believed_until_the_server_is_heard() {
        let mut link = Link::default();
        link.opened(at(0));
        link.welcomed(at(0));
        link.unplugged(at(5));
        assert_eq!(link.state(), LinkState::Offline);
        assert_eq!(link.tick(at(5)), Some(Output::Send(ClientFrame::Ping)));
        link.heard(at(6));
        assert_eq!(link.state(), LinkState::Live);
    }

    #[test]
    fn only_the_server_can_end_it() {
        for (code, stops) in [
            (Some(CloseCode::Draining), false),
            (Some(CloseCode::TooSlow), false),
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
