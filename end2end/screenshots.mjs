// Takes the pictures of the README: node screenshots.mjs

import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { chromium } from '@playwright/test';

import { Server } from './server.mjs';

const FOLDER = fileURLToPath(new URL('../docs/images/', import.meta.url));

const ADA = 'Ada Okafor';
const JONAS = 'Jonas';
const MIRA = '山田みら';

const TODO = `Morning. The printer wants the poster by noon, so two things:
1. the final logo, from Mira
2. the opening hours, from Jonas`;

/** Who wrote what, where and when. These times are shown: the real ones would be all the same. */
const STORY = [
  ['general', '08:58', JONAS, 'Good morning! Coffee machine is fixed ☕️'],
  ['general', '09:02', MIRA, 'おはよう! That is the best news of the week.'],
  ['general', '09:14', ADA, TODO],
  ['general', '09:15', ADA, 'Anything later goes into the second run.'],
  ['general', '09:17', MIRA, 'Logo is done. I made the flag a little larger, it was lost on A4.'],
  ['general', '09:21', JONAS, 'Tue to Sat, **10:00–18:30**. Closed on the 24th.'],
  ['general', '09:22', JONAS, 'Should the café be on it too? It opens an hour earlier.'],
  ['general', '09:24', ADA, 'Yes please, one line below ours.'],
  ['general', '09:31', MIRA, 'Both are in. The proof is on the big table, have a look.'],
  ['general', '09:40', JONAS, 'Looks great from across the room, which is what counts 🙂'],
  ['general', '09:41', ADA, 'Sent. Thank you both!'],
  ['poster', '09:30', MIRA, 'Third proof, with the café.'],
  ['late lunch', '12:40', JONAS, 'Soup or noodles?'],
];
/** Who thought what of a message of the first channel, which is told by its time. */
const REACTIONS = [
  ['08:58', ADA, '🎉'],
  ['08:58', MIRA, '🎉'],
  ['08:58', MIRA, '❤️'],
  ['09:31', ADA, '👍'],
  ['09:31', JONAS, '👀'],
];
const TOPIC = 'Everything for the summer market, on Saturday the 24th';
const CHANNELS = ['poster', 'late lunch', 'shop floor', 'website', '写真'];

const DESKTOP = { viewport: { width: 1280, height: 800 } };
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

const server = new Server();
await server.start();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});

const browsers = new Map();
for (const name of [ADA, JONAS, MIRA]) {
  const context = await browser.newContext({ baseURL: server.url });
  await ask(context, 'sign_in', { name });
  browsers.set(name, context);
}
for (const name of CHANNELS) await ask(browsers.get(ADA), 'create_channel', { name });
await ask(browsers.get(ADA), 'set_topic', { channel: 'general', topic: TOPIC });
const messages = new Map();
for (const [channel, time, name, text] of STORY) {
  const { position } = await ask(browsers.get(name), 'post_message', { channel, text });
  messages.set(time, position);
}
for (const [time, name, emoji] of REACTIONS) {
  const message = messages.get(time);
  await ask(browsers.get(name), 'react', { channel: 'general', message, emoji });
}
const storageState = await browsers.get(ADA).storageState();

await mkdir(FOLDER, { recursive: true });
await picture('desktop-light', '/c/general', { ...DESKTOP, colorScheme: 'light', storageState });
await picture('desktop-dark', '/c/general', { ...DESKTOP, colorScheme: 'dark', storageState });
await picture('phone-light', '/c/general', { ...PHONE, colorScheme: 'light', storageState });
await picture('phone-dark', '/c/general', { ...PHONE, colorScheme: 'dark', storageState });
await picture('join', '/', { ...DESKTOP, colorScheme: 'light' });

await browser.close();
await server.stop();
await server.remove();

async function ask(context, what, form) {
  const answer = await context.request.post(`/api/${what}`, { form });
  const text = await answer.text();
  if (!answer.ok()) throw new Error(`${what}: ${text}`);
  return text && JSON.parse(text);
}

async function picture(name, path, options) {
  const context = await browser.newContext({
    baseURL: server.url,
    locale: 'en-GB',
    deviceScaleFactor: 1,
    reducedMotion: 'reduce',
    ...options,
  });
  const page = await context.newPage();
  await page.goto(path);
  await page.locator('body[data-hydrated], main.join').waitFor();
  if (options.storageState) {
    await page.getByRole('status', { name: 'Connection' }).getByText('Connected').waitFor();
    const times = STORY.filter(([channel]) => path === `/c/${channel}`).map(([, time]) => time);
    await page.locator('article time').evaluateAll((shown, times) => {
      shown.forEach((time, place) => (time.textContent = times[place]));
    }, times);
    await page.evaluate(() => document.activeElement.blur());
  }
  await page.screenshot({ path: `${FOLDER}${name}.png` });
  await context.close();
}
