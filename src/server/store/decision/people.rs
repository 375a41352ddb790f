//! Who people are: names, the devices that speak for them, and links to other ones.

use chrono::TimeDelta;
use rusqlite::{OptionalExtension, params};

use super::{Decided, Decision};
use crate::{
    domain::{
        device::{DEVICES_LIMIT, LINK_MINUTES},
        name::DisplayName,
        person::{Person, PersonId, SessionId},
        position::Position,
        refusal::{Reason, Refusal},
    },
    server::{
        log::NewDevice,
        look,
        state::Fact,
        store::{
            names::{FREED, Named, find_look, note_looks},
            rows::{at_position, sql},
        },
        token::LinkId,
    },
};

impl Decision<'_> {
    pub(super) fn sign_in(&self, name: &DisplayName, device: &NewDevice) -> Decided<Fact> {
        let key = name.key();
        let is_taken =
            self.tx.prepare_cached("SELECT 1 FROM people WHERE key = ?1")?.exists([&key])?;
        let looks = look::of_person(name);
        if is_taken || find_look(self.tx, Named::Person, &looks)?.is_some() {
            return Ok(Err(Refusal::name_taken(name)));
        }
        if look::is_reserved(name) {
            return Ok(Err(Refusal::name_reserved(name)));
        }
        if self.count("SELECT count(*) FROM people", [])? >= self.limits.people {
            return Ok(Err(Refusal::full(Reason::NoRoomForPeople)));
        }
        self.tx.prepare_cached("INSERT INTO people VALUES (?1, ?2, ?3)")?.execute(params![
            sql(self.position),
            name.as_str(),
            key
        ])?;
        note_looks(self.tx, Named::Person, sql(self.position), &looks)?;
        let person = Person { id: PersonId(self.position), name: name.clone() };
        self.begin_session(person, device).map(Ok)
    }

    fn begin_session(&self, person: Person, device: &NewDevice) -> rusqlite::Result<Fact> {
        let now = self.at.timestamp_millis();
        let NewDevice { session, label } = device;
        self.tx
            .prepare_cached("INSERT INTO sessions VALUES (?1, ?2, ?3, ?4, ?5, ?3)")?
            .execute(params![session.0, sql(person.id.0), now, sql(self.position), label])?;
        Ok(Fact::SignedIn { person, session: *session })
    }

    /// Ends the sessions that `delete` deletes, if there are any.
    pub(super) fn end(
        &self,
        delete: &str,
        of: impl rusqlite::Params,
        refusal: fn() -> Refusal,
    ) -> Decided<Fact> {
        let mut delete = self.tx.prepare_cached(delete)?;
        let sessions = delete.query_map(of, |row| Ok(SessionId(row.get(0)?)))?;
        let sessions = sessions.collect::<Result<Vec<_>, _>>()?;
        Ok(if sessions.is_empty() { Err(refusal()) } else { Ok(Fact::SignedOut { sessions }) })
    }

    pub(super) fn speaks_for(
        &self,
        session: SessionId,
        person: PersonId,
    ) -> rusqlite::Result<bool> {
        self.tx
            .prepare_cached("SELECT 1 FROM sessions WHERE id = ?1 AND person = ?2")?
            .exists(params![session.0, sql(person.0)])
    }

    pub(super) fn seen(&self, sessions: &[SessionId]) -> Decided<Fact> {
        let mut update = self.tx.prepare_cached("UPDATE sessions SET seen = ?1 WHERE id = ?2")?;
        for session in sessions {
            // One that has ended meanwhile is not there.
            update.execute(params![self.at.timestamp_millis(), session.0])?;
        }
        Ok(Ok(Fact::Noted))
    }

    pub(super) fn create_link(&self, by: PersonId, link: LinkId) -> Decided<Fact> {
        let expires = self.at + TimeDelta::minutes(LINK_MINUTES);
        // So that nothing is kept of those that were never used.
        self.tx
            .prepare_cached("DELETE FROM links WHERE expires <= ?1")?
            .execute([self.at.timestamp_millis()])?;
        self.tx
            .prepare_cached("INSERT OR REPLACE INTO links VALUES (?1, ?2, ?3)")?
            .execute(params![link.0, sql(by.0), expires.timestamp_millis()])?;
        Ok(Ok(Fact::Noted))
    }

    pub(super) fn use_link(&self, link: LinkId, device: &NewDevice) -> Decided<Fact> {
        let now = self.at.timestamp_millis();
        let person: Option<i64> = self
            .tx
            .prepare_cached("SELECT person FROM links WHERE id = ?1 AND expires > ?2")?
            .query_row(params![link.0, now], |row| row.get(0))
            .optional()?;
        let Some(person) = person else { return Ok(Err(Refusal::unknown_link())) };
        let devices = self.count("SELECT count(*) FROM sessions WHERE person = ?1", [person])?;
        if devices >= DEVICES_LIMIT {
            return Ok(Err(Refusal::too_many_devices()));
        }
        let id = PersonId(Position(person.cast_unsigned()));
        let Some(person) = self.person(id)? else { return Ok(Err(Refusal::unknown_link())) };
        self.tx.prepare_cached("DELETE FROM links WHERE id = ?1")?.execute([link.0])?;
        self.begin_session(person, device).map(Ok)
    }

    /// The person who is called this, however it is typed.
    pub(super) fn named(&self, name: &str) -> rusqlite::Result<Option<PersonId>> {
        let key = DisplayName::stored(name.to_owned()).key();
        self.tx
            .prepare_cached("SELECT id FROM people WHERE key = ?1")?
            .query_row([key], |row| at_position(row, 0).map(PersonId))
            .optional()
    }

    /// Takes the link of somebody away whose session has ended: whoever is sent away may have made one, to
    /// come back with.
    pub(super) fn without_link(
        &self,
        person: PersonId,
        ended: Result<Fact, Refusal>,
    ) -> Decided<Fact> {
        if ended.is_ok() {
            self.end_link(person)?;
        }
        Ok(ended)
    }

    /// Gives whether there was one.
    fn end_link(&self, person: PersonId) -> rusqlite::Result<bool> {
        let mut delete = self.tx.prepare_cached("DELETE FROM links WHERE person = ?1")?;
        Ok(delete.execute([sql(person.0)])? > 0)
    }

    /// Also of who is signed in nowhere, but could be by a link.
    pub(super) fn end_all(&self, person: PersonId) -> Decided<Fact> {
        let ended = self.end(
            "DELETE FROM sessions WHERE person = ?1 RETURNING id",
            [sql(person.0)],
            Refusal::nowhere_signed_in,
        )?;
        let had_link = self.end_link(person)?;
        Ok(ended.or_else(|refusal| if had_link { Ok(Fact::Noted) } else { Err(refusal) }))
    }

    /// What somebody has said stays, and stays theirs: whoever takes the name is somebody else.
    pub(super) fn free_name(&self, person: PersonId) -> rusqlite::Result<Fact> {
        let id = sql(person.0);
        self.tx
            .prepare_cached(&format!("UPDATE people SET key = '{FREED}' || id WHERE id = ?1"))?
            .execute([id])?;
        self.tx.prepare_cached("DELETE FROM looks_of_people WHERE person = ?1")?.execute([id])?;
        Ok(self.end_all(person)?.unwrap_or(Fact::Noted))
    }
}
