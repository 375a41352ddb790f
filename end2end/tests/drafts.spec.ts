// Nothing that is typed is lost.

import type { Route } from '@playwright/test';

import { expect, refusal, test } from './flack';
import { holdClient } from './watch';

test('what is typed stays, wherever one goes', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.createChannel('plans');
  await ada.composer.fill('Half a pl');
  await ada.openChannel('general');
  await expect(ada.composer).toHaveValue('');
  await ada.composer.fill('Hel');
  await ada.channel('plans').click();
  await expect(ada.composer).toHaveValue('Half a pl');
  // Leaving the page the moment that something was typed.
  await ada.composer.press('End');
  await ada.composer.press('a');
  await ada.page.goto('/devices');
  await ada.visit('/c/plans');
  await expect(ada.composer).toHaveValue('Half a pla');
  await ada.page.getByRole('link', { name: 'New message' }).click();
  await ada.page.goBack();
  await expect(ada.composer).toHaveValue('Half a pla');
  await ada.openChannel('general');
  await expect(ada.composer).toHaveValue('Hel');
});

test('what is typed in the moment in which one goes elsewhere stays', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.createChannel('plans');
  await ada.composer.focus();
  // Before there is a frame with it. A click by a script takes no focus away.
  await ada.page.evaluate(() => {
    document.execCommand('insertText', false, 'Half a pl');
    document.querySelector<HTMLElement>('a[href="/c/general"]')!.click();
  });
  await expect(ada.page.getByRole('heading', { level: 1 })).toHaveText('#general');
  await expect(ada.composer).toHaveValue('');
  await ada.openChannel('plans');
  await expect(ada.composer).toHaveValue('Half a pl');
});

test('what is sent in one tab takes nothing from another', async ({ people }) => {
  const ada = await people.join('Ada');
  const tab = await ada.newTab('/c/general');
  await ada.composer.fill('A long thought');
  await ada.page.waitForFunction(() => JSON.stringify(localStorage).includes('A long thought'));
  await tab.write('Quick');
  await tab.sees('Quick');
  await tab.composer.fill('And another');
  await tab.page.waitForFunction(() => JSON.stringify(localStorage).includes('And another'));
  await ada.reload();
  await expect(ada.composer).toHaveValue('And another\nA long thought');
  await tab.reload();
  await expect(tab.composer).toHaveValue('And another\nA long thought');
});

test('a draft is there for its author alone', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.composer.fill('Nobody else reads this');
  await ada.page.getByRole('button', { name: 'Ada' }).click();
  await ada.page.getByRole('button', { name: 'Sign out' }).click();
  await expect(ada.namePrompt).toBeVisible();
  // Nor is it left in the browser, nor where they were.
  const left = () => ada.page.evaluate(() => Object.keys(localStorage));
  expect(await left()).toEqual(['flack.leaves']);
  await ada.namePrompt.fill('Bo');
  await ada.page.getByRole('button', { name: 'Join' }).click();
  await expect(ada.composer).toHaveValue('');
  expect(await left()).not.toContain('flack.leaves');
});

test('another tab writes no draft back when its person has signed out', async ({ people }) => {
  const ada = await people.join('Ada');
  const tab = await ada.newTab('/c/general');
  await tab.isConnected();
  await tab.composer.fill('Nobody else reads this, either');
  await ada.page.getByRole('button', { name: 'Ada' }).click();
  await ada.page.getByRole('button', { name: 'Sign out' }).click();
  await expect(ada.namePrompt).toBeVisible();
  await expect(tab.namePrompt).toBeVisible();
  expect(await ada.page.evaluate(() => JSON.stringify(localStorage))).not.toContain('Nobody');
});

