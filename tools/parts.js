// How a page comes by the rest of the client, in the script around it (tools/shrink.mjs).
//
// It is fetched as soon as somebody begins to use the page, so that it is there before it is needed: one
// points before one clicks, and types before one sends. Otherwise it comes when the page has been there for a
// while. The first part can show the page, connect, and take what is typed. News from the server wait for the
// rest, without holding up the page. Where it is needed all the same and not there yet, a placeholder fetches
// it at once, and everything waits for that.

/** How soon it comes to whoever only looks on, in milliseconds: they may be without a network when they begin
 * to write. */
const SOON = 10_000;

/** Gives the nth thing to whoever asks for anything for the nth time, as modules do in their order. */
const inOrder = (give) => {
  let nth = 0;
  return new Proxy({}, { get: () => give(nth++) });
};

/** The functions of the rest, in the order of their placeholders. */
let others;
const missing = inOrder((nth) => (...values) => (others ?? now())[nth](...values));

let now;

/** What comes over the socket and brings nothing that has to be shown (docs/protocol.md). */
const QUIET = /^{"type":"(welcome|memberships|typing|presence|pong)"|"changes":\[\]}$/;

let begin;
let waiting;

/** Hears it, one frame after the other. */
const hearing = (hear) => (event) => {
  if (!waiting && (others || QUIET.test(event.data))) return hear(event);
  const heard = Promise.resolve(waiting).then(begin).then(() => hear(event));
  waiting = heard;
  return heard.finally(() => waiting === heard && (waiting = undefined));
};

/** What one points at, as long as nothing can be shown about it. Browsers tell that of a pointer that only rests
 * where a page appears, too: it is no sign that somebody uses it, and nothing to wait for. */
let pointed;
addEventListener(
  'mouseover',
  (event) => {
    if (others) return;
    event.stopImmediatePropagation();
    pointed = event.target;
  },
  true,
);

function expect([address, style], imports, table, slot) {
  const adopt = (module) => {
    if (others) return others;
    const b = inOrder((nth) => table.get(slot + nth));
    others = Object.values(new WebAssembly.Instance(module, { ...imports, b }).exports);
    const link = document.createElement('link');
    Object.assign(link, { rel: 'stylesheet', href: style });
    document.head.append(link);
    // Not while the client is at work, which may be what waits for this.
    setTimeout(() => pointed?.dispatchEvent(new MouseEvent('mouseover', { bubbles: true })));
    // For tests.
    flack.isWhole = true;
    return others;
  };

  let stop;
  let coming;
  const fetched = async () => {
    stop = new AbortController();
    try {
      adopt(await WebAssembly.compileStreaming(fetch(address, { signal: stop.signal })));
    } catch {
      // At the next sign, or when it is needed.
      coming = undefined;
    }
  };
  begin = () => others || (coming ??= fetched());
  for (const sign of ['pointermove', 'pointerdown', 'touchstart', 'wheel', 'keydown', 'input', 'drop']) {
    addEventListener(sign, begin, { capture: true, passive: true });
  }
  setTimeout(begin, SOON);

  // Other pages than rooms need it at once, and so do rooms with files.
  const { pathname, search } = location;
  const doesWithout = /^\/[cd]\/[^/]+$/.test(pathname) && !search && !document.querySelector('.files');

  now = () => {
    // It may wait for nothing but this one, which would wait for it.
    stop?.abort();
    const request = new XMLHttpRequest();
    try {
      request.open('GET', address, false);
      // Bytes as characters: a request that one waits for gives nothing else.
      request.overrideMimeType('text/plain; charset=x-user-defined');
      request.send();
      const bytes = Uint8Array.from(request.responseText, (byte) => byte.charCodeAt());
      return adopt(new WebAssembly.Module(bytes));
    } catch (error) {
      flack.lost(request.status);
      throw error;
    }
  };
  return doesWithout || begin();
}
