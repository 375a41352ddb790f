//! T10: who may do what. A row for everything that can be asked for, a column for everyone who asks.
//!
//! What can be asked for is not listed here but found out: the routes and the server functions from
//! the server, the frames from the error that names them all. One without a row fails.

use std::collections::BTreeSet;

use flack::{
    domain::{
        address::Address,
        attachment::Attachment,
        command::Accepted,
        device::Link,
        frame::{ClientFrame, CloseCode, ServerFrame},
        person::PersonId,
        position::Position,
        room::{Pair, Room, direct_path},
    },
    server::http::Route,
};
use leptos::server_fn::axum::server_fn_paths;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite;

use crate::support::{
    channel,
    guest::Guest,
    house::House,
    http::{Answer, Ask},
    socket::Socket,
};

/// What only the two of the direct conversation may read.
const SECRET: &str = "plover-xyzzy";
/// What everyone may read who is signed in.
const PUBLIC: &str = "open-sesame";

/// Who asks. The first two have no session (any more).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    Nobody,
    SignedOut,
    /// Is signed in, and not in the direct conversation.
    Other,
    /// Is in the conversation, and has not written the message.
    Participant,
    Author,
}

const ASKERS: [Asker; 5] =
    [Asker::Nobody, Asker::SignedOut, Asker::Other, Asker::Participant, Asker::Author];

/// People, a message in a channel, and one in a direct conversation.
struct Stage<'a> {
    house: &'a House,
    author: Guest,
    participant: Guest,
    other: Guest,
    signed_out: Guest,
    in_channel: Position,
    in_direct: Position,
    /// The secret of a link to another device of the author.
    link: String,
    /// Files of the two messages, whose content is what the messages say, and a picture in the direct
    /// conversation.
    file_in_channel: Attachment,
    file_in_direct: Attachment,
    picture: Attachment,
    /// The author's, and in no message.
    pending: Attachment,
}

impl<'a> Stage<'a> {
    async fn set(house: &'a House, number: usize) -> Self {
        let [author, participant, other, signed_out] =
            ["Author", "Participant", "Other", "Gone"].map(|name| format!("{name} of {number}"));
        let author = house.join(&author).await;
        let participant = house.join(&participant).await;
        let file_in_channel = author.upload("a.txt", PUBLIC.as_bytes()).await;
        let file_in_direct = author.upload("b.txt", SECRET.as_bytes()).await;
        let picture = author.upload("c.png", &picture()).await;
        let pending = author.upload("d.txt", b"not posted yet").await;
        let in_channel = author.share("general", PUBLIC, &[&file_in_channel]).await.expect(200);
        let with = participant.person.id.0.to_string();
        let direct = [("direct", with.as_str()), ("text", SECRET)];
        let in_direct = author.share_to(&direct, &[&file_in_direct, &picture]).await.expect(200);
        let position = |answer: Answer| answer.json::<Accepted>().position;
        let (in_channel, in_direct) = (position(in_channel), position(in_direct));
        let other = house.join(&other).await;
        let signed_out = house.join(&signed_out).await;
        let link: Link = author.ask("/api/create_link", &[]).await.expect(200).json();
        let link = link.path.trim_start_matches("/link/").to_owned();
        Self {
            house,
            author,
            participant,
            other,
            signed_out,
            in_channel,
            in_direct,
            file_in_channel,
            file_in_direct,
            picture,
            pending,
            link,
        }
    }

    fn guest(&self, asker: Asker) -> Option<&Guest> {
        match asker {
            Asker::Nobody => None,
            Asker::SignedOut => Some(&self.signed_out),
            Asker::Other => Some(&self.other),
            Asker::Participant => Some(&self.participant),
            Asker::Author => Some(&self.author),
        }
    }

    fn direct(&self) -> Room {
        Room::Direct(Pair::of(self.author.person.id, self.participant.person.id))
    }