test('where the browser stores nothing, what is typed stays as long as the page', async ({ people }) => {
  const ada = await people.guest('Ada');
  await ada.page.addInitScript(() => {
    Storage.prototype.setItem = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
  });
  await ada.visit('/');
  await ada.takeName();
  await ada.createChannel('plans');
  await ada.composer.fill('Half a plan');
  await ada.openChannel('general');
  await ada.composer.fill('Hello');
  await ada.openChannel('plans');
  await expect(ada.composer).toHaveValue('Half a plan');
});

test('what is typed before the client runs is added to the draft', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.composer.fill('Before');
  const fill = async (route: Route) => {
    await ada.composer.fill('After');
    await route.continue();
  };
  // The rest of the client, which comes later, is none of it.
  await ada.page.route('**/*.wasm', fill, { times: 1 });
  await ada.reload();
  await expect(ada.composer).toHaveValue('Before\nAfter');
});

test('new words of a message survive a reload, and other rooms', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.createChannel('plans');
  await ada.write('Plan A');
  await ada.sees('Plan A');
  await ada.composer.press('ArrowUp');
  await ada.editor.fill('Plan A, or B');
  await ada.openChannel('general');
  await ada.write('Hello');
  await ada.sees('Hello');
  await ada.composer.press('ArrowUp');
  await ada.editor.fill('Hello there');
  await ada.openChannel('plans');
  await expect(ada.editor).toHaveValue('Plan A, or B');
  await ada.reload();
  await expect(ada.editor).toHaveValue('Plan A, or B');
  await ada.editor.press('Enter');
  await ada.sees('Plan A, or B (edited)');
  await ada.openChannel('general');
  await expect(ada.editor).toHaveValue('Hello there');
  await ada.editor.press('Escape');
  await ada.reload();
  await expect(ada.editor).toHaveCount(0);
  await ada.sees('Hello');
});

test('new words of a message that is deleted go to where one writes', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.write('Gone soon');
  await ada.write('Stays');
  await ada.sees('Gone soon', 'Stays');
  const other = await ada.newTab('/c/general');
  await ada.edit('Gone soon');
  await ada.editor.fill('A long thought');
  await ada.composer.fill('Something else');
  await other.delete('Gone soon');
  await ada.sees('Stays');
  await expect(ada.composer).toHaveValue('A long thought\nSomething else');
  await expect(ada.page.getByRole('status', { name: 'Message' })).toHaveText(/Your words are here/);
  await ada.reload();
  await expect(ada.composer).toHaveValue('A long thought\nSomething else');
});

test('what was refused before the client ran is in its room and in no other', async ({ people, mayLog }) => {
  mayLog(refusal(422), refusal(409));
  const ada = await people.join('Ada');
  await ada.createChannel('plans');
  const letGo = await holdClient(ada);
  await ada.page.reload({ waitUntil: 'commit' });
  const long = 'x'.repeat(4001);
  await ada.composer.fill(long);
  await ada.page.getByRole('button', { name: 'Send' }).click();
  await expect(ada.alert).toContainText('This one has 4001.');
  letGo();
  await ada.isReady();
  await expect(ada.composer).toHaveValue(long);
  await ada.openChannel('general');
  await expect(ada.composer).toHaveValue('');
  await expect(ada.alert).toBeHidden();
  await ada.openChannel('plans');
  await expect(ada.composer).toHaveValue(long);
});

test('a page that comes with a refused channel is left like any other', async ({ people, mayLog }) => {
  mayLog(refusal(409));
  const ada = await people.join('Ada');
  await ada.write('Hello');
  const letGo = await holdClient(ada);
  await ada.page.reload({ waitUntil: 'commit' });
  await ada.page.getByRole('button', { name: 'New channel' }).click();
  await ada.newChannelName.fill('General');
  await ada.page.getByRole('button', { name: 'Create channel' }).click();
  await expect(ada.alert).toContainText('already a channel');
  letGo();
  await ada.isReady();
  await ada.page.getByRole('main').getByRole('link', { name: 'Cancel' }).click();
  await ada.sees('Hello');
});
