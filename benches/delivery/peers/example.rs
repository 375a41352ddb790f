//! A chat server on axum, as its examples of a chat and of WebSockets show it: a broadcast channel for
//! each room, from which a task for each socket takes every message, serialises it and sends it; all
//! buffers as they are by default. Its duty is that of all here: a session is checked, the last 100
//! messages of a room are kept and sent to whoever joins, and number, time and sender are stamped.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::SystemTime,
};

use axum::{
    Router,
    extract::{
        Query, State, WebSocketUpgrade,
        ws::{Message as Frame, WebSocket},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, sync::broadcast};

/// How many messages a room keeps, and its channel.
const KEPT: usize = 100;

#[derive(Clone, Serialize)]
struct Message {
    room: String,
    seq: u64,
    at: u128,
    sender: String,
    text: String,
}

#[derive(Serialize)]
struct History {
    history: Vec<Message>,
}

#[derive(Deserialize)]
struct Said {
    room: String,
    text: String,
}

#[derive(Deserialize)]
struct Join {
    room: Option<String>,
}

struct Room {
    past: Mutex<(u64, VecDeque<Message>)>,
    sender: broadcast::Sender<Message>,
}

struct Chat {
    sessions: HashMap<String, String>,
    rooms: Mutex<HashMap<String, Arc<Room>>>,
}

/// Serves for ever.
pub fn serve() -> ! {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let session = |number| (format!("session={number}"), format!("Listener {number}"));
        let sessions = (0..200_000).map(session).collect();
        let chat = Arc::new(Chat { sessions, rooms: Mutex::default() });
        let app = Router::new().route("/live", get(live)).with_state(chat);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        println!("http://{}", listener.local_addr().expect("it is bound"));
        axum::serve(listener, app).await.expect("it serves for ever");
    });
    unreachable!("it serves for ever")
}

async fn live(
    State(chat): State<Arc<Chat>>,
    Query(join): Query<Join>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let cookie = headers.get(header::COOKIE).and_then(|cookie| cookie.to_str().ok());
    let Some(sender) = cookie.and_then(|cookie| chat.sessions.get(cookie)).cloned() else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    upgrade.on_upgrade(move |socket| talk(socket, chat, sender, join.room))
}

async fn talk(socket: WebSocket, chat: Arc<Chat>, sender: String, room: Option<String>) {
    let (mut sink, mut stream) = socket.split();
    let mut receiving = tokio::spawn({
        let chat = chat.clone();
        async move {
            while let Some(Ok(Frame::Text(text))) = stream.next().await {
                let Ok(said) = serde_json::from_str(&text) else { return };
                chat.say(&sender, said);
            }
        }
    });
    let Some(room) = room else {
        let _ = receiving.await;
        return;
    };
    let (history, mut messages) = chat.room(&room).enter();
    let mut sending = tokio::spawn(async move {
        if sink.send(encode(&history)).await.is_err() {
            return;
        }
        while let Ok(message) = messages.recv().await {
            if sink.send(encode(&message)).await.is_err() {
                return;
            }
        }
    });
    tokio::select! {
        _ = &mut sending => receiving.abort(),
        _ = &mut receiving => sending.abort(),
    }
}

fn encode(message: &impl Serialize) -> Frame {
    Frame::text(serde_json::to_string(message).expect("plain data"))
}

impl Chat {
    fn room(&self, name: &str) -> Arc<Room> {
        let mut rooms = self.rooms.lock().unwrap();
        let new = || Room { past: Mutex::default(), sender: broadcast::channel(KEPT).0 };
        rooms.entry(name.to_owned()).or_insert_with(|| Arc::new(new())).clone()
    }

    fn say(&self, sender: &str, Said { room, text }: Said) {
        let at = SystemTime::UNIX_EPOCH.elapsed().expect("a clock").as_millis();
        let to = self.room(&room);
        let (seq, past) = &mut *to.past.lock().unwrap();
        *seq += 1;
        let message = Message { room, seq: *seq, at, sender: sender.to_owned(), text };
        if past.len() == KEPT {
            past.pop_front();
        }
        past.push_back(message.clone());
        let _ = to.sender.send(message);
    }
}

impl Room {
    fn enter(&self) -> (History, broadcast::Receiver<Message>) {
        let (_, past) = &*self.past.lock().unwrap();
        (History { history: past.iter().cloned().collect() }, self.sender.subscribe())
    }
}
