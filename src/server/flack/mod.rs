//! The engine: one value that knows everything, given to whoever asks on somebody's behalf.

use std::{
    collections::{HashMap, HashSet},
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::oneshot;

use self::follow::follow;
use super::{
    archive::{Archive, Readers},
    files::{FileLimits, Files},
    live::{
        Finished, Lanes, delivery::Delivery, presence::Presence, socket::Socket, typing::Typing,
    },
    log::{Answer, Follower, Log, NewDevice, Order, Request, embedded::Embedded},
    metrics::{Deliveries, Levels, Metrics},
    rates::{Clock, RateLimits, Rates},
    state::State,
    store::{self, Beginning, DataDir, StoreError},
    token::LinkId,
    vital,
};
use crate::domain::{
    channel::{Channel, Directory, TopicText},
    command::{Command, CommandId},
    device::{Device, DeviceId},
    direct::Directs,
    event::Lane,
    name::{ChannelName, DisplayName},
    page::Page,
    person::{Person, PersonId, SessionId},
    position::{Epoch, Position},
    refusal::Refusal,
    room::Room,
    unread::Memberships,
    window::Window,
};

mod files;
mod follow;
mod live;

/// How much this server takes on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub sockets: usize,
    pub people: u64,
    pub channels: u64,
    /// How long what happens in a busy room may be gathered, to be told together.
    pub gather: Duration,
    pub rates: RateLimits,
    pub files: FileLimits,
}

/// How often a window is read at most that is old by the time it is there, because somebody has said something
/// in the room meanwhile.
const READS_LIMIT: usize = 500;

/// How exactly it is known when a device was there last.
const SEEN: TimeDelta = TimeDelta::hours(1);

/// A running Flack. Clones are the same one.
#[derive(Clone)]
pub struct Flack(Arc<Inner>);

struct Inner {
    epoch: Epoch,
    house: Arc<Mutex<House>>,
    // Before the log: whoever closes the file last tidies it up, and with it what was deleted. Two
    // who close it at once would leave that to each other.
    archive: Box<dyn Archive>,
    /// Whose turn it is to read a window: those who come to a server that starts want the same few, and one
    /// reading of each is enough.
    reading: tokio::sync::Mutex<()>,
    log: Box<dyn Log>,
    files: Arc<Files>,
    sockets: AtomicUsize,
    is_draining: AtomicBool,
    seen: Mutex<Seen>,
    /// Those who have missed something of who is here, because other things were in its way.
    missed: Mutex<Vec<Weak<Socket>>>,
    limits: Limits,
    rates: Rates,
    metrics: Metrics,
    clock: Clock,
}

/// Which devices were there.
#[derive(Default)]
struct Seen {
    /// When each was noted.
    noted: HashMap<SessionId, DateTime<Utc>>,
    unsaved: Vec<SessionId>,
}

/// What people see, and who is looking. One lock holds both, so that nobody can start to listen
/// between a change and its event. It is held while a frame is finished, and never while waiting.
struct House {
    position: Position,
    state: State,
    lanes: Lanes,
    finished: Finished,
    presence: Presence,
    typing: Typing,
}

impl Flack {
    /// Starts on a data directory. The handle is of the thread that writes the log; it ends when the
    /// last clone is dropped, and then the directory is free for another.
    ///
    /// # Errors
    /// When the store cannot be opened or read.
    pub fn open(dir: DataDir, limits: Limits) -> Result<(Self, JoinHandle<()>), StoreError> {
        let store = dir.open(store::Limits {
            people: limits.people,
            channels: limits.channels,
            files: limits.files,
        })?;
        let reader = dir.reader()?;
        let beginning = reader.beginning(store.last())?;
        let archive = Readers::new(reader, dir.path());
        let files = dir.files().clone();
        let clock = Clock::default();
        let archive = Box::new(archive);
        let (flack, delivery, writer) =
            Self::start(beginning, archive, files, limits, clock, |follower| {
                let (log, thread) = Embedded::start(store, follower);
                (Box::new(log), thread)
            });
        // It ends with the log.
        vital::spawn("flack-delivery", || delivery.run());
        Ok((flack, writer))
    }

