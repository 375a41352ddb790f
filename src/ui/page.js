// What a page does before its client is there, and what the client asks of it: little enough to be in
// every page, and shorter here than there.

window.flack = {
  // Times, in the language of the page and otherwise as the reader is used to them. To make a format
  // takes a hundred times as long as to use it.
  formats: {},
  write: (at, options) => {
    // Whoever travels has another time zone than the formats they had before.
    const which = JSON.stringify(options) + new Date().getTimezoneOffset();
    const format = (flack.formats[which] ??= new Intl.DateTimeFormat(
      flack.locales,
      { hourCycle: flack.cycle, ...options },
    ));
    return format.format(at);
  },
  clock: (at, day) => flack.write(at, { ...day, hour: '2-digit', minute: '2-digit' }),
  exact: (at) => flack.write(at, { dateStyle: 'full', timeStyle: 'medium' }),
  day: (at) => Math.floor((at - new Date(at).getTimezoneOffset() * 60000) / 86400000),
  name: (at) => {
    const ago = flack.day(at) - flack.day(Date.now());
    if (ago !== 0 && ago !== -1) return flack.write(at, { dateStyle: 'full' });
    flack.relative ??= new Intl.RelativeTimeFormat(flack.locales, { numeric: 'auto' });
    const name = flack.relative.format(ago, 'day');
    return name[0].toLocaleUpperCase() + name.slice(1);
  },

  // The colours, now and for pages to come.
  theme: (theme) => {
    document.documentElement.dataset.theme = theme;
    const secure = location.protocol === 'https:' ? '; secure' : '';
    document.cookie = `theme=${theme}; path=/; max-age=34560000; samesite=lax${secure}`;
    for (const colour of document.querySelectorAll('meta[name=theme-color]')) {
      const { scheme } = colour.dataset;
      const system = `(prefers-color-scheme: ${scheme})`;
      colour.media = theme === 'system' ? system : theme === scheme ? 'all' : 'not all';
    }
    for (const button of document.querySelectorAll('button[name=theme]')) {
      button.ariaPressed = button.value === theme;
    }
  },

  // What the tab says, and whether something is unread. A moment later, because most is read as it comes.
  tab: (title, isUnread) => {
    clearTimeout(flack.telling);
    flack.telling = setTimeout(() => {
      if (document.title !== title) document.title = title;
      const href = isUnread ? '/favicon-unread.svg' : '/favicon.svg';
      const icon = document.querySelector('link[rel=icon]');
      if (icon.getAttribute('href') !== href) icon.href = href;
    });
  },

  painted: (then) => {
    if (document.hidden) setTimeout(then);
    else requestAnimationFrame(() => setTimeout(then));
  },

  // Being told outside of the page, as one has asked for in this browser.
  wish: (name) => {
    try {
      return localStorage.getItem(`flack.wish.${name}`) ?? '';
    } catch {
      return '';
    }
  },
  change: async (name) => {
    let wish = flack.wish(name) === 'yes' ? '' : 'yes';
    if (wish && name === 'notifications') {
      const answer = await window.Notification?.requestPermission();
      wish = answer === 'granted' ? 'yes' : 'refused';
    }
    try {
      localStorage.setItem(`flack.wish.${name}`, wish);
    } catch {}
    flack.showWishes();
    if (wish && name === 'sound') flack.ring();
  },
  showWishes: () => {
    for (const button of document.querySelectorAll('[data-wish]')) {
      const wish = flack.wish(button.dataset.wish);
      button.ariaPressed = wish === 'yes';
      button.nextElementSibling.hidden = wish !== 'refused';
    }
  },
  // The service worker tells, because it knows all pages of this browser. Without https there is none.
  tell: (title, text, path, tag, isSeen) => {
    const isShown = flack.wish('notifications') === 'yes';
    const isHeard = flack.wish('sound') === 'yes';
    const notice = { title, text, path, tag, isSeen, isShown, isHeard };
    if (!navigator.serviceWorker) isHeard && !isSeen && flack.ring();
    else if (isShown || isHeard) flack.say(notice);
  },
  // Takes that back, where there may be something to take back.
  withdraw: (tag) => {
    if (window.Notification?.permission === 'granted') flack.say({ close: tag });
  },
  // Two short notes; none where the browser wants a click first, and none later for that.
  ring: async () => {
    const audio = (flack.audio ??= new AudioContext());
    const asked = Date.now();
    await audio.resume();
    if (Date.now() - asked > 1000) return;
    const volume = new GainNode(audio, { gain: 0.12 });
    const tone = new OscillatorNode(audio, { type: 'sine', frequency: 660 });
    const now = audio.currentTime;
    tone.frequency.setValueAtTime(880, now + 0.12);
    volume.gain.exponentialRampToValueAtTime(0.001, now + 0.5);
    tone.connect(volume).connect(audio.destination);
    tone.onended = () => audio.suspend();
    tone.start();
    tone.stop(now + 0.5);
  },

  // Forms that need not leave the page: who hears of the answer gives what to say about it.
  listen: (hear) =>
    addEventListener('submit', async (event) => {
      const form = event.target;
      if (!form.dataset.form) return;
      event.preventDefault();
      if (form.ariaBusy) return;
      form.ariaBusy = true;
      const action = form.getAttribute('action');
      const body = new URLSearchParams(new FormData(form, event.submitter));
      const headers = { accept: 'application/json' };
      let isDone = false;
      let answer = '';
      try {
        const response = await fetch(action, { method: 'POST', body, headers });
        answer = await response.text();
        isDone = response.ok;
      } catch {}
      form.ariaBusy = null;
      flack.complain(form, hear(action, isDone, answer));
      if (!isDone) return;
      form.reset();
      if (form.dataset.form !== 'closes') return;
      form.closest('[popover]')?.hidePopover();
      form.closest('dialog')?.close();
    }),
  complain: (form, words) => {
    const alert = form.querySelector('[role=alert]');
    (alert.querySelector('span') ?? alert).textContent = words;
    if (alert.matches('.field__error')) alert.hidden = !words;
    const field = form.querySelector('[aria-describedby]');
    if (field) field.ariaInvalid = words ? 'true' : null;
  },
  // A page of the server's that is such a form, as a sheet over this page.
  sheet: async (path) => {
    let page;
    try {
      const answer = await fetch(path, { headers: { accept: 'text/html' } });
      page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    } catch {}
    const parts = page?.querySelectorAll('main > :is(h1, form)') ?? [];
    // Another page than expected says why.
    if (parts.length !== 2) return location.assign(path);
    flack.card ??= flack.lay();
    flack.card.replaceChildren(...parts);
    flack.card.setAttribute('aria-labelledby', parts[0].id);
    flack.card.closedBy = 'any';
    if (!flack.card.open) flack.card.showModal();
    flack.card.querySelector('[autofocus]').focus();
  },
  lay: () => {
    const card = document.body.appendChild(document.createElement('dialog'));
    card.className = 'popover popover--dialog';
    // A click beside it takes nothing away that was typed.
    card.oninput = () => {
      card.closedBy = 'closerequest';
    };
    // A topic has one line.
    card.onkeydown = (event) => {
      // Safari says only by this number that a word is being composed.
      const isComposing = event.isComposing || event.keyCode === 229;
      if (event.key !== 'Enter' || isComposing || event.target.localName !== 'textarea') return;
      event.preventDefault();
      event.target.form.requestSubmit();
    };
    return card;
  },

  // What was read last, and by whom, for the page that comes next: what this one says of it may still be on its
  // way.
  read: (me, message) => {
    document.cookie = `read=${me}${message}; path=/; max-age=60; samesite=lax`;
  },

  // A part of the client that something needs and that cannot be had ends the client. What was typed is kept.
  // A new page has what it needs, from the server or as the service worker kept it; one that had not come up
  // yet stays as the server rendered it.
  lost: (status) => {
    if (!('hydrated' in document.body.dataset)) return;
    alert(flack.refused);
    const again = () => location.reload();
    if (status || navigator.serviceWorker?.controller) again();
    else addEventListener('online', again);
  },

  // Rooms, so that they open without a network.
  keep: (path) => flack.say({ keep: path }),
  say: (words) => navigator.serviceWorker?.ready.then(({ active }) => active.postMessage(words)),
};

