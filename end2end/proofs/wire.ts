// A network between a page and the server that can fail in the ways that networks do.

import net, { type Socket } from 'node:net';

/** How a network fails. */
export type Failure = 'freeze' | 'cut' | 'swallow what is said' | 'swallow what is heard';

export const FAILURES: Failure[] = [
  'freeze',
  'cut',
  'swallow what is said',
  'swallow what is heard',
];

/** One direction of a connection. */
class Pipe {
  isSwallowing = false;
  /** What came while nothing passed. */
  private held: Buffer[] | undefined;

  constructor(
    from: Socket,
    private readonly to: Socket,
  ) {
    from.on('data', (bytes) => {
      if (this.isSwallowing) return;
      if (this.held) this.held.push(bytes);
      else this.to.write(bytes);
    });
    from.on('end', () => this.held ?? this.isSwallowing ?? this.to.end());
  }

  hold() {
    this.held ??= [];
  }

  release() {
    this.held?.forEach((bytes) => this.to.write(bytes));
    this.held = undefined;
  }
}

type Connection = { sockets: Socket[]; said: Pipe; heard: Pipe };

export class Wire {
  private readonly server: net.Server;
  private readonly connections = new Set<Connection>();
  private failure?: Failure;

  private constructor(port: number) {
    this.server = net.createServer((client) => {
      if (this.failure === 'cut') return client.resetAndDestroy();
      const server = net.connect(port, '127.0.0.1');
      const said = new Pipe(client, server);
      const heard = new Pipe(server, client);
      const connection = { sockets: [client, server], said, heard };
      this.connections.add(connection);
      for (const socket of connection.sockets) {
        socket.setNoDelay(true);
        socket.on('error', () => {});
        socket.on('close', () => {
          this.connections.delete(connection);
          connection.sockets.forEach((other) => other.destroy());
        });
      }
      // Whoever comes while it fails gets through when it works again.
      if (this.failure) [said, heard].forEach((pipe) => pipe.hold());
    });
  }

  /** A wire to a server, such as `http://127.0.0.1:3000`. */
  static async to(url: string): Promise<Wire> {
    const wire = new Wire(Number(new URL(url).port));
    await new Promise<void>((done) => wire.server.listen(0, '127.0.0.1', done));
    return wire;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as net.AddressInfo).port}`;
  }

  fail(failure: Failure) {
    this.failure = failure;
    for (const { sockets, said, heard } of this.connections) {
      if (failure === 'cut') sockets.forEach((socket) => socket.resetAndDestroy());
      if (failure === 'freeze') [said, heard].forEach((pipe) => pipe.hold());
      if (failure === 'swallow what is said') said.isSwallowing = true;
      if (failure === 'swallow what is heard') heard.isSwallowing = true;
    }
  }

  /** Works again. What was swallowed stays lost, and its connection dead. */
  mend() {
    this.failure = undefined;
    for (const { said, heard } of this.connections) [said, heard].forEach((pipe) => pipe.release());
  }

  async close() {
    this.connections.forEach(({ sockets }) => sockets.forEach((socket) => socket.destroy()));
    await new Promise((done) => this.server.close(done));
  }
}
