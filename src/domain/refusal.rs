//! Why Flack does not do what was asked: a code for programs, and what people are told in their language.

use std::{error, fmt};

use serde::{Deserialize, Serialize};

use super::{
    attachment::size_in_words,
    channel::{Channel, FIRST, TopicText, TopicTooLong},
    device::{DEVICES_LIMIT, LINK_MINUTES},
    direct::DIRECTS_OF_WHO_BEGINS,
    message::{MessageText, TextFault},
    name::{ChannelName, DisplayName, NameFault},
    person::Person,
    reaction::{EMOJI_LIMIT, REACTIONS_LIMIT},
    room::Room,
};
use crate::words::{Language, Words, count, fill};

/// The one error that leaves the server. Whoever shows it to a person finds the sentence by its reason.
///
/// Causes stay behind; they are logged where they happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub code: RefusalCode,
    /// The sentence in English, for who reads what programs get: written where it leaves the server, and
    /// not read again.
    #[serde(skip_deserializing, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Which sentence it is.
    #[serde(default)]
    pub reason: Reason,
    /// What the sentence names: sizes in bytes, and times in seconds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<(String, String)>,
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
    /// One that this build does not know.
    #[serde(other)]
    Other,
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
            RefusalCode::Busy
            | RefusalCode::NotSaved
            | RefusalCode::Unavailable
            | RefusalCode::Other => 503,
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

/// What exactly is in the way, each with a sentence of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    NotSignedIn,
    AlreadySignedIn,
    /// The session was ended from elsewhere.
    SignedOut,
    DisplayNameEmpty,
    DisplayNameTooLong,
    DisplayNameInvisible,
    DisplayNameForm,
    NameTaken,
    NameReserved,
    ChannelNameEmpty,
    ChannelNameTooLong,
    ChannelNameInvisible,
    ChannelNameForm,
    ChannelExists,
    UnknownChannel,
    UnknownMessage,
    /// What is to be answered.
    UnknownOriginal,
    UnknownPerson,
    UnknownDevice,
    UnknownLink,
    UnknownFile,
    /// A file that a message names.
    UnknownAttachment,
    NobodyCalled,
    NowhereSignedIn,
    FirstChannel,
    BackupUnderWay,
    TextEmpty,
    TextTooLong,
    TopicTooLong,
    EmojiInvalid,
    TooManyEmoji,
    TooManyReactions,
    TooManyFiles,
    TooManyDevices,
    TooManyRooms,
    FileTooLarge,
    QuotaFull,
    NoRoomForPeople,
    NoRoomForChannels,
    NoRoomForDirects,
    NoRoomForFiles,
    UploadBroken,
    Malformed,
    ForeignOrigin,
    RateLimited,
    TimedOut,
    Busy,
    NotSaved,
    Unavailable,
    /// One that this build does not know.
    #[default]
    #[serde(other)]
    Other,
}

