import type { BrowserContextOptions } from '@playwright/test';

import { expect, test, type Person } from './flack';

const told: BrowserContextOptions = { serviceWorkers: 'allow', permissions: ['notifications'] };

/** Notes how often the page sounds, without a sound. */
async function listen(person: Person) {
  await person.context.addInitScript(() => {
    Object.assign(window, { rung: 0 });
    Object.defineProperty(window, 'AudioContext', {
      value: class {
        constructor() {
          (window as any).rung += 1;
          throw new Error('no sound in a test');
        }
      },
    });
  });
}

const rung = (person: Person) => person.page.evaluate(() => (window as any).rung as number);

const notifications = (person: Person) =>
  person.page.evaluate(async () => {
    const { getNotifications } = ServiceWorkerRegistration.prototype;
    const shown = await getNotifications.call(await navigator.serviceWorker.ready);
    return shown.map(({ title, body }) => `${title}: ${body}`);
  });

async function ask(person: Person, ...wishes: string[]) {
  await person.page.getByRole('button', { name: person.name }).click();
  for (const wish of wishes) {
    const button = person.page.getByRole('button', { name: wish, exact: true });
    await expect(button).toHaveAttribute('aria-pressed', 'false');
    await button.click();
    await expect(button).toHaveAttribute('aria-pressed', 'true');
  }
  await person.page.keyboard.press('Escape');
}

/** The one who is called so, as this person finds them. */
async function find(from: Person, name: string) {
  const people = await (await from.context.request.get('/api/list_people?name=')).json();
  return people.find((person: any) => person.name === name).id;
}

async function whisper(from: Person, to: Person, text: string) {
  const direct = await find(from, to.name);
  const answer = await from.context.request.post('/api/post_message', { form: { direct, text } });
  await expect(answer).toBeOK();
}

test('one is told of direct messages when one has asked for it, by one page', async ({ people, mayLog }) => {
  mayLog(/no sound in a test/);
  const ada = await people.join('Ada', told);
  await listen(ada);
  await ada.reload();
  const bo = await people.join('Bo');
  await whisper(bo, ada, 'Too early');
  await expect(ada.direct('Bo')).toHaveAccessibleName(/^Bo( \(online\))? 1 unread, 1 for you$/);
  expect(await notifications(ada)).toEqual([]);

  const tab = await ada.newTab('/c/general');
  await tab.isConnected();
  await ask(ada, 'Notifications', 'Sound');
  const before = (await rung(ada)) + (await rung(tab));
  await whisper(bo, ada, 'Are you coming?');
  await expect.poll(() => notifications(ada)).toEqual(['Bo: Are you coming?']);
  await expect.poll(async () => (await rung(ada)) + (await rung(tab))).toBe(before + 1);

  // Others are of no concern, nor is what one looks at.
  await bo.write('To all');
  await ada.sees('To all');
  await ada.direct('Bo').click();
  await ada.sees('Too early', 'Are you coming?');
  await whisper(bo, ada, 'Here?');
  await ada.sees('Too early', 'Are you coming?', 'Here?');
  // Nor is it at the address of a message there.
  await ada.time('Here?').click();
  await expect(ada.page).toHaveURL(/\/d\/\d+\/\d+$/);
  await whisper(bo, ada, 'Still here?');
  await ada.sees('Too early', 'Are you coming?', 'Here?', 'Still here?');
  await expect(tab.direct('Bo')).toHaveAccessibleName(/^Bo( \(online\))?$/);
  expect(await notifications(ada)).toEqual(['Bo: Are you coming?']);

  // And not what is muted.
  await ada.page.getByRole('button', { name: 'This room' }).click();
  await ada.page.getByRole('button', { name: 'Mute', exact: true }).click();
  await expect(tab.direct('Bo')).toHaveAccessibleName(/^Bo( \(online\))? muted$/);
  await ada.openChannel('general');
  await whisper(bo, ada, 'Hush');
  await expect(tab.direct('Bo')).toHaveAccessibleName(/^Bo( \(online\))? 1 unread muted$/);
  expect(await notifications(ada)).toEqual(['Bo: Are you coming?']);

  // But what is meant for one in a channel is told, muted or not.
  await bo.createChannel('plans');
  const form = { channel: 'plans', muted: 'true' };
  await expect(await ada.context.request.post('/api/set_room', { form })).toBeOK();
  await expect(ada.channel('plans')).toHaveAccessibleName('#plans muted');
  await bo.write('For all');
  await bo.write('@Ada, for you');
  await expect
    .poll(() => notifications(ada))
    .toEqual(['Bo in #plans: @Ada, for you', 'Bo: Are you coming?']);
});

test('what one was told of goes with the message, and with the session', async ({ people }) => {
  const ada = await people.join('Ada', told);
  const bo = await people.join('Bo');
  await ada.isConnected();
  await ask(ada, 'Notifications');
  const isTold = (...all: string[]) => expect.poll(() => notifications(ada)).toEqual(all);
  await bo.visit(`/d/${await find(bo, 'Ada')}`);
  await bo.write('For Cy');
  await isTold('Bo: For Cy');
  await bo.delete('For Cy');
  await isTold();

  await bo.write('At noun');
  await isTold('Bo: At noun');
  await bo.edit('At noun');
  await bo.editor.fill('At noon');
  await bo.editor.press('Enter');
  await isTold();

  await bo.write('Bye');
  await isTold('Bo: Bye');
  await ada.page.getByRole('button', { name: 'Ada' }).click();
  await ada.page.getByRole('button', { name: 'Sign out' }).click();
  await expect(ada.namePrompt).toBeVisible();
  await isTold();
});

test('a refusal of the browser is said', async ({ people }) => {
  const ada = await people.join('Ada', { serviceWorkers: 'allow', permissions: [] });
  await ada.page.evaluate(() => {
    Notification.requestPermission = async () => 'denied';
  });
  await ada.page.getByRole('button', { name: 'Ada' }).click();
  const button = ada.page.getByRole('button', { name: 'Notifications', exact: true });
  await button.click();
  await expect(ada.page.getByText('Your browser refuses.').first()).toBeVisible();
  await expect(button).toHaveAttribute('aria-pressed', 'false');
});

test('a notice leads to its room also from a page without a client', async ({ people }) => {
  const ada = await people.join('Ada', told);
  await ada.page.goto('/devices');
  await ada.page.evaluate(() => {
    const data = { path: '/c/general' };
    navigator.serviceWorker.dispatchEvent(new MessageEvent('message', { data }));
  });
  await expect(ada.conversation('general')).toBeVisible();
});
