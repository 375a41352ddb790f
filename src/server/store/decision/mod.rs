//! The decision: what becomes of a request, inside the transaction that would hold it. What is accepted is
//! written and becomes an entry; what is refused leaves no trace.

use std::cell::RefCell;

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction, params};

use super::{
    Limits, Outcome,
    rows::{find_person, find_room, position, sql},
};
use crate::{
    domain::{
        command::CommandId,
        person::{Person, PersonId},
        position::Position,
        refusal::Refusal,
        room::Room,
    },
    server::{
        files::ContentHash,
        log::{Order, Request},
        state::{Entry, Fact},
    },
};

mod files;
mod messages;
mod people;
mod rooms;

/// A request on its way into the log.
pub(super) struct Decision<'a> {
    pub(super) tx: &'a Transaction<'a>,
    pub(super) position: Position,
    pub(super) at: DateTime<Utc>,
    pub(super) limits: Limits,
    /// Contents that are to be removed after the commit.
    pub(super) freed: &'a RefCell<Vec<ContentHash>>,
}

/// The store may fail; the request may be refused.
type Decided<T> = Result<Result<T, Refusal>, rusqlite::Error>;

impl Decision<'_> {
    /// Decides, and writes what was decided. What is refused, or was done before, writes nothing, because it
    /// shares a transaction with what is accepted: so all that can refuse it is asked first.
    pub(super) fn decide(&self, request: &Request) -> Decided<Outcome> {
        let fact = match request {
            Request::SignIn { name, device } => self.sign_in(name, device)?,
            Request::SignOut { session } => self.end(
                "DELETE FROM sessions WHERE id = ?1 RETURNING id",
                [session.0],
                Refusal::not_signed_in,
            )?,
            // A session may have ended while this waited, and whoever was sent away must not find a way back in.
            Request::EndDevice { by, session, .. }
            | Request::EndOthers { by, session }
            | Request::CreateLink { by, session, .. }
                if !self.speaks_for(*session, *by)? =>
            {
                Err(Refusal::not_signed_in())
            }
            Request::EndDevice { by, device, .. } => {
                let ended = self.end(
                    "DELETE FROM sessions WHERE person = ?1 AND device = ?2 RETURNING id",
                    [sql(by.0), sql(device.0)],
                    Refusal::unknown_device,
                )?;
                self.without_link(*by, ended)?
            }
            Request::EndOthers { by, session } => {
                let ended = self.end(
                    "DELETE FROM sessions WHERE person = ?1 AND id <> ?2 RETURNING id",
                    params![sql(by.0), session.0],
                    Refusal::unknown_device,
                )?;
                self.without_link(*by, ended)?
            }
            Request::Seen { sessions } => self.seen(sessions)?,
            Request::CreateLink { by, link, .. } => self.create_link(*by, *link)?,
            Request::UseLink { link, device } => self.use_link(*link, device)?,
            Request::LinkFor { name, link } => match self.named(name)? {
                Some(person) => self.create_link(person, *link)?,
                None => Err(Refusal::nobody_called(name)),
            },
            Request::Order(order) => self.order(order)?,
            Request::CreateChannel { name, .. } => self.create_channel(name)?,
            Request::SetTopic { by, channel, text } => {
                return self.set_topic(*by, channel, text.as_ref());
            }
            Request::StoreFile { by, attachment, hash } => {
                self.store_file(*by, attachment, *hash)?
            }
            Request::DiscardFile { by, attachment } => self.discard_file(*by, attachment)?,
            Request::Read { by, room, position } => {
                return self.read(*by, room, *position);
            }
            Request::SetRoom { by, room, is_muted, is_favourite } => {
                self.set_room(*by, room, *is_muted, *is_favourite)?
            }
            Request::Command { by, id, command } => {
                if let Some(position) = self.first_answer(*by, id)? {
                    return Ok(Ok(Outcome::Repeated(position)));
                }
                let fact = self.command(*by, id, command)?;
                if fact.is_ok() {
                    self.tx
                        .prepare_cached("INSERT INTO commands VALUES (?1, ?2, ?3)")?
                        .execute(params![sql(by.0), id.as_str(), sql(self.position)])?;
                }
                fact
            }
        };
        Ok(fact.map(|fact| Outcome::Accepted(Entry { position: self.position, at: self.at, fact })))
    }

    fn order(&self, order: &Order) -> Decided<Fact> {
        match order {
            Order::SignOut { name } => match self.named(name)? {
                Some(person) => self.end_all(person),
                None => Ok(Err(Refusal::nobody_called(name))),
            },
            Order::FreeName { name } => match self.named(name)? {
                Some(person) => self.free_name(person).map(Ok),
                None => Ok(Err(Refusal::nobody_called(name))),
            },
            Order::DeleteChannel { channel } => self.delete_channel(channel),
            Order::DeleteMessage { channel, message } => {
                let Some(room) = self.channel_named(channel)? else {
                    return Ok(Err(Refusal::unknown_channel()));
                };
                let room = Room::Channel(room.name);
                // Too long ago to be brought back.
                let change = self.delete_as(None, &room, *message, 0)?;
                let changed = |change| {
                    let (lane, meant) = (room.into(), Vec::new());
                    Fact::Changed { lane, command: None, change, meant }
                };
                Ok(change.map(changed))
            }
        }
    }

    /// The row of a room, if there is one.
    fn room(&self, room: &Room) -> Result<Option<i64>, rusqlite::Error> {
        Ok(find_room(self.tx, room)?.map(|(row, _)| row))
    }

    /// Notes that the room's lane changes here. Gives the room's row, if there is one.
    fn move_lane(&self, room: &Room) -> Result<Option<i64>, rusqlite::Error> {
        let Some(row) = self.room(room)? else { return Ok(None) };
        self.tx
            .prepare_cached("UPDATE rooms SET last = ?1 WHERE id = ?2")?
            .execute([sql(self.position), row])?;
        Ok(Some(row))
    }

    fn person(&self, id: PersonId) -> Result<Option<Person>, rusqlite::Error> {
        find_person(self.tx, id)
    }

    fn first_answer(
        &self,
        by: PersonId,
        id: &CommandId,
    ) -> Result<Option<Position>, rusqlite::Error> {
        self.tx
            .prepare_cached("SELECT position FROM commands WHERE person = ?1 AND id = ?2")?
            .query_row(params![sql(by.0), id.as_str()], position)
            .optional()
    }

    fn count(&self, query: &str, of: impl rusqlite::Params) -> Result<u64, rusqlite::Error> {
        let count: i64 = self.tx.prepare_cached(query)?.query_row(of, |row| row.get(0))?;
        Ok(count.cast_unsigned())
    }
}
