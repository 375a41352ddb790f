//! Where messages are written.

use leptos::{
    ev::{ClipboardEvent, SubmitEvent},
    html::Textarea,
    prelude::*,
    server_fn::ServerFn,
};

use super::{
    emoji::EMOJI,
    field::refused,
    icon::{CLIP, Icon, SEND, SMILE},
    quote::Replying,
    room_field::RoomField,
    uploads::Uploads,
    words::Words,
};
use crate::{
    api::PostMessage,
    client::{
        COMPOSER, Client, LOG,
        browser::{self, ChosenFile},
        draft::joined,
        keys::Deed,
        words,
    },
    domain::{
        message::{MessageText, TextFault},
        refusal::Refusal,
        room::NamedRoom,
    },
    words::{fill, with},
};

/// From here on, how much room is left is worth saying.
const NEARLY_FULL: usize = MessageText::LIMIT - 200;

/// How many characters there are, if that is worth saying: counting takes time.
fn counted(text: &str) -> usize {
    if text.len() > NEARLY_FULL { MessageText::count(text) } else { 0 }
}

/// Sets a signal only where that changes it.
fn put_into<T: PartialEq + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|now| *now != value) {
        signal.set(value);
    }
}

/// The field of a room. What is in it survives a reload. `edit` is text to put into it, and `error` what
/// is wrong.
#[component]
pub fn Composer(
    room: NamedRoom,
    edit: RwSignal<Option<String>>,
    error: RwSignal<Option<String>>,
) -> impl IntoView {
    let client = expect_context::<Client>();
    let area = NodeRef::<Textarea>::new();
    let words = words();
    let label = with(words.message_to, &room.to_string());
    let hint = with(words.message_hint, &room.to_string());
    let path = StoredValue::new(room.path());
    let (field, escaped) = (room.clone(), StoredValue::new(room.clone()));
    let room = StoredValue::new(room.room);
    let (typed, message) = refused(client, PostMessage::PATH, "text").unzip();
    let count = RwSignal::new(typed.as_deref().map_or(0, counted));
    // A hint that is not to be seen is styled anew with every key nevertheless.
    let is_empty = RwSignal::new(typed.as_deref().is_none_or(str::is_empty));
    let hint = Signal::derive(move || is_empty.get().then(|| hint.clone()));
    if message.is_some() {
        error.set(message);
    }
    // Somebody may have sent the message while its files were still on their way.
    let has_waited = room.with_value(|room| client.awaits_files(room));
    let status = RwSignal::new(if has_waited { words.waits_for_files } else { "" });
    let is_waiting = move || status.get_untracked() == words.waits_for_files;

    // The element keeps the text: what is typed before the client runs stays as it is.
    // What every key does is little, so that no letter is late.
    let changed = move |text: String| {
        put_into(is_empty, text.is_empty());
        put_into(count, counted(&text));
        put_into(error, None);
        if !is_waiting() {
            put_into(status, "");
        }
        path.with_value(|path| client.keep_draft(path, text));
    };
    let typing = move |text: String| {
        if is_waiting() {
            // Whoever goes on writing has not written all of it.
            room.with_value(|room| client.await_files(room, false));
            status.set("");
        }
        if !text.trim().is_empty() {
            client.typed();
        }
        changed(text);
    };
    let put = move |text: &str| {
        if let Some(area) = area.get_untracked() {
            area.set_value(text);
            browser::grow(COMPOSER);
            changed(text.to_owned());
            client.store_drafts();
        }
    };
    // What is being written is not lost to what comes to it.
    let add = move |text: String| {
        let there = area.get_untracked().map(|area| area.value()).unwrap_or_default();
        put(&joined(text, &there));
    };
    let focus = move || {
        if let Some(area) = area.get_untracked() {
            let _ = area.focus();
        }
    };
    Effect::new(move |_| {
        let Some(area) = area.get() else { return };
        // Perhaps somebody has begun to write before the client ran.
        let draft = path.with_value(|path| client.draft(path));
        let there = area.value();
        if !draft.is_empty() && draft != there {
            add(draft);
        } else if !there.is_empty() {
            path.with_value(|path| client.keep_draft(path, there));
        }
        browser::grow(COMPOSER);
        put_into(is_empty, area.value().is_empty());
        put_into(count, counted(&area.value()));
        // Who came for a message has the focus there.
        if browser::has_fine_pointer() && client.marked.get_untracked().is_none() {
            browser::focus_soon(COMPOSER);
        }
    });
    Effect::new(move |_| {
        if let Some(text) = edit.get() {
            add(text);
            focus();
            edit.set(None);
        }
    });
    Effect::new(move |_| {
        client.rows.track();
        for lost in path.with_value(|path| client.homeless_words(path)) {
            add(lost);
            status.set(words.homeless_words);
        }
    });

    let invalid = Signal::derive(move || error.with(Option::is_some).then_some("true"));
    let send = move || {
        let Some(typed) = area.get_untracked().map(|area| area.value()) else { return };
        match room.with_value(|room| client.send(room, &typed)) {
            Ok(true) => {
                put_into(status, "");
                put("");
                focus();
            }
            Ok(false) => status.set(words.waits_for_files),
            Err(reason) => {
                put_into(status, "");
                error.set(Some(reason));
                focus();
            }
        }
    };
    Effect::new(move |_| {
        let is_uploading = room.with_value(|room| client.is_uploading(room));
        if !is_uploading && is_waiting() {
            send();
        }
    });
    let attach = move |files: Vec<ChosenFile>| {
        let attached = room.with_value(|room| client.attach(room, files));
        error.set(attached.err().map(|refusal| refusal.told(words)));
        focus();
    };
    let paste = move |event: ClipboardEvent| {
        let files = browser::pasted_files(&event);
        if !files.is_empty() {
            event.prevent_default();
            attach(files);
        }
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        send();
    };
    let act = Callback::new(move |deed: Deed| {
        let is_empty = || area.get_untracked().is_some_and(|area| area.value().is_empty());
        match deed {
            Deed::Send => send(),
            Deed::EditLast if is_empty() => client.edit_last(),
            Deed::Leave if client.replying.get_untracked().is_some() => {
                client.reply(&escaped.get_value(), None);
            }
            // There the arrows read.
            Deed::Leave => browser::focus(LOG),
            _ => return false,
        }
        true
    });

    view! {
        <form
            class="composer"
            method="post"
            action=PostMessage::PATH
            enctype="multipart/form-data"
            novalidate
            on:submit=submit
        >
            <RoomField room=field.clone() />
            <Replying room=field />
            <Uploads room />
            <div class="composer__box" on:paste=paste>
                <label class="composer__attach" title=words.attach>
                    <input
                        type="file"
                        name="files"
                        multiple
                        aria-label=words.attach
                        on:change=move |event| attach(browser::chosen_files(&event))
                    />
                    <Icon path=CLIP />
                </label>
                <Words
                    id=COMPOSER
                    list="composer-list"
                    about="composer-note"
                    class="composer__text"
                    label
                    placeholder=hint
                    typed
                    area
                    is_invalid=invalid
                    changed=Callback::new(typing)
                    act
                />
                <button
                    class="button button--quiet button--icon composer__emoji"
                    type="button"
                    popovertarget=EMOJI
                    aria-label=words.emoji
                    title=words.emoji
                >
                    <Icon path=SMILE />
                </button>
                <button class="button button--primary composer__send">
                    <Icon path=SEND />
                    <span class="hidden--narrow">{words.send}</span>
                </button>
            </div>
            <p class="composer__note" id="composer-note">
                <Note count error status />
            </p>
        </form>
    }
}