impl Reason {
    /// What programs are told.
    fn code(self) -> RefusalCode {
        match self {
            Reason::NotSignedIn | Reason::SignedOut => RefusalCode::NotSignedIn,
            Reason::AlreadySignedIn => RefusalCode::AlreadySignedIn,
            Reason::DisplayNameEmpty
            | Reason::DisplayNameTooLong
            | Reason::DisplayNameInvisible
            | Reason::DisplayNameForm => RefusalCode::NameInvalid,
            Reason::NameTaken => RefusalCode::NameTaken,
            Reason::NameReserved => RefusalCode::NameReserved,
            Reason::ChannelNameEmpty
            | Reason::ChannelNameTooLong
            | Reason::ChannelNameInvisible
            | Reason::ChannelNameForm => RefusalCode::ChannelNameInvalid,
            Reason::ChannelExists => RefusalCode::ChannelExists,
            Reason::UnknownChannel => RefusalCode::UnknownChannel,
            Reason::UnknownMessage | Reason::UnknownOriginal => RefusalCode::UnknownMessage,
            Reason::UnknownPerson | Reason::NobodyCalled => RefusalCode::UnknownPerson,
            Reason::UnknownDevice | Reason::NowhereSignedIn => RefusalCode::UnknownDevice,
            Reason::UnknownLink => RefusalCode::UnknownLink,
            Reason::UnknownFile | Reason::UnknownAttachment => RefusalCode::UnknownFile,
            Reason::TextEmpty => RefusalCode::TextEmpty,
            Reason::TextTooLong => RefusalCode::TextTooLong,
            Reason::TopicTooLong => RefusalCode::TopicTooLong,
            Reason::EmojiInvalid => RefusalCode::EmojiInvalid,
            Reason::TooManyEmoji | Reason::TooManyReactions => RefusalCode::TooManyReactions,
            Reason::TooManyFiles => RefusalCode::TooManyFiles,
            Reason::FileTooLarge => RefusalCode::FileTooLarge,
            Reason::QuotaFull => RefusalCode::QuotaFull,
            Reason::TooManyDevices
            | Reason::TooManyRooms
            | Reason::NoRoomForPeople
            | Reason::NoRoomForChannels
            | Reason::NoRoomForDirects
            | Reason::NoRoomForFiles => RefusalCode::Full,
            Reason::UploadBroken => RefusalCode::UploadBroken,
            Reason::Malformed | Reason::FirstChannel => RefusalCode::Malformed,
            Reason::ForeignOrigin => RefusalCode::ForeignOrigin,
            Reason::RateLimited => RefusalCode::RateLimited,
            Reason::TimedOut => RefusalCode::TimedOut,
            Reason::Busy | Reason::BackupUnderWay => RefusalCode::Busy,
            Reason::NotSaved => RefusalCode::NotSaved,
            Reason::Unavailable => RefusalCode::Unavailable,
            Reason::Other => RefusalCode::Other,
        }
    }

    fn sentence(self, words: &Words) -> &'static str {
        match self {
            Reason::NotSignedIn => words.not_signed_in,
            Reason::AlreadySignedIn => words.already_signed_in,
            Reason::SignedOut => words.signed_out,
            Reason::DisplayNameEmpty => words.display_name_empty,
            Reason::DisplayNameTooLong => words.display_name_too_long,
            Reason::DisplayNameInvisible => words.display_name_invisible,
            Reason::DisplayNameForm => words.display_name_form,
            Reason::NameTaken => words.name_taken,
            Reason::NameReserved => words.name_reserved,
            Reason::ChannelNameEmpty => words.channel_name_empty,
            Reason::ChannelNameTooLong => words.channel_name_too_long,
            Reason::ChannelNameInvisible => words.channel_name_invisible,
            Reason::ChannelNameForm => words.channel_name_form,
            Reason::ChannelExists => words.channel_exists,
            Reason::UnknownChannel => words.unknown_channel,
            Reason::UnknownMessage => words.unknown_message,
            Reason::UnknownOriginal => words.unknown_original,
            Reason::UnknownPerson => words.unknown_person,
            Reason::UnknownDevice => words.unknown_device,
            Reason::UnknownLink => words.unknown_link,
            Reason::UnknownFile => words.unknown_file,
            Reason::UnknownAttachment => words.unknown_attachment,
            Reason::NobodyCalled => words.nobody_called,
            Reason::NowhereSignedIn => words.nowhere_signed_in,
            Reason::FirstChannel => words.first_channel,
            Reason::BackupUnderWay => words.backup_under_way,
            Reason::TextEmpty => words.text_empty,
            Reason::TextTooLong => words.text_too_long,
            Reason::TopicTooLong => words.topic_too_long,
            Reason::EmojiInvalid => words.emoji_invalid,
            Reason::TooManyEmoji => words.too_many_emoji,
            Reason::TooManyReactions => words.too_many_reactions,
            Reason::TooManyFiles => words.too_many_files,
            Reason::TooManyDevices => words.too_many_devices,
            Reason::TooManyRooms => words.too_many_rooms,
            Reason::FileTooLarge => words.file_too_large,
            Reason::QuotaFull => words.quota_full,
            Reason::NoRoomForPeople => words.no_room_for_people,
            Reason::NoRoomForChannels => words.no_room_for_channels,
            Reason::NoRoomForDirects => words.no_room_for_directs,
            Reason::NoRoomForFiles => words.no_room_for_files,
            Reason::UploadBroken => words.upload_broken,
            Reason::Malformed => words.malformed,
            Reason::ForeignOrigin => words.foreign_origin,
            Reason::RateLimited => words.rate_limited,
            Reason::TimedOut => words.timed_out,
            Reason::Busy => words.busy,
            Reason::NotSaved => words.not_saved,
            Reason::Unavailable => words.unavailable,
            Reason::Other => words.refused_otherwise,
        }
    }
}

