import { expect, test } from './flack';
import { holdClient, watchShifts } from './watch';

test('the server sends the messages within the page', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.write('In the first bytes');
  await ada.sees('In the first bytes');
  const answer = await ada.context.request.get('/c/general');
  const html = await answer.text();
  const article = /<article.*?<\/article>/s.exec(html)?.[0];
  expect(article).toContain('Ada');
  expect(article).toContain('<time');
  expect(article).toContain('In the first bytes');
  expect(answer.headers()['cache-control']).toBe('private, no-store');

  const stranger = await people.guest('Stranger');
  const page = await (await stranger.context.request.get('/c/general')).text();
  expect(page).toContain('Display name');
  expect(page).not.toContain('In the first bytes');
});

for (const timezoneId of ['UTC', 'Asia/Tokyo', 'America/St_Johns']) {
  test(`the client changes nothing that the reader sees, in ${timezoneId}`, async ({ people }) => {
    const ada = await people.join('Ada');
    const bo = await people.join('Bo', { timezoneId });
    for (const text of ['One', 'Two\nlines', '<b>three</b>', 'ארבע']) await ada.write(text);
    await bo.sees('One', 'Two\nlines', '<b>three</b>', 'ארבע');
    await bo.write('Five');
    await bo.sees('One', 'Two\nlines', '<b>three</b>', 'ארבע', 'Five');

    const letGo = await holdClient(bo);
    await bo.page.goto('/c/general', { waitUntil: 'commit' });
    // The last thing on the page; the script that follows shows local times.
    await expect(bo.composer).toBeVisible();
    await expect(bo.log.locator('time').last()).not.toContainText('UTC');
    await expect(bo.page.locator('body')).not.toHaveAttribute('data-hydrated');
    const look = () =>
      bo.page.evaluate(() => ({
        text: document.body.innerText,
        titles: Array.from(document.querySelectorAll<HTMLElement>('[title]'), (one) => one.title),
        times: Array.from(document.querySelectorAll('time'), (time) => time.outerHTML),
      }));
    const before = await look();
    expect(before.text).toContain('<b>three</b>');

    letGo();
    await bo.isReady();
    await bo.isConnected();
    const after = await look();
    // Only the state of the link is another.
    expect(after.text.replace('Connected', '')).toBe(before.text.replace('Connecting…', ''));
    expect(after.titles).toEqual(before.titles);
    expect(after.times).toEqual(before.times);
  });
}

test('the client asks for nothing that the page has brought', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.write('Brought along');
  await ada.sees('Brought along');

  const requests: string[] = [];
  const frames: string[] = [];
  ada.page.on('request', (request) => requests.push(new URL(request.url()).pathname));
  ada.page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => frames.push(String(payload))),
  );
  await ada.reload();
  await ada.isConnected();
  await ada.isWhole();
  await ada.write('New');
  await ada.sees('Brought along', 'New');

  expect(requests.filter((path) => path.startsWith('/api/'))).toEqual([]);
  const files = requests.filter((path) => path.startsWith('/pkg/'));
  expect(files, 'no file is loaded twice').toEqual([...new Set(files)]);
  expect(frames.filter((frame) => frame.includes('Brought along'))).toEqual([]);
  expect(frames.filter((frame) => frame.includes('New'))).toHaveLength(1);
});

test('the page belongs to Flack alone', async ({ people, server, mayLog }) => {
  const ada = await people.guest('Ada');
  const hosts = new Set<string>();
  ada.page.on('request', (request) => hosts.add(new URL(request.url()).origin));
  const answer = await ada.visit('/');
  await ada.takeName();
  await ada.isConnected();
  expect([...hosts]).toEqual([server.url]);
  const policy = answer?.headers()['content-security-policy'];
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("'nonce-");
  expect(policy).not.toContain('unsafe-inline');

  // Every test watches that the policy blocks nothing of Flack; here it has something to block.
  mayLog(/^error: blocked script-src-elem: inline$/);
  mayLog(/^error: .* violates the following Content Security Policy/);
  const blocked = ada.page.waitForEvent('console', (line) => line.text().startsWith('blocked'));
  await ada.page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'document.title = "foreign"';
    document.body.append(script);
  });
  await blocked;
  await expect(ada.page).not.toHaveTitle('foreign');
});

for (const [device, viewport] of [
  ['a wide screen', { width: 1440, height: 900 }],
  ['a phone', { width: 360, height: 740 }],
] as const) {
  test(`nothing moves while the page comes to life on ${device}`, async ({ people }) => {
    const ada = await people.guest('Ada', { viewport });
    const shifts = await watchShifts(ada);
    await ada.visit('/');
    expect(await shifts()).toEqual([]);

    await ada.takeName();
    for (const text of ['One', 'Two', 'Three']) await ada.write(text);
    await ada.sees('One', 'Two', 'Three');
    await ada.visit('/c/general');
    await ada.isConnected();
    expect(await shifts()).toEqual([]);

    // A shift would have been seen.
    await ada.page.getByRole('heading', { level: 1 }).evaluate((heading) => (heading.style.marginLeft = '99px'));
    await expect.poll(shifts).not.toEqual([]);
  });
}
