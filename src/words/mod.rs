//! All that Flack says to people, in each language that it speaks.
//!
//! A language is one file beside this one, and a line in [`Language`]. The tables are structs, so a text
//! that is missing, or that nobody asks for any more, does not compile. Where a text names something it
//! has a placeholder, such as `{name}`; where it counts, it is a pair, for one and for any other number,
//! which is enough for the languages that there are.
//!
//! The client carries no text. The server has all tables; a page names the file with the one of its own
//! language, and gives it to the client when that starts. `build.rs` uses this module, too, to make
//! those files: it knows nothing of the rest.

mod de;
mod en;

/// Declares a table, with what it takes to write it into a file and to read it again.
macro_rules! table {
    ($(#[$about:meta])* pub struct $Table:ident { $($text:ident,)* }) => {
        $(#[$about])*
        #[derive(Debug)]
        pub struct $Table {
            $(pub $text: &'static str,)*
        }

        impl $Table {
            /// All texts, with their names.
            pub fn texts(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($text), self.$text),)*]
            }

            /// A line for each text.
            pub fn lines(&self) -> String {
                let texts = self.texts();
                let lines: Vec<&str> = texts.into_iter().map(|(_, text)| text).collect();
                lines.join("\n")
            }

            /// None unless these are the lines of such a table.
            pub fn of_lines(lines: &'static str) -> Option<Self> {
                const COUNT: usize = [$(stringify!($text)),*].len();
                let mut rest = lines.split('\n');
                let table = Self { $($text: next(&mut rest),)* };
                (lines.split('\n').count() == COUNT).then_some(table)
            }
        }
    };
}