    /// Whom this one would name to mean the direct conversation.
    fn with(&self, asker: Asker) -> PersonId {
        match asker {
            Asker::Author => self.participant.person.id,
            _ => self.author.person.id,
        }
    }

    /// A request of this asker, with the cookie that they have or had.
    fn request(&self, asker: Asker, method: &str, path: &str) -> Ask {
        let cookie = self.guest(asker).map_or("", |guest| guest.cookie.as_str());
        Ask::new(self.house.address(), method, path).cookie(cookie)
    }

    fn form(&self, asker: Asker, path: &str, fields: &[(&str, &str)]) -> Ask {
        self.request(asker, "POST", path).form(fields)
    }

    /// What everyone sees who may: the two messages.
    async fn contents(&self) -> [String; 2] {
        let channel = self.house.window("general").await;
        let public = channel.messages().find(|message| message.position == self.in_channel);
        let page = self.author.get(&direct_path(self.participant.person.id)).await.expect(200);
        [format!("{public:?}"), page.articles().join("\n")]
    }
}

/// A picture of four pixels.
fn picture() -> Vec<u8> {
    let mut content = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_pixel(2, 2, image::Rgb([1, 2, 3]));
    picture.write_to(&mut content, image::ImageFormat::Png).expect("memory");
    content.into_inner()
}

/// Asks as somebody would.
type Request = Box<dyn Fn(&Stage, Asker) -> Ask>;

/// What is asked for over HTTP, and which status each of [`ASKERS`] gets.
struct Row {
    name: String,
    ask: Request,
    outcomes: [u16; 5],
    /// Who may read the message in the channel, and the one in the direct conversation, there.
    readers: [&'static [Asker]; 2],
    /// Whether the author has deleted both messages just before.
    is_deleted: bool,
    /// Whether everybody who may see the message changes it by that.
    is_open: bool,
}

impl Row {
    fn new(
        name: impl Into<String>,
        outcomes: [u16; 5],
        ask: impl Fn(&Stage, Asker) -> Ask + 'static,
    ) -> Self {
        let ask = Box::new(ask);
        let (name, readers) = (name.into(), [&[][..], &[]]);
        Self { name, ask, outcomes, readers, is_deleted: false, is_open: false }
    }