    /// Goes on from a beginning. Rates are counted, and people leave, by `clock`; `log` makes the log, and
    /// gives it with whatever else it made. Somebody has to deliver.
    pub fn start<T>(
        beginning: Beginning,
        archive: Box<dyn Archive>,
        files: Arc<Files>,
        limits: Limits,
        clock: Clock,
        log: impl FnOnce(Follower) -> (Box<dyn Log>, T),
    ) -> (Self, Delivery, T) {
        let Beginning { epoch, position, state } = beginning;
        let (lanes, finished, typing) = (Lanes::default(), Finished::default(), Typing::default());
        let presence = Presence::new(clock.now());
        let house =
            Arc::new(Mutex::new(House { position, state, lanes, finished, presence, typing }));
        let deliveries = Deliveries::default();
        let (news, delivery) = Delivery::new(limits.gather, deliveries.clone());
        let (log, made) = log(follow(house.clone(), news));
        let metrics = Metrics::new(log.meter(), &deliveries);
        let (sockets, is_draining) = (AtomicUsize::new(0), AtomicBool::new(false));
        let rates = Rates::new(limits.rates, clock.clone());
        let (seen, missed) = (Mutex::default(), Mutex::default());
        let inner = Inner {
            epoch,
            house,
            archive,
            reading: tokio::sync::Mutex::default(),
            log,
            files,
            sockets,
            is_draining,
            seen,
            missed,
            limits,
            rates,
            metrics,
            clock,
        };
        (Self(Arc::new(inner)), delivery, made)
    }

    /// Who a session belongs to, as long as it has not ended.
    pub fn person(&self, session: &SessionId) -> Option<Person> {
        self.house().state.person(session).cloned()
    }

    /// Makes a new person, whom this session speaks for.
    ///
    /// # Errors
    /// When the name is no name, or taken.
    pub async fn sign_in(&self, name: &str, device: NewDevice) -> Result<Person, Refusal> {
        let name = DisplayName::try_from(name).map_err(Refusal::display_name)?;
        let session = device.session;
        self.request(Request::SignIn { name, device }).await?;
        self.person(&session).ok_or_else(Refusal::not_signed_in)
    }

    /// Ends a session and closes its sockets. The person's name stays theirs.
    ///
    /// # Errors
    /// When there is no such session.
    pub async fn sign_out(&self, session: SessionId) -> Result<(), Refusal> {
        self.request(Request::SignOut { session }).await.map(|_| ())
    }