impl Refusal {
    fn new(reason: Reason) -> Self {
        Self {
            code: reason.code(),
            message: String::new(),
            reason,
            args: Vec::new(),
            retry_after: None,
        }
    }

    fn about(mut self, name: &str, value: impl ToString) -> Self {
        self.args.push((name.to_owned(), value.to_string()));
        self
    }

    fn for_now(reason: Reason, retry_after: u32) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(reason) }
    }

    pub fn not_signed_in() -> Self {
        Self::new(Reason::NotSignedIn)
    }

    pub fn already_signed_in(person: &Person) -> Self {
        Self::new(Reason::AlreadySignedIn).about("name", &person.name)
    }

    pub fn display_name(fault: NameFault) -> Self {
        match fault {
            NameFault::Empty => Self::new(Reason::DisplayNameEmpty),
            NameFault::TooLong => {
                Self::new(Reason::DisplayNameTooLong).about("limit", DisplayName::LIMIT)
            }
            NameFault::Invisible | NameFault::LooseMark => Self::new(Reason::DisplayNameInvisible),
            NameFault::Address => Self::new(Reason::DisplayNameForm),
        }
    }

    pub fn name_taken(name: &DisplayName) -> Self {
        Self::new(Reason::NameTaken).about("name", name)
    }

    pub fn name_reserved(name: &DisplayName) -> Self {
        Self::new(Reason::NameReserved).about("name", name)
    }

    pub fn channel_name(fault: NameFault) -> Self {
        match fault {
            NameFault::Empty => Self::new(Reason::ChannelNameEmpty),
            NameFault::TooLong => {
                Self::new(Reason::ChannelNameTooLong).about("limit", ChannelName::LIMIT)
            }
            NameFault::Invisible | NameFault::LooseMark => Self::new(Reason::ChannelNameInvisible),
            NameFault::Address => Self::new(Reason::ChannelNameForm),
        }
    }

    pub fn channel_exists(channel: &Channel) -> Self {
        Self::new(Reason::ChannelExists).about("channel", &channel.name)
    }

    pub fn unknown_channel() -> Self {
        Self::new(Reason::UnknownChannel)
    }

    /// The same answer whether the message never was, is gone, or belongs to somebody else.
    pub fn unknown_message() -> Self {
        Self::new(Reason::UnknownMessage)
    }

    /// What is answered is not there, for whatever reason.
    pub fn unknown_original() -> Self {
        Self::new(Reason::UnknownOriginal)
    }

    /// The same answer whether there is no such person, or the conversation is other people's.
    pub fn unknown_person() -> Self {
        Self::new(Reason::UnknownPerson)
    }

    pub fn unknown_device() -> Self {
        Self::new(Reason::UnknownDevice)
    }

    pub fn unknown_link() -> Self {
        Self::new(Reason::UnknownLink).about("limit", LINK_MINUTES)
    }

    pub fn too_many_devices() -> Self {
        Self::new(Reason::TooManyDevices).about("limit", DEVICES_LIMIT)
    }

    /// For the operator.
    pub fn nobody_called(name: &str) -> Self {
        Self::new(Reason::NobodyCalled).about("name", name)
    }

    /// For the operator.
    pub fn nowhere_signed_in() -> Self {
        Self::new(Reason::NowhereSignedIn)
    }

    /// For the operator.
    pub fn backup_under_way() -> Self {
        Self::new(Reason::BackupUnderWay)
    }

    /// For the operator.
    pub fn first_channel() -> Self {
        Self::new(Reason::FirstChannel).about("channel", FIRST)
    }

    /// Said on the page of a browser whose session was ended from elsewhere.
    pub fn signed_out() -> Self {
        Self::new(Reason::SignedOut)
    }

    pub fn unknown_room(room: &Room) -> Self {
        match room {
            Room::Channel(_) => Self::unknown_channel(),
            Room::Direct(_) => Self::unknown_person(),
        }
    }

    pub fn text(fault: TextFault) -> Self {
        match fault {
            TextFault::Empty => Self::new(Reason::TextEmpty),
            TextFault::TooLong(count) => Self::new(Reason::TextTooLong)
                .about("limit", MessageText::LIMIT)
                .about("count", count),
        }
    }

    pub fn topic(TopicTooLong(count): TopicTooLong) -> Self {
        Self::new(Reason::TopicTooLong).about("limit", TopicText::LIMIT).about("count", count)
    }

    pub fn emoji_invalid() -> Self {
        Self::new(Reason::EmojiInvalid)
    }

    pub fn too_many_emoji() -> Self {
        Self::new(Reason::TooManyEmoji).about("limit", EMOJI_LIMIT)
    }

    pub fn too_many_reactions() -> Self {
        Self::new(Reason::TooManyReactions).about("limit", REACTIONS_LIMIT)
    }

    /// The same answer whether the file never was, is gone, or is not for the asker.
    pub fn unknown_file() -> Self {
        Self::new(Reason::UnknownFile)
    }

    /// A message names a file that its author has not, or not any more.
    pub fn unknown_attachment() -> Self {
        Self::new(Reason::UnknownAttachment)
    }

    /// `limit` in bytes.
    pub fn file_too_large(limit: u64) -> Self {
        Self::new(Reason::FileTooLarge).about("size", limit)
    }

    pub fn too_many_files(limit: usize) -> Self {
        Self::new(Reason::TooManyFiles).about("limit", limit)
    }

    /// `limit` in bytes.
    pub fn quota_full(limit: u64) -> Self {
        Self::new(Reason::QuotaFull).about("size", limit)
    }

    pub fn upload_broken() -> Self {
        Self::new(Reason::UploadBroken)
    }

    pub fn malformed() -> Self {
        Self::new(Reason::Malformed)
    }

    pub fn foreign_origin() -> Self {
        Self::new(Reason::ForeignOrigin)
    }

    /// Says when there is room for the next one.
    pub fn rate_limited(seconds: u32) -> Self {
        Self::for_now(Reason::RateLimited, seconds).about("wait", seconds)
    }

    pub fn timed_out() -> Self {
        Self::for_now(Reason::TimedOut, 1)
    }

    pub fn busy() -> Self {
        Self::for_now(Reason::Busy, 1)
    }

    /// Who asks is in as many direct conversations as one may be who begins another.
    pub fn too_many_directs() -> Self {
        Self::new(Reason::NoRoomForDirects).about("limit", DIRECTS_OF_WHO_BEGINS)
    }

    /// For a reason that is a limit of this server.
    pub fn full(reason: Reason) -> Self {
        Self::new(reason)
    }

    pub fn not_saved() -> Self {
        Self::for_now(Reason::NotSaved, 5)
    }

    pub fn unavailable() -> Self {
        Self::for_now(Reason::Unavailable, 2)
    }

    /// Whether the same request may be accepted later.
    pub fn is_for_now(&self) -> bool {
        self.retry_after.is_some()
    }

    /// The sentence for people, in words that they can act on.
    pub fn told(&self, words: &Words) -> String {
        let told = |(name, value): &(String, String)| match (name.as_str(), value.parse()) {
            ("size", Ok(bytes)) => size_in_words(bytes, words),
            ("wait", Ok(seconds)) => wait_in_words(seconds, words),
            _ => value.clone(),
        };
        let values: Vec<String> = self.args.iter().map(told).collect();
        let names = self.args.iter().map(|(name, _)| name.as_str());
        let values: Vec<(&str, &str)> = names.zip(values.iter().map(String::as_str)).collect();
        fill(self.reason.sentence(words), &values)
    }

    /// As it leaves the server: also with the sentence, for who reads what programs get.
    pub fn spelled_out(self) -> Self {
        Self { message: self.to_string(), ..self }
    }
}

