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
const server = new Server();
await server.start();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});

async function open(name) {
  const context = await browser.newContext({ baseURL: server.url, serviceWorkers: 'block' });
  await context.route(/\/pkg\/flack[^/]*\.(js|wasm)$/, (route) => {
    return route.fulfill(files[route.request().url().split('.').at(-1)]);
  });
  const page = await context.newPage();
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

// Ada is alone.
const ada = await open('Ada');
await note(ada);
await visit(ada, '/c/general');

// Bob has written what messages can have.
const bob = await open('Bob');
await bob.context().request.post('/api/create_channel', { form: { name: 'random' } });
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
await note(ada);
// A draft is there again.
await visit(ada, '/c/general');
await composer(ada).fill('');
await note(ada);
await visit(ada, '/c/random');
await ada.setViewportSize({ width: 390, height: 800 });
await visit(ada, '/c/general');
// Somebody comes and goes, and so does the server.
const carl = await open('Carl');
await note(ada);
await carl.context().close();
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

fs.writeFileSync(new URL('../tools/first.txt', import.meta.url), list(lines, ran));
await browser.close();
await server.stop();
await server.remove();
