// A chat server on Socket.IO, with its rooms. Its duty is that of ws.mjs.

import http from 'node:http';
import { Server } from 'socket.io';

const sessions = new Map(Array.from({ length: 200_000 }, (_, n) => [`session=${n}`, `Listener ${n}`]));
const rooms = new Map();

function room(name) {
  if (!rooms.has(name)) rooms.set(name, { seq: 0, last: [] });
  return rooms.get(name);
}

const server = http.createServer();
const io = new Server(server, {
  transports: ['websocket'],
  allowRequest: (request, done) => done(null, sessions.has(request.headers.cookie)),
});

io.on('connection', (socket) => {
  const sender = sessions.get(socket.handshake.headers.cookie);
  socket.on('join', (name) => {
    socket.join(name);
    socket.emit('history', room(name).last);
  });
  socket.on('say', ({ room: name, text }) => {
    const to = room(name);
    const message = { room: name, seq: ++to.seq, at: Date.now(), sender, text };
    to.last.push(message);
    if (to.last.length > 100) to.last.shift();
    io.to(name).emit('message', message);
  });
});

server.listen(0, '127.0.0.1', 1024, () => console.log(`http://127.0.0.1:${server.address().port}`));
