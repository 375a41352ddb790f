// Links to a message.

import { expect, test, type Person } from './flack';

const write = async (person: Person, count: number) => {
  for (let number = 1; number <= count; number += 1) await person.write(`Message ${number}`);
  await expect(person.message(`Message ${count}`)).toBeVisible();
};

const path = async (person: Person, text: string) =>
  (await person.time(text).getAttribute('href'))!;

test('a link opens the room at its message, and back goes back', async ({ people }) => {
  const ada = await people.join('Ada');
  await write(ada, 40);
  const link = await path(ada, 'Message 2');
  const bo = await people.join('Bo');
  await bo.visit(link);
  await expect(bo.message('Message 2')).toBeInViewport();
  await expect(bo.message('Message 2')).toBeFocused();
  await expect(bo.message('Message 2')).toHaveAttribute('data-marked', '');
  await expect(bo.message('Message 40')).not.toBeInViewport();

  // From another room, without loading the page.
  await bo.createChannel('plans');
  await bo.page.evaluate(() => document.body.setAttribute('data-same-page', ''));
  await bo.page.goBack();
  await expect(bo.page).toHaveURL(link);
  await expect(bo.message('Message 2')).toBeFocused();
  await expect(bo.message('Message 2')).toBeInViewport();
  await bo.page.goForward();
  await expect(bo.conversation('plans')).toBeVisible();
  await bo.page.goBack();
  await bo.time('Message 3').click();
  await expect(bo.message('Message 3')).toHaveAttribute('data-marked', '');
  await expect(bo.message('Message 2')).not.toHaveAttribute('data-marked', '');
  await expect(bo.page.locator('body[data-same-page]')).toHaveCount(1);
});

test('whoever is led to a message sees it after joining, and leaves it by writing', async ({ people }) => {
  const ada = await people.join('Ada');
  await write(ada, 40);
  const bo = await people.guest('Bo');
  await bo.visit(await path(ada, 'Message 2'));
  await bo.takeName();
  await expect(bo.message('Message 2')).toHaveAttribute('data-marked', '');
  await expect(bo.message('Message 2')).toBeInViewport();
  await bo.write('Read');
  await expect(bo.page).toHaveURL('/c/general');
  await bo.time('Message 40').click();
  await expect(bo.page).toHaveURL(/\/c\/general\/\d+$/);
  await expect(bo.message('Message 40')).toBeFocused();
  await bo.message('Message 1').scrollIntoViewIfNeeded();
  await bo.page.getByRole('button', { name: 'Jump to newest' }).click();
  await expect(bo.page).toHaveURL('/c/general');
  await bo.reload();
  await expect(bo.message('Read')).toBeInViewport();
});

test('a link works without JavaScript', async ({ people }) => {
  const ada = await people.join('Ada');
  await write(ada, 40);
  const bo = await people.join('Bo', { javaScriptEnabled: false });
  await bo.page.goto(await path(ada, 'Message 2'));
  await expect(bo.message('Message 2')).toBeInViewport();
  await expect(bo.message('Message 2')).toHaveAttribute('data-marked', '');
});

test('a link to what is not here says so', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.write('Short-lived');
  const link = await path(ada, 'Short-lived');
  await ada.visit(link);
  const notice = ada.page.getByRole('status', { name: 'Link' });
  await expect(notice).toBeHidden();
  await ada.delete('Short-lived');
  await expect(notice).toHaveText(/is not here: it was deleted, or is older/);
  const bo = await people.join('Bo', { javaScriptEnabled: false });
  await bo.page.goto(link);
  await expect(bo.page.getByRole('status', { name: 'Link' })).toBeVisible();
  await expect(bo.conversation('general')).toBeVisible();
});

test('a link is copied, or shown where that is not allowed', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.write('Look at this');
  await ada.sees('Look at this');
  const link = await path(ada, 'Look at this');
  await ada.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await (await ada.act('Look at this')).getByRole('link', { name: 'Copy link' }).click();
  await expect(ada.page.getByRole('status', { name: 'Notice' })).toHaveText('Link copied.');
  const copied = await ada.page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toBe(new URL(link, ada.page.url()).href);
  await expect(ada.page).toHaveURL('/c/general');

  await ada.page.evaluate(() => {
    navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed'));
  });
  await (await ada.act('Look at this')).getByRole('link', { name: 'Copy link' }).click();
  await expect(ada.page).toHaveURL(link);
  await expect(ada.page.getByRole('status', { name: 'Notice' })).toContainText('address bar');
});

test('an address of somebody whom one has not met leads to them', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  const answer = await ada.context.request.get('/api/list_people?name=Ada');
  const [{ id }] = await answer.json();
  await ada.write(new URL(`/d/${id}`, ada.page.url()).href);
  await bo.messages.getByRole('link', { name: `/d/${id}` }).click();
  await expect(bo.page.getByRole('log', { name: 'Messages with Ada' })).toBeVisible();
});
