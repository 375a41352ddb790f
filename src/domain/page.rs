//! What the server puts into a page, for people to read and for the client to go on from.

use serde::{Deserialize, Serialize};

use super::{
    attachment::AttachmentLimits,
    channel::Directory,
    direct::Directs,
    person::{Person, PersonId},
    position::{Epoch, Position},
    refusal::Refusal,
    room::Room,
    unread::Memberships,
    window::Window,
};

/// The state of the server as one person may see it, at one address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// None shows the name prompt, and nothing else.
    pub me: Option<Person>,
    pub epoch: Epoch,
    pub directory: Directory,
    /// With the person of the page's address among them, if it is one's.
    pub directs: Directs,
    /// What this person has not read.
    pub memberships: Memberships,
    /// Those whom the page shows and who are here.
    pub online: Vec<PersonId>,
    pub limits: AttachmentLimits,
    /// The path of the page's address.
    pub path: String,
    /// The room that the address names, if there is one.
    pub open: Option<(Room, Window)>,
    /// Those whom the address asks for, if it asks for people.
    pub people: Option<Found>,
    /// The message that a browser without JavaScript wants to edit.
    pub editing: Option<Position>,
    /// The message that it wants to answer.
    pub replying: Option<Position>,
    /// What a form of a browser without JavaScript asked for in vain.
    pub refused: Option<RefusedForm>,
}

/// People, and what was looked for in their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub name: String,
    pub people: Vec<Person>,
}

/// A form that was refused, and all that was typed into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedForm {
    /// The form's address, such as `/api/sign_in`.
    pub action: String,
    pub fields: Vec<(String, String)>,
    pub refusal: Refusal,
}

impl RefusedForm {
    /// What was typed into a field.
    pub fn field(&self, name: &str) -> String {
        let field = self.fields.iter().find(|(other, _)| other == name);
        field.map(|(_, typed)| typed.clone()).unwrap_or_default()
    }
}
