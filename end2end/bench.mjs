// Measures what Flack claims of itself, beside the limit of this machine, in one run:
//
//   make bench
//
// Times are medians of many rounds. A sync of the same disk is measured alongside, because a
// message is only shown to others once it is on disk.

import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { chromium } from '@playwright/test';

const CHANNELS = 1000;
const FEW = 10;
const MESSAGES = 100;
const ROUNDS = 60;
/** How many messages fill the window of the browser at least. */
const SCREEN = 10;
const binary = process.env.FLACK_BIN ?? path.resolve('../target/release/flack');
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'flack-bench-'));
const [small, large] = ['small', 'large'].map((name) => path.join(directory, name));
const TEXT = 'A message of ordinary length, as people write them all day long to one another.';
const TICKS = Number(execFileSync('getconf', ['CLK_TCK']));
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

function request(base, target, { form, headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const body = form && new URLSearchParams(form).toString();
    const options = { agent, method: body ? 'POST' : 'GET', headers: { ...headers } };
    if (body) options.headers['content-type'] = 'application/x-www-form-urlencoded';
    const sent = http.request(base + target, options, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ response, body: Buffer.concat(chunks) }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function start(directory) {
  const started = performance.now();
  const rates = ['MESSAGES', 'FRAMES', 'REQUESTS', 'SOCKETS', 'CHANNELS', 'SIGN_INS'];
  const unlimited = Object.fromEntries(rates.map((what) => [`FLACK_RATE_${what}`, '0']));
  unlimited.FLACK_MAX_CONNECTIONS_PER_ADDRESS = '0';
  unlimited.FLACK_MAX_CHANNELS = `${CHANNELS + 1}`;
  const settings = { LEPTOS_SITE_ADDR: '127.0.0.1:0', FLACK_DATA_DIR: directory, RUST_LOG: 'warn' };
  const env = { ...process.env, ...unlimited, ...settings };
  const server = spawn(binary, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const base = await new Promise((resolve) => {
    server.stdout.on('data', (line) => resolve(/http:\S+/.exec(line)[0]));
  });
  const stop = () =>
    new Promise((resolve) => {
      server.on('exit', resolve);
      server.kill('SIGTERM');
    });
  const memory = () =>
    Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1]) / 1024;
  // In milliseconds: what this process took of the processors.
  const cpu = () => {
    const fields = fs.readFileSync(`/proc/${server.pid}/stat`, 'utf8').split(') ')[1].split(' ');
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS;
  };
  return { base, stop, memory, cpu, started };
}

function measureSync() {
  const file = fs.openSync(path.join(directory, 'sync'), 'w');
  const times = [];
  for (let round = 0; round < ROUNDS; round++) {
    const from = performance.now();
    fs.writeSync(file, Buffer.alloc(4096));
    fs.fdatasyncSync(file);
    times.push(performance.now() - from);
  }
  fs.closeSync(file);
  return median(times);
}

async function joinAs(base, name) {
  const joined = await request(base, '/api/sign_in', { form: { name } });
  return { cookie: joined.response.headers['set-cookie'][0].split(';')[0] };
}

/** A house with so many channels, in which three people talk. Gives who one of them is. */
async function fill(directory, channels) {
  const { base, stop } = await start(directory);
  const people = [];
  for (const name of ['Ada', 'Grace', 'Bob']) people.push(await joinAs(base, name));
  const names = Array.from({ length: channels }, (_, number) => `channel ${number}`);
  const talk = async () => {
    for (let name; (name = names.pop()); ) {
      const form = { name };
      await request(base, '/api/create_channel', { form, headers: people[0] });
      for (let number = 0; number < MESSAGES; number++) {
        const form = { channel: name, text: TEXT };
        await request(base, '/api/post_message', { form, headers: people[number % 3] });
      }
    }
  };
  await Promise.all(Array.from({ length: agent.maxSockets }, talk));
  await stop();
  return people[0];
}

async function measureStart(headers) {
  const times = [];
  const listening = [];
  const afterStart = [];
  let afterAll;
  for (let round = 0; round < 9; round++) {
    const server = await start(large);
    listening.push(server.memory());
    await request(server.base, '/c/channel%205', { headers });
    times.push(performance.now() - server.started);
    afterStart.push(server.memory());
    for (let channel = 0; round === 0 && channel < CHANNELS; channel++) {
      await request(server.base, `/c/channel%20${channel}`, { headers });
    }
    if (round === 0) afterAll = server.memory();
    await server.stop();
  }
  return {
    start: median(times),
    listening: median(listening),
    afterStart: median(afterStart),
    afterAll,
  };
}

// What an answer takes of the server's processor, its connection kept, in milliseconds.
async function measureAnswer(server, target, headers, status, count) {
  const times = [];
  const ask = async (count) => {
    for (let number = 0; number < count; number++) {
      const { response } = await request(server.base, target, { headers });
      if (response.statusCode !== status) throw new Error(`${target}: ${response.statusCode}`);
    }
  };
  await ask(50);
  for (let round = 0; round < 3; round++) {
    const before = server.cpu();
    await ask(count);
    times.push((server.cpu() - before) / count);
  }
  return median(times);
}

async function measureUnchanged(server, headers) {
  const { body } = await request(server.base, '/c/general', { headers });
  const [style] = body.toString().match(/\/pkg\/[\w.-]+\.css/);
  const times = [];
  for (const address of [style, '/favicon.svg']) {
    const { response } = await request(server.base, address);
    const known = { ...headers, 'if-none-match': response.headers.etag };
    times.push(await measureAnswer(server, address, known, 304, 3000));
  }
  return Math.max(...times);
}

async function measureFirstLoad(base, headers) {
  const { body } = await request(base, '/c/general', { headers });
  const addresses = new Set(body.toString().match(/\/pkg\/(?!flack-rest-)[\w.-]+\.(css|js|wasm|txt)/g));
  let bytes = 0;
  for (const address of addresses) {
    const file = await request(base, address, { headers: { 'accept-encoding': 'br' } });
    const isKept = file.response.headers['cache-control'].includes('immutable');
    if (file.response.headers['content-encoding'] !== 'br' || !isKept) {
      throw new Error(`${address} is not compressed, or not kept`);
    }
    bytes += file.body.length;
  }
  if (addresses.size !== 4) throw new Error(`expected four files: ${[...addresses]}`);
  return bytes / 1000;
}

const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM || undefined,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
    ],
  });

