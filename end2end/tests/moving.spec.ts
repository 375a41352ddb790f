// Moving by keyboard: jumping, the keys that work everywhere, and the sheet that explains them.

import { expect, isAccessible, test, type Person } from './flack';

const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };

const card = (person: Person) => person.page.getByRole('dialog', { name: 'Jump to' });
const field = (person: Person) => card(person).getByRole('combobox', { name: 'Channel or person' });
const options = (person: Person) => card(person).getByRole('option');
const sheet = (person: Person) => person.page.getByRole('dialog', { name: 'Keys' });
const create = (person: Person, name: string) =>
  person.context.request.post('/api/create_channel', { form: { name } });

test('a few letters lead to a channel, and back to the last one', async ({ people }) => {
  const ada = await people.join('Ada');
  for (const name of ['late lunch', 'plans', 'lunch']) await ada.createChannel(name);
  await ada.composer.fill('Half a thought');
  await ada.page.keyboard.press('Control+k');
  await expect(field(ada)).toBeFocused();
  // Nothing typed: where one was last, and not where one is.
  await expect(options(ada)).toHaveText([/plans/, /late lunch/, /general/]);
  await ada.page.keyboard.type('lun');
  await expect(options(ada)).toHaveText([/lunch/, /late lunch/]);
  await ada.page.keyboard.press('ArrowDown');
  await expect(card(ada).getByRole('option', { selected: true })).toHaveText(/late lunch/);
  await ada.page.keyboard.press('Enter');
  await expect(ada.conversation('late lunch')).toBeVisible();
  await expect(card(ada)).toBeHidden();
  await expect(ada.composer).toBeFocused();
  await ada.page.keyboard.press('Control+k');
  await ada.page.keyboard.press('Enter');
  await expect(ada.conversation('lunch')).toBeVisible();
  await expect(ada.composer).toHaveValue('Half a thought');
});

test('somebody new is found, and Escape gives the focus back', async ({ people }) => {
  const ada = await people.join('Ada');
  await people.join('Nadia Comb');
  await ada.page.keyboard.press('Control+k');
  await field(ada).fill('comb');
  await expect(options(ada)).toHaveText([/Nadia Comb/]);
  await ada.page.keyboard.press('Escape');
  await expect(card(ada)).toBeHidden();
  await expect(ada.composer).toBeFocused();
  await ada.page.keyboard.press('Control+k');
  await expect(field(ada)).toHaveValue('');
  await field(ada).fill('xyzzy');
  await expect(card(ada).getByText('Nothing and nobody is called so.')).toBeVisible();
  await ada.page.keyboard.press('Enter');
  await expect(card(ada)).toBeVisible();
  await field(ada).fill('nadia');
  await expect(options(ada)).toHaveText([/Nadia Comb/]);
  await ada.page.keyboard.press('Enter');
  await expect(ada.page.getByRole('log', { name: 'Messages with Nadia Comb' })).toBeVisible();
  await expect(ada.direct('Nadia Comb')).toBeVisible();
});

test('a channel is found by what it is about, after those that are called so', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.page.keyboard.press('Control+k');
  // There is nowhere else yet, and nothing was looked for.
  await expect(field(ada)).toBeFocused();
  await expect(options(ada)).toHaveCount(0);
  await expect(card(ada).getByText('Nothing and nobody is called so.')).toBeHidden();
  await ada.page.keyboard.press('Escape');
  for (const name of ['kitchen', 'lunch']) {
    await ada.context.request.post('/api/create_channel', { form: { name } });
  }
  const topic = { channel: 'kitchen', topic: 'Lunch at noon, and who washes up' };
  await ada.context.request.post('/api/set_topic', { form: topic });
  await ada.page.keyboard.press('Control+k');
  await field(ada).fill('lunch');
  await expect(options(ada)).toHaveText([/lunch/, /kitchen.*who washes up/]);
  await field(ada).fill('washes');
  await expect(options(ada)).toHaveText([/kitchen/]);
  await isAccessible(ada);
  await ada.page.keyboard.press('Enter');
  await expect(ada.conversation('kitchen')).toBeVisible();
});

