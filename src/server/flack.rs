//! The engine: one value that knows everything, given to whoever asks on somebody's behalf.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    mem,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::SyncSender,
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::oneshot;

use super::{
    files::{self, ContentHash, FileLimits, Files, SMALLEST, StoredFile, upload::Upload},
    live::{
        Finished, Lanes, Listeners,
        delivery::{Delivery, News},
        encode,
        presence::Presence,
        socket::Socket,
        typing::Typing,
    },
    log::{Answer, Follower, Log, NewDevice, Order, Request, embedded::Embedded},
    metrics::{Deliveries, Levels, Metrics},
    rates::{Clock, RateLimits, Rates},
    state::{Entry, Fact, State, apply},
    store::{self, Beginning, DataDir, Reader, StoreError},
    token::LinkId,
    vital,
};
use crate::domain::{
    attachment::{Attachment, AttachmentId},
    channel::{Channel, Directory, TopicText},
    command::{Command, CommandId},
    device::{Device, DeviceId},
    direct::Directs,
    event::{Change, Lane},
    frame::{
        CloseCode, Difference, FRAME_LIMIT, Heartbeat, Limits as FrameLimits, PING_SECONDS, Resume,
        SILENCE_SECONDS, ServerFrame, VIEW_LIMIT, Welcome,
    },
    message::MessageText,
    name::{ChannelName, DisplayName},
    page::Page,
    person::{Person, PersonId, SessionId},
    position::{Epoch, Position},
    refusal::{Reason, Refusal},
    room::{Pair, Room},
    unread::{Membership, Memberships, Moved, Notice},
    window::Window,
};

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

/// How many clients may come back in one second on average: two thirds of what a server takes easily,
/// because chance puts more into some seconds than into others.
const RETURNS_PER_SECOND: usize = 130;

/// A server that ends sends its clients away in so many rounds, with a pause after each.
const DRAIN_ROUNDS: usize = 50;
const DRAIN_PAUSE: Duration = Duration::from_millis(20);
/// Too few to be a crowd: they leave in one round.
const DRAIN_AT_ONCE: usize = 10;

/// Of how many rooms one notice tells at most.
const NOTICED: usize = 256;

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

/// What memory does not hold.
pub trait Archive: Send + Sync {
    /// Reads a room's window; none if there is no such room, and can be none.
    fn window(&self, room: Room) -> Reading<Option<Window>>;

    /// Reads who somebody is; none if there is no such person.
    fn person(&self, id: PersonId) -> Reading<Option<Person>>;

    /// Reads who has `part` in their name: so many, in alphabetical order.
    fn people(&self, part: String, limit: usize) -> Reading<Vec<Person>>;

    /// Reads which devices speak for somebody.
    fn devices(&self, of: PersonId) -> Reading<Vec<(SessionId, Device)>>;

    /// Reads what somebody has kept of rooms: how far they have read, and their settings.
    fn memberships(&self, of: PersonId) -> Reading<Vec<Membership>>;

    /// Reads for whom a link would let one speak; none if it does not work (any more).
    fn link(&self, link: LinkId, now: DateTime<Utc>) -> Reading<Option<Person>>;

    /// Reads what an attachment is, and where it stands.
    fn file(&self, id: AttachmentId) -> Reading<Option<StoredFile>>;

    /// Lets go of a content that the store did not take. It is removed unless some attachment has it.
    fn refuse_file(&self, pin: files::Pin) -> Reading<()>;

    /// Reads how many bytes somebody's files have, and all files.
    fn usage(&self, of: PersonId) -> Reading<(u64, u64)>;

    /// Removes contents that no attachment has, and that have been there for a while.
    fn sweep_files(&self, files: Arc<Files>) -> Reading<usize>;
}

/// Something on its way from the store.
pub type Reading<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

impl Archive for Arc<Mutex<Reader>> {
    fn window(&self, room: Room) -> Reading<Option<Window>> {
        read(self, move |reader| reader.window(&room))
    }

