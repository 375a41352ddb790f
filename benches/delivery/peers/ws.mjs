// A chat server on ws: each message is encoded once, for all who listen to its room.
//
// Its duty is that of all here: a session is checked, the last 100 messages of a room are kept and
// sent to whoever joins, and number, time and sender are stamped.

import http from 'node:http';
import { WebSocketServer } from 'ws';

const sessions = new Map(Array.from({ length: 200_000 }, (_, n) => [`session=${n}`, `Listener ${n}`]));
const rooms = new Map();

function room(name) {
  if (!rooms.has(name)) rooms.set(name, { seq: 0, last: [], listeners: new Set() });
  return rooms.get(name);
}

const server = http.createServer();
const sockets = new WebSocketServer({ noServer: true });

server.on('upgrade', (request, connection, head) => {
  const sender = sessions.get(request.headers.cookie);
  if (!sender) return connection.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
  sockets.handleUpgrade(request, connection, head, (socket) => {
    const name = new URL(request.url, 'http://localhost').searchParams.get('room');
    if (name) join(room(name), socket);
    socket.on('message', (data) => say(sender, JSON.parse(data)));
    socket.on('error', () => socket.terminate());
  });
});

function join(room, socket) {
  room.listeners.add(socket);
  socket.on('close', () => room.listeners.delete(socket));
  socket.send(JSON.stringify({ history: room.last }));
}

function say(sender, { room: name, text }) {
  const to = room(name);
  const message = { room: name, seq: ++to.seq, at: Date.now(), sender, text };
  to.last.push(message);
  if (to.last.length > 100) to.last.shift();
  const frame = Buffer.from(JSON.stringify(message));
  for (const socket of to.listeners) socket.send(frame, { binary: false });
}

server.listen(0, '127.0.0.1', 1024, () => console.log(`http://127.0.0.1:${server.address().port}`));
