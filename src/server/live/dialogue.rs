//! What one client says, and what is done about it; how it gets here is the connection's business.

use std::sync::Arc;

use super::{encode, socket::Socket};
use crate::{
    domain::{
        attachment::AttachmentId,
        command::{Ask, Command, CommandId},
        frame::{ClientFrame, CloseCode, PROTOCOL, Resume, ServerFrame, VIEW_LIMIT, View},
        message::MessageText,
        position::Position,
        refusal::{Reason, Refusal, RefusalCode},
        room::Room,
    },
    server::{flack::Flack, network::Source, rates::Frames, reaction},
};

/// The server's side of one socket, from the first frame to the last.
pub struct Dialogue {
    flack: Flack,
    socket: Arc<Socket>,
    /// Where the client is.
    source: Source,
    frames: Frames,
    is_greeted: bool,
    /// Few at a time, and none twice.
    viewing: Vec<Room>,
}

impl Dialogue {
    /// Lets the socket in, unless there are too many.
    pub fn begin(flack: Flack, socket: Arc<Socket>, source: Source) -> Option<Self> {
        flack.enter().then(|| {
            let frames = flack.rates().frames();
            Self { flack, socket, source, frames, is_greeted: false, viewing: Vec::new() }
        })
    }

    /// Counts what the client says, whatever it is. Whoever says more than anybody may is closed.
    pub fn admit(&self) -> bool {
        let is_admitted = self.frames.admit();
        if !is_admitted {
            self.socket.close(CloseCode::RateLimited);
        }
        is_admitted
    }

    /// The socket hears nothing any more.
    pub fn end(self) {
        self.flack.leave(&self.socket, &self.viewing);
        self.flack.metrics().closed(self.socket.close_code());
    }

    /// Whether the client has said hello.
    pub fn is_greeted(&self) -> bool {
        self.is_greeted
    }

    /// Does what a frame asks for, as far as it can be done at once. Commands are answered when they
    /// are on disk, whatever comes meanwhile.
    pub async fn hear(&mut self, frame: ClientFrame) {
        if !self.admit() {
            return;
        }
        match frame {
            ClientFrame::Hello { protocol, .. } if protocol != PROTOCOL => {
                self.socket.close(CloseCode::Version);
            }
            ClientFrame::Hello { resume, viewing, .. }
                if !self.is_greeted && viewing.len() <= VIEW_LIMIT =>
            {
                self.is_greeted = true;
                self.socket.hold();
                self.greet(resume.as_ref(), viewing).await;
                self.socket.release();
            }
            _ if !self.is_greeted => self.socket.close(CloseCode::Protocol),
            ClientFrame::Hello { .. } => self.socket.close(CloseCode::Protocol),
            ClientFrame::View(view) => self.view(view).await,
            ClientFrame::Leave { room } => {
                if let Ok(room) = self.room(&room)
                    && let Some(place) = self.viewing.iter().position(|viewed| *viewed == room)
                {
                    self.viewing.swap_remove(place);
                    self.flack.unview(&self.socket, &room);
                }
            }
            ClientFrame::Post { id, room, text, attachments, reply_to } => {
                self.ask(id, &room, post(&text, attachments, reply_to));
            }
            ClientFrame::Edit { id, room, message, text } => {
                self.ask(id, &room, new_words(&text).map(|text| Ask::Edit(message, text)));
            }
            ClientFrame::Delete { id, room, message } => {
                self.ask(id, &room, Ok(Ask::Delete(message)));
            }
            ClientFrame::Restore { id, room, message } => {
                self.ask(id, &room, Ok(Ask::Restore(message)));
            }
            ClientFrame::React { id, room, message, emoji } => {
                self.ask(
                    id,
                    &room,
                    reaction::emoji(&emoji).map(|emoji| Ask::React(message, emoji)),
                );
            }
            ClientFrame::Unreact { id, room, message, emoji } => {
                self.ask(
                    id,
                    &room,
                    reaction::emoji(&emoji).map(|emoji| Ask::Unreact(message, emoji)),
                );
            }
            ClientFrame::Read { room, position } => {
                if let Ok(room) = self.room(&room) {
                    self.flack.read(&self.socket, room, position);
                }
            }
            ClientFrame::Typing { room } => {
                if let Ok(room) = self.room(&room) {
                    self.flack.note_typing(&self.socket.person, room);
                }
            }
            ClientFrame::Ping => {
                let spread = self.flack.spread();
                self.socket.send(&encode(&ServerFrame::Pong { spread }));
            }
        }
    }

