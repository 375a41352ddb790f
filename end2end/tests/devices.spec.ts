// One's devices, and the way to another one.

import AxeBuilder from '@axe-core/playwright';

import { expect, refusal, test, type Person } from './flack';

async function isSound(person: Person) {
  const { violations } = await new AxeBuilder({ page: person.page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
    .setLegacyMode()
    .analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`)).toEqual([]);
  const overflow = await person.page.evaluate(
    () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
  );
  expect(overflow, 'wider than the screen').toBe(false);
}

/** Makes a link as people do, and gives its address. */
async function makeLink(person: Person): Promise<string> {
  await person.page.getByRole('button', { name: 'Make a link' }).click();
  await expect(person.page.getByRole('img', { name: 'The link, as a QR code' })).toBeVisible();
  return person.page.getByRole('textbox', { name: 'Or copy the link' }).inputValue();
}

async function openDevices(person: Person) {
  await person.page.locator('.own').click();
  await person.page.getByRole('link', { name: 'Your devices' }).click();
  await expect(person.page.getByRole('heading', { name: 'Your devices' })).toBeVisible();
}

test('a link carries a name to another browser, once, and it can be signed out there', async ({
  people,
  mayLog,
}) => {
  mayLog(refusal(404));
  const ada = await people.join('Ada');
  await ada.write('From the desk');
  await openDevices(ada);
  await isSound(ada);
  const link = await makeLink(ada);
  await isSound(ada);

  const phone = await people.guest('Ada', { viewport: { width: 320, height: 640 } });
  await phone.page.goto(link);
  await expect(phone.page.getByRole('heading', { name: 'Continue as Ada here?' })).toBeVisible();
  await isSound(phone);
  await phone.page.getByRole('button', { name: 'Continue as Ada' }).click();
  await phone.isReady();
  await phone.sees('From the desk');
  await phone.write('From the sofa');
  await phone.isConnected();

  const other = await people.guest('Eve');
  await other.page.goto(link);
  await expect(other.alert).toContainText('This link does not work any more.');
  await isSound(other);

  // The one at the desk sees the other one, and ends it.
  await ada.page.getByRole('link', { name: 'Back to the conversation' }).click();
  await ada.isReady();
  await ada.sees('From the desk', 'From the sofa');
  await openDevices(ada);
  const rows = ada.page.getByRole('main').getByRole('listitem');
  await expect(rows).toHaveCount(2);
  await expect(rows.nth(0)).toContainText('Open now');
  await expect(rows.nth(1)).toContainText('This device');
  await rows.nth(0).getByRole('button', { name: /^Sign out/ }).click();
  await expect(rows).toHaveCount(1);
  await expect(phone.namePrompt).toBeVisible({ timeout: 10_000 });
  await expect(phone.alert).toContainText('You were signed out here.');
  await expect(phone.page).toHaveURL('/');
});

test('whoever is somebody else here is told so first', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await openDevices(ada);
  const link = await makeLink(ada);
  await bo.page.goto(link);
  await expect(bo.page.getByText('You are here as Bo.')).toBeVisible();
  await bo.page.getByRole('link', { name: 'Not now' }).click();
  await bo.isReady();
  await bo.write('still Bo');
  await expect(bo.message('still Bo')).toContainText('Bo');
});

test('a channel that the operator deletes is gone at once', async ({ people, server, mayLog }) => {
  mayLog(refusal(404));
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.createChannel('design');
  await bo.openChannel('design');
  await bo.write('Look at this');
  await ada.sees('Look at this');
  await bo.openChannel('general');
  await ada.composer.fill('Half a thought');
  server.admin('delete-channel', 'design');
  await expect(ada.page.getByRole('heading', { name: 'There is no channel #design' })).toBeVisible();
  await expect(ada.channel('design')).toHaveCount(0);
  await expect(bo.channel('design')).toHaveCount(0);
  await bo.write('Still here');
  await bo.sees('Still here');
  // What was typed is not lost with it.
  const left = ada.page.getByRole('region', { name: 'Not sent' });
  await expect(left).toContainText('Half a thought');
  await ada.reload();
  await expect(left).toContainText('Half a thought');
  await isSound(ada);
  await left.getByRole('button', { name: 'Throw it away' }).click();
  await expect(left).toBeHidden();
  await ada.visit('/');
  await expect(ada.conversation('general')).toBeVisible();
  // Whoever makes it again begins anew.
  await ada.createChannel('design');
  await ada.sees();
});