test('on a phone the button of the list says that something is new in it', async ({ people }) => {
  const ada = await people.join('Ada', PHONE);
  const bo = await people.join('Bo');
  const menu = ada.page.getByRole('button', { name: 'Show channels' });
  const dot = () => menu.evaluate((button) => getComputedStyle(button, '::after').backgroundColor);
  const nothing = await dot();
  await bo.createChannel('plans');
  await bo.write('Lunch?');
  await expect.poll(dot).not.toBe(nothing);
  const something = await dot();
  await bo.write('@Ada, too?');
  await expect.poll(dot).not.toBe(something);
  expect(await dot()).not.toBe(nothing);
  await menu.tap();
  await ada.channel('plans').tap();
  await ada.sees('Lunch?', '@Ada, too?');
  await expect.poll(dot).toBe(nothing);

  // Back leaves nothing of the page on top.
  await menu.tap();
  await expect(ada.channel('plans')).toBeVisible();
  await ada.page.goBack();
  await expect(ada.conversation('general')).toBeVisible();
  await expect(ada.channel('plans')).toBeHidden();
});

test('on a phone one jumps from the list of channels', async ({ people }) => {
  const ada = await people.join('Ada', PHONE);
  await ada.context.request.post('/api/create_channel', { form: { name: 'plans' } });
  await ada.page.getByRole('button', { name: 'Show channels' }).tap();
  await ada.page.getByRole('button', { name: 'Jump to…' }).tap();
  await field(ada).fill('pl');
  await expect(options(ada)).toHaveText([/plans/]);
  if (process.env.PICTURES) {
    await ada.page.screenshot({ path: `${process.env.PICTURES}/jump-phone.png` });
  }
  await options(ada).tap();
  await expect(ada.conversation('plans')).toBeVisible();
  await expect(ada.page.getByRole('button', { name: 'Jump to…' })).toBeHidden();
});

test('keys go from room to room, as the list has them', async ({ people }) => {
  const ada = await people.join('Ada');
  for (const name of ['alpha', 'zulu']) await ada.createChannel(name);
  await ada.openChannel('alpha');
  const go = async (key: string, channel: string) => {
    await ada.page.keyboard.press(key);
    await expect(ada.conversation(channel)).toBeVisible();
  };
  await go('Alt+ArrowDown', 'general');
  await go('Alt+ArrowDown', 'zulu');
  await go('Alt+ArrowUp', 'general');
  await go('Alt+ArrowUp', 'alpha');
  await go('Alt+ArrowUp', 'zulu');
  await ada.page.goBack();
  await expect(ada.conversation('alpha')).toBeVisible();
});

test('keys go to what is new, and jumping says where that is', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  for (const name of ['alpha', 'beta', 'zulu']) {
    await ada.context.request.post('/api/create_channel', { form: { name } });
  }
  for (const name of ['alpha', 'zulu']) {
    await bo.openChannel(name);
    await bo.write('Something new');
    await bo.sees('Something new');
  }
  await ada.page.keyboard.press('Control+k');
  await expect(options(ada).filter({ hasText: 'new messages' })).toHaveText([/alpha/, /zulu/]);
  await ada.page.keyboard.press('Escape');
  await ada.page.keyboard.press('Alt+Shift+ArrowUp');
  await expect(ada.conversation('alpha')).toBeVisible();
  await ada.page.keyboard.press('Alt+Shift+ArrowDown');
  await expect(ada.conversation('zulu')).toBeVisible();
});

test('whoever types outside of a field writes a message', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.composer.press('Escape');
  await expect(ada.log).toBeFocused();
  await ada.page.keyboard.type('Hello');
  await expect(ada.composer).toHaveValue('Hello');
  await ada.page.keyboard.press('Enter');
  await ada.sees('Hello');
  // Neither in other fields nor with keys of the browser.
  await ada.composer.press('Escape');
  await ada.page.keyboard.press('Control+a');
  await ada.page.keyboard.press('PageUp');
  await expect(ada.log).toBeFocused();
  await ada.openNewChannel();
  await ada.page.keyboard.type('new?');
  await expect(ada.newChannelName).toHaveValue('new?');
  await expect(sheet(ada)).toBeHidden();
});

