import { expect, test, type Person } from './flack';
import { Wire } from './wire';

const post = async (person: Person, channel: string, text: string) =>
  expect(
    await person.context.request.post('/api/post_message', { form: { channel, text } }),
  ).toBeOK();

/** The line before what is new. */
const line = (person: Person) => person.log.getByText('New', { exact: true });

const icon = (person: Person) => person.page.locator('link[rel=icon]');

/** The channels in the order of the list. */
const order = (person: Person) =>
  person.channels.getByRole('link').evaluateAll((links) =>
    links.map((link) => link.querySelector('bdi')!.textContent),
  );

/** Lets a page think that it is looked at, or that it is not. */
const show = (person: Person, state: 'visible' | 'hidden') =>
  person.page.evaluate((state) => {
    Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
    Object.defineProperty(document, 'hidden', { value: state === 'hidden', configurable: true });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, state);

async function setRoom(person: Person, setting: string) {
  await person.page.getByRole('button', { name: 'This room' }).click();
  await person.page.getByRole('button', { name: setting, exact: true }).click();
  await person.page.keyboard.press('Escape');
}

test('what is unread is counted, marked and read, in all tabs alike', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.write('Before');
  await bo.sees('Before');
  await ada.createChannel('plans');
  const tab = await ada.newTab('/c/plans');
  await tab.isConnected();

  await bo.write('One');
  await bo.write('Two');
  for (const page of [ada, tab]) {
    await expect(page.channel('general')).toHaveAccessibleName('#general 2 unread');
    await expect(page.page).toHaveTitle('(2) #plans · Flack');
    await expect(icon(page)).toHaveAttribute('href', '/favicon-unread.svg');
    const weight = await page.channel('general').evaluate((it) => getComputedStyle(it).fontWeight);
    expect(Number(weight)).toBeGreaterThan(500);
  }

  await ada.openChannel('general');
  await ada.sees('Before', 'One', 'Two');
  await expect(line(ada)).toBeVisible();
  const top = async (text: string) => (await ada.message(text).boundingBox())!.y;
  const { y } = (await line(ada).boundingBox())!;
  expect(y).toBeGreaterThan(await top('Before'));
  expect(y).toBeLessThan(await top('One'));
  for (const page of [ada, tab]) {
    await expect(page.channel('general')).toHaveAccessibleName('#general');
    await expect(icon(page)).toHaveAttribute('href', '/favicon.svg');
  }
  await expect(ada.page).toHaveTitle('#general · Flack');
  await expect(tab.page).toHaveTitle('#plans · Flack');

  // It stays while one reads, and is gone when one comes back.
  await bo.write('Three');
  await ada.sees('Before', 'One', 'Two', 'Three');
  await expect(line(ada)).toBeVisible();
  await ada.openChannel('plans');
  await ada.openChannel('general');
  await ada.sees('Before', 'One', 'Two', 'Three');
  await expect(line(ada)).toHaveCount(0);
  await ada.reload();
  await expect(line(ada)).toHaveCount(0);
});

test('what was read just before a page is loaded anew is not new in it', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  const wire = await Wire.over(ada);
  await show(ada, 'hidden');
  await bo.write('One');
  await ada.sees('One');
  await expect(ada.page).toHaveTitle('(1) #general · Flack');
  // Nothing that the page says reaches the server any more.
  wire.up = false;
  await show(ada, 'visible');
  await expect(ada.page).toHaveTitle('#general · Flack');
  await ada.reload();
  await ada.sees('One');
  await expect(line(ada)).toHaveCount(0);
  // The server knows it now, and not the page alone.
  await ada.context.clearCookies({ name: 'read' });
  const tab = await ada.newTab('/c/general');
  await tab.sees('One');
  await expect(line(tab)).toHaveCount(0);
});

