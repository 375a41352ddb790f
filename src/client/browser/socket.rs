//! The live socket.

use leptos::prelude::window;
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{CloseEvent, MessageEvent, WebSocket};

use crate::client::SocketEvent;

/// A live socket. Dropping it closes it, and it says nothing any more.
///
/// A page has one thread, so what would not bear another may stand where the server's threads
/// could.
pub struct Socket(SendWrapper<Parts>);

struct Parts {
    socket: WebSocket,
    _opened: Closure<dyn Fn()>,
    _frame: Closure<dyn Fn(MessageEvent)>,
    _closed: Closure<dyn Fn(CloseEvent)>,
}

impl Socket {
    pub fn send(&self, text: &str) {
        // One that is closing says so by itself; what was to be sent goes out with the next.
        if self.0.socket.ready_state() == WebSocket::OPEN {
            let _ = self.0.socket.send_with_str(text);
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let socket = &self.0.socket;
        socket.set_onopen(None);
        socket.set_onmessage(None);
        socket.set_onclose(None);
        let _ = socket.close();
    }
}

/// Opens the live socket of this page's server.
pub fn connect(hear: impl Fn(SocketEvent) + Copy + 'static) -> Option<Socket> {
    let location = window().location();
    let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
    let socket = WebSocket::new(&format!("{scheme}://{}/live", location.host().ok()?)).ok()?;
    let opened = Closure::<dyn Fn()>::new(move || hear(SocketEvent::Opened));
    let frame = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(text) = event.data().as_string() {
            hear(SocketEvent::Frame(text));
        }
    });
    let closed = Closure::<dyn Fn(CloseEvent)>::new(move |event: CloseEvent| {
        let code = event.code();
        // Dropping the socket within its own callback would drop what is running.
        leptos::prelude::queue_microtask(move || hear(SocketEvent::Closed(Some(code))));
    });
    socket.set_onopen(Some(opened.as_ref().unchecked_ref()));
    socket.set_onmessage(Some(frame.as_ref().unchecked_ref()));
    socket.set_onclose(Some(closed.as_ref().unchecked_ref()));
    let parts = Parts { socket, _opened: opened, _frame: frame, _closed: closed };
    Some(Socket(SendWrapper::new(parts)))
}