test('a sheet explains all keys, and those without Ctrl can be turned off', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.composer.press('Escape');
  await ada.page.keyboard.press('?');
  await expect(sheet(ada)).toBeVisible();
  await expect(sheet(ada).getByText('Jump to a channel or a person')).toBeVisible();
  await expect(sheet(ada).getByText('Begin to write')).toBeVisible();
  const plain = sheet(ada).getByRole('checkbox');
  await expect(plain).toBeChecked();
  await plain.uncheck();
  await ada.page.keyboard.press('Escape');
  await expect(sheet(ada)).toBeHidden();
  await expect(ada.log).toBeFocused();
  for (const key of ['?', 'a']) await ada.page.keyboard.press(key);
  await expect(sheet(ada)).toBeHidden();
  await expect(ada.composer).toHaveValue('');
  await ada.reload();
  await ada.composer.press('Escape');
  await ada.page.keyboard.press('a');
  await expect(ada.composer).toHaveValue('');
  // With Ctrl it works all the same, also while one writes.
  await ada.composer.press('Control+/');
  await expect(sheet(ada)).toBeVisible();
  await ada.page.keyboard.press('Control+k');
  await expect(sheet(ada)).toBeHidden();
  await expect(field(ada)).toBeFocused();
});

test('without JavaScript the keys are a page', async ({ people }) => {
  const ada = await people.join('Ada', { javaScriptEnabled: false });
  await ada.page.goto('/keys');
  await expect(ada.page.getByRole('heading', { name: 'While writing' })).toBeVisible();
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [device, options] of Object.entries({ desktop: {}, phone: PHONE })) {
    test(`cards and keys are accessible on a ${device} in ${colorScheme} colours`, async ({ people }) => {
      const ada = await people.join('Ada', { ...options, colorScheme });
      await people.join('Nadia');
      await ada.context.request.post('/api/create_channel', { form: { name: 'plans' } });
      await ada.page.keyboard.press('Control+k');
      await field(ada).fill('a');
      await expect(card(ada).getByRole('option', { name: /Nadia/ })).toBeVisible();
      await isAccessible(ada);
      const picture = (name: string) =>
        process.env.PICTURES &&
        ada.page.screenshot({ path: `${process.env.PICTURES}/${name}-${device}-${colorScheme}.png` });
      await picture('jump');
      await ada.page.keyboard.press('Control+/');
      await expect(sheet(ada).getByText('Begin to write')).toBeVisible();
      await isAccessible(ada);
      await picture('keys');
      await ada.page.goto('/keys');
      await isAccessible(ada);
    });
  }
}

test('somebody is found by parts of their name, and without its marks', async ({ people }) => {
  const ada = await people.join('Ada');
  await people.join('Óscar von Müller');
  await ada.page.keyboard.press('Control+k');
  for (const typed of ['oscar', 'osc mull', 'MÜLLER']) {
    await field(ada).fill(typed);
    await expect(options(ada)).toHaveText([/Óscar von Müller/]);
  }
});

test('pages are turned from where one writes', async ({ people }) => {
  const ada = await people.join('Ada');
  for (let number = 1; number <= 40; number++) {
    const form = { channel: 'general', text: `${number}` };
    await ada.context.request.post('/api/post_message', { form });
  }
  await expect(ada.message('40')).toBeVisible();
  await ada.composer.press('PageUp');
  await expect(ada.message('40')).not.toBeInViewport();
  await expect(ada.composer).toBeFocused();
  await ada.composer.press('PageDown');
  await expect(ada.message('40')).toBeInViewport();
});

test('where one is can be seen in a long list, and so can what is new below', async ({ people }) => {
  const ada = await people.join('Ada', { viewport: { width: 1200, height: 420 } });
  const bo = await people.join('Bo');
  for (const name of ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight']) {
    await create(ada, name);
  }
  await expect(ada.channel('eight')).toBeAttached();
  await ada.page.keyboard.press('Control+k');
  await field(ada).fill('two');
  await ada.page.keyboard.press('Enter');
  await expect(ada.conversation('two')).toBeVisible();
  await expect(ada.channel('two')).toBeInViewport();
  await bo.page.goto('/people');
  await bo.page.getByRole('link', { name: /Ada/ }).click();
  await bo.write('Are you there?');
  const more = ada.page.getByRole('button', { name: 'new messages', exact: true });
  await expect(more).toBeVisible();
  await more.click();
  await expect(ada.direct('Bo')).toBeInViewport({ ratio: 0.9 });
  await expect(more).toBeHidden();
});

test('a channel does not move away while one points at it', async ({ people }) => {
  const ada = await people.join('Ada');
  for (const name of ['one', 'two', 'three']) await create(ada, name);
  await expect(ada.channel('two')).toBeVisible();
  const place = async () => (await ada.channel('two').boundingBox())!.y;
  const before = await place();
  await ada.channel('two').dblclick();
  await expect(ada.conversation('two')).toBeVisible();
  await expect(ada.page).toHaveURL('/c/two');
  expect(await place()).toBe(before);
});
