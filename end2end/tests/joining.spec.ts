import { BACK, expect, noServer, refusal, test } from './flack';

test('a name is asked for once, and Enter takes it', async ({ people }) => {
  const ada = await people.guest('Ada');
  await ada.visit('/');
  await expect(ada.page).toHaveTitle('Join · Flack');
  await expect(ada.namePrompt).toBeFocused();
  await expect(ada.alert, 'nothing is wrong yet').toBeHidden();
  await ada.page.keyboard.type('Ada');
  await ada.page.keyboard.press('Enter');
  await expect(ada.conversation('general')).toBeVisible();
  await expect(ada.page).toHaveURL('/c/general');

  const later = await ada.newTab('/');
  await expect(later.conversation('general')).toBeVisible();
  await later.write('Still me');
  await expect(later.message('Still me')).toContainText('Ada');
});

test('a name is remembered when the browser is closed and opened again', async ({ people }) => {
  const ada = await people.join('Ada');
  const storageState = await ada.context.storageState();
  await ada.context.close();

  const again = await people.guest('Ada', { storageState });
  await again.visit('/c/general');
  await expect(again.namePrompt).toBeHidden();
  await again.write('Good morning');
  await expect(again.message('Good morning')).toContainText('Ada');
});

test('an address that was opened without a name is there after joining', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.createChannel('plans');
  await ada.write('Lunch?');

  const bo = await people.guest('Bo');
  await bo.visit('/c/plans');
  await bo.takeName();
  await expect(bo.conversation('plans')).toBeVisible();
  await bo.sees('Lunch?');
});

test('a name that cannot be taken is refused in place, and what was typed stays', async ({
  people,
  mayLog,
}) => {
  mayLog(refusal(409), refusal(422));
  await people.join('Ada');
  const bo = await people.guest('Bo');
  await bo.visit('/');

  const refused = [
    ['', 'Type the name'],
    ['   ', 'Type the name'],
    ['x'.repeat(33), 'up to 32 characters'],
    ['Bo\u200b', 'characters that others can see'],
    ['\u202eoB', 'characters that others can see'],
    ['ADA', 'is called ADA already'],
    ['  aDa ', 'is called aDa already'],
    ['Ａｄａ', 'is called Ａｄａ already'],
  ];
  for (const [typed, reason] of refused) {
    await bo.namePrompt.fill(typed);
    await expect(bo.alert, 'typing takes the last refusal back').toBeHidden();
    await bo.namePrompt.press('Enter');
    await expect(bo.alert).toContainText(reason);
    await expect(bo.namePrompt).toHaveValue(typed);
    await expect(bo.namePrompt).toHaveAttribute('aria-invalid', 'true');
  }

  await bo.takeName();
  await expect(bo.conversation('general')).toBeVisible();
});

test('signing out leads to the name prompt in every tab, and keeps the name', async ({
  people,
  mayLog,
}) => {
  mayLog(refusal(409));
  const ada = await people.join('Ada');
  const tab = await ada.newTab('/c/general');
  await tab.isConnected();

  await ada.page.getByRole('button', { name: 'Ada' }).click();
  await ada.page.getByRole('button', { name: 'Sign out' }).click();
  await expect(ada.namePrompt).toBeVisible();
  await expect(tab.namePrompt).toBeVisible();

  await ada.reload();
  await ada.namePrompt.fill('Ada');
  await ada.namePrompt.press('Enter');
  await expect(ada.alert).toContainText('is called Ada already');
});

test('names of any script can be taken and are shown as they were typed', async ({ people }) => {
  const reader = await people.join('Reader');
  for (const name of ['Анна', 'محمد', 'अनीता', 'さくら', 'Zoë O’Brien-Smith', '👩🏽‍💻']) {
    const person = await people.join(name);
    await person.write(`I am ${name}`);
    const article = reader.message(`I am ${name}`);
    await expect(article.getByText(name, { exact: true })).toBeVisible();
    await person.context.close();
  }
});

test('a page whose browser speaks for somebody else meanwhile becomes theirs', async ({
  people,
  server,
  mayLog,
}) => {
  mayLog(noServer);
  const ada = await people.join('Ada');
  const reader = await people.join('Reader');
  await ada.isConnected();
  await ada.isWhole();
  await ada.context.clearCookies();
  await ada.context.request.post('/api/sign_in', { form: { name: 'Bo' } });
  await server.stop();
  await ada.write('I am Ada');
  await expect(ada.connection).not.toHaveText('Connected');
  await server.start();
  await expect(ada.page.getByRole('button', { name: 'Bo', exact: true })).toBeVisible(BACK);
  await ada.write('I am Bo');
  // What Ada wrote waits for her.
  await reader.sees('I am Bo');
});

test('who was signed out while their page had no link is told so', async ({ people, server, mayLog }) => {
  mayLog(noServer);
  const ada = await people.join('Ada');
  await ada.isConnected();
  await server.stop();
  await ada.context.clearCookies();
  await server.start();
  await expect(ada.namePrompt).toBeVisible(BACK);
});
