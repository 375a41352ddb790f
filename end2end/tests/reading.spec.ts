import type { Locator } from '@playwright/test';

import { expect, noServer, test, type Person } from './flack';
import { holdClient, watchShifts } from './watch';

/** Writes many messages, from `Message 1` on. */
async function fill(person: Person, count: number, channel = 'general') {
  for (let number = 1; number <= count; number += 1) {
    const form = { channel, text: `Message ${number}` };
    await expect(await person.context.request.post('/api/post_message', { form })).toBeOK();
  }
}

/** Where it is on the screen, once nothing moves any more. */
async function place(element: Locator) {
  return element.evaluate(async (element) => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    let before: number;
    let now = NaN;
    do {
      before = now;
      await frame();
      await frame();
      now = element.getBoundingClientRect().top;
    } while (now !== before);
    return now;
  });
}

const toNewest = (person: Person) => person.page.getByRole('button', { name: 'Jump to newest' });

const isAtEnd = (person: Person) =>
  expect.poll(() => person.log.evaluate((log) => Math.abs(log.scrollTop))).toBeLessThan(1.5);

test('who is at the newest message stays there', async ({ people }) => {
  const ada = await people.join('Ada');
  await fill(ada, 40);
  // What was said before one comes is not new.
  const bo = await people.join('Bo');
  await bo.reload();
  await expect(bo.message('Message 40')).toBeInViewport({ ratio: 1 });
  await bo.isConnected();
  const shifts = await bo.page.evaluate(() => scrollY);
  await ada.write('One more\nof three\nlines');
  await expect(bo.message('One more\nof three\nlines')).toBeInViewport({ ratio: 1 });
  await isAtEnd(bo);
  expect(shifts).toBe(0);
  await expect(toNewest(bo)).toBeHidden();

  // A little above counts as being there.
  await bo.log.evaluate((log) => log.scrollBy(0, -20));
  await ada.write('The last');
  await expect(bo.message('The last')).toBeInViewport({ ratio: 1 });
  await isAtEnd(bo);
});

test('nothing moves what somebody reads further up', async ({ people }) => {
  const ada = await people.join('Ada');
  await fill(ada, 100);
  // What was said before one comes is not new.
  const bo = await people.join('Bo');
  const shifts = await watchShifts(bo);
  await bo.reload();
  await bo.isConnected();
  const read = bo.message('Message 60');
  await read.evaluate((element) => element.scrollIntoView({ block: 'center' }));
  const there = await place(read);
  await ada.visit('/c/general');
  const same = async (what: string) =>
    expect(Math.abs((await place(read)) - there), what).toBeLessThan(1);

  // New below, while the oldest leaves the window above.
  await ada.write('New\nand long');
  await expect(bo.message('New\nand long')).toBeAttached();
  await expect(bo.message('Message 1')).toHaveCount(0);
  await same('after a new message');

  const edit = async (from: string, to: string) => {
    await ada.edit(from);
    await ada.editor.fill(to);
    await ada.editor.press('Enter');
    await expect(bo.messages.filter({ hasText: to })).toBeAttached();
  };
  await edit('Message 20', 'Message 20\nnow\nhas\nmore');
  await same('after an edit above');
  await edit('Message 90', 'Message 90\nnow\nhas\nmore');
  await same('after an edit below');
  await ada.delete('Message 30');
  await expect(bo.message('Message 30')).toHaveCount(0);
  await same('after a deletion above');
  await ada.delete('Message 95');
  await expect(bo.message('Message 95')).toHaveCount(0);
  await same('after a deletion below');

  const picture = await ada.page.evaluate(async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 400, height: 300 });
    canvas.getContext('2d')!.fillRect(0, 0, 400, 300);
    return canvas.toDataURL('image/png').split(',')[1];
  });
  const file = { name: 'a.png', mimeType: 'image/png', buffer: Buffer.from(picture, 'base64') };
  const multipart = { channel: 'general', text: 'A picture', files: file };
  await expect(await ada.context.request.post('/api/post_message', { multipart })).toBeOK();
  await expect(bo.message('A picture').getByRole('img')).toBeAttached();
  await same('after a picture');
  expect(await shifts()).toEqual([]);
});