    fn person(&self, id: PersonId) -> Reading<Option<Person>> {
        read(self, move |reader| reader.person(id))
    }

    fn people(&self, part: String, limit: usize) -> Reading<Vec<Person>> {
        read(self, move |reader| reader.people(&part, limit))
    }

    fn devices(&self, of: PersonId) -> Reading<Vec<(SessionId, Device)>> {
        read(self, move |reader| reader.devices(of))
    }

    fn memberships(&self, of: PersonId) -> Reading<Vec<Membership>> {
        read(self, move |reader| reader.memberships(of))
    }

    fn link(&self, link: LinkId, now: DateTime<Utc>) -> Reading<Option<Person>> {
        read(self, move |reader| reader.link(link, now))
    }

    fn file(&self, id: AttachmentId) -> Reading<Option<StoredFile>> {
        read(self, move |reader| reader.file(&id))
    }

    fn refuse_file(&self, pin: files::Pin) -> Reading<()> {
        let is_content = asked(self);
        blocking(move || {
            // Where that cannot be read, it stays to be swept.
            pin.refused(|hash| is_content(hash).unwrap_or(true));
            Ok(())
        })
    }

    fn usage(&self, of: PersonId) -> Reading<(u64, u64)> {
        read(self, move |reader| reader.usage(of))
    }

    fn sweep_files(&self, files: Arc<Files>) -> Reading<usize> {
        // Others read between two files.
        let is_content = asked(self);
        blocking(move || files.sweep_orphans(is_content))
    }
}

/// Whether some attachment has a content, for who asks that while nothing may come in.
fn asked(
    reader: &Arc<Mutex<Reader>>,
) -> impl Fn(ContentHash) -> Result<bool, StoreError> + Send + 'static {
    let reader = reader.clone();
    move |hash| reader.lock().unwrap_or_else(PoisonError::into_inner).is_content(hash)
}

/// Reads on a thread that may wait for the disk.
fn read<T: Default + Send + 'static>(
    reader: &Arc<Mutex<Reader>>,
    read: impl FnOnce(&mut Reader) -> Result<T, StoreError> + Send + 'static,
) -> Reading<T> {
    let reader = reader.clone();
    blocking(move || read(&mut reader.lock().unwrap_or_else(PoisonError::into_inner)))
}