fn wait_in_words(seconds: u64, words: &Words) -> String {
    match usize::try_from(seconds).unwrap_or(usize::MAX) {
        seconds if seconds < 100 => count(seconds, words.second, words.seconds),
        seconds => count(seconds.div_ceil(60), words.minutes, words.minutes),
    }
}

/// In English. Not for the client, which would carry all of it.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.told(Language::English.words()).fmt(f)
    }
}

impl error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_what_it_is_about() {
        let german = Language::German.words();
        let too_long = Refusal::text(TextFault::TooLong(4_001));
        assert_eq!(
            too_long.to_string(),
            "A message can have up to 4000 characters. This one has 4001."
        );
        assert_eq!(
            too_long.told(german),
            "Eine Nachricht kann bis zu 4000 Zeichen haben. Diese hat 4001."
        );
        let large = Refusal::file_too_large(1_600);
        assert_eq!(large.to_string(), "A file can have up to 1.6 KB.");
        assert_eq!(large.told(german), "Eine Datei kann bis zu 1,6 KB groß sein.");
    }

    #[test]
    fn how_long_to_wait_is_said_as_people_say_it() {
        for (seconds, words) in
            [(1, "1 second."), (2, "2 seconds."), (99, "99 seconds."), (100, "2 minutes.")]
        {
            assert!(Refusal::rate_limited(seconds).to_string().ends_with(words), "{seconds}");
        }
    }

    #[test]
    fn what_a_newer_server_says_is_a_refusal_all_the_same() {
        let json =
            r#"{"code":"busy","message":"x","reason":"of_tomorrow","args":[["moon","full"]]}"#;
        let refusal: Refusal = crate::domain::json::read(json).expect("it is read");
        assert_eq!((refusal.code, refusal.reason), (RefusalCode::Busy, Reason::Other));
        assert_eq!(refusal.to_string(), Language::English.words().refused_otherwise);
        let json = r#"{"code":"of_tomorrow","message":"x","reason":"of_tomorrow"}"#;
        let refusal: Refusal = crate::domain::json::read(json).expect("it is read");
        assert_eq!((refusal.code, refusal.reason), (RefusalCode::Other, Reason::Other));
    }

    #[test]
    fn everything_that_a_sentence_asks_for_is_there() {
        let refusals = [
            Refusal::already_signed_in(&Person {
                id: crate::domain::person::PersonId(crate::domain::position::Position(1)),
                name: DisplayName::stored("Ada".to_owned()),
            }),
            Refusal::display_name(NameFault::TooLong),
            Refusal::channel_name(NameFault::TooLong),
            Refusal::unknown_link(),
            Refusal::too_many_devices(),
            Refusal::too_many_directs(),
            Refusal::nobody_called("Ada"),
            Refusal::first_channel(),
            Refusal::too_many_emoji(),
            Refusal::too_many_reactions(),
            Refusal::too_many_files(10),
            Refusal::quota_full(7),
        ];
        for refusal in refusals {
            let sentence = refusal.reason.sentence(Language::English.words());
            for (name, _) in &refusal.args {
                assert!(sentence.contains(&format!("{{{name}}}")), "{sentence}");
            }
            assert_eq!(sentence.matches('{').count(), refusal.args.len(), "{sentence}");
        }
    }
}