// Back leads elsewhere, and nothing of the page that was left stays on top of it.
addEventListener('popstate', () => {
  document.querySelectorAll('dialog[open]').forEach((card) => card.close());
  document.querySelectorAll(':popover-open').forEach((card) => card.hidePopover());
});

const { lang } = document.documentElement;
flack.locales = [...navigator.languages.filter((locale) => locale.split('-')[0] === lang), lang];
// Half a day or a whole one, whatever the language.
flack.cycle = new Intl.DateTimeFormat([], { hour: 'numeric' }).resolvedOptions().hourCycle;

let before;
for (const time of document.querySelectorAll('time[datetime]')) {
  const at = Date.parse(time.dateTime);
  const day = flack.day(at);
  const line = time.closest('.day + article')?.previousElementSibling;
  const isPlain = line || day === flack.day(Date.now());
  time.textContent = flack.clock(at, isPlain ? {} : { day: 'numeric', month: 'short' });
  time.title = flack.exact(at);
  if (!line) continue;
  line.hidden = day === before;
  line.nextElementSibling.classList.toggle('message--day', !line.hidden);
  line.firstElementChild.textContent = line.hidden ? ' ' : flack.name(at);
  before = day;
}

// Where what is new begins.
if (!location.hash) document.getElementById('new')?.scrollIntoView();

