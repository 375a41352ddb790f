import { expect, refusal, test } from './flack';

const off = { javaScriptEnabled: false };

test('a name can be taken, and is refused in place', async ({ people, mayLog }) => {
  mayLog(refusal(409), refusal(422));
  await people.join('Ada');
  const bo = await people.guest('Bo', off);
  await bo.page.goto('/');
  for (const [typed, reason] of [
    ['', 'Type the name'],
    ['ADA', 'is called ADA already'],
    ['x'.repeat(33), 'up to 32 characters'],
  ]) {
    await bo.namePrompt.fill(typed);
    await bo.page.getByRole('button', { name: 'Join' }).click();
    await expect(bo.alert).toContainText(reason);
    await expect(bo.namePrompt).toHaveValue(typed);
  }
  await bo.namePrompt.fill('Bo');
  await bo.namePrompt.press('Enter');
  await expect(bo.conversation('general')).toBeVisible();
  await expect(bo.page).toHaveURL('/c/general');
});

test('messages can be read, written and deleted', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.write('Hello');
  await ada.sees('Hello');

  const bo = await people.join('Bo', off);
  await bo.sees('Hello');
  await expect(bo.page.getByText('Live updates need JavaScript.')).toBeVisible();
  await expect(bo.message('Hello').locator('time')).toHaveText(/^\d\d:\d\d UTC$/);
  await expect(bo.message('Hello').getByRole('button')).toHaveCount(0);

  await expect(bo.page.getByRole('button', { name: 'Emoji', exact: true })).toBeHidden();
  await bo.composer.fill('One line\nand another');
  await bo.page.getByRole('button', { name: 'Send' }).click();
  await bo.sees('Hello', 'One line\nand another');
  await ada.sees('Hello', 'One line\nand another');
  await expect(bo.composer).toHaveValue('');
  await expect(bo.page).toHaveURL('/c/general');

  await ada.write('I see');
  await ada.sees('Hello', 'One line\nand another', 'I see');
  await bo.page.getByRole('link', { name: 'Reload' }).click();
  await bo.sees('Hello', 'One line\nand another', 'I see');

  await bo.delete('One line\nand another');
  await bo.sees('Hello', 'I see');
  await ada.sees('Hello', 'I see');
});

test('a message that is refused is still in its field', async ({ people, mayLog }) => {
  mayLog(refusal(422));
  const bo = await people.join('Bo', off);
  const send = bo.page.getByRole('button', { name: 'Send' });
  await send.click();
  await expect(bo.alert).toHaveText('Write something first.');

  const long = `Two lines,\n${'x'.repeat(4000)}`;
  await bo.composer.fill(long);
  await send.click();
  await expect(bo.alert).toContainText('This one has 4011.');
  await expect(bo.composer).toHaveValue(long);
  await expect(bo.conversation('general')).toBeVisible();
  await bo.composer.fill('Short');
  await send.click();
  await bo.sees('Short');
});

test('a channel can be created, and is refused with what was typed', async ({ people, mayLog }) => {
  mayLog(refusal(409), refusal(422));
  const bo = await people.join('Bo', off);
  // The browser opens it by itself.
  await bo.page.getByRole('button', { name: 'New channel' }).click();
  const create = bo.page.getByRole('button', { name: 'Create channel' });
  for (const [typed, reason] of [
    [' GENERAL ', 'already a channel called #general'],
    ['a/b', 'slashes'],
  ]) {
    await bo.newChannelName.fill(typed);
    await create.click();
    await expect(bo.alert).toContainText(reason);
    await expect(bo.newChannelName).toHaveValue(typed);
  }
  await bo.newChannelName.fill('late lunch');
  await create.click();
  await expect(bo.conversation('late lunch')).toBeVisible();
  await expect(bo.page).toHaveURL('/c/late%20lunch');
  await bo.openChannel('general');
});

test('addresses that lead nowhere offer the way back', async ({ people, mayLog }) => {
  mayLog(refusal(404));
  const bo = await people.join('Bo', off);
  for (const path of ['/c/nowhere', '/some/where']) {
    expect((await bo.page.goto(path))?.status()).toBe(404);
    await bo.page.getByRole('link', { name: 'Back to #general' }).click();
    await expect(bo.conversation('general')).toBeVisible();
  }
  await bo.page.goto('/c/nowhere');
  await bo.page.getByRole('button', { name: 'Create #nowhere' }).click();
  await expect(bo.conversation('nowhere')).toBeVisible();
});

test('one can come back, and sign out', async ({ people }) => {
  const bo = await people.join('Bo', off);
  await bo.page.goto('/');
  await expect(bo.namePrompt).toBeHidden();
  await bo.page.getByRole('link', { name: 'Open #general' }).click();
  await expect(bo.conversation('general')).toBeVisible();
  await bo.page.getByRole('button', { name: 'Bo' }).click();
  await bo.page.getByRole('button', { name: 'Sign out' }).click();
  await expect(bo.namePrompt).toBeVisible();
});

test('a form that was refused before the client ran goes on in it', async ({ people, mayLog }) => {
  mayLog(refusal(409));
  const ada = await people.join('Ada');
  const bo = await people.guest('Bo');
  // The client comes late, and the form is sent without it.
  let isLate = true;
  await bo.context.route('**/pkg/*.js', (route) => (isLate ? route.abort() : route.continue()));
  mayLog(/^error: Failed to load resource: net::ERR_FAILED/, /^exception: .*dynamically imported/);
  await bo.page.goto('/');
  isLate = false;
  await bo.namePrompt.fill('Ada');
  await bo.namePrompt.press('Enter');
  await bo.isReady();
  await expect(bo.alert).toContainText('is called Ada already');
  await expect(bo.namePrompt).toHaveValue('Ada');
  await bo.takeName();
  await bo.write('In after all');
  await ada.sees('In after all');
});