test('the way down says how much has come', async ({ people }) => {
  const ada = await people.join('Ada');
  await fill(ada, 40);
  // What was said before one comes is not new.
  const bo = await people.join('Bo');
  await bo.reload();
  await bo.isConnected();
  await expect(toNewest(bo)).toBeHidden();
  await bo.log.evaluate((log) => log.scrollBy(0, -600));
  await expect(toNewest(bo)).toHaveText('Jump to newest');
  await ada.write('One');
  await expect(toNewest(bo)).toHaveText('Jump to newest 1 new');
  await ada.write('Two');
  await expect(toNewest(bo)).toHaveText('Jump to newest 2 new');
  await toNewest(bo).click();
  await isAtEnd(bo);
  await expect(toNewest(bo)).toBeHidden();
  await expect(bo.composer).toBeFocused();

  await bo.log.evaluate((log) => log.scrollBy(0, -600));
  await expect(toNewest(bo)).toHaveText('Jump to newest');
  // Who writes wants to see it.
  await bo.write('Three');
  await expect(bo.message('Three')).toBeInViewport({ ratio: 1 });
  await isAtEnd(bo);
});

test('the keys of reading work in the log', async ({ people }) => {
  const ada = await people.join('Ada');
  await fill(ada, 60);
  await ada.reload();
  await ada.log.focus();
  const top = () => ada.log.evaluate((log) => Math.round(log.scrollTop));
  await ada.page.keyboard.press('Home');
  await expect(ada.message('Message 1')).toBeInViewport({ ratio: 1 });
  const first = await top();
  await ada.page.keyboard.press('PageDown');
  await expect.poll(top).toBeGreaterThan(first);
  await ada.page.keyboard.press('End');
  await isAtEnd(ada);
  await ada.page.keyboard.press('PageUp');
  await expect.poll(top).toBeLessThan(-100);
  await expect(toNewest(ada)).toBeVisible();
});

test('a room is where it was left', async ({ people }) => {
  const ada = await people.join('Ada');
  await fill(ada, 60);
  // What was said before one comes is not new.
  const bo = await people.join('Bo');
  await ada.createChannel('plans');
  await ada.openChannel('general');
  await bo.visit('/c/general');
  await bo.isConnected();
  const read = bo.message('Message 30');
  await read.evaluate((element) => element.scrollIntoView({ block: 'center' }));
  await expect(toNewest(bo)).toBeVisible();
  const there = await place(read);

  await bo.openChannel('plans');
  await expect(toNewest(bo)).toBeHidden();
  await bo.openChannel('general');
  expect(Math.abs((await place(read)) - there)).toBeLessThan(1);

  await bo.openChannel('plans');
  await ada.write('Meanwhile\nin\ngeneral');
  await ada.sees(...Array.from({ length: 60 }, (_, it) => `Message ${it + 1}`), 'Meanwhile\nin\ngeneral');
  await bo.openChannel('general');
  await expect(toNewest(bo)).toHaveText('Jump to newest 1 new');
  expect(Math.abs((await place(read)) - there)).toBeLessThan(1);
});

test('who scrolls before the client runs stays there', async ({ people }) => {
  const ada = await people.join('Ada');
  await fill(ada, 60);
  const letGo = await holdClient(ada);
  await ada.page.goto('/c/general', { waitUntil: 'commit' });
  await expect(ada.composer).toBeVisible();
  const read = ada.message('Message 30');
  await read.evaluate((element) => element.scrollIntoView({ block: 'center' }));
  const there = await place(read);
  letGo();
  await ada.isReady();
  await ada.isConnected();
  await expect(toNewest(ada)).toHaveText('Jump to newest');
  expect(await place(read)).toBe(there);
});

const day = (person: Person, name: string | RegExp) =>
  person.log.getByRole('heading', { name, exact: true });

const HOUR = 3_600_000;

test('today becomes yesterday while the page is open', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.page.clock.install({ time: Date.now() });
  await ada.visit('/c/general');
  await ada.write('Written today');
  await ada.sees('Written today');
  await expect(day(ada, 'Today')).toBeVisible();
  const time = await ada.message('Written today').getByRole('time').textContent();

  await ada.page.clock.fastForward(24 * HOUR);
  await expect(day(ada, 'Yesterday')).toBeVisible();
  await expect(day(ada, 'Today')).toBeHidden();
  await expect(ada.message('Written today').getByRole('time')).toHaveText(time!);
  await ada.page.clock.fastForward(24 * HOUR);
  await expect(day(ada, /^\w+day,? \d+ \w+ \d{4}$/)).toBeVisible();
});

