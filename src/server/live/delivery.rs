//! How events reach those who listen: in passes over the listeners of a lane, by one thread.
//!
//! A pass costs one write for each listener, however much it has to tell. So a busy lane rests after a
//! pass, and what is told meanwhile goes out together with the next. It rests for nine times as long as
//! the pass took, so that no lane takes more than a tenth of the thread, and never longer than an
//! operator allows: a room of ten does not rest, one of a thousand in which a hundred messages a second
//! are written is written to about twenty times a second. What is told after a rest goes out at once, so
//! a quiet room of any size waits for nothing.

use std::{
    collections::BTreeMap,
    mem,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{Listeners, encode, encode_into, socket::Socket};
use crate::{
    domain::{
        event::{Event, Lane},
        frame::ServerFrame,
    },
    server::metrics::Deliveries,
};

/// How many times as long as a pass took its lane rests.
const REST: u32 = 9;

/// Shorter rests gather nothing.
const SHORTEST_REST: Duration = Duration::from_millis(1);

/// So many bytes go out to a lane's listeners, however short its rest was.
const ROUND_LIMIT: usize = 64 * 1024;

/// How many commits may wait to be told of. Then the log waits, and what people ask for waits there.
const QUEUE: usize = 64;

/// What there is to tell of a commit.
#[derive(Debug)]
pub struct News {
    /// When the commit was applied.
    pub at: Instant,
    /// What happened in lanes, in order. Each event goes to those who listened as it was applied: whoever
    /// came after that has it already.
    pub events: Vec<(Listeners, Event)>,
    /// What single people are told.
    pub asides: Vec<(Vec<Arc<Socket>>, ServerFrame)>,
    /// Those who wrote. They are [held](Socket::hold) until all this is delivered: what they are told of it,
    /// and the log's answers, are one write to each then.
    pub held: Vec<Arc<Socket>>,
}

/// The one that delivers, for whoever [runs](Self::run) it.
#[derive(Debug)]
pub struct Delivery {
    news: Receiver<News>,
    /// The longest that a lane rests.
    longest_rest: Duration,
    deliveries: Deliveries,
    rounds: BTreeMap<Lane, Round>,
    held: Vec<Arc<Socket>>,
}

/// What a lane is told next.
#[derive(Debug, Default)]
struct Round {
    /// Until when the lane rests, if it does.
    rests_until: Option<Instant>,
    bursts: Vec<Burst>,
}

/// Events that the same sockets listen to.
#[derive(Debug)]
struct Burst {
    /// When the first of them was applied.
    since: Instant,
    listeners: Listeners,
    frames: Vec<u8>,
    events: usize,
}

impl Delivery {
    /// Delivers what comes out of the other end.
    pub fn new(longest_rest: Duration, deliveries: Deliveries) -> (SyncSender<News>, Self) {
        let (sender, news) = sync_channel(QUEUE);
        (sender, Self { news, longest_rest, deliveries, rounds: BTreeMap::new(), held: vec![] })
    }

    /// Delivers until nobody has news any more.
    pub fn run(mut self) {
        loop {
            let news = match self.due() {
                Some(due) => self.news.recv_timeout(due.saturating_duration_since(Instant::now())),
                None => self.news.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match news {
                Ok(news) => self.hear(news),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.turn();
        }
    }

    /// Hears of all commits that there is news of, and delivers what is due. Gives whether there was any.
    pub fn turn(&mut self) -> bool {
        for _ in 0..QUEUE {
            let Ok(news) = self.news.try_recv() else { break };
            self.hear(news);
        }
        let now = Instant::now();
        let mut has_told = false;
        self.rounds.retain(|lane, round| {
            if round.is_due(now) {
                has_told = true;
                round.pass(lane, self.longest_rest, &self.deliveries);
            }
            !round.bursts.is_empty() || round.rests(now)
        });
        self.held.drain(..).for_each(|socket| socket.release());
        has_told
    }

    /// When the next round is due; none if nothing waits.
    fn due(&self) -> Option<Instant> {
        let waiting = self.rounds.values().filter(|round| !round.bursts.is_empty());
        waiting.filter_map(|round| round.rests_until).min()
    }

    fn hear(&mut self, News { at, events, asides, held }: News) {
        self.held.extend(held);
        for (listeners, event) in events {
            let round = self.rounds.entry(event.lane.clone()).or_default();
            round.add(at, listeners, event);
        }
        for (sockets, frame) in asides {
            let frame = encode(&frame);
            sockets.iter().for_each(|socket| socket.send(&frame));
        }
    }
}

impl Round {
    fn add(&mut self, at: Instant, listeners: Listeners, event: Event) {
        let burst = match self.bursts.last_mut() {
            Some(burst) if Arc::ptr_eq(&burst.listeners, &listeners) => burst,
            _ => {
                self.bursts.push_mut(Burst { since: at, listeners, frames: Vec::new(), events: 0 })
            }
        };
        encode_into(&mut burst.frames, &ServerFrame::Event(event));
        burst.events += 1;
    }

    fn rests(&self, now: Instant) -> bool {
        self.rests_until.is_some_and(|until| until > now)
    }

    fn is_due(&self, now: Instant) -> bool {
        let waiting: usize = self.bursts.iter().map(|burst| burst.frames.len()).sum();
        waiting > 0 && (!self.rests(now) || waiting >= ROUND_LIMIT)
    }

    /// Writes what waits to all who listen.
    fn pass(&mut self, lane: &Lane, longest_rest: Duration, deliveries: &Deliveries) {
        let begun = Instant::now();
        let room = lane.clone().room();
        for Burst { since, listeners, frames, events } in mem::take(&mut self.bursts) {
            deliveries.count(events, listeners.len());
            let frames = Bytes::from(frames);
            // None but these could join the lane. What is private is worth asking twice.
            let is_admitted =
                |socket: &&Arc<Socket>| room.iter().all(|room| room.admits(socket.person.id));
            listeners.iter().filter(is_admitted).for_each(|socket| socket.send(&frames));
            deliveries.done(since);
        }
        let took = begun.elapsed();
        self.rests_until = rest_after(took, longest_rest).map(|rest| begun + took + rest);
    }
}

/// How long a lane rests after a pass, if it does.
fn rest_after(pass: Duration, longest: Duration) -> Option<Duration> {
    Some((pass * REST).min(longest)).filter(|rest| *rest >= SHORTEST_REST)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, IoSlice},
        sync::Mutex,
    };

    use super::{super::socket::Stream, *};
    use crate::domain::{
        event::{Change, Deletion},
        name::{ChannelName, DisplayName},
        person::{Person, PersonId, SessionId},
        position::Position,
        room::{Pair, Room},
    };

    const LONGEST: Duration = Duration::from_millis(45);

    /// What was written to it, write by write.
    #[derive(Debug, Default)]
    struct Page(Mutex<Vec<Vec<u8>>>);

    impl Stream for Page {
        fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn try_write_all(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
            self.try_write(&pieces.iter().flat_map(|piece| piece.to_vec()).collect::<Vec<u8>>())
        }
    }

    fn open(person: u64) -> Arc<Socket<Page>> {
        let name = DisplayName::stored(format!("Person {person}"));
        let person = Person { id: PersonId(Position(person)), name };
        Arc::new(Socket::new(Page::default(), SessionId([0; 32]), person))
    }

    fn listeners(pages: &[&Arc<Socket<Page>>]) -> Listeners {
        Arc::new(pages.iter().map(|page| Arc::<Socket<Page>>::clone(page) as Arc<Socket>).collect())
    }

    /// Which events each write had, by their positions.
    fn told(page: &Socket<Page>) -> Vec<Vec<u64>> {
        let writes = mem::take(&mut *page.stream.0.lock().unwrap());
        let positions = |bytes: Vec<u8>| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let numbers = text.split("\"position\":").skip(1).step_by(2);
            numbers.map(|rest| rest.split([',', '}']).next().unwrap().parse().unwrap()).collect()
        };
        writes.into_iter().map(positions).collect()
    }

    fn event(room: &Room, position: u64) -> Event {
        let position = Position(position);
        let message = Position(1);
        let change = Change::Deleted(Deletion { position, message, uncovered: None });
        Event { lane: room.clone().into(), position, prev: Position::ZERO, command: None, change }
    }

    fn channel() -> Room {
        Room::Channel(ChannelName::try_from("general").unwrap())
    }

    fn delivery() -> (SyncSender<News>, Delivery) {
        Delivery::new(LONGEST, Deliveries::default())
    }

    fn news(events: Vec<(Listeners, Event)>) -> News {
        News { at: Instant::now(), events, asides: vec![], held: vec![] }
    }

    /// Lets a lane rest as after a long pass.
    fn rest(delivery: &mut Delivery, room: &Room) {
        let rests_until = Some(Instant::now() + Duration::from_secs(3_600));
        delivery.rounds.insert(room.clone().into(), Round { rests_until, bursts: vec![] });
    }

    #[test]
    fn a_lane_rests_for_as_long_as_its_pass_was_worth() {
        assert_eq!(rest_after(Duration::from_micros(40), LONGEST), None, "a room of ten");
        let rest = rest_after(Duration::from_millis(2), LONGEST);
        assert_eq!(rest, Some(Duration::from_millis(18)));
        assert_eq!(rest_after(Duration::from_secs(1), LONGEST), Some(LONGEST));
        assert_eq!(rest_after(Duration::from_secs(1), Duration::ZERO), None, "switched off");
    }

    #[test]
    fn what_waits_goes_out_together_and_in_order() {
        let (sender, mut delivery) = delivery();
        let (ada, room) = (open(2), channel());
        let everyone = listeners(&[&ada]);
        for position in 1..=3 {
            sender.send(news(vec![(everyone.clone(), event(&room, position))])).unwrap();
        }
        assert!(delivery.turn());
        assert_eq!(told(&ada), [vec![1, 2, 3]]);
        assert!(!delivery.turn(), "there is no more");
    }

    #[test]
    fn a_lane_that_rests_is_told_later_and_others_are_not_kept_waiting() {
        let (sender, mut delivery) = delivery();
        let (ada, room) = (open(2), channel());
        let quiet = Room::Direct(Pair::of(ada.person.id, PersonId(Position(3))));
        rest(&mut delivery, &room);
        let everyone = listeners(&[&ada]);
        let both = [&room, &quiet].map(|room| (everyone.clone(), event(room, 1)));
        sender.send(news(both.into())).unwrap();
        assert!(delivery.turn());
        assert_eq!(told(&ada), [vec![1]]);
        assert!(delivery.due().is_some());
        let round = delivery.rounds.get_mut(&room.clone().into()).unwrap();
        round.rests_until = Some(Instant::now());
        assert!(delivery.turn());
        assert_eq!(told(&ada), [vec![1]]);
        assert_eq!(delivery.due(), None);
    }

    #[test]
    fn nothing_grows_without_limit_while_a_lane_rests() {
        let (sender, mut delivery) = delivery();
        let (ada, room) = (open(2), channel());
        rest(&mut delivery, &room);
        let everyone = listeners(&[&ada]);
        let size = encode(&ServerFrame::Event(event(&room, 1_000))).len();
        let enough = ROUND_LIMIT.div_ceil(size);
        for position in 1_000..1_000 + enough as u64 - 1 {
            sender.send(news(vec![(everyone.clone(), event(&room, position))])).unwrap();
            assert!(!delivery.turn());
        }
        sender.send(news(vec![(everyone, event(&room, 9_999))])).unwrap();
        assert!(delivery.turn());
        assert_eq!(told(&ada)[0].len(), enough);
    }

    #[test]
    fn who_comes_while_something_waits_is_told_only_what_happens_after_that() {
        let (sender, mut delivery) = delivery();
        let (ada, grace, room) = (open(2), open(3), channel());
        rest(&mut delivery, &room);
        sender.send(news(vec![(listeners(&[&ada]), event(&room, 1))])).unwrap();
        let everyone = listeners(&[&ada, &grace]);
        sender.send(news(vec![(everyone.clone(), event(&room, 2))])).unwrap();
        sender.send(news(vec![(everyone, event(&room, 3))])).unwrap();
        assert!(!delivery.turn());
        delivery.rounds.get_mut(&room.into()).unwrap().rests_until = None;
        assert!(delivery.turn());
        assert_eq!(told(&ada), [vec![1], vec![2, 3]]);
        assert_eq!(told(&grace), [vec![2, 3]]);
    }

    #[test]
    fn who_wrote_is_told_all_of_it_in_one_write() {
        let (sender, mut delivery) = delivery();
        let (ada, grace, room) = (open(2), open(3), channel());
        ada.hold();
        let answer = ServerFrame::Pong { spread: 0 };
        let news = News {
            asides: vec![(vec![ada.clone()], answer.clone())],
            held: vec![ada.clone()],
            ..news(vec![(listeners(&[&ada, &grace]), event(&room, 1))])
        };
        sender.send(news).unwrap();
        ada.send(&encode(&answer));
        assert!(delivery.turn());
        assert_eq!(told(&ada), [vec![1]]);
        assert_eq!(told(&grace), [vec![1]]);
        ada.send(&encode(&answer));
        assert_eq!(told(&ada).len(), 1, "it is not held any more");
    }

    #[test]
    fn a_private_event_is_told_to_nobody_else_whoever_listens() {
        let (sender, mut delivery) = delivery();
        let (ada, grace, mallory) = (open(2), open(3), open(4));
        let room = Room::Direct(Pair::of(ada.person.id, grace.person.id));
        let everyone = listeners(&[&ada, &grace, &mallory]);
        sender.send(news(vec![(everyone, event(&room, 1))])).unwrap();
        assert!(delivery.turn());
        assert_eq!(told(&ada), [vec![1]]);
        assert_eq!(told(&grace), [vec![1]]);
        assert!(told(&mallory).is_empty());
    }
}
