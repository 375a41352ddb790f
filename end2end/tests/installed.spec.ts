import { BACK, expect, noServer, refusal, test, type Person } from './flack';

const installed = { serviceWorkers: 'allow' } as const;

/** The addresses that this browser keeps, sorted. */
const kept = (person: Person) =>
  person.page.evaluate(async () => {
    const names = await caches.keys();
    const lists = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
    return lists.flat().map((request) => new URL(request.url).pathname).sort();
  });

const rooms = async (person: Person) => (await kept(person)).filter((path) => /^\/[cd]\//.test(path));

async function isKept(person: Person, ...paths: string[]) {
  await expect.poll(() => rooms(person)).toEqual(paths);
}

/** Takes the network away, from the worker, too, which may hear of that later than the page. */
async function goOffline({ context }: Person) {
  await context.setOffline(true);
  const [worker] = context.serviceWorkers();
  const isReached = () => worker.evaluate(() => fetch('/healthz').then(() => true, () => false));
  await expect.poll(isReached).toBe(false);
}

test('rooms open without a network, and what was written waits', async ({ people, mayLog }) => {
  mayLog(noServer);
  const ada = await people.join('Ada', installed);
  const bo = await people.join('Bo');
  await ada.createChannel('plans');
  await ada.write('For later');
  await bo.openChannel('plans');
  await bo.sees('For later');
  // Going there loads no page.
  await isKept(ada, '/c/general', '/c/plans');
  await ada.reload();
  await ada.sees('For later');

  await goOffline(ada);
  await ada.reload();
  await expect(ada.connection).toHaveText('Offline');
  await ada.sees('For later');
  await ada.write('Written offline');
  await ada.sees('For later', 'Written offline (waiting)');
  await ada.reload();
  await ada.sees('For later', 'Written offline (waiting)');

  await ada.visit('/c/general');
  await expect(ada.conversation('general')).toBeVisible();
  // Where one was last.
  await ada.visit('/');
  await expect(ada.conversation('general')).toBeVisible();

  await ada.context.setOffline(false);
  await ada.isConnected();
  await bo.sees('For later', 'Written offline');
});

test('what was never open is not there without a network, and says so', async ({
  people,
  mayLog,
}) => {
  mayLog(noServer);
  const ada = await people.join('Ada', installed);
  await ada.context.request.post('/api/create_channel', { form: { name: 'plans' } });
  await isKept(ada, '/c/general');
  await goOffline(ada);
  await ada.page.goto('/c/plans');
  await expect(ada.page.getByRole('heading', { name: 'You are offline' })).toBeVisible();
  await ada.page.getByRole('link', { name: 'Go where I was' }).click();
  await expect(ada.conversation('general')).toBeVisible();
  await ada.page.goBack();
  await ada.context.setOffline(false);
  await ada.page.getByRole('link', { name: 'Try again' }).click();
  await expect(ada.conversation('plans')).toBeVisible();
});

test('only rooms and the shell are kept, and not too many', async ({ people }) => {
  test.slow();
  const ada = await people.join('Ada', installed);
  await ada.visit('/people');
  await ada.visit('/');
  await ada.isConnected();
  await isKept(ada, '/c/general');
  await ada.page.evaluate(() => fetch('/api/list_channels'));
  // The finished program has the hash of what is in them in their names.
  const names = (await kept(ada)).map((path) => path.replace(/-[0-9a-f]{16}(?=\.)/, ''));
  const isLater = (name: string) => name === '/pkg/flack-rest.wasm';
  expect(names.filter((name) => !isLater(name)).sort()).toEqual([
    '/c/general',
    '/favicon.svg',
    '/offline',
    '/pkg/flack-rest.css',
    '/pkg/flack.css',
    '/pkg/flack.js',
    '/pkg/flack.wasm',
    '/pkg/words-en.txt',
  ]);

  const channels = Array.from({ length: 51 }, (_, number) => `room-${number + 10}`);
  for (const name of channels) {
    await ada.context.request.post('/api/create_channel', { form: { name } });
    await ada.page.evaluate((path) => (window as any).flack.keep(path), `/c/${name}`);
    await expect.poll(() => rooms(ada)).toContain(`/c/${name}`);
  }
  const all = channels.map((name) => `/c/${name}`);
  expect(await rooms(ada)).toEqual(all.slice(1));
});

test('signing out leaves nothing of what was kept', async ({ people }) => {
  const ada = await people.join('Ada', installed);
  await isKept(ada, '/c/general');
  await ada.page.getByRole('button', { name: 'Ada' }).click();
  await ada.page.getByRole('button', { name: 'Sign out' }).click();
  await expect(ada.namePrompt).toBeVisible();
  await isKept(ada);
  await goOffline(ada);
  await ada.page.goto('/c/general');
  await expect(ada.page.getByRole('heading', { name: 'You are offline' })).toBeVisible();
});

test('nor does a session that was ended from elsewhere', async ({ people, server }) => {
  const ada = await people.join('Ada', installed);
  await isKept(ada, '/c/general');
  server.admin('sign-out', 'Ada');
  await expect(ada.namePrompt).toBeVisible(BACK);
  await isKept(ada);
});

test('nor does who was here before, when somebody else is', async ({ people }) => {
  const ada = await people.join('Ada', installed);
  const bo = await people.join('Bo');
  await ada.createChannel('plans');
  await isKept(ada, '/c/general', '/c/plans');
  const { path } = await (await bo.context.request.post('/api/create_link')).json();
  await ada.page.goto(path);
  await ada.page.getByRole('button').click();
  await ada.isReady();
  await isKept(ada, '/c/plans');
});

test('nor does a page that was asked for before and comes after', async ({ people }) => {
  const ada = await people.join('Ada', installed);
  await isKept(ada, '/c/general');
  for (const name of ['late', 'plans']) {
    await ada.context.request.post('/api/create_channel', { form: { name } });
  }
  const keep = (path: string) => ada.page.evaluate((path) => (window as any).flack.keep(path), path);
  const [worker] = ada.context.serviceWorkers();
  await worker.evaluate(() => {
    const { fetch } = self as any;
    (self as any).fetch = async (path: string) => {
      (self as any).fetch = fetch;
      const answer = await fetch(path);
      await new Promise((release) => Object.assign(self, { release }));
      return answer;
    };
  });
  await keep('/c/late');
  await expect.poll(() => worker.evaluate(() => 'release' in self)).toBe(true);

  await ada.page.getByRole('button', { name: 'Ada' }).click();
  await ada.page.getByRole('button', { name: 'Sign out' }).click();
  await expect(ada.namePrompt).toBeVisible();
  await ada.isReady();
  await ada.namePrompt.fill('Bo');
  await ada.page.getByRole('button', { name: 'Join' }).click();
  await isKept(ada, '/c/general');
  await worker.evaluate(() => (self as any).release());
  await keep('/c/plans');
  await isKept(ada, '/c/general', '/c/plans');
});

test('the manifest names what is there', async ({ people }) => {
  const ada = await people.guest('Ada');
  const { request } = ada.context;
  const manifest = await (await request.get('/manifest.webmanifest')).json();
  expect(manifest).toMatchObject({ id: '/', scope: '/', start_url: '/', display: 'standalone' });
  const purposes = manifest.icons.map(({ purpose = 'any' }) => purpose);
  expect(new Set(purposes)).toEqual(new Set(['any', 'maskable']));
  const icons = [...manifest.icons, ...manifest.shortcuts.flatMap(({ icons }: any) => icons)];
  for (const { src, sizes, type } of icons) {
    const answer = await request.get(src);
    expect(answer.headers()['content-type'], src).toBe(type);
    if (sizes === 'any') continue;
    const png = await answer.body();
    expect(`${png.readUInt32BE(16)}x${png.readUInt32BE(20)}`, src).toBe(sizes);
  }
});

test('a room that is no more is kept no more', async ({ people, server, mayLog }) => {
  mayLog(refusal(404));
  const ada = await people.join('Ada', installed);
  await ada.createChannel('plans');
  await isKept(ada, '/c/general', '/c/plans');
  server.admin('delete-channel', 'plans');
  await ada.page.goto('/c/plans');
  await isKept(ada, '/c/general');
});
