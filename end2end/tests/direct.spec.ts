// What two people say to each other.

import { expect, test } from './flack';

test('two people talk, and a third one sees nothing of it', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  const eve = await people.join('Eve');
  await ada.write('Hello, all');
  await bo.sees('Hello, all');

  // From a name.
  await bo.page.getByRole('link', { name: 'Ada', exact: true }).click();
  await expect(bo.page.getByRole('heading', { name: 'Ada', level: 1 })).toBeVisible();
  await expect(bo.page).toHaveTitle('Ada · Flack');
  await expect(bo.log).toContainText('Nobody else on the team can read it.');
  await bo.write('Psst');
  await ada.direct('Bo').click();
  await ada.sees('Psst');
  await ada.write('Yes?');
  await bo.sees('Psst', 'Yes?');

  await expect(eve.directs.getByRole('link')).toHaveCount(0);
  await eve.sees('Hello, all');
  await eve.reload();
  await expect(eve.directs.getByRole('link')).toHaveCount(0);
  const address = new URL(ada.page.url()).pathname;
  await eve.visit(address);
  await expect(eve.page.getByText('Psst')).toHaveCount(0);
});

test('somebody is found among the people, and the conversation is there on coming back', async ({
  people,
}) => {
  const ada = await people.join('Ada');
  await people.join('Bo');
  await people.join('Bobby');
  await people.join('Cy');
  await ada.page.getByRole('link', { name: 'New message' }).click();
  await expect(ada.page.getByRole('heading', { name: 'People', level: 1 })).toBeVisible();
  const list = ada.page.getByRole('main').getByRole('listitem');
  await expect(list).toHaveText([/Ada.*you/, /Bo/, /Bobby/, /Cy/]);
  await ada.page.getByRole('searchbox').fill('bo');
  await expect(list).toHaveText([/Bo/, /Bobby/]);
  await ada.page.getByRole('searchbox').fill('nobody');
  await expect(ada.page.getByText('Nobody has this in their name.')).toBeVisible();
  await ada.page.getByRole('searchbox').fill('bobb');
  await list.getByRole('link', { name: 'Bobby' }).click();
  await ada.write('Hello, Bobby');
  await ada.sees('Hello, Bobby');

  await ada.visit('/');
  await ada.sees('Hello, Bobby');
  await expect(ada.direct('Bobby')).toHaveAttribute('aria-current', 'page');
  await ada.page.goBack();
  await ada.openChannel('general');
  await ada.sees();
});

test('what is typed to one person does not stand in another conversation', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await bo.write('Here');
  await ada.page.getByRole('link', { name: 'Bo', exact: true }).click();
  await ada.composer.fill('Not for the others');
  await ada.openChannel('general');
  await expect(ada.composer).toHaveValue('');
  await ada.direct('Bo').click();
  await expect(ada.composer).toHaveValue('Not for the others');
});

test('without JavaScript people write to each other, too', async ({ people }) => {
  const off = { javaScriptEnabled: false };
  const ada = await people.join('Ada');
  const bo = await people.join('Bo', off);
  await bo.page.getByRole('link', { name: 'New message' }).click();
  await bo.page.getByRole('main').getByRole('link', { name: 'Ada' }).click();
  await bo.composer.fill('Psst');
  await bo.page.getByRole('button', { name: 'Send' }).click();
  await bo.sees('Psst');
  await expect(bo.page).toHaveURL(/\/d\/\d+$/);
  await bo.delete('Psst');
  await bo.sees();
  await bo.composer.fill('Hello');
  await bo.page.getByRole('button', { name: 'Send' }).click();
  await ada.direct('Bo').click();
  await ada.sees('Hello');
});