/// The line below: what is wrong, how much room is left, or which keys help.
#[component]
fn Note(
    count: RwSignal<usize>,
    error: RwSignal<Option<String>>,
    status: RwSignal<&'static str>,
) -> impl IntoView {
    let (limit, words) = (MessageText::LIMIT, words());
    let problem = Signal::derive(move || {
        let over = (count.get() > limit)
            .then(|| Refusal::text(TextFault::TooLong(count.get())).told(words));
        error.get().or(over).unwrap_or_default()
    });
    let room = Signal::derive(move || {
        let values = [("count", &*count.get().to_string()), ("limit", &*limit.to_string())];
        fill(words.counted, &values)
    });
    let is_short = Signal::derive(move || count.get() <= NEARLY_FULL);
    let is_hint_hidden = Signal::derive(move || {
        !is_short.get() || !status.get().is_empty() || problem.with(|p| !p.is_empty())
    });

    view! {
        <span class="composer__hint" hidden=is_hint_hidden>
            <kbd>{words.key_enter}</kbd>
            {format!(" {} ", words.hint_sends)}
            <kbd>{words.key_shift}</kbd>
            " + "
            <kbd>{words.key_enter}</kbd>
            {format!(" {}", words.hint_breaks)}
        </span>
        <span role="status" aria-label=words.message>
            {status}
        </span>
        <span class="composer__error" role="alert">
            {problem}
        </span>
        <span class="composer__count" hidden=is_short>
            {room}
        </span>
    }
}
