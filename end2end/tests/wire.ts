import type { WebSocketRoute } from '@playwright/test';

import type { Person } from './flack';

/** A wire between a page and the server that swallows frames while it is cut. */
export class Wire {
  up = true;
  down = true;
  /** What posts are answered with instead of reaching the server. */
  refusal?: { code: string; reason: string; retry_after?: number };
  private links = new Set<WebSocketRoute>();

  /** From the next load on, all that this person's pages say and hear goes over the wire. */
  static async of(person: Person): Promise<Wire> {
    return Wire.laid(person, person.context);
  }

  /** Like [of], for this one page. */
  static async over(person: Person): Promise<Wire> {
    return Wire.laid(person, person.page);
  }

  private static async laid(person: Person, where: Person['page'] | Person['context']) {
    const wire = new Wire();
    await where.routeWebSocket('**/live', (page: WebSocketRoute) => {
      const server = page.connectToServer();
      wire.links.add(page);
      page.onMessage((frame) => {
        const { type, id } = JSON.parse(`${frame}`);
        if (wire.refusal && type === 'post') {
          page.send(JSON.stringify({ type: 'refused', id, ...wire.refusal }));
        } else if (wire.up || isGreeting(frame)) {
          server.send(frame);
        }
      });
      server.onMessage((frame) => {
        if (wire.down || isGreeting(frame)) page.send(frame);
      });
    });
    await person.reload();
    await person.isConnected();
    return wire;
  }

  /** Ends the links that there are; the pages come back. */
  async cut() {
    const links = [...this.links];
    this.links.clear();
    await Promise.all(links.map((link) => link.close({ code: 4000 })));
  }
}

/** Frames that a link needs to be live. */
const isGreeting = (frame: string | Buffer) =>
  ['hello', 'welcome'].includes(JSON.parse(`${frame}`).type);
