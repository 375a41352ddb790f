// What a page does before its client is there, and what the client asks of it: little enough to be in
// every page, and shorter here than there.

window.flack = {
  // Times, as the reader is used to them.
  write: (at, options) => new Date(at).toLocaleString('default', options),
  clock: (at, day) => flack.write(at, { ...day, hour: '2-digit', minute: '2-digit' }),
  exact: (at) => flack.write(at, { dateStyle: 'full', timeStyle: 'medium' }),
  day: (at) => Math.floor((at - new Date(at).getTimezoneOffset() * 60000) / 86400000),
  name: (at) =>
    ['Today', 'Yesterday'][flack.day(Date.now()) - flack.day(at)] ??
    flack.write(at, { dateStyle: 'full' }),

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

  // Rooms, so that they open without a network.
  keep: (path) => navigator.serviceWorker?.ready.then(({ active }) => active.postMessage(path)),
};

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

document.addEventListener('visibilitychange', () => {
  if (document.hidden) flack.keep(location.pathname);
});
