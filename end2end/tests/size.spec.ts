import http, { type IncomingMessage } from 'node:http';

import { expect, noServer, test, type Person } from './flack';

/** What a browser may load before a page can be used: WASM, JS, CSS and words, in bytes on the way. That is
 * 150 kB, and what the place where it is built can change. If it is more, it may be that tools/first.txt does
 * not know what is new: `make profile`. */
const BUDGET = 151_000;

/** What it may load once somebody begins to use the page. */
const REST = 160_000;

const rest = /\/pkg\/flack-rest-[^/]*\.wasm$/;

/** The addresses of the rest that a person's page asks for from now on. */
function asked({ page }: Person): string[] {
  const asked: string[] = [];
  page.on('request', (request) => rest.test(request.url()) && asked.push(request.resourceType()));
  return asked;
}

/** Whether this program has its client in two parts. */
async function isInTwo({ page }: Person): Promise<boolean> {
  return (await page.content()).includes('/pkg/flack-rest-');
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
}) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.write('Mine');
  await bo.write('Yours');
  await ada.sees('Mine', 'Yours');
  const rests = asked(ada);
  await ada.visit('/c/general');
  test.skip(!(await isInTwo(ada)), 'builds for development have one part');
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

test('what needs the rest before it is there waits for it', async ({ people }) => {
  const ada = await people.join('Ada');
  test.skip(!(await isInTwo(ada)), 'builds for development have one part');
  await ada.write('Hello');
  await ada.sees('Hello');
  for (const use of [
    async () => {
      await ada.page.keyboard.press('Control+k');
      await expect(ada.page.getByRole('dialog')).toBeVisible();
    },
    async () => {
      await ada.edit('Hello');
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
  test.skip(!(await isInTwo(ada)), 'builds for development have one part');
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