/** Somebody new, in a browser of their own, in a channel. */
async function join(browser, base, name, channel) {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${base}/c/${channel}`);
  await page.getByLabel('Display name').fill(name);
  await page.getByRole('button', { name: 'Join' }).click();
  await page.getByText('Connected').waitFor();
  return page;
}

// What a key takes until its letter is painted, while a hundred messages are shown and the processor
// is four times slower: the time to the end of what listens, and that of the frame with the letter in
// it. How long the screen takes to begin that frame, up to 17 ms, is nothing that a page can change.
// The limit is a text area that is all of its page.
async function measureTyping(browser, base) {
  const blank = await browser.newPage();
  await blank.setContent('<textarea aria-label="Message nobody"></textarea>');
  const limit = await typing(blank);
  await blank.close();
  const page = await join(browser, base, 'Typist', 'channel%205');
  await page.getByRole('article').nth(MESSAGES - 1).waitFor();
  const own = await typing(page);
  await page.context().close();
  return { own, limit };
}

async function typing(page) {
  await page.evaluate(() => {
    window.keys = [];
    let pressed;
    let heard;
    addEventListener('keydown', (event) => (pressed = event.timeStamp), true);
    // Asked for first, so that what waits for the paint is not in it.
    const seen = () => {
      const begun = performance.now();
      const painted = new MessageChannel();
      painted.port1.onmessage = () => window.keys.push(heard + performance.now() - begun);
      painted.port2.postMessage(undefined);
    };
    addEventListener('input', () => requestAnimationFrame(seen), true);
    // After all that listens to it.
    addEventListener('input', () => (heard = performance.now() - pressed));
  });
  const field = page.getByRole('textbox', { name: /^Message / });
  await field.focus();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  const text = 'Nobody waits for a letter, @ada: neither in the first line nor in the third. ';
  await page.keyboard.type(text.repeat(2), { delay: 40 });
  const keys = await page.evaluate('window.keys');
  if (keys.length < text.length) throw new Error(`only ${keys.length} letters were seen`);
  return { median: median(keys), most: keys.toSorted((a, b) => a - b)[Math.floor(keys.length * 0.95)] };
}

// From the press of Send to the text in the other person's page, by the browser's one clock.
async function measureDelivery(browser, base) {
  const [writer, reader] = [await join(browser, base, 'Writer', 'general'), await join(browser, base, 'Reader', 'general')];
  const now = 'performance.timeOrigin + performance.now()';
  await writer.evaluate(`document.addEventListener('submit', () => { window.sent = ${now} }, true)`);
  await reader.evaluate(`new MutationObserver(() => { window.seen ??= ${now} })
    .observe(document.querySelector('[role=log]'), { childList: true, subtree: true })`);
  const times = [];
  for (let round = 0; round < ROUNDS; round++) {
    await reader.evaluate('window.seen = undefined');
    await writer.getByRole('textbox', { name: /^Message / }).fill(`round ${round}`);
    await writer.getByRole('button', { name: 'Send' }).click();
    await reader.getByText(`round ${round}`, { exact: true }).waitFor();
    times.push((await reader.evaluate('window.seen')) - (await writer.evaluate('window.sent')));
  }
  await Promise.all([writer, reader].map((page) => page.context().close()));
  return median(times);
}

// From a click on a channel that was open before to the paint of its messages: the time to the end of what
// listens, and that of the frame with them in it, as with keys. People hold a button for a moment; what the
// press has asked for is done by then.
async function measureSwitch(page) {
  await page.evaluate(() => {
    let heard;
    const seen = () => {
      const begun = performance.now();
      const log = document.querySelector('[role=log]');
      const [label, messages] = [log.ariaLabel, log.querySelectorAll('article').length];
      const painted = new MessageChannel();
      painted.port1.onmessage = () =>
        (window.switched = { took: heard + performance.now() - begun, label, messages });
      painted.port2.postMessage(undefined);
    };
    // Asked for first: the frame must have in it what the click has led to.
    addEventListener('click', () => requestAnimationFrame(seen), true);
    addEventListener('click', (event) => (heard = performance.now() - event.timeStamp));
  });
  const visit = async (number) => {
    await page.evaluate('window.switched = undefined');
    await page.getByRole('link', { name: `#channel ${number}`, exact: true }).click({ delay: 60 });
    const switched = await (await page.waitForFunction(() => window.switched)).jsonValue();
    const { took, label, messages } = switched;
    if (!label.endsWith(`#channel ${number}`) || messages < SCREEN) throw new Error(`${label}: ${messages}`);
    await page.getByRole('article').nth(MESSAGES - 1).waitFor();
    return took;
  };
  for (const number of [4, 5]) await visit(number).catch(() => {});
  const times = [];
  for (let round = 0; round < ROUNDS; round++) times.push(await visit(4 + (round % 2)));
  return median(times);
}