for (const timezoneId of ['UTC', 'Pacific/Kiritimati', 'America/St_Johns']) {
  test(`days are the reader’s in ${timezoneId}, and nothing moves`, async ({ people, mayLog }) => {
    // A page that was changed on its way is none of this network's, so it gets no socket.
    mayLog(noServer);
    const ada = await people.join('Ada');
    for (const text of ['Old', 'Still old', 'New', 'Newer']) await ada.write(text);
    await ada.sees('Old', 'Still old', 'New', 'Newer');

    const bo = await people.join('Bo', { timezoneId });
    const shifts = await watchShifts(bo);
    // As if the first two had been written two days ago.
    await bo.page.route('/c/general', async (route) => {
      const answer = await route.fetch();
      let body = await answer.text();
      const times = [...body.matchAll(/datetime="([^"]+)"/g)].map(([, time]) => time);
      for (const time of times.slice(0, 2)) {
        const at = Date.parse(time);
        const early = at - 48 * HOUR;
        body = body.replace(time, new Date(early).toISOString()).replace(`${at}`, `${early}`);
      }
      await route.fulfill({ response: answer, body });
    });
    const letGo = await holdClient(bo);
    await bo.page.goto('/c/general', { waitUntil: 'commit' });
    await expect(bo.composer).toBeVisible();
    const read = () => bo.log.evaluate((log) => (log as HTMLElement).innerText);
    await expect(day(bo, 'Today')).toBeVisible();
    await expect(bo.log.getByRole('heading')).toHaveCount(2);
    const before = await read();
    letGo();
    await bo.isReady();
    expect(await read()).toBe(before);
    await expect(bo.log.getByRole('heading')).toHaveCount(2);
    expect(await shifts()).toEqual([]);
  });
}

test('who begins a day is named, also when they go on where they ended', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.write('Before');
  await ada.write('After');
  await ada.sees('Before', 'After');
  const author = ada.message('After').getByText('Ada', { exact: true });
  await expect(author).not.toBeInViewport({ ratio: 1 });
  // The day of the second begins there, as it would after midnight.
  await day(ada, 'Today').first().evaluate((heading) => {
    const next = heading.parentElement!.querySelectorAll<HTMLElement>('.day')[1];
    next.hidden = false;
    next.nextElementSibling!.classList.add('message--day');
  });
  const box = await author.boundingBox();
  expect(box!.width).toBeGreaterThan(10);
});

test('nor does it where the browser does not see to that', async ({ people }) => {
  const ada = await people.join('Ada');
  await fill(ada, 60);
  const bo = await people.join('Bo');
  await bo.reload();
  await bo.log.evaluate((log) => Object.assign(log.style, { overflowAnchor: 'none' }));
  const read = bo.message('Message 30');
  await read.evaluate((element) => element.scrollIntoView({ block: 'center' }));
  const there = await place(read);
  for (const text of ['New\nand long', 'And more', 'One\nTwo\nThree']) {
    await ada.write(text);
    await expect(bo.message(text)).toBeAttached();
    expect(Math.abs((await place(read)) - there), text).toBeLessThan(1);
  }
  await toNewest(bo).click();
  await isAtEnd(bo);
});

test('what comes is read out, and what was there is not', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.createChannel('plans');
  await fill(ada, 60, 'plans');
  const bo = await people.join('Bo');
  await bo.isConnected();
  await bo.page.evaluate(() => {
    const live = new Set<string | null>();
    Object.assign(window, { live });
    new MutationObserver((changes) => {
      for (const { addedNodes } of changes) {
        for (const node of addedNodes) {
          const article = node instanceof Element && node.closest('[role=log] article');
          if (article) live.add(article.closest('[role=log]')!.getAttribute('aria-live'));
        }
      }
    }).observe(document.body, { childList: true, subtree: true });
  });
  const heard = () => bo.page.evaluate(() => [...(window as any).live]);
  await bo.openChannel('plans');
  await expect(bo.messages).toHaveCount(60);
  await expect(bo.log).toHaveAttribute('aria-live', 'polite');
  expect(await heard()).toEqual(['off']);
  await ada.write('Listen');
  await expect(bo.message('Listen')).toBeAttached();
  expect(await heard()).toEqual(['off', 'polite']);
});
