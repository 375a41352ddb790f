"""A chat server on Flask-SocketIO with gevent. Its duty is that of ws.mjs."""

from gevent import monkey

monkey.patch_all()

import time
from collections import defaultdict, deque

from flask import Flask, request
from flask_socketio import SocketIO, emit, join_room
from gevent.pywsgi import WSGIServer
from geventwebsocket.handler import WebSocketHandler

SESSIONS = {str(number): f"Listener {number}" for number in range(200_000)}

app = Flask(__name__)
chat = SocketIO(app, async_mode="gevent")
numbers = defaultdict(int)
kept = defaultdict(lambda: deque(maxlen=100))
senders = {}


@chat.on("connect")
def connect():
    sender = SESSIONS.get(request.cookies.get("session"))
    if sender is None:
        return False
    senders[request.sid] = sender


@chat.on("disconnect")
def disconnect(*_):
    senders.pop(request.sid, None)


@chat.on("join")
def join(room):
    join_room(room)
    emit("history", list(kept[room]))


@chat.on("say")
def say(said):
    room = said["room"]
    numbers[room] += 1
    message = {
        "room": room,
        "seq": numbers[room],
        "at": int(time.time() * 1000),
        "sender": senders[request.sid],
        "text": said["text"],
    }
    kept[room].append(message)
    emit("message", message, to=room)


server = WSGIServer(
    ("127.0.0.1", 0), app, backlog=1024, handler_class=WebSocketHandler, log=None
)
server.start()
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