fn blocking<T: Default + Send + 'static>(
    read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Reading<T> {
    Box::pin(async {
        let read = tokio::task::spawn_blocking(read);
        // It is cancelled only when the runtime ends, and this with it.
        read.await.unwrap_or_else(|_| Ok(T::default()))
    })
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
        let archive = Arc::new(Mutex::new(reader));
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
    /// When one has no such device.
    pub async fn end_device(&self, by: PersonId, device: DeviceId) -> Result<(), Refusal> {
        self.request(Request::EndDevice { by, device }).await.map(|_| ())
    }

    /// Signs all of one's devices out but the one of `session`.
    ///
    /// # Errors
    /// When there is no other.
    pub async fn end_others(&self, by: PersonId, session: SessionId) -> Result<(), Refusal> {
        self.request(Request::EndOthers { by, session }).await.map(|_| ())
    }

    /// Notes that a device is there, if that was not noted within the last hour. Nobody waits for it; it is
    /// [saved](Self::save_seen) with others.
    pub fn note_seen(&self, session: SessionId, now: DateTime<Utc>) {
        let seen = &mut *self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
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
        let seen = &mut *self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let sessions = mem::take(&mut seen.unsaved);
        if !sessions.is_empty() {
            self.0.log.submit(Request::Seen { sessions }, Box::new(|_| {}));
        }
    }

    /// Lets one more device speak for a person, by a link, in place of any link before.
    ///
    /// # Errors
    /// When it cannot be saved.
    pub async fn create_link(&self, by: PersonId, link: LinkId) -> Result<(), Refusal> {
        self.request(Request::CreateLink { by, link }).await.map(|_| ())
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

/// For attachments.
impl Flack {
    pub fn files(&self) -> &Arc<Files> {
        &self.0.files
    }

    pub fn file_limits(&self) -> FileLimits {
        self.0.limits.files
    }

    /// Whether there is room for a file of `size` bytes, as far as can be told before it is there.
    ///
    /// # Errors
    /// When there is none.
    pub async fn room_for_file(&self, by: PersonId, size: u64) -> Result<(), Refusal> {
        if !self.is_writable() {
            return Err(Refusal::not_saved());
        }
        let (own, all) = self.0.archive.usage(by).await.map_err(unreadable)?;
        let (limits, size) = (self.file_limits(), size.max(SMALLEST));
        if own.saturating_add(size) > limits.person {
            return Err(Refusal::quota_full(limits.person));
        }
        // It may have a content that is there already, which only its hash can tell.
        if all > limits.all {
            return Err(Refusal::full(Reason::NoRoomForFiles));
        }
        Ok(())
    }

    /// Makes a file known that is on the disk.
    ///
    /// # Errors
    /// When there is no room for it. It is removed then, unless somebody else has the same.
    pub async fn store_file(&self, by: PersonId, upload: Upload) -> Result<Attachment, Refusal> {
        let Upload { attachment, hash, pin } = upload;
        let request = Request::StoreFile { by, attachment: attachment.clone(), hash };
        match self.request(request).await {
            Ok(_) => {
                self.0.metrics.uploaded(attachment.size);
                Ok(attachment)
            }
            Err(refusal) => {
                let _ = self.0.archive.refuse_file(pin).await;
                Err(refusal)
            }
        }
    }

    /// Removes a file that is in no message.
    ///
    /// # Errors
    /// When there is no such file of theirs.
    pub async fn discard_file(
        &self,
        by: PersonId,
        attachment: AttachmentId,
    ) -> Result<(), Refusal> {
        self.request(Request::DiscardFile { by, attachment }).await.map(|_| ())
    }

    /// A file that somebody may read: their own, or one of a message that they may see.
    ///
    /// # Errors
    /// When there is none for them; whether there is one for others is not said.
    pub async fn file(
        &self,
        by: PersonId,
        id: &AttachmentId,
    ) -> Result<(Attachment, ContentHash), Refusal> {
        let file = self.0.archive.file(id.clone()).await.map_err(unreadable)?;
        let file = file.filter(|file| file.place.admits(by)).ok_or_else(Refusal::unknown_file)?;
        Ok((file.attachment, file.hash))
    }

    /// Removes the contents that no attachment has.
    pub async fn sweep_files(&self) {
        match self.0.archive.sweep_files(self.0.files.clone()).await {
            Ok(swept) => tracing::debug!(swept, "files swept"),
            Err(error) => tracing::warn!(%error, "files could not be swept"),
        }
    }
}

/// For the live socket.
impl Flack {
    /// Counts a socket in, unless there are too many.
    pub fn enter(&self) -> bool {
        let fits = self.0.sockets.fetch_add(1, Ordering::Relaxed) < self.0.limits.sockets;
        if !fits {
            self.0.sockets.fetch_sub(1, Ordering::Relaxed);
        }
        fits
    }

    /// Counts a socket out, and takes it off every lane.
    pub fn leave(&self, socket: &Arc<Socket>, viewing: &[Room]) {
        let house = &mut *self.house();
        house.lanes.leave(&Lane::Directory, socket);
        let own = Lane::Person(socket.person.id);
        house.lanes.leave(&own, socket);
        if house.lanes.listeners(&own).is_none() {
            house.presence.left(socket.person.id, self.0.clock.now());
        }
        for room in viewing {
            house.lanes.leave(&room.clone().into(), socket);
        }
        self.0.sockets.fetch_sub(1, Ordering::Relaxed);
    }

    /// Welcomes a socket and lets it listen to the directory and to what concerns its person. Gives whether it knows this log, so
    /// that its positions mean something.
    pub fn greet(&self, socket: &Arc<Socket>, resume: Option<&Resume>) -> bool {
        let house = &mut *self.house();
        if house.state.person(&socket.session).is_none() {
            socket.close(CloseCode::SignedOut);
            return false;
        }
        // Whoever came in before that is sent away with the others.
        if self.is_draining() {
            socket.close(CloseCode::Draining);
            return false;
        }
        let resume = resume.filter(|resume| resume.epoch == self.0.epoch);
        let directory = house.state.directory();
        let missed = resume.and_then(|resume| house.state.directory_since(resume.position));
        socket.answer(&encode(&self.welcome(socket.person.clone(), house.position)));
        socket.answer(&match missed {
            Some(channels) => encode(&ServerFrame::Difference(Difference {
                lane: Lane::Directory,
                position: directory.position,
                changes: channels.into_iter().map(Change::ChannelCreated).collect(),
            })),
            None => house.finished.directory(directory),
        });
        let directs = house.state.directs(socket.person.id);
        if resume.is_none_or(|resume| resume.directs != directs.position) {
            socket.answer(&encode(&ServerFrame::Directs(directs)));
        }
        socket.answer(&house.finished.presence(&house.presence));
        house.lanes.join(&Lane::Directory, socket);
        house.lanes.join(&Lane::Person(socket.person.id), socket);
        house.presence.came(&socket.person);
        resume.is_some()
    }

    /// Tells a socket what its person has not read.
    ///
    /// It listens already, so what happens meanwhile reaches it before or after this: what is unread
    /// is taken from memory as this is sent.
    pub async fn tell_memberships(&self, socket: &Arc<Socket>) {
        let of = socket.person.id;
        match self.0.archive.memberships(of).await.map_err(unreadable) {
            Ok(kept) => {
                let house = self.house();
                let memberships = house.state.memberships(of, kept);
                socket.answer(&encode(&ServerFrame::Memberships(memberships)));
            }
            // Whoever cannot be told asks again with the next link.
            Err(_) => socket.close(CloseCode::Draining),
        }
    }

    /// Notes that a socket's person has read a room, and tells it so.
    pub fn read(&self, socket: &Arc<Socket>, room: Room, position: Position) {
        let position = {
            let state = &self.house().state;
            if state.person(&socket.session).is_none() {
                return;
            }
            // Nobody has read what is not there yet.
            position.min(state.position(&room))
        };
        let by = socket.person.id;
        let (told, of) = (socket.clone(), room.clone());
        let answer = move |result: Result<Position, Refusal>| {
            // What is news is an entry, with a position that nobody could have read, and all sockets of the
            // person are told of it, this one too. Else the answer is the position that was asked about.
            if result.is_ok_and(|answered| answered <= position) {
                told.send(&encode(&ServerFrame::Read { room: of, position }));
            }
        };
        self.0.log.submit(Request::Read { by, room, position }, Box::new(answer));
    }

    /// Notes that somebody has read a room. Nobody waits for it.
    pub fn note_read(&self, by: PersonId, room: Room, position: Position) {
        self.0.log.submit(Request::Read { by, room, position }, Box::new(|_| {}));
    }

    /// Tells everyone in which rooms something has happened since this was called last: what people
    /// do not look at costs them one frame, however much is said there.
    pub fn tell_moved(&self) {
        let mut notices: Vec<(Listeners, Bytes)> = Vec::new();
        {
            let house = &mut *self.house();
            let (open, private): (Vec<Moved>, Vec<Moved>) = house
                .state
                .take_moved(NOTICED)
                .into_iter()
                .partition(|moved| matches!(moved.room, Room::Channel(_)));
            let mut notice = |lane: Lane, moved: Vec<Moved>| {
                if let Some(listeners) = house.lanes.listeners(&lane)
                    && !moved.is_empty()
                {
                    notices.push((listeners.clone(), encode(&ServerFrame::Moved { moved })));
                }
            };
            notice(Lane::Directory, open);
            for moved in private {
                let Room::Direct(pair) = moved.room else { continue };
                let mut people = pair.people().to_vec();
                people.dedup(); // somebody may talk to themselves
                for person in people {
                    notice(Lane::Person(person), vec![moved.clone()]);
                }
            }
        }
        for (listeners, frame) in notices {
            listeners.iter().for_each(|socket| socket.send(&frame));
        }
    }

    /// Seconds over which clients should spread their return if they all lose the link now.
    pub fn spread(&self) -> u32 {
        match self.0.sockets.load(Ordering::Relaxed) {
            // Too few to be a crowd.
            0..RETURNS_PER_SECOND => 0,
            // Rounded up: 259 clients over one second would be twice as many as there may be.
            crowd => u32::try_from(crowd.div_ceil(RETURNS_PER_SECOND)).unwrap_or(u32::MAX),
        }
    }

    fn welcome(&self, you: Person, position: Position) -> ServerFrame {
        ServerFrame::Welcome(Welcome {
            you,
            epoch: self.0.epoch.clone(),
            position,
            spread: self.spread(),
            heartbeat: Heartbeat { ping: PING_SECONDS, silence: SILENCE_SECONDS },
            limits: FrameLimits {
                text: MessageText::LIMIT,
                frame: FRAME_LIMIT,
                viewing: VIEW_LIMIT,
                file: self.file_limits().attachments.file,
                files: self.file_limits().attachments.files,
            },
        })
    }

    /// Brings a socket up to date with a room and lets it listen to it.
    ///
    /// # Errors
    /// When there is no such room for its person, or it cannot be read.
    pub async fn view(
        &self,
        socket: &Arc<Socket>,
        room: &Room,
        position: Option<Position>,
    ) -> Result<(), Refusal> {
        if !room.admits(socket.person.id) {
            return Err(Refusal::unknown_room(room));
        }
        let lane = Lane::from(room.clone());
        self.look(room, |lanes, finished, window| {
            let frame = match position.and_then(|position| window.since(position)) {
                Some(changes) => encode(&ServerFrame::Difference(Difference {
                    lane: lane.clone(),
                    position: window.position,
                    changes,
                })),
                None => finished.room(room, window),
            };
            // Queued before anything that comes later.
            socket.answer(&frame);
            lanes.join(&lane, socket);
        })
        .await
    }

    pub fn unview(&self, socket: &Arc<Socket>, room: &Room) {
        self.house().lanes.leave(&room.clone().into(), socket);
    }

    /// Somebody who may be in this room is writing something there.
    pub fn note_typing(&self, person: &Person, room: Room) {
        let house = &mut *self.house();
        let lane = room.into();
        // One who looks is the one who writes.
        if house.lanes.listeners(&lane).is_some_and(|listeners| listeners.len() > 1) {
            house.typing.begin(lane, person);
        }
    }

    /// Tells what is only true for a moment: who has come and left, and who is writing. Once a second,
    /// so that it costs no more however much there is of it.
    pub fn pulse(&self) {
        let mut missed = self.0.missed.lock().unwrap_or_else(PoisonError::into_inner);
        let (news, whole, typing) = {
            let House { lanes, finished, presence, typing, .. } = &mut *self.house();
            finished.forget();
            let news = presence.news(self.0.clock.now());
            let news = news.zip(lanes.listeners(&Lane::Directory).cloned());
            let listeners = |lane: &Lane| lanes.listeners(lane).cloned();
            let typing = typing.take().filter_map(|(lane, people)| {
                let listeners = listeners(&lane)?;
                Some((listeners, lane.room()?, people))
            });
            let typing: Vec<(Listeners, Room, Vec<Person>)> = typing.collect();
            let whole = (news.is_some() || !missed.is_empty()).then(|| presence.whole());
            (news, whole, typing)
        };
        if let Some((news, listeners)) = news {
            let news = encode(&news);
            let behind = listeners.iter().filter(|socket| !socket.hint(&news));
            missed.extend(behind.map(Arc::downgrade));
        }
        if let (Some(whole), false) = (whole, missed.is_empty()) {
            let whole = encode(&whole);
            missed.sort_unstable_by_key(|socket| socket.as_ptr().cast::<()>());
            missed.dedup_by(|one, other| one.ptr_eq(other));
            missed.retain(|socket| {
                let is_behind = |socket: Arc<Socket>| !socket.is_closing() && !socket.hint(&whole);
                socket.upgrade().is_some_and(is_behind)
            });
        }
        for (listeners, room, people) in typing {
            tell_typing(&listeners, &room, &people);
        }
    }

    /// Sends everyone away, to come back when the next server runs: a few at a time, so that what is
    /// between them and the server is not hit by all at once.
    pub async fn drain(&self) {
        self.0.is_draining.store(true, Ordering::Relaxed);
        let mut sockets = self.sockets();
        let share = sockets.len().div_ceil(DRAIN_ROUNDS).max(DRAIN_AT_ONCE);
        while !sockets.is_empty() {
            let rest = sockets.split_off(share.min(sockets.len()));
            sockets.iter().for_each(|socket| socket.close(CloseCode::Draining));
            sockets = rest;
            if !sockets.is_empty() {
                tokio::time::sleep(DRAIN_PAUSE).await;
            }
        }
        // Those who were on their way in when it began.
        self.sockets().iter().for_each(|socket| socket.close(CloseCode::Draining));
    }

    /// Whether the server is about to end, and takes no more sockets.
    pub fn is_draining(&self) -> bool {
        self.0.is_draining.load(Ordering::Relaxed)
    }

    /// Everyone who has been greeted.
    fn sockets(&self) -> Vec<Arc<Socket>> {
        let listeners = self.house().lanes.listeners(&Lane::Directory).cloned();
        listeners.iter().flat_map(|list| list.iter()).cloned().collect()
    }
}

fn unreadable(error: StoreError) -> Refusal {
    tracing::error!(%error, "the store could not be read");
    Refusal::unavailable()
}

/// What happens after a commit: the state changes, and whoever delivers hears what there is to tell.
fn follow(house: Arc<Mutex<House>>, delivery: SyncSender<News>) -> Follower {
    Box::new(move |entries| {
        let mut news = News { at: Instant::now(), events: vec![], asides: vec![], held: vec![] };
        let mut ended = Vec::new();
        let mut authors = BTreeSet::new();
        {
            let house = &mut *house.lock().unwrap_or_else(PoisonError::into_inner);
            for entry in entries {
                house.position = entry.position;
                ended.extend(ended_by(&entry, &house.lanes));
                news.asides.extend(asides_of(&entry, &house.lanes));
                for event in apply(&mut house.state, &entry) {
                    if let Change::Posted(message) = &event.change {
                        house.typing.end(&event.lane, message.author.id);
                        authors.insert(message.author.id);
                    }
                    if let Some(listeners) = house.lanes.listeners(&event.lane) {
                        news.events.push((listeners.clone(), event));
                    }
                }
            }
            let own = |author| house.lanes.listeners(&Lane::Person(author));
            let own = authors.into_iter().filter_map(own).flat_map(|own| own.iter());
            news.held.extend(own.cloned());
        }
        news.held.iter().for_each(|socket| socket.hold());
        // Who is told that a session has ended may rely on that.
        ended.iter().for_each(|socket| socket.close(CloseCode::SignedOut));
        // Only the log calls this, one batch after the other, so the order is kept without the lock.
        delivery.send(news).expect("whoever delivers goes on until the log ends");
    })
}

/// What single people are told of an entry, beside the events of lanes. It is encoded once, when nobody
/// waits for the lock any more.
fn asides_of(entry: &Entry, lanes: &Lanes) -> Vec<(Vec<Arc<Socket>>, ServerFrame)> {
    let (room, message, is_new, meant) = match &entry.fact {
        Fact::Read { person, room, position } => {
            let frame = ServerFrame::Read { room: room.clone(), position: *position };
            return vec![(elsewhere(lanes, [*person], None), frame)];
        }
        Fact::RoomSet { person, room, settings } => {
            let frame = ServerFrame::Settings { room: room.clone(), settings: *settings };
            return vec![(elsewhere(lanes, [*person], None), frame)];
        }
        Fact::Changed { lane, change: Change::Posted(message), meant, .. } => {
            (lane.clone().room(), message, true, meant.clone())
        }
        Fact::Changed { lane, change: Change::Revised(message), meant, .. } => {
            (lane.clone().room(), message, false, meant.clone())
        }
        Fact::Begun { between: [one, other], message, .. } => {
            let pair = Pair::of(one.id, other.id);
            (Some(Room::Direct(pair)), message, true, vec![pair.other(message.author.id)])
        }
        Fact::Changed { .. } | Fact::SignedIn { .. } | Fact::SignedOut { .. } | Fact::Noted => {
            return Vec::new();
        }
    };
    let mut asides = Vec::new();
    let Some(room) = room else { return asides };
    let author = message.author.id;
    // As a rule nobody is: the author looks at this very room, and no one is meant.
    let own = elsewhere(lanes, is_new.then_some(author), Some(&room));
    if !own.is_empty() {
        let read = ServerFrame::Read { room: room.clone(), position: message.position };
        asides.push((own, read));
    }
    let others = meant.into_iter().filter(|person| *person != author);
    let others = elsewhere(lanes, others, Some(&room));
    if !others.is_empty() {
        let notice = Notice { room, message: message.clone() };
        asides.push((others, ServerFrame::Notice(notice)));
    }
    asides
}

/// All sockets of these people that do not view this room.
fn elsewhere(
    lanes: &Lanes,
    people: impl IntoIterator<Item = PersonId>,
    room: Option<&Room>,
) -> Vec<Arc<Socket>> {
    let viewers = room.and_then(|room| lanes.listeners(&room.clone().into()));
    let is_elsewhere = |socket: &&Arc<Socket>| {
        !viewers.is_some_and(|viewers| viewers.iter().any(|other| Arc::ptr_eq(other, socket)))
    };
    let sockets = people.into_iter().filter_map(|person| lanes.listeners(&Lane::Person(person)));
    sockets.flat_map(|sockets| sockets.iter()).filter(is_elsewhere).cloned().collect()
}

/// Tells those who look at a room who is writing there; nobody is told of themselves.
fn tell_typing(listeners: &Listeners, room: &Room, people: &[Person]) {
    let frame = |people: Vec<Person>| encode(&ServerFrame::Typing { room: room.clone(), people });
    let everyone = frame(people.to_vec());
    for socket in listeners.iter().filter(|socket| room.admits(socket.person.id)) {
        let is_other = |person: &&Person| person.id != socket.person.id;
        if people.iter().all(|person| is_other(&person)) {
            socket.hint(&everyone);
            continue;
        }
        let others: Vec<Person> = people.iter().filter(is_other).cloned().collect();
        if !others.is_empty() {
            socket.hint(&frame(others));
        }
    }
}

/// The sockets of a session that ends here.
fn ended_by(entry: &Entry, lanes: &Lanes) -> Vec<Arc<Socket>> {
    let Fact::SignedOut { sessions } = &entry.fact else { return Vec::new() };
    let listeners = lanes.listeners(&Lane::Directory);
    let sockets = listeners.into_iter().flat_map(|list| list.iter());
    sockets.filter(|socket| sessions.contains(&socket.session)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::{domain::unread::Newest, server::metrics::LogMeter};

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

        fn refuse_file(&self, _: files::Pin) -> Reading<()> {
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