    fn read_by(mut self, public: &'static [Asker], secret: &'static [Asker]) -> Self {
        self.readers = [public, secret];
        self
    }
}

const MEMBERS: &[Asker] = &[Asker::Other, Asker::Participant, Asker::Author];
const THE_TWO: &[Asker] = &[Asker::Participant, Asker::Author];

/// For whoever is signed in.
const FOR_MEMBERS: [u16; 5] = [401, 401, 200, 200, 200];
/// For the two of the direct conversation.
const FOR_THE_TWO: [u16; 5] = [401, 401, 404, 200, 200];
/// For whoever is signed in it is not there.
const FOR_NOBODY: [u16; 5] = [401, 401, 404, 404, 404];
/// For the author alone; to all others the message is not there.
const FOR_THE_AUTHOR: [u16; 5] = [401, 401, 404, 404, 200];

/// The rows of a server function.
fn function(path: &'static str) -> Vec<Row> {
    match path {
        "/api/sign_in" => vec![Row::new(path, [200, 200, 409, 409, 409], move |stage, asker| {
            stage.form(asker, path, &[("name", &format!("New {}", stage.in_direct))])
        })],
        "/api/sign_out" => {
            vec![Row::new(path, FOR_MEMBERS, move |stage, asker| stage.form(asker, path, &[]))]
        }
        "/api/create_channel" => vec![Row::new(path, FOR_MEMBERS, move |stage, asker| {
            stage.form(asker, path, &[("name", &format!("channel {}", stage.in_direct))])
        })],
        "/api/set_topic" => vec![
            Row::new(path, FOR_MEMBERS, move |stage, asker| {
                stage.form(asker, path, &[("channel", "general"), ("topic", "!")])
            }),
            Row::new("/api/set_topic of no channel", FOR_NOBODY, move |stage, asker| {
                stage.form(asker, path, &[("channel", "nowhere"), ("topic", "!")])
            }),
        ],
        "/api/list_channels" | "/api/list_devices" | "/api/list_people" | "/api/create_link" => {
            vec![Row::new(path, FOR_MEMBERS, move |stage, asker| {
                let method = if path == "/api/create_link" { "POST" } else { "GET" };
                stage.request(asker, method, &format!("{path}?name="))
            })]
        }
        // The device of the author is nobody else's to sign out.
        "/api/sign_out_device" => vec![Row::new(path, FOR_THE_AUTHOR, move |stage, asker| {
            stage.form(asker, path, &[("device", &stage.author.person.id.0.to_string())])
        })],
        // Nobody here has a second one.
        "/api/sign_out_others" => {
            vec![Row::new(path, [401, 401, 404, 404, 404], move |stage, asker| {
                stage.form(asker, path, &[])
            })]
        }
        "/api/choose_theme" => vec![Row::new(path, [200; 5], move |stage, asker| {
            stage.form(asker, path, &[("theme", "dark")])
        })],
        "/api/choose_language" => vec![Row::new(path, [200; 5], move |stage, asker| {
            stage.form(asker, path, &[("language", "de")])
        })],
        // It is the secret that counts, and not who has it.
        "/api/use_link" => vec![
            Row::new(path, [200; 5], move |stage, asker| {
                stage.form(asker, path, &[("secret", &stage.link)])
            }),
            Row::new("/api/use_link without the secret", [404; 5], move |stage, asker| {
                stage.form(asker, path, &[("secret", &"0".repeat(64))])
            }),
        ],
        // Whom the other one names is whom they write to; the two do not hear of it.
        "/api/post_message" => {
            let mut rows = in_both_rooms(path, FOR_MEMBERS, FOR_MEMBERS);
            rows.extend(answers(path));
            rows
        }
        "/api/react" | "/api/unreact" => {
            let rows = in_both_rooms(path, FOR_MEMBERS, FOR_THE_TWO);
            rows.into_iter().map(|row| Row { is_open: true, ..row }).collect()
        }
        "/api/edit_message" | "/api/delete_message" => {
            in_both_rooms(path, FOR_THE_AUTHOR, FOR_THE_AUTHOR)
        }
        // Each sets it for themselves; the other means another conversation, which nobody has begun.
        "/api/set_room" => in_both_rooms(path, FOR_MEMBERS, FOR_THE_TWO)
            .into_iter()
            .filter(|row| !row.name.contains("wrong"))
            .collect(),
        "/api/restore_message" => {
            let rows = in_both_rooms(path, FOR_THE_AUTHOR, FOR_THE_AUTHOR);
            rows.into_iter().map(|row| Row { is_deleted: true, ..row }).collect()
        }
        _ => panic!("{path} has no row: who may call it?"),
    }
}

/// The rows of answers: to the message in the channel, to that in the direct conversation, and to the
/// latter as if it were in the channel.
fn answers(path: &'static str) -> Vec<Row> {
    vec![
        Row::new("an answer in a channel", FOR_MEMBERS, move |stage, asker| {
            let message = stage.in_channel.to_string();
            let fields = [("channel", "general"), ("reply_to", &message), ("text", "!")];
            stage.form(asker, path, &fields)
        }),
        Row::new("an answer in a direct conversation", FOR_THE_TWO, move |stage, asker| {
            let (message, with) = (stage.in_direct.to_string(), stage.with(asker).0.to_string());
            stage.form(asker, path, &[("direct", &with), ("reply_to", &message), ("text", "!")])
        }),
        Row::new("an answer in the wrong room", FOR_NOBODY, move |stage, asker| {
            let message = stage.in_direct.to_string();
            let fields = [("channel", "general"), ("reply_to", &message), ("text", "!")];
            stage.form(asker, path, &fields)
        }),
    ]
}

/// A row for the message in the channel, one for that in the direct conversation, and one for the
/// latter as if it were in the channel.
fn in_both_rooms(path: &'static str, in_channel: [u16; 5], in_direct: [u16; 5]) -> Vec<Row> {
    let rest = &[("text", "!"), ("emoji", "👍")][..];
    let in_wrong = in_channel.map(|status| if status == 200 { 404 } else { status });
    let mut rows = vec![
        Row::new(format!("{path} in a channel"), in_channel, move |stage, asker| {
            let message = stage.in_channel.to_string();
            stage.form(
                asker,
                path,
                &[&[("channel", "general"), ("message", &message)], rest].concat(),
            )
        }),
        Row::new(format!("{path} in a direct conversation"), in_direct, move |stage, asker| {
            let (message, with) = (stage.in_direct.to_string(), stage.with(asker).0.to_string());
            stage.form(asker, path, &[&[("direct", &*with), ("message", &*message)], rest].concat())
        }),
    ];
    if path != "/api/post_message" {
        rows.push(Row::new(format!("{path} in the wrong room"), in_wrong, move |stage, asker| {
            let message = stage.in_direct.to_string();
            stage.form(
                asker,
                path,
                &[&[("channel", "general"), ("message", &message)], rest].concat(),
            )
        }));
    }
    rows
}

/// The rows of a route.
fn route(route: Route) -> Vec<Row> {
    match route {
        Route::Health => vec![Row::new("/healthz", [200; 5], |stage, asker| {
            stage.request(asker, "GET", "/healthz")
        })],
        // People do not come to the listener that has it; whoever reaches that one may read it.
        Route::Metrics => vec![
            Row::new("/metrics, where people come", [404; 5], |stage, asker| {
                stage.request(asker, "GET", "/metrics")
            }),
            Row::new("/metrics", [200; 5], |stage, asker| {
                let cookie = stage.guest(asker).map_or("", |guest| guest.cookie.as_str());
                Ask::new(stage.house.metrics_address(), "GET", "/metrics").cookie(cookie)
            }),
            Row::new("anything else, beside it", [404; 5], |stage, asker| {
                let cookie = stage.guest(asker).map_or("", |guest| guest.cookie.as_str());
                let ask = Ask::new(stage.house.metrics_address(), "GET", "/c/general");
                ask.cookie(cookie)
            }),
        ],
        // Without the headers of a handshake, those who may are told that they are needed.
        Route::Live => vec![Row::new("/live", [401, 401, 400, 400, 400], |stage, asker| {
            stage.request(asker, "GET", "/live").header("origin", &stage.house.origin())
        })],
        Route::Call => server_fn_paths().flat_map(|(path, _)| function(path)).collect(),
        Route::Devices => vec![Row::new("/devices", [303, 303, 200, 200, 200], |stage, asker| {
            stage.request(asker, "GET", "/devices")
        })],
        Route::Link => vec![
            Row::new("/link/…", [200; 5], |stage, asker| {
                stage.request(asker, "GET", &format!("/link/{}", stage.link))
            }),
            Row::new("/link/000", [404; 5], |stage, asker| {
                stage.request(asker, "GET", "/link/000")
            }),
        ],
        Route::Keys => {
            vec![Row::new("/keys", [200; 5], |stage, asker| stage.request(asker, "GET", "/keys"))]
        }
        // The page of the channel says why not.
        Route::Topic => vec![
            Row::new("/c/general/topic", [303, 303, 200, 200, 200], |stage, asker| {
                stage.request(asker, "GET", "/c/general/topic")
            }),
            Row::new("/c/nowhere/topic", [303; 5], |stage, asker| {
                stage.request(asker, "GET", "/c/nowhere/topic")
            }),
        ],
        Route::Upload => {
            vec![Row::new("/files", [401, 401, 201, 201, 201], |stage, asker| {
                stage.request(asker, "POST", "/files?name=a.txt").bytes(b"mine")
            })]
        }
        Route::File => files(),
        Route::Thumbnail => {
            let get = |stage: &Stage, asker: Asker| {
                stage.request(asker, "GET", &stage.picture.thumbnail_path())
            };
            let gone = Row::new("a small copy, deleted", [401, 401, 404, 404, 404], get);
            vec![
                Row::new("a small copy", FOR_THE_TWO, get),
                Row { is_deleted: true, ..gone },
                Row::new("the small copy of no picture", FOR_NOBODY, |stage, asker| {
                    stage.request(asker, "GET", &stage.file_in_channel.thumbnail_path())
                }),
            ]
        }
        Route::Worker => vec![Row::new("/worker.js", [200; 5], |stage, asker| {
            stage.request(asker, "GET", "/worker.js")
        })],
        Route::Offline => vec![Row::new("/offline", [200; 5], |stage, asker| {
            stage.request(asker, "GET", "/offline")
        })],
        Route::Page => {
            let person = PersonId(Position::ZERO);
            let addresses = [
                Address::Home,
                Address::Channel("general".to_owned()),
                Address::Direct(person),
                Address::People,
                Address::Nowhere,
            ];
            let file = Row::new("/favicon.svg", [200; 5], |stage, asker| {
                stage.request(asker, "GET", "/favicon.svg")
            });
            let in_channel = Row::new("/c/general/…", [200; 5], |stage, asker| {
                stage.request(asker, "GET", &format!("/c/general/{}", stage.in_channel))
            });
            let in_direct = Row::new("/d/…/…", [200; 5], |stage, asker| {
                let path = direct_path(stage.with(asker));
                stage.request(asker, "GET", &format!("{path}/{}", stage.in_direct))
            });
            let in_wrong = Row::new("a foreign message's address", [200; 5], |stage, asker| {
                stage.request(asker, "GET", &format!("/c/general/{}", stage.in_direct))
            });
            let messages = [
                in_channel.read_by(MEMBERS, &[]),
                in_direct.read_by(&[], THE_TWO),
                in_wrong.read_by(MEMBERS, &[]),
            ];
            addresses.iter().map(page).chain([file]).chain(messages).collect()
        }
    }
}

/// The rows of files: read and thrown away, by where they are.
fn files() -> Vec<Row> {
    type Pick = fn(&Stage) -> String;
    let in_channel: Pick = |stage| stage.file_in_channel.path();
    let in_direct: Pick = |stage| stage.file_in_direct.path();
    let pending: Pick = |stage| stage.pending.path();
    let unknown: Pick = |_| format!("/files/{}", "0".repeat(32));
    let get =
        |pick: Pick| move |stage: &Stage, asker: Asker| stage.request(asker, "GET", &pick(stage));
    let part = |pick: Pick| {
        move |stage: &Stage, asker: Asker| {
            stage.request(asker, "GET", &pick(stage)).header("range", "bytes=0-99")
        }
    };
    let delete = |pick: Pick| {
        move |stage: &Stage, asker: Asker| stage.request(asker, "DELETE", &pick(stage))
    };
    let deleted = |row: Row| Row { is_deleted: true, ..row };
    const PART: [u16; 5] = [401, 401, 404, 206, 206];
    vec![
        Row::new("a file in a channel", FOR_MEMBERS, get(in_channel)).read_by(MEMBERS, &[]),
        Row::new("a file between two", FOR_THE_TWO, get(in_direct)).read_by(&[], THE_TWO),
        Row::new("a part of a file between two", PART, part(in_direct)).read_by(&[], THE_TWO),
        Row::new("a file in no message", [401, 401, 404, 404, 200], get(pending)),
        Row::new("a file that never was", FOR_NOBODY, get(unknown)),
        deleted(Row::new("a file in a channel, deleted", FOR_NOBODY, get(in_channel))),
        deleted(Row::new("a file between two, deleted", FOR_NOBODY, get(in_direct))),
        Row::new("throwing away a file in a channel", FOR_NOBODY, delete(in_channel)),
        Row::new("throwing away a file between two", FOR_NOBODY, delete(in_direct)),
        Row::new("throwing away a file in no message", [401, 401, 404, 404, 204], delete(pending)),
        Row::new("throwing away what never was", FOR_NOBODY, delete(unknown)),
    ]
}

/// The row of a page. Those who are not signed in are asked for a name, at whatever address.
fn page(address: &Address) -> Row {
    let get =
        |path: &'static str| move |stage: &Stage, asker: Asker| stage.request(asker, "GET", path);
    match address {
        Address::Home => Row::new("/", [200; 5], get("/")),
        Address::Channel(_) => {
            Row::new("/c/general", [200; 5], get("/c/general")).read_by(MEMBERS, &[])
        }
        Address::Direct(_) => Row::new("/d/…", [200; 5], |stage, asker| {
            stage.request(asker, "GET", &direct_path(stage.with(asker)))
        })
        .read_by(&[], THE_TWO),
        Address::People => Row::new("/people", [200; 5], get("/people")),
        Address::Nowhere => Row::new("/nowhere", [404; 5], get("/nowhere")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_knows_who_may() {
    // Every cell has four people of its own.
    let house = House::with(|config| config.limits.people = 100_000).await;
    let mut number = 0;
    for row in Route::ALL.into_iter().flat_map(route) {
        for (asker, expected) in ASKERS.into_iter().zip(row.outcomes) {
            number += 1;
            let stage = Stage::set(&house, number).await;
            if row.is_deleted {
                stage.author.delete("general", stage.in_channel).await.expect(200);
                let with = stage.participant.person.id.0.to_string();
                let fields = [("direct", with.as_str()), ("message", &stage.in_direct.to_string())];
                stage.author.ask("/api/delete_message", &fields).await.expect(200);
            }
            stage.signed_out.sign_out().await.expect(200);
            let before = stage.contents().await;
            let answer = (row.ask)(&stage, asker).await;
            let name = format!("{} for {asker:?}", row.name);
            assert_eq!(answer.status, expected, "{name}: {}", answer.body);
            check_readers(&name, &row, asker, &answer);
            check_refusal(&name, &answer);
            if expected >= 400 || (asker == Asker::Other && !row.is_open) {
                assert_eq!(stage.contents().await, before, "{name} changed something");
            }
        }
    }
    assert!(number >= 100, "only {number} cells");
}

#[track_caller]
fn check_readers(name: &str, row: &Row, asker: Asker, answer: &Answer) {
    for (readers, words) in row.readers.into_iter().zip([PUBLIC, SECRET]) {
        let has_read = answer.body.contains(words);
        assert_eq!(has_read, readers.contains(&asker), "{name} reads {words}: {}", answer.body);
    }
}

/// What is refused says so in a sentence, and gives no session and nothing to keep.
#[track_caller]
fn check_refusal(name: &str, answer: &Answer) {
    if answer.status >= 400 {
        assert_eq!(answer.header("set-cookie"), "", "{name}");
        assert_eq!(answer.header("cache-control"), "private, no-store", "{name}");
    }
}

/// What comes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The socket was closed when its session ended.
    Closed,
    Done,
    Refused(u16),
    /// The room is not there for this one.
    Unviewable,
    /// The messages of the room come.
    Shown,
    /// Nothing but the answer to a ping.
    Silence,
}

/// What is said over the socket, and what comes of it for each of [`ASKERS`] but nobody, who gets no
/// socket.
struct Talk {
    frame: Value,
    outcomes: [Outcome; 4],
}

/// The rows of a type of frame.
fn talks(kind: &str, stage: &Stage) -> Vec<Talk> {
    use Outcome::{Closed, Done, Refused, Shown, Silence, Unviewable};
    let rooms = [channel("general"), stage.direct()].map(|room| json!(room));
    let messages = [stage.in_channel, stage.in_direct];
    let own = |outcomes: [[Outcome; 4]; 2], rest: Value| {
        let cells = rooms.clone().into_iter().zip(messages).zip(outcomes);
        let talk = |((room, message), outcomes): ((Value, Position), [Outcome; 4])| {
            let mut frame = json!({ "type": kind, "id": "x", "room": room, "message": message });
            for (name, value) in rest.as_object().expect("fields") {
                frame[name] = value.clone();
            }
            if kind == "post" {
                frame.as_object_mut().expect("fields").remove("message");
            }
            Talk { frame, outcomes }
        };
        cells.map(talk).collect::<Vec<_>>()
    };
    let [public, private] = &rooms;
    let for_the_author = [Closed, Refused(404), Refused(404), Done];
    match kind {
        // Said once already, and not twice.
        "hello" => {
            vec![Talk { frame: json!({ "type": "hello", "protocol": 0 }), outcomes: [Closed; 4] }]
        }
        "view" => vec![
            Talk {
                frame: json!({ "type": "view", "room": public }),
                outcomes: [Closed, Shown, Shown, Shown],
            },
            Talk {
                frame: json!({ "type": "view", "room": private }),
                outcomes: [Closed, Unviewable, Shown, Shown],
            },
        ],
        "leave" => vec![Talk {
            frame: json!({ "type": "leave", "room": private }),
            outcomes: [Closed, Silence, Silence, Silence],
        }],
        "post" => own(
            [[Closed, Done, Done, Done], [Closed, Refused(404), Done, Done]],
            json!({ "text": "!" }),
        ),
        "edit" => own([for_the_author; 2], json!({ "text": "!" })),
        "delete" => own([for_the_author; 2], json!({})),
        "restore" => own([for_the_author; 2], json!({})),
        "react" | "unreact" => own(
            [[Closed, Done, Done, Done], [Closed, Refused(404), Done, Done]],
            json!({ "emoji": "👍" }),
        ),
        "read" => rooms
            .iter()
            .map(|room| Talk {
                frame: json!({ "type": "read", "room": room, "position": u64::MAX }),
                outcomes: [Closed, Silence, Silence, Silence],
            })
            .collect(),
        // Nobody is told what comes of it; what others hear of it has a test of its own.
        "typing" => [public, private]
            .map(|room| Talk {
                frame: json!({ "type": "typing", "room": room }),
                outcomes: [Closed, Silence, Silence, Silence],
            })
            .into(),
        "ping" => vec![Talk {
            frame: json!({ "type": "ping" }),
            outcomes: [Closed, Silence, Silence, Silence],
        }],
        _ => panic!("the frame {kind} has no row: who may say it?"),
    }
}

/// All types of frames that a client can say.
fn kinds() -> BTreeSet<String> {
    let error = serde_json::from_str::<ClientFrame>(r#"{"type":"?"}"#).unwrap_err().to_string();
    let names = error.split('`').skip(3).step_by(2);
    let names: BTreeSet<String> = names.map(str::to_owned).collect();
    assert!(names.len() >= 8 && names.contains("ping"), "{error}");
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn every_frame_knows_who_may() {
    let house = House::open().await;
    let first = Stage::set(&house, 0).await;
    let mut number = 0;
    for kind in kinds() {
        for (row, Talk { outcomes, .. }) in talks(&kind, &first).into_iter().enumerate() {
            for (asker, expected) in ASKERS[1..].iter().zip(outcomes) {
                number += 1;
                let stage = Stage::set(&house, number).await;
                let talk = talks(&kind, &stage).swap_remove(row);
                if kind == "restore" {
                    let mut socket = stage.author.socket(&[]).await;
                    let mut frame = talk.frame.clone();
                    frame["type"] = json!("delete");
                    frame["id"] = json!("before");
                    assert_eq!(say(&mut socket, &frame, Asker::Author).await, Outcome::Done);
                }
                let before = stage.contents().await;
                let mut socket = stage.guest(*asker).expect("a guest").socket(&[]).await;
                if *asker == Asker::SignedOut {
                    stage.signed_out.sign_out().await.expect(200);
                }
                let outcome = say(&mut socket, &talk.frame, *asker).await;
                assert_eq!(outcome, expected, "{} for {asker:?}", talk.frame);
                let is_open = ["react", "unreact"].contains(&kind.as_str());
                if outcome != Outcome::Done || (*asker == Asker::Other && !is_open) {
                    assert_eq!(stage.contents().await, before, "{} for {asker:?}", talk.frame);
                }
            }
        }
    }
    assert!(number >= 40, "only {number} cells");
}

/// Says something, and hears what comes of it. Nobody but the two hears the secret.
async fn say(socket: &mut Socket, frame: &Value, asker: Asker) -> Outcome {
    socket.say_raw(&frame.to_string()).await;
    socket.say_raw(r#"{"type":"ping"}"#).await;
    let is_command = frame.get("id").is_some();
    loop {
        let text = match socket.next().await {
            Some(tungstenite::Message::Text(text)) => text,
            Some(tungstenite::Message::Close(close)) => {
                let code = close.map(|close| u16::from(close.code));
                let is_known = [CloseCode::SignedOut, CloseCode::Protocol, CloseCode::Version];
                assert!(is_known.iter().any(|known| code == Some(*known as u16)), "{code:?}");
                return Outcome::Closed;
            }
            Some(_) => continue,
            None => return Outcome::Closed,
        };
        assert!(!text.contains(SECRET) || THE_TWO.contains(&asker), "{asker:?} heard {text}");
        match ServerFrame::read(&text).expect("a frame") {
            ServerFrame::Accepted { .. } => return Outcome::Done,
            ServerFrame::Refused { refusal, .. } => return Outcome::Refused(refusal.code.status()),
            ServerFrame::Unviewable { .. } => return Outcome::Unviewable,
            ServerFrame::Reset(_) => return Outcome::Shown,
            ServerFrame::Pong { .. } if !is_command => return Outcome::Silence,
            _ => {}
        }
    }
}

/// A socket is for those who are signed in, and says nothing of a foreign conversation at hello.
#[tokio::test(flavor = "multi_thread")]
async fn the_hello_knows_who_may() {
    let house = House::open().await;
    let stage = Stage::set(&house, 0).await;
    stage.signed_out.sign_out().await.expect(200);
    let (public, private) = (channel("general"), stage.direct());
    for asker in ASKERS {
        let cookie = stage.guest(asker).map_or("", |guest| guest.cookie.as_str());
        let mut socket = Socket::open(house.address(), cookie).await.unwrap();
        if !MEMBERS.contains(&asker) {
            // The first that it says.
            let Some(tungstenite::Message::Close(Some(close))) = socket.next().await else {
                panic!("{asker:?} heard something")
            };
            assert_eq!(u16::from(close.code), CloseCode::SignedOut as u16, "{asker:?}");
            continue;
        }
        let viewing = json!([{ "room": public }, { "room": private, "position": 1 }]);
        let hello = json!({ "type": "hello", "protocol": flack::domain::frame::PROTOCOL, "viewing": viewing });
        socket.say_raw(&hello.to_string()).await;
        let mut shown = Vec::new();
        for _ in 0..2 {
            let (room, is_shown) = socket
                .hear_until(|frame| match frame {
                    ServerFrame::Reset(reset) => Some((reset.room, true)),
                    ServerFrame::Unviewable { room, .. } => Some((room, false)),
                    frame => {
                        assert!(!format!("{frame:?}").contains(SECRET), "{frame:?}");
                        None
                    }
                })
                .await;
            shown.push((room, is_shown));
        }
        let is_one = THE_TWO.contains(&asker);
        assert_eq!(shown, [(public.clone(), true), (private.clone(), is_one)], "{asker:?}");
    }
}
