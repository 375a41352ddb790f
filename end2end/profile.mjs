// Finds out what of the client runs until a page is usable, and while somebody only looks on and types, and
// writes it into tools/first.txt (tools/parts.mjs):
//
//   make profile
//
// The server is the finished program; the client is one that notes what of it has run.

import fs from 'node:fs';
import { chromium } from '@playwright/test';

import { list } from '../tools/parts.mjs';
import { Server } from './server.mjs';

const built = new URL('../target/client/marked/', import.meta.url);
const lines = JSON.parse(fs.readFileSync(new URL('lines.json', built)));
const files = {
  js: { contentType: 'text/javascript', body: fs.readFileSync(new URL('flack.js', built)) },
  wasm: { contentType: 'application/wasm', body: fs.readFileSync(new URL('flack.wasm', built)) },
};

const ran = new Set();
/** What ran may depend on how soon one thing followed another. */
const TIMES = 3;

let server;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});

/** The frames that a page has heard since they were last looked for. */
const heard = new Map();

/** Waits until a page has heard such a frame. */
async function hears(page, type, has = '') {
  for (let tries = 0; tries < 200; tries++) {
    const frames = heard.get(page);
    const at = frames.findIndex((frame) => frame.startsWith(`{"type":"${type}"`) && frame.includes(has));
    if (at >= 0) return frames.splice(0, at + 1);
    await page.waitForTimeout(50);
  }
  throw new Error(`waited in vain for ${type} ${has}`);
}

async function open(name) {
  const context = await browser.newContext({ baseURL: server.url, serviceWorkers: 'block' });
  await context.route(/\/pkg\/flack[^/]*\.(js|wasm)$/, (route) => {
    return route.fulfill(files[route.request().url().split('.').at(-1)]);
  });
  const page = await context.newPage();
  heard.set(page, []);
  page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => heard.get(page).push(String(payload))),
  );
  page.on('pageerror', (error) => {
    throw error;
  });
  await page.goto('/');
  await page.getByRole('textbox', { name: 'Display name' }).fill(name);
  await page.getByRole('button', { name: 'Join' }).click();
  await isConnected(page);
  return page;
}

async function isConnected(page) {
  await page.locator('body[data-hydrated]').waitFor();
  const connection = page.getByRole('status', { name: 'Connection' });
  await connection.filter({ hasText: 'Connected' }).waitFor({ state: 'attached' });
}

/** Asks the server, as a program does, and gives where in the log that is. */
async function ask(page, what, fields) {
  const answer = await page.context().request.post(`/api/${what}`, { form: fields });
  if (!answer.ok()) throw new Error(`${what}: ${await answer.text()}`);
  return (await answer.json()).position;
}

const composer = (page) => page.getByRole('textbox', { name: /^Message / });
const message = (page, text) => page.getByRole('article').filter({ hasText: text });

async function write(page, text, shown = text) {
  await composer(page).fill(text);
  await composer(page).press('Enter');
  await message(page, shown).and(page.locator(':not([data-state])')).last().waitFor();
}

/** Adds what has run in a page since it was loaded. */
async function note(page) {
  // What comes a moment later, such as storing a draft.
  await page.waitForTimeout(500);
  // What leaving it does, which is when a page can load nothing; and coming back.
  await page.evaluate(() => {
    for (const state of ['hidden', 'visible']) {
      const of = (value) => ({ configurable: true, value });
      Object.defineProperty(document, 'hidden', of(state === 'hidden'));
      Object.defineProperty(document, 'visibilityState', of(state));
      if (state === 'hidden') dispatchEvent(new Event('beforeunload', { cancelable: true }));
      dispatchEvent(new PageTransitionEvent(state === 'hidden' ? 'pagehide' : 'pageshow'));
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    }
  });
  await page.waitForTimeout(100);
  for (const nth of await page.evaluate(() => [...globalThis.ran])) ran.add(nth);
}

async function visit(page, path) {
  await page.goto(path);
  await isConnected(page);
  await note(page);
}