    /// The devices of a person, the newest first, as the one of `session` sees them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn devices(&self, of: PersonId, session: SessionId) -> Result<Vec<Device>, Refusal> {
        let devices = self.0.archive.devices(of).await.map_err(unreadable)?;
        let listeners = self.house().lanes.listeners(&Lane::Person(of)).cloned();
        let is_online = |id: SessionId| {
            listeners.iter().flat_map(|list| list.iter()).any(|socket| socket.session == id)
        };
        let devices = devices.into_iter().map(|(id, device)| Device {
            is_this: id == session,
            is_online: is_online(id),
            ..device
        });
        Ok(devices.collect())
    }

    /// Whether a page of this person is open.
    pub fn is_online(&self, person: PersonId) -> bool {
        self.house().lanes.listeners(&Lane::Person(person)).is_some()
    }

    /// Those of these people who are here, as everybody was told.
    pub fn online_of(&self, people: impl IntoIterator<Item = PersonId>) -> Vec<PersonId> {
        let house = self.house();
        people.into_iter().filter(|person| house.presence.is_online(*person)).collect()
    }

    /// Signs one of one's devices out, and closes its sockets.
    ///
    /// # Errors
    /// When one has no such device, or `session`, through which one asks, has ended.
    pub async fn end_device(
        &self,
        by: PersonId,
        session: SessionId,
        device: DeviceId,
    ) -> Result<(), Refusal> {
        self.request(Request::EndDevice { by, session, device }).await.map(|_| ())
    }

    /// Signs all of one's devices out but the one of `session`.
    ///
    /// # Errors
    /// When there is no other, or that one has ended.
    pub async fn end_others(&self, by: PersonId, session: SessionId) -> Result<(), Refusal> {
        self.request(Request::EndOthers { by, session }).await.map(|_| ())
    }

    /// Notes that a device is there, if that was not noted within the last hour. Nobody waits for it; it is
    /// [saved](Self::save_seen) with others.
    pub fn note_seen(&self, session: SessionId, now: DateTime<Utc>) {
        let seen = &mut *self.0.seen();
        if seen.noted.get(&session).is_some_and(|noted| now - *noted <= SEEN) {
            return;
        }
        // Those who were noted longer ago would be noted again anyway.
        if seen.noted.len() >= self.0.limits.sockets {
            seen.noted.retain(|_, noted| now - *noted <= SEEN);
        }
        seen.noted.insert(session, now);
        seen.unsaved.push(session);
    }

    /// Saves which devices were there, all at once: thousands come back to a server that starts.
    pub fn save_seen(&self) {
        let sessions = mem::take(&mut self.0.seen().unsaved);
        if sessions.is_empty() {
            return;
        }
        let (engine, again) = (Arc::downgrade(&self.0), sessions.clone());
        let answer = move |result: Result<Position, Refusal>| {
            // The log may have been too busy for what can wait.
            if let (Err(_), Some(engine)) = (result, engine.upgrade()) {
                engine.seen().unsaved.extend(again);
            }
        };
        self.0.log.submit(Request::Seen { sessions }, Box::new(answer));
    }

    /// Lets one more device speak for a person, by a link, in place of any link before.
    ///
    /// # Errors
    /// When it cannot be saved, or `session`, through which they ask, has ended.
    pub async fn create_link(
        &self,
        by: PersonId,
        session: SessionId,
        link: LinkId,
    ) -> Result<(), Refusal> {
        self.request(Request::CreateLink { by, session, link }).await.map(|_| ())
    }

    /// For whom a link lets one speak.
    ///
    /// # Errors
    /// When it does not work (any more).
    pub async fn link(&self, link: LinkId, now: DateTime<Utc>) -> Result<Person, Refusal> {
        let person = self.0.archive.link(link, now).await.map_err(unreadable)?;
        person.ok_or_else(Refusal::unknown_link)
    }

    /// Lets a device speak for the person who made the link, which does not work again.
    ///
    /// # Errors
    /// When the link does not work (any more).
    pub async fn use_link(&self, link: LinkId, device: NewDevice) -> Result<Person, Refusal> {
        let session = device.session;
        self.request(Request::UseLink { link, device }).await?;
        self.person(&session).ok_or_else(Refusal::not_signed_in)
    }

    /// Does what the operator orders.
    ///
    /// # Errors
    /// When it cannot be done.
    pub async fn order(&self, order: Order) -> Result<(), Refusal> {
        self.request(Request::Order(order)).await.map(|_| ())
    }

    /// Lets a device speak for whoever is called this: for the operator.
    ///
    /// # Errors
    /// When nobody is.
    pub async fn link_for(&self, name: String, link: LinkId) -> Result<(), Refusal> {
        self.request(Request::LinkFor { name, link }).await.map(|_| ())
    }

    pub fn directory(&self) -> Directory {
        self.house().state.directory().clone()
    }

    /// The channel that people mean when they write `name`, as in an address or a form.
    ///
    /// # Errors
    /// When there is none.
    pub fn channel(&self, name: &str) -> Result<ChannelName, Refusal> {
        self.find_channel(name).map(|channel| channel.name)
    }

    /// The same, with all that is known of it.
    ///
    /// # Errors
    /// When there is none.
    pub fn find_channel(&self, name: &str) -> Result<Channel, Refusal> {
        let house = self.house();
        let directory = house.state.directory();
        let found = directory.find(name).or_else(|| {
            let tidy = ChannelName::try_from(name).ok()?;
            directory.find(tidy.as_str())
        });
        found.cloned().ok_or_else(Refusal::unknown_channel)
    }

    /// The room that somebody means, if they may be there.
    ///
    /// # Errors
    /// When there is none for them; whether there is one for others is not said.
    pub fn room(&self, by: PersonId, room: &Room) -> Result<Room, Refusal> {
        match room {
            // Most know its name.
            Room::Channel(_) if self.house().state.has(room) => Ok(room.clone()),
            Room::Channel(name) => self.channel(name.as_str()).map(Room::Channel),
            room if room.admits(by) => Ok(room.clone()),
            room => Err(Refusal::unknown_room(room)),
        }
    }

    /// The person of this id.
    ///
    /// # Errors
    /// When there is none.
    pub async fn person_of(&self, id: PersonId) -> Result<Person, Refusal> {
        let person = self.0.archive.person(id).await.map_err(unreadable)?;
        person.ok_or_else(Refusal::unknown_person)
    }

    /// People whose names have `part` in them: so many, in alphabetical order, but those who are here
    /// before those who are not. Who asks is here, whatever the others have been told.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn people(
        &self,
        asker: Option<&Person>,
        part: String,
        limit: usize,
    ) -> Result<Vec<Person>, Refusal> {
        let mut people = self.here(asker, &part.to_lowercase());
        let all = self.0.archive.people(part, limit).await.map_err(unreadable)?;
        let here: HashSet<PersonId> = people.iter().map(|person| person.id).collect();
        people.extend(all.into_iter().filter(|person| !here.contains(&person.id)));
        people.truncate(limit);
        Ok(people)
    }

    /// Those who are here and whose names have `part` in them, in alphabetical order.
    fn here(&self, asker: Option<&Person>, part: &str) -> Vec<Person> {
        let house = self.house();
        let others = house.presence.online().filter(|it| asker.is_none_or(|me| me.id != it.id));
        let named = others.chain(asker).map(|it| (it.name.as_str().to_lowercase(), it));
        let mut named: Vec<(String, &Person)> =
            named.filter(|(name, _)| name.contains(part)).collect();
        named.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        named.into_iter().map(|(_, person)| person.clone()).collect()
    }

    /// # Errors
    /// When the name is no name, or conflicts with another channel's.
    pub async fn create_channel(&self, by: PersonId, name: &str) -> Result<Channel, Refusal> {
        let name = ChannelName::try_from(name).map_err(Refusal::channel_name)?;
        let request = Request::CreateChannel { by, name: name.clone() };
        let created = self.request(request).await?;
        Ok(Channel { name, created, topic: None })
    }

    /// Says what a channel is about, and gives the channel. Nothing to see says that it is about nothing
    /// in particular.
    ///
    /// # Errors
    /// When there is no such channel, or that is too long.
    pub async fn set_topic(
        &self,
        by: PersonId,
        channel: &str,
        topic: &str,
    ) -> Result<Channel, Refusal> {
        let text = TopicText::read(topic).map_err(Refusal::topic)?;
        let channel = self.channel(channel)?;
        self.request(Request::SetTopic { by, channel: channel.clone(), text }).await?;
        self.find_channel(channel.as_str())
    }

    /// Does a command, once, and gives the position at which it was done.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn ask(
        &self,
        by: PersonId,
        id: CommandId,
        command: Command,
    ) -> Result<Position, Refusal> {
        self.request(Request::Command { by, id, command }).await
    }

    /// Changes how much somebody wants to hear of a room; what is none stays as it is.
    ///
    /// # Errors
    /// When there is no such room for them.
    pub async fn set_room(
        &self,
        by: PersonId,
        room: Room,
        is_muted: Option<bool>,
        is_favourite: Option<bool>,
    ) -> Result<Position, Refusal> {
        self.request(Request::SetRoom { by, room, is_muted, is_favourite }).await
    }

    /// Like [`ask`](Self::ask), for a socket: without waiting for the answer.
    pub fn submit(
        &self,
        session: SessionId,
        by: PersonId,
        id: CommandId,
        command: Command,
        answer: Answer,
    ) {
        // The socket of an ended session may not have noticed yet.
        if self.person(&session).is_none() {
            return answer(Err(Refusal::not_signed_in()));
        }
        self.0.log.submit(Request::Command { by, id, command }, answer);
    }

    async fn request(&self, request: Request) -> Result<Position, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.0.log.submit(request, Box::new(|result| drop(answer.send(result))));
        answered.await.unwrap_or_else(|_| Err(Refusal::unavailable()))
    }

    /// All that a page shows to `me`, with the room of its address open.
    ///
    /// # Errors
    /// When there is no such room for them, or the store cannot be read.
    pub async fn page(
        &self,
        me: Option<Person>,
        path: &str,
        open: Option<Room>,
    ) -> Result<Page, Refusal> {
        let mut page = Page {
            me,
            epoch: self.0.epoch.clone(),
            directory: Directory::default(),
            directs: Directs::default(),
            memberships: Memberships::default(),
            online: Vec::new(),
            limits: self.file_limits().attachments,
            path: path.to_owned(),
            open: None,
            people: None,
            editing: None,
            replying: None,
            refused: None,
        };
        let Some(me) = page.me.as_ref().map(|me| me.id) else { return Ok(page) };
        let kept = self.0.archive.memberships(me).await.map_err(unreadable)?;
        let mut stranger = None;
        // The window comes last: what it lacks has to be still in the browser's outbox.
        if let Some(room) = open {
            let room = self.room(me, &room)?;
            if let Room::Direct(pair) = &room {
                stranger = Some(self.person_of(pair.other(me)).await?);
            }
            let window = self.look(&room, |_, _, window| window.clone()).await?;
            page.open = Some((room, window));
        }
        {
            let house = self.house();
            page.memberships = house.state.memberships(me, kept);
            page.directory = house.state.directory().clone();
            page.directs = house.state.directs(me);
        }
        stranger.into_iter().for_each(|stranger| page.directs.add(stranger));
        page.online = self.online_of(page.directs.list().iter().map(|direct| direct.with.id));
        Ok(page)
    }

    /// What was said last in a channel.
    ///
    /// # Errors
    /// When there is no such channel, or it cannot be read.
    pub async fn window(&self, channel: &str) -> Result<Window, Refusal> {
        let room = Room::Channel(self.channel(channel)?);
        self.look(&room, |_, _, window| window.clone()).await
    }

    /// Looks at a room's window with nothing happening meanwhile. It is read from the store
    /// first, if it is not in memory.
    async fn look<T>(
        &self,
        room: &Room,
        look: impl FnOnce(&mut Lanes, &mut Finished, &Window) -> T,
    ) -> Result<T, Refusal> {
        for _ in 0..READS_LIMIT {
            {
                let house = &mut *self.house();
                if let Some(window) = house.state.window(room) {
                    return Ok(look(&mut house.lanes, &mut house.finished, window));
                }
            }
            let _turn = self.0.reading.lock().await;
            // Others have waited for the same one.
            if self.house().state.window(room).is_some() {
                continue;
            }
            let window = self.0.archive.window(room.clone()).await.map_err(unreadable)?;
            let window = window.ok_or_else(|| Refusal::unknown_room(room))?;
            self.house().state.install(room, window);
        }
        tracing::warn!("more is said in a room than can be read of it");
        Err(Refusal::unavailable())
    }

    /// Drops the windows that nobody looks at. Gives how many are left in memory.
    pub fn sweep(&self) -> usize {
        let House { state, lanes, .. } = &mut *self.house();
        state.sweep(|room| lanes.listeners(&room.clone().into()).is_some())
    }

    /// How often anybody may ask for anything. Whoever lets people in asks this first.
    pub fn rates(&self) -> &Rates {
        &self.0.rates
    }

    /// Whether what people say can be saved.
    pub fn is_writable(&self) -> bool {
        self.0.log.is_writable()
    }

    /// Where what happens is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// How much there is of everything, with so many `connections`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn levels(&self, connections: usize) -> Result<Levels, Refusal> {
        let nobody = PersonId(Position::ZERO);
        let (_, storage) = self.0.archive.usage(nobody).await.map_err(unreadable)?;
        // The lock is not held meanwhile.
        let waiting = self.sockets().iter().map(|socket| socket.waiting()).sum();
        let house = self.house();
        Ok(Levels {
            connections,
            sockets: self.0.sockets.load(Ordering::Relaxed),
            waiting,
            windows: house.state.windows(),
            sessions: house.state.sessions(),
            channels: house.state.directory().channels().len(),
            storage,
            storage_limit: self.0.limits.files.all,
            is_writable: self.is_writable(),
        })
    }

    fn house(&self) -> MutexGuard<'_, House> {
        self.0.house.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unreadable(error: StoreError) -> Refusal {
    tracing::error!(%error, "the store could not be read");
    Refusal::unavailable()
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::{
        domain::{
            attachment::AttachmentId,
            unread::{Membership, Newest},
        },
        server::{
            archive::Reading,
            files::{Pin, StoredFile},
            metrics::LogMeter,
        },
    };

    /// An archive that has one channel, and is slow.
    struct OneRoom {
        reads: Arc<AtomicUsize>,
        /// Of the newest change that is in the window.
        position: Position,
    }

    impl Archive for OneRoom {
        fn window(&self, _: Room) -> Reading<Option<Window>> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            let position = self.position;
            Box::pin(async move {
                tokio::task::yield_now().await;
                Ok(Some(Window::restore(position, vec![], vec![], position)))
            })
        }

        fn person(&self, _: PersonId) -> Reading<Option<Person>> {
            unimplemented!()
        }

        fn people(&self, _: String, _: usize) -> Reading<Vec<Person>> {
            unimplemented!()
        }

        fn devices(&self, _: PersonId) -> Reading<Vec<(SessionId, Device)>> {
            unimplemented!()
        }

        fn memberships(&self, _: PersonId) -> Reading<Vec<Membership>> {
            unimplemented!()
        }

        fn link(&self, _: LinkId, _: DateTime<Utc>) -> Reading<Option<Person>> {
            unimplemented!()
        }

        fn file(&self, _: AttachmentId) -> Reading<Option<StoredFile>> {
            unimplemented!()
        }

        fn refuse_file(&self, _: Pin) -> Reading<()> {
            unimplemented!()
        }

        fn usage(&self, _: PersonId) -> Reading<(u64, u64)> {
            unimplemented!()
        }

        fn sweep_files(&self, _: Arc<Files>) -> Reading<usize> {
            unimplemented!()
        }
    }

    /// A log to which nobody says anything.
    #[derive(Default)]
    struct Silence(LogMeter);

    impl Log for Silence {
        fn submit(&self, _: Request, _: Answer) {}

        fn is_writable(&self) -> bool {
            true
        }

        fn meter(&self) -> &LogMeter {
            &self.0
        }
    }

    /// An engine whose one channel changed last at position 5, and how often it is read. What is read of it is
    /// as of `position`.
    fn flack(position: u64) -> (Flack, Arc<AtomicUsize>) {
        let name = ChannelName::try_from("general").unwrap();
        let channel = Channel { name, created: Position(1), topic: None };
        let channels = [(channel, Position(5), Newest::default())];
        let state = State::restore([], channels, [], Position::ZERO, Position::ZERO);
        let epoch = Epoch("test".to_owned());
        let beginning = Beginning { epoch, position: Position(5), state };
        let reads = Arc::new(AtomicUsize::new(0));
        let archive = OneRoom { reads: reads.clone(), position: Position(position) };
        let dir = tempfile::tempdir().unwrap();
        let files = Arc::new(Files::open(dir.path().join("files")).unwrap());
        let limits = Limits {
            sockets: 1,
            people: 1,
            channels: 1,
            gather: Duration::ZERO,
            rates: RateLimits::default(),
            files: FileLimits::default(),
        };
        let clock = Clock::new(|| Duration::ZERO);
        let log = |_| (Box::new(Silence::default()) as Box<dyn Log>, ());
        let (flack, _, ()) = Flack::start(beginning, Box::new(archive), files, limits, clock, log);
        (flack, reads)
    }

    #[tokio::test]
    async fn a_crowd_that_wants_a_room_reads_it_once() {
        let (flack, reads) = flack(5);
        let windows = join_all((0..100).map(|_| flack.window("general"))).await;
        assert!(windows.iter().all(|window| window.as_ref().unwrap().position == Position(5)));
        assert_eq!(reads.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_room_that_changes_faster_than_it_is_read_is_given_up() {
        let (flack, reads) = flack(4);
        assert_eq!(flack.window("general").await.unwrap_err(), Refusal::unavailable());
        assert_eq!(reads.load(Ordering::Relaxed), READS_LIMIT);
    }
}
