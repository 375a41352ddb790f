import http, { type IncomingMessage } from 'node:http';

import { expect, noServer, test, type Person } from './flack';

/** What a browser may load before a page can be used: WASM, JS, CSS and words, in bytes on the way. It is 147 kB;
 * the place where it is built can change it a little. If it is more, it may be that tools/first.txt does not know
 * what is new: `make profile`. */
const BUDGET = 150_000;

/** What it may load once somebody begins to use the page. */
const REST = 160_000;

const rest = /\/pkg\/flack-rest-[^/]*\.wasm$/;

/** The addresses of the rest that a person's page asks for from now on. */
function asked({ page }: Person): string[] {
  const asked: string[] = [];
  page.on('request', (request) => rest.test(request.url()) && asked.push(request.resourceType()));
  return asked;
}

function get(address: string): Promise<{ answer: IncomingMessage; bytes: number }> {
  return new Promise((resolve, reject) => {
    const asked = http.get(address, { headers: { 'accept-encoding': 'br' } }, async (answer) => {
      let bytes = 0;
      for await (const part of answer) bytes += part.length;
      resolve({ answer, bytes });
    });
    asked.on('error', reject);
  });
}

test('the first visit of a channel is a small download', async ({ people }) => {
  const ada = await people.join('Ada');
  const loaded = new Set<string>();
  ada.page.on('request', (request) => {
    if (/\.(css|js|wasm|txt)$/.test(request.url())) loaded.add(request.url());
  });
  await ada.visit('/c/general');
  await ada.isConnected();
  await ada.page.waitForLoadState('networkidle');

  const files = await Promise.all([...loaded].map(get));
  // Builds for development carry nothing inside, and nothing small.
  test.skip(!files[0]!.answer.headers['content-encoding'], 'only the finished program is small');
  expect(files.length).toBeGreaterThanOrEqual(4);
  for (const { answer } of files) {
    expect(answer.headers['content-encoding']).toBe('br');
    expect(answer.headers['cache-control']).toContain('immutable');
  }
  const sum = files.reduce((sum, { bytes }) => sum + bytes, 0);
  expect(sum, `${[...loaded]}`).toBeLessThanOrEqual(BUDGET);
  let later = 0;
  for (const [path] of (await ada.page.content()).matchAll(/\/pkg\/flack-rest-[^"]*/g)) {
    later += (await get(new URL(path, ada.page.url()).href)).bytes;
  }
  expect(later).toBeLessThanOrEqual(REST);
});

test('who looks on and types loads nothing more, and nobody who uses a page waits for the rest', async ({
  people,
  server,
  mayLog,
}) => {
  mayLog(noServer);
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  // As if much had been said here, over the years.
  await server.restore();
  await bo.isConnected();
  const news: string[] = [];
  ada.page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => news.push(String(payload))),
  );
  await ada.visit('/c/general');
  await ada.write('Mine');
  await bo.write('Yours');
  await ada.sees('Mine', 'Yours');
  // That something was written is told everywhere, a moment later. It would be news to the page to come.
  const told = () =>
    news.flatMap((frame) => JSON.parse(frame).moved ?? []).flatMap(({ posted }) => posted ?? []);
  await expect.poll(() => told().length).toBe(2);
  // Where the pointer rests is no sign of anything.
  await ada.message('Yours').hover();
  const rests = asked(ada);
  await ada.visit('/c/general');
  test.skip(!(await ada.isInTwo()), 'builds for development have one part');
  await ada.isConnected();
  await bo.type('Hello');
  await expect(ada.page.locator('.typing')).toContainText('is typing');
  expect(rests).toEqual([]);

  // What comes is shown as soon as the rest is there.
  await bo.composer.press('Enter');
  await ada.sees('Mine', 'Yours', 'Hello');
  await ada.type('Hello to you');
  await ada.composer.press('Enter');
  await ada.sees('Mine', 'Yours', 'Hello', 'Hello to you');
  await ada.createChannel('plans');
  await ada.openChannel('general');
  await ada.sees('Mine', 'Yours', 'Hello', 'Hello to you');
  expect(rests).toEqual(['fetch']);
});