/// Called for every text, and not part of each call: that would be most of what reading a table takes.
#[inline(never)]
fn next(lines: &mut std::str::Split<'static, char>) -> &'static str {
    lines.next().unwrap_or_default()
}

table! {
    /// What pages say that have a client, and why something is refused.
    pub struct Words {
        // The document
        title_join,
        title_no_person,
        title_nowhere,
        skip,
        // The first visit
        join_heading,
        join_lead,
        display_name,
        join,
        join_small,
        // Pages without a conversation
        home_heading,
        home_lead,
        open_channel,
        no_channel,
        no_channel_lead,
        create_this,
        back_to_channel,
        unsent,
        unsent_heading,
        unsent_discard,
        no_person,
        nowhere,
        old_address,
        see_people,
        // People
        people,
        people_whom,
        people_part,
        people_none,
        people_one,
        people_many,
        you,
        online,
        online_note,
        // The list of rooms
        sidebar,
        show_channels,
        close_channels,
        channels,
        new_channel,
        new_channel_lead,
        channel_name,
        channel_hint,
        create_channel,
        directs,
        new_message,
        unread,
        for_you,
        muted,
        is_favourite,
        // Oneself
        account,
        language,
        automatic,
        colours,
        theme_system,
        theme_light,
        theme_dark,
        notifications,
        sound,
        wish_refused,
        devices,
        sign_out_note,
        sign_out,
        // Going somewhere
        jump,
        jump_title,
        jump_field,
        jump_list,
        jump_new,
        jump_none,
        key_control,
        suggestions,
        suggestion_one,
        suggestion_many,
        keys,
        keys_failed,
        keys_switch,
        // The bar of a room
        connection,
        connecting,
        connected,
        reconnecting,
        offline,
        disconnected,
        this_room,
        favourite,
        mute,
        topic,
        // A conversation
        noscript,
        reload,
        messages_in,
        messages_with,
        nothing,
        not_here,
        not_here_lead,
        nothing_in_channel,
        nothing_with,
        new,
        to_newest,
        missed,
        storage,
        storage_fails,
        storage_unreadable,
        link,
        link_missing,
        typing_one,
        typing_two,
        typing_many,
        notice_in,
        // A message
        send_direct,
        edited,
        in_reply_to,
        deleted_message,
        earlier_message,
        sending,
        not_confirmed,
        waiting,
        not_sent,
        send_again,
        edit,
        discard,
        reaction_and,
        reaction_other,
        reaction_others,
        // What can be done about it
        actions,
        react_with,
        other_emoji,
        reply,
        copy_link,
        link_copied,
        link_not_copied,
        edit_message,
        delete_message,
        deletion,
        deleted,
        undo,
        notice,
        save,
        cancel,
        close,
        // Files
        attachments,
        download,
        file,
        picture,
        picture_place,
        picture_previous,
        picture_next,
        byte,
        bytes,
        decimal_sign,
        // Writing
        message_to,
        message_hint,
        message,
        send,
        attach,
        drop,
        files_to_send,
        uploading,
        cancel_upload,
        remove_upload,
        try_again,
        waits_for_files,
        not_attached,
        homeless_words,
        replying_to,
        cancel_reply,
        key_enter,
        key_shift,
        hint_sends,
        hint_breaks,
        counted,
        emoji,
        emoji_search,
        emoji_search_hint,
        emoji_fetching,
        emoji_failed,
        emoji_none,
        emoji_found,
        emoji_recent,
        emoji_groups,
        // Why something is refused
        not_signed_in,
        already_signed_in,
        signed_out,
        display_name_empty,
        display_name_too_long,
        display_name_invisible,
        display_name_form,
        name_taken,
        name_reserved,
        channel_name_empty,
        channel_name_too_long,
        channel_name_invisible,
        channel_name_form,
        channel_exists,
        unknown_channel,
        unknown_message,
        unknown_original,
        unknown_person,
        unknown_device,
        unknown_link,
        unknown_file,
        unknown_attachment,
        nobody_called,
        nowhere_signed_in,
        first_channel,
        backup_under_way,
        text_empty,
        text_too_long,
        topic_too_long,
        emoji_invalid,
        too_many_emoji,
        too_many_reactions,
        too_many_files,
        too_many_devices,
        too_many_rooms,
        file_too_large,
        quota_full,
        no_room_for_people,
        no_room_for_channels,
        no_room_for_directs,
        no_room_for_files,
        upload_broken,
        malformed,
        foreign_origin,
        rate_limited,
        second,
        seconds,
        minutes,
        timed_out,
        busy,
        not_saved,
        unavailable,
        refused_otherwise,
    }
}

table! {
    /// What the server says alone: pages without a client, and times for who has no script.
    pub struct Documents {
        // Times
        today,
        yesterday,
        weekdays,
        months,
        date,
        day,
        // One's devices
        devices_title,
        devices_heading,
        devices_who,
        device_unknown,
        device_on,
        device_this,
        device_open,
        device_last,
        device_since,
        device_sign_out,
        sign_out,
        sign_out_others,
        other_device,
        link_about,
        link_make,
        link_made,
        link_code,
        link_copy,
        to_conversation,
        // A link to this device
        link_title,
        link_broken,
        link_heading,
        link_speaks,
        link_continue,
        link_already,
        link_instead,
        not_now,
        to_flack,
        // What a channel is about
        topic_title,
        topic_heading,
        topic_by,
        topic_hint,
        topic_save,
        topic_cancel,
        // Without a network
        offline_title,
        offline_heading,
        offline_about,
        offline_again,
        offline_back,
        // Keys
        keys_title,
        keys_or,
        key_letter,
        key_control,
        key_enter,
        key_shift,
        place_page,
        place_outside,
        place_words,
        deed_jump,
        deed_previous,
        deed_next,
        deed_previous_unread,
        deed_next_unread,
        deed_help,
        deed_write,
        deed_send,
        deed_break,
        deed_edit_last,
        deed_leave,
        deed_mention,
        deed_emoji,
        deed_bold,
        deed_italic,
        deed_strike,
        deed_code,
    }
}

/// A language that Flack speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// Spoken to who wants none that there is, and to programs.
    #[default]
    English,
    German,
}

impl Language {
    pub const ALL: [Language; 2] = [Language::English, Language::German];

    /// The cookie that remembers which one somebody has chosen.
    pub const COOKIE: &str = "language";

    /// As HTML and HTTP name it (RFC 5646).
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::German => "de",
        }
    }

    /// As those call it who speak it.
    pub fn name(self) -> &'static str {
        match self {
            Language::English => "English",
            Language::German => "Deutsch",
        }
    }

    pub fn of(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// Not for the client: it would carry them all.
    pub fn words(self) -> &'static Words {
        match self {
            Language::English => &en::WORDS,
            Language::German => &de::WORDS,
        }
    }

    /// Likewise.
    pub fn documents(self) -> &'static Documents {
        match self {
            Language::English => &en::DOCUMENTS,
            Language::German => &de::DOCUMENTS,
        }
    }

    /// The file with its words, for the client.
    pub fn file(self) -> String {
        format!("pkg/words-{}.txt", self.tag())
    }
}

