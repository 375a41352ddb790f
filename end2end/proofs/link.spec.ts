// T7: the real page behind a network that freezes, breaks, or loses one direction without a word.

import { mkdir, writeFile } from 'node:fs/promises';

import { expect, noServer, test, type Person, type Server } from '../tests/flack';
import { FAILURES, Wire, type Failure } from './wire';

const isFull = process.env.FLACK_FORM === 'full';

/** How many outages of each kind, and how many of them at a time. */
const OUTAGES = isFull ? 20 : 1;
const AT_ONCE = isFull ? 10 : FAILURES.length;

/** In milliseconds. */
const NOTICED = 25_000;
const BACK = 5_000;

type Outage = {
  failure: Failure;
  noticed: number;
  back: number;
  lost: number;
  doubled: number;
};

/** One person behind a wire of their own, which fails until they notice. */
async function live(server: Server, person: Person, failure: Failure, number: number) {
  const wire = await Wire.to(server.url);
  try {
    const { page } = person;
    const somebody = await page.context().browser()!.newContext({ baseURL: server.url });
    const post = async (path: string, form: Record<string, string>) => {
      const answer = await somebody.request.post(path, { form, headers: { accept: 'application/json' } });
      expect(answer.status(), await answer.text()).toBe(200);
    };
    const channel = `wire ${number}`;
    const path = `/c/${encodeURIComponent(channel)}`;
    await post('/api/sign_in', { name: `Friend ${number}` });
    await post('/api/create_channel', { name: channel });
    await person.visit(wire.url);
    await person.takeName();
    await person.visit(wire.url + path);
    await person.isConnected();
    await person.write('Before');
    await person.sees('Before');

    const isConnected = (expected: boolean) =>
      page.waitForFunction(
        (expected) => (document.querySelector('.status')?.textContent === 'Connected') === expected,
        expected,
        { polling: 50, timeout: 60_000 },
      );
    // Pings are regular; outages are not.
    await new Promise((done) => setTimeout(done, Math.random() * 10_000));
    wire.fail(failure);
    const failed = Date.now();
    await person.write('Meanwhile, here');
    await post('/api/post_message', { channel, text: 'Meanwhile, there' });
    await isConnected(false);
    const noticed = Date.now() - failed;
    await person.write('Still here');
    await new Promise((done) => setTimeout(done, Math.random() * 15_000));
    await post('/api/post_message', { channel, text: 'Still there' });

    wire.mend();
    const mended = Date.now();
    await isConnected(true);
    const back = Date.now() - mended;
    const expected = ['Before', 'Meanwhile, here', 'Meanwhile, there', 'Still here', 'Still there'];
    await expect(person.messages).toHaveCount(expected.length);
    await expect(person.log.locator('[data-state]')).toHaveCount(0);
    // What others see counts: everything, once.
    const others = await (await somebody.request.get(path)).text();
    const counts = expected.map((text) => others.split(`>${text}<`).length - 1);
    await somebody.close();
    return {
      failure,
      noticed,
      back,
      lost: counts.filter((count) => count === 0).length,
      doubled: counts.filter((count) => count > 1).length,
    };
  } finally {
    await wire.close();
  }
}

test('dead links are noticed and replaced, and nothing is lost', async ({
  server,
  people,
  mayLog,
}) => {
  mayLog(noServer);
  const start = Date.now();
  const planned = FAILURES.flatMap((failure) => Array<Failure>(OUTAGES).fill(failure));
  const outages: Outage[] = [];
  for (let next = 0; next < planned.length; next += AT_ONCE) {
    const round = planned.slice(next, next + AT_ONCE).map(async (failure, place) => {
      const person = await people.guest(`Person ${next + place}`);
      const outage = await live(server, person, failure, next + place);
      await person.page.close();
      return outage;
    });
    outages.push(...(await Promise.all(round)));
  }

  const worst = (of: (outage: Outage) => number) => Math.max(...outages.map(of));
  const sum = (of: (outage: Outage) => number) =>
    outages.map(of).reduce((total, count) => total + count);
  const seconds = (millis: number) => `${(millis / 1_000).toFixed(1)} s`;
  const noticed = worst((outage) => outage.noticed);
  const back = worst((outage) => outage.back);
  const lost = sum((outage) => outage.lost);
  const doubled = sum((outage) => outage.doubled);
  const row = {
    number: 'T7',
    name: 'link',
    form: isFull ? 'full' : 'short',
    did: FAILURES.map((failure) => {
      const count = outages.filter((outage) => outage.failure === failure).length;
      return `${count} × ${failure}`;
    }).join(', '),
    found:
      `noticed ${seconds(noticed)} ≤ ${seconds(NOTICED)}, ` +
      `back ${seconds(back)} ≤ ${seconds(BACK)}, ${lost} lost, ${doubled} doubled`,
    seconds: Math.round((Date.now() - start) / 1_000),
    passed:
      outages.length === planned.length &&
      noticed <= NOTICED &&
      back <= BACK &&
      lost + doubled === 0,
  };
  // Where the table of all proofs looks for it.
  const rows = new URL('../../target/proven/', import.meta.url);
  await mkdir(rows, { recursive: true });
  await writeFile(new URL('link.json', rows), JSON.stringify(row));
  console.log(`| ${row.number} ${row.name} (${row.form}) | ${row.did} | ${row.found} |`);
  expect(row.passed, JSON.stringify(outages, null, 1)).toBe(true);
});