// How often a page with a hundred messages, on a processor that is four times slower, does not answer for
// over 50 ms, while others write 50 messages a second for ten seconds.
async function measureCrowd(page, base, headers) {
  await page.evaluate(() => {
    window.tasks = [];
    new PerformanceObserver((list) => {
      window.tasks.push(...list.getEntries().map((task) => task.duration));
    }).observe({ entryTypes: ['longtask'] });
  });
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  const begun = performance.now();
  const posts = [];
  for (let number = 0; number < 500; number++) {
    await new Promise((resolve) => setTimeout(resolve, begun + number * 20 - performance.now()));
    const form = { channel: 'channel 5', text: `${number}: ${TEXT}` };
    posts.push(request(base, '/api/post_message', { form, headers }));
  }
  await Promise.all(posts);
  // However long a page takes that does not keep up.
  await page.getByText(/^499: /).waitFor({ timeout: 120_000 });
  return page.evaluate('window.tasks');
}

const ada = { large: await fill(large, CHANNELS), small: await fill(small, FEW) };
const { start: startTime, listening, afterStart, afterAll } = await measureStart(ada.large);
const crowded = await start(large);
const crowdedPage = await measureAnswer(crowded, '/c/channel%205', ada.large, 200, 200);
await crowded.stop();
const server = await start(small);
const page = await measureAnswer(server, '/c/channel%205', ada.small, 200, 500);
const packed = {};
for (const accepted of ['zstd', 'gzip']) {
  const headers = { ...ada.small, 'accept-encoding': accepted };
  packed[accepted] = await measureAnswer(server, '/c/channel%205', headers, 200, 500);
}
const unchanged = await measureUnchanged(server, ada.small);
const firstLoad = await measureFirstLoad(server.base, ada.small);
const sync = measureSync();
const browser = await launch();
const delivery = await measureDelivery(browser, server.base);
const keys = await measureTyping(browser, server.base);
const visitor = await join(browser, server.base, 'Visitor', 'channel%205');
const switched = await measureSwitch(visitor);
const tasks = await measureCrowd(visitor, server.base, ada.small);
await browser.close();
await server.stop();
agent.destroy();
fs.rmSync(directory, { recursive: true });