/// In which language a page is, and the one that somebody has chosen, if they have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spoken {
    pub language: Language,
    pub chosen: Option<Language>,
}

/// Puts values in the places of their names.
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    filled(text, |name| values.iter().find(|(other, _)| *other == name).map_or("", |(_, it)| it))
}

/// Puts a value in the place that there is for one.
pub fn with(text: &str, value: &str) -> String {
    filled(text, |_| value)
}

/// So many, in the form for one or for any other number.
pub fn count(number: usize, one: &str, many: &str) -> String {
    with(if number == 1 { one } else { many }, &number.to_string())
}

/// What stands before and after the one place in a text, for a value that is more than text.
pub fn around(text: &'static str) -> (&'static str, &'static str) {
    let (before, rest) = text.split_once('{').unwrap_or((text, ""));
    (before, rest.split_once('}').map_or("", |(_, after)| after))
}

fn filled<'a>(text: &str, value: impl Fn(&str) -> &'a str) -> String {
    let mut filled = String::new();
    for (at, part) in text.split(['{', '}']).enumerate() {
        // Text and names take turns.
        filled += if at % 2 == 0 { part } else { value(part) };
    }
    filled
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    type Texts = Vec<(&'static str, &'static str)>;

    fn texts(language: Language) -> Texts {
        [language.words().texts(), language.documents().texts()].concat()
    }

    fn places(text: &str) -> BTreeSet<&str> {
        text.split(['{', '}']).skip(1).step_by(2).collect()
    }

    #[test]
    fn every_language_says_the_same_about_the_same() {
        let english = texts(Language::English);
        for language in Language::ALL {
            for ((name, text), (_, in_english)) in texts(language).into_iter().zip(&english) {
                assert_eq!(places(text), places(in_english), "{name} in {language:?}");
                let by = match name {
                    "weekdays" | "months" => ' ',
                    "emoji_groups" => '|',
                    _ => continue,
                };
                let parts = |text: &str| text.split(by).count();
                assert_eq!(parts(text), parts(in_english), "{name} in {language:?}");
            }
        }
    }

    #[test]
    fn every_text_is_one_line_of_whole_words() {
        for language in Language::ALL {
            for (name, text) in texts(language) {
                assert!(!text.trim().is_empty(), "{name} in {language:?}");
                assert!(!text.contains(['\n', '\'', '"']), "{name} in {language:?}: {text}");
                assert!(!text.contains("..."), "{name} in {language:?}: {text}");
                let (open, close) = (text.matches('{').count(), text.matches('}').count());
                assert_eq!(open, close, "{name} in {language:?}: {text}");
            }
        }
    }

    #[test]
    fn languages_have_names_of_their_own() {
        for language in Language::ALL {
            assert_eq!(Language::of(language.tag()), Some(language));
        }
        assert_eq!(Language::of("xx"), None);
        let names: BTreeSet<&str> = Language::ALL.iter().map(|language| language.name()).collect();
        assert_eq!(names.len(), Language::ALL.len());
    }

    #[test]
    fn the_client_reads_what_the_server_writes() {
        for language in Language::ALL {
            let lines: &'static str = language.words().lines().leak();
            let read = Words::of_lines(lines).expect("they are the lines of a table");
            assert_eq!(read.texts(), language.words().texts());
            assert!(Words::of_lines(lines.rsplit_once('\n').unwrap().0).is_none());
        }
    }

    #[test]
    fn values_come_into_their_places() {
        let text = "{name} and {other} in #{room}";
        let values = [("other", "Grace"), ("name", "Ada {x}"), ("room", "general")];
        assert_eq!(fill(text, &values), "Ada {x} and Grace in #general");
        assert_eq!(with("React with {emoji}", "👍"), "React with 👍");
        assert_eq!(with("Nothing", "x"), "Nothing");
        assert_eq!(count(1, "{count} person", "{count} people"), "1 person");
        assert_eq!(count(0, "{count} person", "{count} people"), "0 people");
        assert_eq!(around("Where to, {name}?"), ("Where to, ", "?"));
        assert_eq!(around("Open #{channel}"), ("Open #", ""));
    }
}
