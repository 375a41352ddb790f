import { expect, refusal, test } from './flack';

test('#general is there from the start', async ({ people }) => {
  const ada = await people.join('Ada');
  await expect(ada.channels.getByRole('link')).toHaveText(['#general']);
  await expect(ada.channel('general')).toHaveAttribute('aria-current', 'page');
  await expect(ada.page).toHaveTitle('#general · Flack');
});

test('creating a channel opens it, and everyone sees it in their list', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');

  await ada.openNewChannel();
  await ada.page.keyboard.type('Plans');
  await ada.page.keyboard.press('Enter');
  await expect(ada.conversation('Plans')).toBeVisible();
  await expect(ada.newChannelName).toBeHidden();
  await expect(ada.page).toHaveURL('/c/Plans');
  await expect(ada.page).toHaveTitle('#Plans · Flack');
  await expect(ada.channels.getByRole('link')).toHaveText(['#general', '#Plans']);

  await expect(bo.channels.getByRole('link')).toHaveText(['#general', '#Plans']);
  await ada.write('Lunch?');
  await bo.openChannel('Plans');
  await bo.sees('Lunch?');
});

test('what moves while it is pressed has been pressed', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.isWhole();
  const button = ada.page.getByRole('button', { name: 'New channel' });
  const press = async () => {
    await button.hover();
    await ada.page.mouse.down();
  };
  await press();
  for (const name of ['one', 'two']) {
    await bo.createChannel(name);
    await expect(ada.channel(name)).toBeVisible();
  }
  await ada.page.mouse.up();
  await expect(ada.newChannelName).toBeFocused();
  await ada.page.keyboard.press('Escape');
  await expect(ada.newChannelName).toBeHidden();

  // Whoever moves away before letting go did not mean it.
  await press();
  await ada.page.mouse.move(700, 400);
  await ada.page.mouse.up();
  await expect(ada.newChannelName).toBeHidden();
  // Nor did who pressed something else.
  await ada.log.click();
  await expect(ada.newChannelName).toBeHidden();
});

test('a name that conflicts or is no name is refused in place, and what was typed stays', async ({
  people,
  mayLog,
}) => {
  mayLog(refusal(409), refusal(422));
  const ada = await people.join('Ada');
  await ada.openNewChannel();

  const refused = [
    ['GENERAL', 'already a channel called #general'],
    ['ｇｅｎｅｒａｌ', 'already a channel called #general'],
    ['  general  ', 'already a channel called #general'],
    ['#General', 'already a channel called #general'],
    ['', 'Type a name'],
    ['   ', 'Type a name'],
    ['x'.repeat(41), 'up to 40 characters'],
    ['pla\u200bns', 'characters that others can see'],
    ['plans/2027', 'slashes'],
    ['..', 'dots alone'],
  ];
  for (const [typed, reason] of refused) {
    await ada.newChannelName.fill(typed);
    await expect(ada.alert, 'typing takes the last refusal back').toBeHidden();
    await ada.newChannelName.press('Enter');
    await expect(ada.alert).toContainText(reason);
    await expect(ada.newChannelName).toHaveValue(typed);
    await expect(ada.newChannelName).toHaveAttribute('aria-invalid', 'true');
  }
  await expect(ada.channels.getByRole('link')).toHaveText(['#general']);

  await ada.newChannelName.fill('general plans');
  await ada.newChannelName.press('Enter');
  await expect(ada.conversation('general plans')).toBeVisible();
});

test('an unknown channel says so, and offers the way back', async ({ people, mayLog }) => {
  mayLog(refusal(404));
  const ada = await people.join('Ada');
  const answer = await ada.visit('/c/nowhere');
  expect(answer?.status()).toBe(404);
  await expect(ada.page.getByRole('heading', { level: 1 })).toHaveText('There is no channel #nowhere');
  await ada.page.getByRole('link', { name: 'Back to #general' }).click();
  await expect(ada.conversation('general')).toBeVisible();
  await expect(ada.page).toHaveURL('/c/general');
});