test('one comes to the first unread message, and has read what one has seen', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await bo.write('Before');
  await ada.sees('Before');
  await ada.createChannel('plans');
  for (let number = 1; number <= 60; number += 1) await post(bo, 'general', `Message ${number}`);
  await expect(ada.channel('general')).toHaveAccessibleName('#general 60 unread');

  await ada.openChannel('general');
  await expect(line(ada)).toBeInViewport({ ratio: 1 });
  await expect(ada.message('Message 1')).toBeInViewport({ ratio: 1 });
  await expect(ada.message('Message 60')).not.toBeInViewport();
  // It says whose it is, whoever wrote what is above the line.
  await expect(ada.message('Message 1')).toContainText('Bo');
  const rest = ada.channel('general');
  await expect(rest).toHaveAccessibleName(/^#general [345]\d unread$/);
  const newest = ada.page.getByRole('button', { name: 'Jump to newest' });
  const left = /(\d+) unread/.exec((await rest.textContent())!)![1];
  await expect(newest).toHaveText(`Jump to newest ${left} new`);

  // The same for who comes by an address.
  await ada.reload();
  await expect(line(ada)).toBeInViewport({ ratio: 1 });
  await expect(ada.message('Message 60')).not.toBeInViewport();
  await newest.click();
  await expect(ada.message('Message 60')).toBeInViewport({ ratio: 1 });
  await expect(rest).toHaveAccessibleName('#general');
});

test('what came in the moment before one comes is new', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.createChannel('plans');
  // The notice that something is unread comes once a second.
  await ada.page.waitForTimeout(1_100);
  await post(bo, 'general', 'Just now');
  await ada.openChannel('general');
  await ada.sees('Just now');
  await expect(line(ada)).toBeVisible();
  await expect(ada.channel('general')).toHaveAccessibleName('#general');
});

test('what comes while nobody looks is not read', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await bo.write('Seen');
  await ada.sees('Seen');
  await expect(line(ada)).toHaveCount(0);
  await show(ada, 'hidden');
  await bo.write('Unseen');
  await ada.sees('Seen', 'Unseen');
  await expect(ada.channel('general')).toHaveAccessibleName('#general 1 unread');
  await expect(ada.page).toHaveTitle('(1) #general · Flack');
  await show(ada, 'visible');
  await expect(ada.channel('general')).toHaveAccessibleName('#general');
  await expect(line(ada)).toBeVisible();
});

test('what was read in the moment before one goes is not new when one comes back', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  // That of the first is told at once, and that of the second would be told two seconds later.
  for (const text of ['Lunch?', 'At one?']) {
    await bo.write(text);
    await expect(ada.message(text)).toBeInViewport({ ratio: 1 });
  }
  await ada.page.goto('about:blank');
  const page = async () => (await ada.context.request.get('/c/general')).text();
  await expect.poll(page).not.toContain('id="new"');
});

test('a muted room is quiet, and a favourite stands above the others', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.createChannel('plans');
  await ada.createChannel('walks');
  await post(bo, 'plans', 'Hello');
  await expect(ada.channel('plans')).toHaveAccessibleName('#plans 1 unread');
  // Nothing moves under the pointer; only when one goes somewhere, and points elsewhere.
  expect(await order(ada)).toEqual(['general', 'plans', 'walks']);
  await ada.openChannel('general');
  expect(await order(ada)).toEqual(['general', 'plans', 'walks']);
  await ada.log.hover();
  expect(await order(ada)).toEqual(['plans', 'general', 'walks']);

  await ada.openChannel('walks');
  await setRoom(ada, 'Favourite');
  await expect.poll(() => order(ada)).toEqual(['walks', 'plans', 'general']);
  await ada.openChannel('plans');
  await setRoom(ada, 'Mute');
  await expect(ada.channel('plans')).toHaveAccessibleName('#plans muted');
  await ada.openChannel('general');
  await post(bo, 'plans', 'Psst');
  await expect(ada.channel('plans')).toHaveAccessibleName('#plans 1 unread muted');
  await expect(ada.page).toHaveTitle('#general · Flack');

  await ada.reload();
  await expect(ada.channel('plans')).toHaveAccessibleName('#plans 1 unread muted');
  expect(await order(ada)).toEqual(['walks', 'plans', 'general']);
});

test('rooms are muted without JavaScript, too', async ({ people }) => {
  const ada = await people.join('Ada', { javaScriptEnabled: false });
  await setRoom(ada, 'Mute');
  await expect(ada.channel('general')).toHaveAccessibleName('#general muted');
  await ada.page.getByRole('button', { name: 'This room' }).click();
  const mute = ada.page.getByRole('button', { name: 'Mute', exact: true });
  await expect(mute).toHaveAttribute('aria-pressed', 'true');
  await mute.click();
  await expect(ada.channel('general')).toHaveAccessibleName('#general');
});