test('a room with all that rooms have is shown without waiting for the rest', async ({
  people,
  server,
  mayLog,
}) => {
  mayLog(noServer);
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  test.skip(!(await ada.isInTwo()), 'builds for development have one part');
  const ask = async ({ context }: Person, what: string, form: Record<string, string>) => {
    const answer = await context.request.post(`/api/${what}`, { form });
    await expect(answer).toBeOK();
    return String((await answer.json()).position);
  };
  const channel = 'general';
  await ask(ada, 'create_channel', { name: 'late lunch' });
  await ask(ada, 'create_channel', { name: 'Ängste' });
  await ask(ada, 'set_topic', { channel, topic: 'All that rooms have' });
  await ask(ada, 'set_room', { channel: 'late lunch', favourite: 'true' });
  await ask(ada, 'set_room', { channel: 'Ängste', muted: 'true' });
  for (let number = 0; number < 105; number++) {
    await ask(bo, 'post_message', { channel: 'late lunch', text: 'Soup, @Ada?' });
    await ask(number % 4 ? ada : bo, 'post_message', { channel, text: `${number}` });
  }
  const message = await ask(bo, 'post_message', { channel, text: '**Bold**, _italic_ and ~~wrong~~' });
  const words = '@Ada, see `code`:\n\n```rust\nfn main() {}\n```\n\n1. https://example.org/\n2. > quoted';
  await ask(bo, 'post_message', { channel, text: words, reply_to: message });
  const mine = await ask(ada, 'post_message', { channel, text: 'Before' });
  await ask(ada, 'edit_message', { channel, message: mine, text: 'After' });
  for (const person of [ada, bo]) {
    for (const emoji of ['👍', '🎉', '😀']) await ask(person, 'react', { channel, message, emoji });
  }
  const deleted = await ask(bo, 'post_message', { channel, text: 'A slip of the tongue' });
  await ask(bo, 'delete_message', { channel, message: deleted });
  await server.restore();

  for (const { page } of [ada, bo]) {
    // It is told in a while to those who look on, and needed by nobody until then.
    const waits: string[] = [];
    page.on('request', (request) => {
      if (rest.test(request.url()) && request.resourceType() === 'xhr') waits.push(request.url());
    });
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1280, 390]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        await page.goto('/c/general');
        await expect(page.locator('body[data-hydrated]')).toBeAttached();
        await expect(page.getByRole('status', { name: 'Connection' })).toHaveText('Connected');
      }
    }
    expect(waits).toEqual([]);
  }
});

test('a room with files brings the rest along', async ({ people }) => {
  const ada = await people.join('Ada');
  test.skip(!(await ada.isInTwo()), 'builds for development have one part');
  const files = { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('Remember the milk') };
  const multipart = { channel: 'general', text: 'Look', files };
  await expect(await ada.context.request.post('/api/post_message', { multipart })).toBeOK();
  // The page that was open has heard of it as well.
  await ada.page.goto('about:blank');
  const rests = asked(ada);
  await ada.visit('/c/general');
  await ada.isConnected();
  expect(rests).toEqual(['fetch']);
});

test('what needs the rest before it is there waits for it', async ({ people }) => {
  const ada = await people.join('Ada');
  test.skip(!(await ada.isInTwo()), 'builds for development have one part');
  await ada.write('Hello');
  await ada.sees('Hello');
  for (const use of [
    async () => {
      await ada.page.keyboard.press('Control+k');
      await expect(ada.page.getByRole('dialog')).toBeVisible();
    },
    async () => {
      await ada.composer.press('ArrowUp');
      await expect(ada.editor).toBeFocused();
    },
    async () => {
      await ada.write('Once more');
      await expect(ada.message('Once more')).toBeVisible();
    },
    async () => {
      await ada.createChannel('plans');
    },
  ]) {
    // What is fetched ahead never comes.
    await ada.page.route(rest, (route) => route.request().resourceType() === 'xhr' && route.continue());
    const rests = asked(ada);
    await ada.visit('/c/general');
    await ada.isConnected();
    await use();
    expect(rests).toContain('xhr');
    await ada.page.unrouteAll({ behavior: 'ignoreErrors' });
    ada.page.removeAllListeners('request');
  }
});

test('a rest that cannot be had loses nothing that was typed', async ({ people, mayLog }) => {
  mayLog(noServer, /Failed to load resource/, /NetworkError/, /^exception: /);
  const ada = await people.join('Ada');
  test.skip(!(await ada.isInTwo()), 'builds for development have one part');
  let isThere = false;
  await ada.page.route(rest, (route) => (isThere ? route.continue() : route.fulfill({ status: 404 })));
  await ada.visit('/c/general');
  await ada.type('Hello');
  const said = ada.page.waitForEvent('dialog').then(async (dialog) => {
    isThere = true;
    await dialog.accept();
    return dialog.message();
  });
  await ada.page.keyboard.press('Control+k');
  expect(await said).toBe('That did not work. Reload the page, and try again.');
  await ada.isConnected();
  await expect(ada.composer).toHaveValue('Hello');
  await ada.page.keyboard.press('Control+k');
  await expect(ada.page.getByRole('dialog')).toBeVisible();
});

test('who has no name yet does not wait for the client', async ({ people }) => {
  const ada = await people.guest('Ada');
  const ahead = Promise.all([/js$/, /wasm$/, /txt$/].map((file) => ada.page.waitForRequest(file)));
  await ada.visit('/');
  await expect(ada.namePrompt).toBeFocused();
  await expect(ada.page.locator('script[src], script[type=module], link[rel$=preload]')).toHaveCount(0);
  await ahead;
});
