//! Why Flack does not do what was asked, in words that a person can act on.

use std::{error, fmt};

use serde::{Deserialize, Serialize};

use super::{
    attachment::size_in_words,
    channel::{Channel, FIRST, TopicText, TopicTooLong},
    device::{DEVICES_LIMIT, LINK_MINUTES},
    message::{MessageText, TextFault},
    name::{ChannelName, DisplayName, NameFault},
    person::Person,
    reaction::{EMOJI_LIMIT, REACTIONS_LIMIT},
    room::Room,
};

/// The one error that leaves the server: what it is for programs, and a sentence for people.
///
/// Causes stay behind; they are logged where they happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub code: RefusalCode,
    pub message: String,
    /// Seconds after which asking again makes sense. Without it, asking again gives the same answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    NotSignedIn,
    AlreadySignedIn,
    NameInvalid,
    NameTaken,
    NameReserved,
    ChannelNameInvalid,
    ChannelExists,
    UnknownChannel,
    UnknownMessage,
    UnknownPerson,
    UnknownDevice,
    /// A link to another device has been used, is too old, or never was one.
    UnknownLink,
    TextEmpty,
    TextTooLong,
    TopicTooLong,
    EmojiInvalid,
    /// A message has as many reactions as it can have.
    TooManyReactions,
    UnknownFile,
    FileTooLarge,
    TooManyFiles,
    /// What one person may store is used up.
    QuotaFull,
    /// An upload came too slowly, or broke off.
    UploadBroken,
    Malformed,
    ForeignOrigin,
    /// More often than anybody may; what was asked was not done.
    RateLimited,
    /// The request took too long to arrive.
    TimedOut,
    /// Too much at once; what was asked was not done.
    Busy,
    /// A limit that the operator set is reached.
    Full,
    /// It could not be saved.
    NotSaved,
    /// The server could not be reached, or broke.
    Unavailable,
}

impl RefusalCode {
    /// The HTTP status that says the same (RFC 9110 §15).
    pub fn status(self) -> u16 {
        match self {
            RefusalCode::NotSignedIn => 401,
            RefusalCode::ForeignOrigin => 403,
            RefusalCode::UnknownChannel
            | RefusalCode::UnknownMessage
            | RefusalCode::UnknownPerson
            | RefusalCode::UnknownDevice
            | RefusalCode::UnknownLink
            | RefusalCode::UnknownFile => 404,
            RefusalCode::UploadBroken => 408,
            RefusalCode::FileTooLarge => 413,
            RefusalCode::AlreadySignedIn
            | RefusalCode::NameTaken
            | RefusalCode::NameReserved
            | RefusalCode::ChannelExists => 409,
            RefusalCode::NameInvalid
            | RefusalCode::ChannelNameInvalid
            | RefusalCode::TextEmpty
            | RefusalCode::TextTooLong
            | RefusalCode::TopicTooLong
            | RefusalCode::EmojiInvalid
            | RefusalCode::TooManyReactions
            | RefusalCode::TooManyFiles => 422,
            RefusalCode::Malformed => 400,
            RefusalCode::TimedOut => 408,
            RefusalCode::RateLimited => 429,
            RefusalCode::Busy | RefusalCode::NotSaved | RefusalCode::Unavailable => 503,
            RefusalCode::Full | RefusalCode::QuotaFull => 507,
        }
    }
}

impl RefusalCode {
    /// Whether the same file may be taken later, by itself or after somebody has made room.
    pub fn is_worth_a_retry(self) -> bool {
        !matches!(self, RefusalCode::FileTooLarge | RefusalCode::TooManyFiles)
    }
}