    async fn greet(&mut self, resume: Option<&Resume>, viewing: Vec<View>) {
        let is_same_log = self.flack.greet(&self.socket, resume);
        self.flack.tell_memberships(&self.socket).await;
        for mut view in viewing {
            // Each costs as much as if it had come by itself.
            if !self.admit() {
                return;
            }
            view.position.take_if(|_| !is_same_log);
            self.view(view).await;
        }
    }

    async fn view(&mut self, view: View) {
        let viewed = match self.room(&view.room) {
            Ok(room) if self.viewing.contains(&room) => {
                self.flack.view(&self.socket, &room, view.position).await
            }
            Ok(room) if self.viewing.len() < VIEW_LIMIT => {
                let viewed = self.flack.view(&self.socket, &room, view.position).await;
                if viewed.is_ok() {
                    // Most view one.
                    self.viewing.reserve_exact(1);
                    self.viewing.push(room);
                }
                viewed
            }
            Ok(_) => Err(Refusal::full(Reason::TooManyRooms)),
            Err(refusal) => Err(refusal),
        };
        let Err(refusal) = viewed else { return };
        self.flack.metrics().refusals().count(refusal.code);
        // Whoever cannot be told asks again with the next link.
        if refusal.code == RefusalCode::Unavailable {
            return self.socket.close(CloseCode::Draining);
        }
        let frame = ServerFrame::Unviewable { room: view.room, refusal: refusal.spelled_out() };
        self.socket.send(&encode(&frame));
    }

    fn room(&self, room: &Room) -> Result<Room, Refusal> {
        self.flack.room(self.socket.person.id, room)
    }

    fn ask(&self, id: CommandId, room: &Room, ask: Result<Ask, Refusal>) {
        let admitted = self.flack.rates().message(self.socket.person.id, self.source);
        let room = admitted.and_then(|()| self.room(room));
        let command = room.and_then(|room| Ok(Command { room, ask: ask? }));
        let socket = self.socket.clone();
        let answered = id.clone();
        let refusals = self.flack.metrics().refusals().clone();
        let answer = move |result: Result<Position, Refusal>| {
            let frame = match result {
                Ok(position) => ServerFrame::Accepted { id: answered, position },
                Err(refusal) => {
                    refusals.count(refusal.code);
                    ServerFrame::Refused { id: answered, refusal: refusal.spelled_out() }
                }
            };
            socket.send(&encode(&frame));
        };
        match command {
            Ok(command) => self.flack.submit(
                self.socket.session,
                self.socket.person.id,
                id,
                command,
                Box::new(answer),
            ),
            Err(refusal) => answer(Err(refusal)),
        }
    }
}

/// What somebody asks for who posts this.
///
/// # Errors
/// When the text is none, and there is nothing else.
pub fn post(
    text: &str,
    attachments: Vec<AttachmentId>,
    reply_to: Option<Position>,
) -> Result<Ask, Refusal> {
    let text = match attachments.is_empty() {
        true => words(text)?,
        false => MessageText::beside_attachments(text).map_err(Refusal::text)?,
    };
    Ok(match reply_to {
        Some(message) => Ask::Reply(message, text, attachments),
        None if attachments.is_empty() => Ask::Post(text),
        None => Ask::Share(text, attachments),
    })
}

/// The new text of a message. It may be none beside files, which the store knows.
///
/// # Errors
/// When it is too long.
pub fn new_words(text: &str) -> Result<MessageText, Refusal> {
    MessageText::beside_attachments(text).map_err(Refusal::text)
}

/// The text of a message that has nothing else.
///
/// # Errors
/// When it is none.
pub fn words(text: &str) -> Result<MessageText, Refusal> {
    MessageText::try_from(text).map_err(Refusal::text)
}