test('an unknown channel can be created from its address', async ({ people, mayLog }) => {
  mayLog(refusal(404));
  const ada = await people.join('Ada');
  await ada.visit('/c/late%20lunch');
  await ada.page.getByRole('button', { name: 'Create #late lunch' }).click();
  await expect(ada.conversation('late lunch')).toBeVisible();
  await expect(ada.channels.getByRole('link')).toHaveText(['#general', '#late lunch']);
});

test('an unknown address says so, and offers the way back', async ({ people, mayLog }) => {
  mayLog(refusal(404));
  const ada = await people.join('Ada');
  const answer = await ada.visit('/some/where');
  expect(answer?.status()).toBe(404);
  await expect(ada.page.getByRole('heading', { level: 1 })).toHaveText('There is nothing here');
  await ada.page.getByRole('link', { name: 'Back to #general' }).click();
  await expect(ada.conversation('general')).toBeVisible();
});

test('an address in another letter case leads to the channel', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.visit('/c/GENERAL');
  await expect(ada.conversation('general')).toBeVisible();
  await expect(ada.page).toHaveURL('/c/general');
});

test('channels can have names of any kind, and all ways lead to them', async ({ people }) => {
  const ada = await people.join('Ada');
  const names = ['late lunch', '100%', 'why?', 'C# & C++', '%2F', 'قناة', '東京オフィス', '🚀'];
  for (const name of names) {
    await test.step(name, async () => {
      await ada.createChannel(name);
      await ada.write('First');
      const created = ada.page.url();

      await ada.openChannel('general');
      await ada.openChannel(name);
      expect(ada.page.url()).toBe(created);
      await ada.sees('First');

      await ada.reload();
      await expect(ada.conversation(name)).toBeVisible();
      await ada.sees('First');

      await ada.visit(`/c/${encodeURIComponent(name)}`);
      await expect(ada.conversation(name)).toBeVisible();
      await expect(ada.channel(name)).toHaveAttribute('aria-current', 'page');
      await ada.sees('First');
    });
  }
});

test('coming back opens the channel that was left', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.createChannel('plans');
  await ada.visit('/');
  await expect(ada.conversation('plans')).toBeVisible();
  await expect(ada.page).toHaveURL('/c/plans');

  const storageState = await ada.context.storageState();
  await ada.context.close();
  const again = await people.guest('Ada', { storageState });
  await again.visit('/');
  await expect(again.conversation('plans')).toBeVisible();
});

test('back and forward lead through the channels', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.createChannel('plans');
  await ada.write('In plans');
  await ada.createChannel('random');

  await ada.page.goBack();
  await expect(ada.conversation('plans')).toBeVisible();
  await ada.sees('In plans');
  await ada.page.goBack();
  await expect(ada.conversation('general')).toBeVisible();
  await expect(ada.page).toHaveTitle('#general · Flack');
  await ada.page.goForward();
  await expect(ada.conversation('plans')).toBeVisible();
  await ada.sees('In plans');
  await expect(ada.channel('plans')).toHaveAttribute('aria-current', 'page');

  // What is written goes to the channel that is shown.
  await ada.write('Also in plans');
  await ada.sees('In plans', 'Also in plans');
});

test('a channel that is deleted and made anew is open again for whoever is still there', async ({
  people,
  server,
}) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.createChannel('plans');
  await ada.write('Old');
  await bo.openChannel('plans');
  await bo.sees('Old');
  server.admin('delete-channel', 'plans');
  await expect(bo.log).toBeHidden();
  await ada.context.request.post('/api/create_channel', { form: { name: 'plans' } });
  await ada.context.request.post('/api/post_message', { form: { channel: 'plans', text: 'New' } });
  await bo.sees('New');
  await bo.write('Mine');
  await bo.sees('New', 'Mine');
});
