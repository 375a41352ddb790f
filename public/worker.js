// Keeps Flack in the browser, so that it opens without a network: its shell, and the rooms that were open
// last. What is private in it goes when somebody else signs in here, or nobody is any more.
//
// The server writes two lines before this: SHELL, the addresses of what every page needs, and LATER, of what
// pages need once they are used, which is kept when the first of them has it.

const SHELL_AND_LATER = [...SHELL, ...LATER];
const FILES = `files ${SHELL_AND_LATER.join(' ')}`;
const PAGES = `pages ${SHELL_AND_LATER.join(' ')}`;

/** How many rooms are kept. */
const LIMIT = 50;

/** How old a kept room may be until it is fetched anew without being loaded, in milliseconds. */
const FRESH = 60_000;

/** Who is here, as far as is known; '' when they have just left. */
let here;

/** Grows when somebody leaves or comes. What was asked for before that is kept no more. */
let era = 0;

/** The address of the room, of one that may lead to a message in it. */
const room = (path) => path.replace(/^(\/[cd]\/[^/?]+)\/\d+$/, '$1');

/** Whether this is the address of a room. Nothing else is kept. */
const isRoom = (path) => /^\/[cd]\/[^/?]*$/.test(path);

/** Whom the server rendered a page for. */
const person = (answer) => answer.headers.get('flack-person');

addEventListener('install', (event) => {
  skipWaiting();
  event.waitUntil(caches.open(FILES).then((files) => files.addAll(SHELL)));
});

addEventListener('activate', (event) => event.waitUntil(activate()));

async function activate() {
  const names = await caches.keys();
  const old = names.filter((name) => name !== FILES && name !== PAGES);
  await Promise.all(old.map((name) => caches.delete(name)));
  await clients.claim();
}

addEventListener('fetch', (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname, search } = new URL(url);
  if (origin !== location.origin) return;
  if (method === 'POST' && ['/api/sign_out', '/api/use_link'].includes(pathname)) {
    event.waitUntil(leave());
  }
  if (method !== 'GET') return;
  if (mode === 'navigate') event.respondWith(page(event, pathname + search));
  else if (SHELL_AND_LATER.includes(pathname)) event.respondWith(file(event, pathname));
});

/** Nobody is here any more: nothing is left of them. */
async function leave() {
  here = '';
  era += 1;
  await Promise.all([caches.delete(PAGES), close()]);
}

// The page says which room is open, because going there loads nothing, and when it is looked at no more;
// what somebody wants to be told of, and what of that is not so any more.
addEventListener('message', (event) => {
  const { data, source } = event;
  if (data.keep) event.waitUntil(refresh(data.keep));
  else if (data.close) event.waitUntil(close(data.close));
  else event.waitUntil(tell(data, source));
});

addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data));
});

/** The messages that pages have come with last, and those that are not to be told of: one of the pages
 * shows them, or they are not so any more. Each is told of once. */
const told = [];
const over = [];

/** How long to wait for a page that shows the message, in milliseconds. */
const A_MOMENT = 500;

async function tell({ title, text, path, tag, isSeen, isShown, isHeard }, page) {
  if (isSeen) note(over, tag);
  if (told.includes(tag)) return;
  note(told, tag);
  const begun = era;
  const isOver = () => over.includes(tag) || era !== begun;
  await new Promise((resolve) => setTimeout(resolve, A_MOMENT));
  if (isOver()) return;
  if (isHeard) page.postMessage({ isHeard });
  const options = { body: text, tag, icon: '/icon-192.png', silent: true, data: path };
  if (isShown) await registration.showNotification(title, options);
  // Perhaps while it came up.
  if (isOver()) await close(tag);
}

function note(list, tag) {
  list.push(tag);
  if (list.length > 100) list.shift();
}

/** Takes back what was told of a message, and does not tell of it later; or all that was told. */
async function close(tag) {
  if (tag) note(over, tag);
  const shown = await registration.getNotifications(tag ? { tag } : {});
  shown.forEach((notification) => notification.close());
}

/** Goes to a room, in a page that is there if there is one. */
async function open(path) {
  const [page] = await clients.matchAll({ type: 'window' });
  if (!page) return clients.openWindow(path);
  page.postMessage({ path });
  await page.focus();
}

/** A file of the shell. With a hash in its name it never changes; else it is a file under development. */
async function file(event, path) {
  const { request } = event;
  const kept = await caches.match(request, { ignoreVary: true });
  if (kept && /-[0-9a-f]{16}\./.test(path)) return kept;
  try {
    const answer = await fetch(request);
    if (LATER.includes(path) && answer.ok) event.waitUntil(later(path, answer.clone()));
    return answer;
  } catch {
    return kept ?? Response.error();
  }
}

async function later(path, answer) {
  const files = await caches.open(FILES);
  await files.put(path, answer);
}

/** A page, from the network if there is one. */
async function page(event, path) {
  const asked = era;
  try {
    const answer = await fetch(event.request);
    event.waitUntil(keep(path, answer.clone(), asked));
    return answer;
  } catch {
    const pages = await caches.open(PAGES);
    const kept = await pages.match(room(path));
    if (kept) {
      event.waitUntil(put(pages, room(path), kept.clone()));
      return kept;
    }
    const rooms = await pages.keys();
    if (path === '/' && rooms.length > 0) return Response.redirect(rooms.at(-1).url);
    return (await caches.match('/offline')) ?? Response.error();
  }
}

async function refresh(address) {
  const path = room(address);
  if (!isRoom(path)) return;
  const pages = await caches.open(PAGES);
  const kept = await pages.match(path);
  const age = kept ? Date.now() - Date.parse(kept.headers.get('date')) : Infinity;
  if (age < FRESH) return;
  const asked = era;
  const answer = await fetch(path).catch(() => undefined);
  if (answer) await keep(path, answer, asked);
}

/** One answer after the other, so that each finds what the one before it has left. */
let keeping = Promise.resolve();

function keep(path, answer, asked) {
  keeping = keeping.catch(() => {}).then(() => take(path, answer, asked));
  return keeping;
}

async function take(path, answer, asked) {
  const who = person(answer);
  if (!who) return;
  // Opened first: when somebody leaves after the question, it is theirs, and goes with them.
  const pages = await caches.open(PAGES);
  if (asked !== era) return;
  let isOther = who === 'nobody' || ![undefined, who].includes(here);
  here = who;
  for (const request of await pages.keys()) {
    const kept = await pages.match(request);
    if (kept && person(kept) === who) continue;
    await pages.delete(request);
    isOther = true;
  }
  if (isOther) {
    era += 1;
    await close();
  }
  if (who === 'nobody' || !isRoom(path)) return;
  if (answer.ok) await put(pages, path, answer);
  else if (answer.status === 404) await pages.delete(path);
}

/** The last is where one was last. */
async function put(pages, path, answer) {
  await pages.delete(path);
  await pages.put(path, answer);
  const rooms = await pages.keys();
  for (const request of rooms.slice(0, -LIMIT)) await pages.delete(request);
}