impl Refusal {
    fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }

    fn for_now(code: RefusalCode, message: &str, retry_after: u32) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(code, message) }
    }

    pub fn not_signed_in() -> Self {
        Self::new(RefusalCode::NotSignedIn, "Choose a display name first.")
    }

    pub fn already_signed_in(person: &Person) -> Self {
        let name = &person.name;
        let message = format!("You are here as {name}. To take another name, sign out first.");
        Self::new(RefusalCode::AlreadySignedIn, message)
    }

    pub fn display_name(fault: NameFault) -> Self {
        let limit = DisplayName::LIMIT;
        let message = match fault {
            NameFault::Empty => "Type the name that others should see.".to_owned(),
            NameFault::TooLong => format!("A display name can have up to {limit} characters."),
            NameFault::Invisible | NameFault::LooseMark => {
                "A display name can only have characters that others can see.".to_owned()
            }
            NameFault::Address => "A display name cannot have this form.".to_owned(),
        };
        Self::new(RefusalCode::NameInvalid, message)
    }

    pub fn name_taken(name: &DisplayName) -> Self {
        let message = format!(
            "Somebody is called {name} already, or by a name that looks like it. Try another name."
        );
        Self::new(RefusalCode::NameTaken, message)
    }

    pub fn name_reserved(name: &DisplayName) -> Self {
        let message = format!("Nobody can be called {name} here. Try another name.");
        Self::new(RefusalCode::NameReserved, message)
    }

    pub fn channel_name(fault: NameFault) -> Self {
        let limit = ChannelName::LIMIT;
        let message = match fault {
            NameFault::Empty => "Type a name for the channel.".to_owned(),
            NameFault::TooLong => format!("A channel name can have up to {limit} characters."),
            NameFault::Invisible | NameFault::LooseMark => {
                "A channel name can only have characters that others can see.".to_owned()
            }
            NameFault::Address => {
                "A channel name cannot have slashes, or be made of dots alone.".to_owned()
            }
        };
        Self::new(RefusalCode::ChannelNameInvalid, message)
    }

    pub fn channel_exists(channel: &Channel) -> Self {
        let message = format!("There is already a channel called {}.", channel.name);
        Self::new(RefusalCode::ChannelExists, message)
    }

    pub fn unknown_channel() -> Self {
        Self::new(RefusalCode::UnknownChannel, "There is no such channel.")
    }

    /// The same answer whether the message never was, is gone, or belongs to somebody else.
    pub fn unknown_message() -> Self {
        Self::new(RefusalCode::UnknownMessage, "You have no such message here.")
    }

    /// What is answered is not there, for whatever reason.
    pub fn unknown_original() -> Self {
        let message = "The message that this one answers is no longer there.";
        Self::new(RefusalCode::UnknownMessage, message)
    }

    /// The same answer whether there is no such person, or the conversation is other people's.
    pub fn unknown_person() -> Self {
        Self::new(RefusalCode::UnknownPerson, "There is no such person.")
    }

    pub fn unknown_device() -> Self {
        Self::new(RefusalCode::UnknownDevice, "You are not signed in there.")
    }

    pub fn unknown_link() -> Self {
        let message = format!(
            "This link does not work any more. It works once, and for {LINK_MINUTES} minutes: make another one on a \
             device where you are signed in."
        );
        Self::new(RefusalCode::UnknownLink, message)
    }

    pub fn too_many_devices() -> Self {
        let message = format!(
            "You are signed in on {DEVICES_LIMIT} devices, which is as many as one person can have. Sign one of \
             them out first."
        );
        Self::new(RefusalCode::Full, message)
    }

    /// For the operator.
    pub fn nobody_called(name: &str) -> Self {
        Self::new(RefusalCode::UnknownPerson, format!("Nobody is called {name}."))
    }

    /// For the operator.
    pub fn nowhere_signed_in() -> Self {
        Self::new(RefusalCode::UnknownDevice, "They are signed in nowhere.")
    }

    /// For the operator.
    pub fn backup_under_way() -> Self {
        Self::new(RefusalCode::Busy, "A backup is being made already.")
    }

    /// For the operator.
    pub fn first_channel() -> Self {
        let message = format!("#{FIRST} has to stay: people enter there.");
        Self::new(RefusalCode::Malformed, message)
    }

    /// Said on the page of a browser whose session was ended from elsewhere.
    pub fn signed_out() -> Self {
        let message = "You were signed out here. Your name stays yours: make a link to this device on \
             another one where you are signed in, or ask whoever runs this server.";
        Self::new(RefusalCode::NotSignedIn, message)
    }

    pub fn unknown_room(room: &Room) -> Self {
        match room {
            Room::Channel(_) => Self::unknown_channel(),
            Room::Direct(_) => Self::unknown_person(),
        }
    }

    pub fn text(fault: TextFault) -> Self {
        let limit = MessageText::LIMIT;
        match fault {
            TextFault::Empty => Self::new(RefusalCode::TextEmpty, "Write something first."),
            TextFault::TooLong(count) => Self::new(
                RefusalCode::TextTooLong,
                format!("A message can have up to {limit} characters. This one has {count}."),
            ),
        }
    }

    pub fn topic(TopicTooLong(count): TopicTooLong) -> Self {
        let limit = TopicText::LIMIT;
        let message = format!("A topic can have up to {limit} characters. This one has {count}.");
        Self::new(RefusalCode::TopicTooLong, message)
    }

    pub fn emoji_invalid() -> Self {
        Self::new(RefusalCode::EmojiInvalid, "A reaction is one emoji.")
    }

    pub fn too_many_emoji() -> Self {
        let message = format!(
            "This message has {EMOJI_LIMIT} different emoji, and cannot have more. Choose one of them."
        );
        Self::new(RefusalCode::TooManyReactions, message)
    }

    pub fn too_many_reactions() -> Self {
        let message =
            format!("This message has {REACTIONS_LIMIT} reactions, and cannot have more.");
        Self::new(RefusalCode::TooManyReactions, message)
    }

    /// The same answer whether the file never was, is gone, or is not for the asker.
    pub fn unknown_file() -> Self {
        Self::new(RefusalCode::UnknownFile, "There is no such file.")
    }

    /// A message names a file that its author has not, or not any more.
    pub fn unknown_attachment() -> Self {
        let message = "A file of this message is no longer there. Attach it again.";
        Self::new(RefusalCode::UnknownFile, message)
    }

    /// `limit` in bytes.
    pub fn file_too_large(limit: u64) -> Self {
        let message = format!("A file can have up to {}.", size_in_words(limit));
        Self::new(RefusalCode::FileTooLarge, message)
    }

    pub fn too_many_files(limit: usize) -> Self {
        let message = format!("A message can have up to {limit} files.");
        Self::new(RefusalCode::TooManyFiles, message)
    }

    /// `limit` in bytes.
    pub fn quota_full(limit: u64) -> Self {
        let message = format!(
            "Your files may take up {} here, and this one does not fit. Deleting messages with \
             files makes room.",
            size_in_words(limit)
        );
        Self::new(RefusalCode::QuotaFull, message)
    }

    pub fn upload_broken() -> Self {
        Self::new(RefusalCode::UploadBroken, "The file did not arrive in whole. Try again.")
    }

    pub fn malformed() -> Self {
        Self::new(RefusalCode::Malformed, "Flack could not read this request.")
    }

    pub fn foreign_origin() -> Self {
        Self::new(RefusalCode::ForeignOrigin, "This request came from another website.")
    }

    /// Says when there is room for the next one.
    pub fn rate_limited(seconds: u32) -> Self {
        let wait = match seconds {
            1 => "1 second".to_owned(),
            2..=99 => format!("{seconds} seconds"),
            _ => format!("{} minutes", seconds.div_ceil(60)),
        };
        let message = format!("That is too much at once. The server takes the next in {wait}.");
        Self { retry_after: Some(seconds), ..Self::new(RefusalCode::RateLimited, message) }
    }

    pub fn timed_out() -> Self {
        Self::for_now(RefusalCode::TimedOut, "This request took too long to arrive.", 1)
    }

    pub fn busy() -> Self {
        Self::for_now(RefusalCode::Busy, "Flack is busy. Try again in a moment.", 1)
    }

    pub fn full(of: &str) -> Self {
        let message =
            format!("This server has no room for more {of}. Its operator can change that.");
        Self::new(RefusalCode::Full, message)
    }

    pub fn not_saved() -> Self {
        let message = "Not saved yet: the server's disk is full. Its operator has to make room.";
        Self::for_now(RefusalCode::NotSaved, message, 5)
    }

    pub fn unavailable() -> Self {
        Self::for_now(RefusalCode::Unavailable, "Flack cannot be reached. Try again.", 2)
    }

    /// Whether the same request may be accepted later.
    pub fn is_for_now(&self) -> bool {
        self.retry_after.is_some()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}

impl error::Error for Refusal {}
