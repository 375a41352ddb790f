//! What follows the log: after each commit the state changes, and whoever delivers hears what there is to tell.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, mpsc::SyncSender},
    time::Instant,
};

use super::House;
use crate::{
    domain::{
        event::{Change, Lane},
        frame::{CloseCode, ServerFrame},
        person::PersonId,
        room::{Pair, Room},
        unread::Notice,
    },
    server::{
        live::{Lanes, delivery::News, socket::Socket},
        log::Follower,
        state::{Entry, Fact, apply},
    },
};

/// What happens after a commit: the state changes, and whoever delivers hears what there is to tell.
pub(super) fn follow(house: Arc<Mutex<House>>, delivery: SyncSender<News>) -> Follower {
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

/// The sockets of a session that ends here.
fn ended_by(entry: &Entry, lanes: &Lanes) -> Vec<Arc<Socket>> {
    let Fact::SignedOut { sessions } = &entry.fact else { return Vec::new() };
    let listeners = lanes.listeners(&Lane::Directory);
    let sockets = listeners.into_iter().flat_map(|list| list.iter());
    sockets.filter(|socket| sessions.contains(&socket.session)).cloned().collect()
}