flack.showWishes();

// What others do may move a button between pressing and letting go. Then the browser tells of a click on what is
// around both places (UI Events, `click`); it was meant for what was pressed.
let held;
addEventListener('pointerdown', ({ target }) => {
  const it = target.closest?.('a, button');
  held = it && { it, place: it.getBoundingClientRect() };
});
addEventListener('click', (event) => {
  const { target, clientX: x, clientY: y } = event;
  if (!held || held.it === target || !target.contains(held.it)) return;
  const { left, right, top, bottom } = held.place;
  const hasStayed = left <= x && x <= right && top <= y && y <= bottom;
  if (hasStayed) held.it.dispatchEvent(new MouseEvent('click', event));
});

addEventListener('click', (event) => {
  const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  const pressed = isPlain && event.target.closest?.('a, button');
  if (!pressed) return;
  const { wish, opens, sheet } = pressed.dataset;
  // What opens is the client's, and until it is there a page.
  const isThere = 'hydrated' in document.body.dataset;
  if (wish) flack.change(wish);
  else if (pressed.name === 'theme') flack.theme(pressed.value);
  else if (opens && isThere) document.getElementById(opens).togglePopover();
  else if (sheet === '' && isThere) {
    pressed.closest('[popover]')?.hidePopover();
    flack.sheet(pressed.href);
  } else if (pressed.href && flack.card?.contains(pressed)) flack.card.close();
  else return;
  event.preventDefault();
});
// Typing takes back why something was refused.
addEventListener('input', ({ target }) => {
  if (target.form?.matches('[data-form]')) flack.complain(target.form, '');
});

// A file that is dropped beside where it is taken would be opened in place of the page.
for (const kind of ['dragover', 'drop']) {
  addEventListener(kind, (event) => {
    const isTaken = event.target.type === 'file' || !event.dataTransfer.types.includes('Files');
    if (!isTaken) event.preventDefault();
  });
}

// Whoever signs out leaves nothing in this browser. Until it is gone, the page keeps what is typed, so it is
// the next one that forgets that: the one for who has no name. As long as the mark is there, no tab stores a draft;
// it goes with the next page of somebody who is here.
const sidebar = document.getElementById('sidebar');
const stay = () => {
  try {
    if (sidebar) localStorage.removeItem('flack.leaves');
  } catch {}
};
addEventListener('pageshow', stay);
addEventListener('submit', ({ target }) => {
  if (target.getAttribute('action') !== '/api/sign_out') return;
  try {
    localStorage.setItem('flack.leaves', '1');
  } catch {}
  // A page that is still there was not signed out.
  setTimeout(stay, 15000);
});

// What is new further down in the list of rooms than can be seen.
if (sidebar) {
  const rooms = sidebar.querySelector('.sidebar__rooms');
  const more = document.getElementById('more');
  const below = () => {
    const end = rooms.getBoundingClientRect().bottom;
    const news = rooms.querySelectorAll('[data-marks=unread], [data-marks=meant]');
    return end > 0 && [...news].find((room) => room.getBoundingClientRect().bottom > end + 1);
  };
  const look = () => (more.hidden = !below());
  more.onclick = () => below()?.scrollIntoView({ block: 'center' });
  rooms.onscroll = look;
  sidebar.addEventListener('toggle', look);
  addEventListener('resize', look);
  const changes = { subtree: true, childList: true, attributeFilter: ['data-marks'] };
  new MutationObserver(() => flack.painted(look)).observe(rooms, changes);
  flack.painted(look);
}

// In the field for a message these keys have nothing to do, as a rule; they move what is read.
addEventListener('keydown', (event) => {
  const { key, target } = event;
  const step = { PageUp: -1, PageDown: 1 }[key];
  const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  const isComposing = event.isComposing || event.keyCode === 229;
  if (!step || !isPlain || isComposing) return;
  if (target.id !== 'composer' || target.scrollHeight > target.clientHeight + 1) return;
  event.preventDefault();
  const log = document.getElementById('log');
  log?.scrollBy({ top: step * 0.9 * log.clientHeight });
});

document.addEventListener('visibilitychange', () => {
  if (document.hidden) flack.keep(location.pathname);
});

navigator.serviceWorker?.addEventListener('message', ({ data }) => {
  if (data.isHeard) flack.ring();
  if (!data.path) return;
  // A page without a client cannot go there by itself.
  if (!('hydrated' in document.body.dataset)) return location.assign(data.path);
  history.pushState(null, '', data.path);
  dispatchEvent(new PopStateEvent('popstate'));
});
