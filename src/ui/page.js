// What a page does before its client is there, and what the client asks of it: little enough to be in
// every page, and shorter here than there.

window.flack = {
  // Times, in the language of the page and otherwise as the reader is used to them.
  write: (at, options) =>
    new Date(at).toLocaleString(flack.locales, { hourCycle: flack.cycle, ...options }),
  clock: (at, day) => flack.write(at, { ...day, hour: '2-digit', minute: '2-digit' }),
  exact: (at) => flack.write(at, { dateStyle: 'full', timeStyle: 'medium' }),
  day: (at) => Math.floor((at - new Date(at).getTimezoneOffset() * 60000) / 86400000),
  name: (at) => {
    const ago = flack.day(at) - flack.day(Date.now());
    if (ago !== 0 && ago !== -1) return flack.write(at, { dateStyle: 'full' });
    const name = new Intl.RelativeTimeFormat(flack.locales, { numeric: 'auto' }).format(ago, 'day');
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
  },

  // Whether something is unread, in the tab.
  icon: (isUnread) => {
    const href = isUnread ? '/favicon-unread.svg' : '/favicon.svg';
    const icon = document.querySelector('link[rel=icon]');
    if (icon.getAttribute('href') !== href) icon.href = href;
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
    dispatchEvent(new Event('wish'));
    if (wish && name === 'sound') flack.ring();
  },
  // The service worker tells, because it knows all pages of this browser.
  tell: (title, text, path, tag, isSeen) => {
    const isShown = flack.wish('notifications') === 'yes';
    const isHeard = flack.wish('sound') === 'yes';
    const notice = { title, text, path, tag, isSeen, isShown, isHeard };
    if (isShown || isHeard) flack.say(notice);
  },
  // Takes that back, where there may be something to take back.
  withdraw: (tag) => {
    if (window.Notification?.permission === 'granted') flack.say({ close: tag });
  },
  // Two short notes.
  ring: () => {
    const audio = new AudioContext();
    const volume = new GainNode(audio, { gain: 0.12 });
    const tone = new OscillatorNode(audio, { type: 'sine', frequency: 660 });
    const now = audio.currentTime;
    tone.frequency.setValueAtTime(880, now + 0.12);
    volume.gain.exponentialRampToValueAtTime(0.001, now + 0.5);
    tone.connect(volume).connect(audio.destination);
    tone.onended = () => audio.close();
    tone.start();
    tone.stop(now + 0.5);
  },

  // A page of the server's that is a form, as a sheet over this page. Without a script it is a page.
  sheet: async (path, form) => {
    const error = form?.querySelector('[role=alert]');
    let answer;
    try {
      const body = form && new URLSearchParams(new FormData(form));
      const headers = { accept: 'text/html' };
      answer = await fetch(path, form && { method: 'POST', body, headers, redirect: 'manual' });
    } catch {
      if (!form) return location.assign(path);
      error.lastElementChild.textContent = form.dataset.away;
      error.hidden = false;
      return;
    }
    // It leads on: what was asked for is done.
    if (answer.type === 'opaqueredirect') return flack.card.hidePopover();
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const [title, fields] = page.querySelectorAll('main > :is(h1, form)');
    // Another page than expected says why.
    if (!fields) return location.assign(form ? location.pathname : path);
    flack.card ??= flack.lay();
    flack.card.replaceChildren(title, fields);
    flack.card.setAttribute('aria-labelledby', title.id);
    flack.card.togglePopover(true);
    flack.card.querySelector('[autofocus]').focus();
  },
  lay: () => {
    const card = document.body.appendChild(document.createElement('div'));
    card.className = 'popover popover--dialog';
    card.popover = 'auto';
    card.role = 'dialog';
    card.onsubmit = (event) => {
      event.preventDefault();
      flack.sheet(event.target.action, event.target);
    };
    // A topic has one line.
    card.onkeydown = (event) => {
      if (event.key !== 'Enter' || event.isComposing || event.target.localName !== 'textarea') return;
      event.preventDefault();
      event.target.form.requestSubmit();
    };
    return card;
  },

  // Rooms, so that they open without a network.
  keep: (path) => flack.say({ keep: path }),
  say: (words) => navigator.serviceWorker?.ready.then(({ active }) => active.postMessage(words)),
};

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
  line.firstElementChild.textContent = line.hidden ? ' ' : flack.name(at);
  before = day;
}

document.addEventListener('click', (event) => {
  const link = event.target.closest('a');
  const isPlain = !(event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  const isBack = flack.card?.contains(link);
  if (!link || !isPlain || !(isBack || 'sheet' in link.dataset)) return;
  event.preventDefault();
  link.closest('[popover]')?.hidePopover();
  if (!isBack) flack.sheet(link.href);
});

// Where what is new begins.
if (!location.hash) document.getElementById('new')?.scrollIntoView();

document.addEventListener('visibilitychange', () => {
  if (document.hidden) flack.keep(location.pathname);
});

navigator.serviceWorker?.addEventListener('message', ({ data }) => {
  if (data.isHeard) flack.ring();
  if (!data.path) return;
  history.pushState(null, '', data.path);
  dispatchEvent(new PopStateEvent('popstate'));
});