for (let nth = 0; nth < TIMES; nth++) {
  server = new Server();
  await server.start();

  // Ada is alone.
  const ada = await open('Ada');
  await note(ada);
  await visit(ada, '/c/general');

  // Bob has written what messages can have.
  const bob = await open('Bob');
  await ask(bob, 'create_channel', { name: 'random' });
  for (const text of ['One', 'Two', 'Three', 'Last']) await write(bob, text);
  await write(bob, '**Bold** and `code`', 'Bold and code');
  await message(bob, 'Two').hover();
  await message(bob, 'Two').getByRole('button', { name: /^React with/ }).first().click();
  await message(bob, 'Three').hover();
  await message(bob, 'Three').getByRole('link', { name: 'Edit message' }).click();
  await bob.getByRole('textbox', { name: 'Edit message' }).fill('Three, edited');
  await bob.keyboard.press('Enter');
  await message(bob, 'One').hover();
  await message(bob, 'One').getByRole('link', { name: 'Reply' }).click();
  await write(bob, 'An answer');

  // Who wrote it looks at it.
  await visit(bob, '/c/general');
  // So does Ada, loses the network for a moment, and types.
  await visit(ada, '/c/general');
  await ada.context().setOffline(true);
  await note(ada);
  await ada.context().setOffline(false);
  await isConnected(ada);
  await composer(ada).pressSequentially('Hello');
  await note(ada);
  await composer(bob).pressSequentially('Hey');
  await hears(ada, 'typing', 'Bob');
  await note(ada);
  // They have stopped.
  await ada.locator('.typing').filter({ hasText: 'typing' }).waitFor({ state: 'hidden' });
  await note(ada);
  // A draft is there again.
  await visit(ada, '/c/general');
  await composer(ada).fill('');
  await note(ada);
  await visit(ada, '/c/random');
  await ada.setViewportSize({ width: 390, height: 800 });
  await visit(ada, '/c/general');
  // Somebody comes and goes, and so does the server.
  await hears(ada, 'memberships');
  heard.set(ada, []);
  const carl = await open('Carl');
  await hears(ada, 'presence');
  await note(ada);
  await carl.context().close();
  await hears(ada, 'presence');
  await note(ada);
  await server.stop();
  await note(ada);
  await server.start();
  await isConnected(ada);
  await note(ada);
  // With something unread, by somebody who has written there as well, and with a direct conversation.
  await write(bob, '@Ada, look');
  await visit(ada, '/c/random');
  await visit(ada, '/d/2');
  // With all that rooms have, but for files: who comes to those gets the rest along with the page.
  const general = { channel: 'general' };
  const first = await ask(ada, 'post_message', { ...general, text: '- A list\n\n> A quote, https://example.org' });
  for (const page of [ada, bob]) {
    for (const emoji of ['👍', '🎉']) await ask(page, 'react', { ...general, message: first, emoji });
  }
  await ask(ada, 'set_topic', { ...general, topic: 'Lunch' });
  await ask(ada, 'edit_message', { ...general, message: first, text: 'No list' });
  const code = '```rust\nfn main() {}\n```';
  const texts = [code, 'Plain', 'Plain, '.repeat(50), '**1 < 2** & "3" > _2_', '**1 < 2** & "3" > _2_,\n\n'.repeat(20), '😀'];
  let last = first;
  for (const text of texts) last = await ask(bob, 'post_message', { ...general, text, reply_to: last });
  await ask(bob, 'post_message', { ...general, text: 'Indeed', reply_to: last });
  await ask(bob, 'post_message', { ...general, text: '@Ada, look' });
  for (let number = 0; number < 20; number++) await ask(bob, 'create_channel', { name: `channel ${number}` });
  await ask(ada, 'set_room', { channel: 'channel 1', muted: true, favourite: false });
  await ask(ada, 'set_room', { channel: 'channel 2', muted: false, favourite: true });
  await visit(ada, '/c/general');
  await visit(bob, '/c/general');
  // With more than are shown, some of them scrolled away, and more unread than are counted.
  for (let number = 0; number < 130; number++) {
    const by = number % 3 ? bob : ada;
    await ask(by, 'post_message', { ...general, text: `Message ${number}` });
    await ask(bob, 'post_message', { channel: 'random', text: '@Ada, please' });
  }
  await visit(ada, '/c/general');
  await ada.mouse.move(200, 300);
  await ada.mouse.wheel(0, -800);
  await ada.waitForTimeout(500);
  await visit(ada, '/c/general');
  await visit(ada, '/d/2');
  // With numbers as they are after a long time. Whether a number is long is asked at each of its digits.
  await server.restore();
  await visit(ada, '/c/general');
  await write(bob, 'Much later');
  await visit(ada, '/c/general');
  await composer(ada).pressSequentially('Hello again');
  heard.set(ada, []);
  await composer(bob).pressSequentially('Hey');
  await hears(ada, 'typing', 'Bob');
  await note(ada);

  for (const context of browser.contexts()) await context.close();
  await server.stop();
  await server.remove();
}

fs.writeFileSync(new URL('../tools/first.txt', import.meta.url), list(lines, ran));
await browser.close();