const rows = [
  ['first load: WASM, JS, CSS and words, brotli', firstLoad, 150, 'kB'],
  [`start to first answer, ${CHANNELS} channels of ${MESSAGES}`, startTime, 100, 'ms'],
  ['resident memory after that', afterStart, 15, 'MiB'],
  [`a page of ${MESSAGES} messages, ${FEW} channels, CPU`, page, 1, 'ms'],
  ['a file that has not changed, CPU', unchanged, 0.1, 'ms'],
  ['message from Send to the other page', delivery, 3 * sync + 20, 'ms'],
  ['a key to its paint, CPU 4 times slower, 95 of 100', keys.own.most, 16, 'ms'],
  ['a cached channel from the click to its paint', switched, 16, 'ms'],
  ['tasks over 50 ms, 50 messages/s, CPU 4 times slower', tasks.length, 0, ''],
];
for (const [what, value, bar, unit] of rows) {
  const verdict = value <= bar ? 'within' : 'OVER';
  console.log(`${what.padEnd(52)} ${value.toFixed(2).padStart(7)} ${unit.padEnd(3)} ${verdict} ${bar.toFixed(1)}`);
}
console.log(`one sync of this disk ${sync.toFixed(2)} ms; memory when it listens ${listening.toFixed(1)} MiB, with every channel read ${afterAll.toFixed(1)} MiB; the same page with ${CHANNELS} channels ${crowdedPage.toFixed(2)} ms, compressed ${packed.zstd.toFixed(2)} ms (zstd) or ${packed.gzip.toFixed(2)} ms (gzip); the middle key ${keys.own.median.toFixed(1)} ms; the longest task ${Math.max(0, ...tasks)} ms`);
console.log(`an empty page's key: 95 of 100 ${keys.limit.most.toFixed(1)} ms, the middle ${keys.limit.median.toFixed(1)} ms; so it takes ${(keys.own.median / keys.limit.median).toFixed(1)} times that`);
process.exitCode = rows.every(([, value, bar]) => value <= bar) ? 0 : 1;
