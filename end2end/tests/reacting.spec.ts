// Emoji under messages, and messages that answer others.

import AxeBuilder from '@axe-core/playwright';

import { expect, test, type Person } from './flack';
import { Wire } from './wire';

const off = { javaScriptEnabled: false };
const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

/** How far a page is wider than its screen. */
const overflow = (person: Person) =>
  person.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

test('reactions are live, with who, and one press takes back', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.write('We ship today');
  await bo.react('We ship today', '🎉');
  await expect(bo.reaction('We ship today', '🎉 you')).toHaveAttribute('aria-pressed', 'true');
  await expect(ada.reaction('We ship today', '🎉 Bo')).toHaveAttribute('aria-pressed', 'false');
  await expect(ada.reaction('We ship today', '🎉 Bo')).toHaveText('🎉1');

  await ada.reaction('We ship today', '🎉 Bo').click();
  await expect(ada.reaction('We ship today', '🎉 Bo and you')).toHaveText('🎉2');
  await ada.react('We ship today', '👀');
  await expect(bo.reaction('We ship today', '👀 Ada')).toBeVisible();
  await bo.sees('We ship today');
  await expect(bo.message('We ship today')).not.toContainText('edited');
  const { violations } = await new AxeBuilder({ page: ada.page }).analyze();
  expect(violations).toEqual([]);

  await bo.reload();
  await bo.reaction('We ship today', '🎉 Ada and you').click();
  await expect(ada.reaction('We ship today', '🎉 you')).toHaveText('🎉1');
  await ada.reaction('We ship today', '🎉 you').click();
  await expect(bo.reaction('We ship today', '👀 Ada')).toBeVisible();
  await expect(bo.message('We ship today').getByRole('button', { name: '🎉', exact: false })).toHaveCount(
    await (await bo.act('We ship today')).getByRole('button', { name: '🎉' }).count(),
  );
});

test('any emoji can be picked for a reaction', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.write('Crab day');
  await ada.sees('Crab day');
  await (await ada.act('Crab day')).getByRole('button', { name: 'Other emoji' }).click();
  await ada.page.getByRole('searchbox', { name: 'Search emoji' }).fill('crab');
  // The list may still be on its way.
  await expect(ada.page.getByRole('button', { name: '🦀', exact: true })).toBeVisible();
  await ada.page.keyboard.press('Enter');
  await expect(ada.reaction('Crab day', '🦀 you')).toBeVisible();
  await expect(ada.composer).toHaveValue('');
});

test('a reaction is made and taken back by keyboard, and the focus stays', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.write('Keys');
  await bo.sees('Keys');
  await bo.time('Keys').focus();
  await bo.page.keyboard.press('Tab');
  const thumb = bo.message('Keys').getByRole('button', { name: 'React with 👍' });
  await expect(thumb).toBeFocused();
  await bo.page.keyboard.press('Enter');
  await expect(ada.reaction('Keys', '👍 Bo')).toBeVisible();
  const own = bo.reaction('Keys', '👍 you');
  await own.focus();
  await ada.reaction('Keys', '👍 Bo').click();
  const both = bo.reaction('Keys', '👍 Ada and you');
  await expect(both).toBeFocused();
  await bo.page.keyboard.press('Space');
  await expect(ada.reaction('Keys', '👍 you')).toBeVisible();
  await expect(bo.reaction('Keys', '👍 Ada')).toBeFocused();
});

test('what one is changing is left alone by the reactions of others', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.write('Draft');
  await bo.sees('Draft');
  await ada.edit('Draft');
  await ada.editor.fill('Draft, but better');
  await ada.editor.evaluate((area: HTMLTextAreaElement) => area.setSelectionRange(2, 2));
  await bo.react('Draft', '👀');
  await expect(ada.page.getByRole('button', { name: '👀 Bo', exact: true })).toBeVisible();
  await expect(ada.editor).toBeFocused();
  const caret = () => ada.editor.evaluate((area: HTMLTextAreaElement) => area.selectionStart);
  expect(await caret()).toBe(2);
});

test('a reaction waits visibly for the link, and is made once', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await bo.write('Offline?');
  await ada.sees('Offline?');
  await ada.context.setOffline(true);
  await ada.react('Offline?', '👍');
  await expect(ada.reaction('Offline?', '👍 you')).toHaveAttribute('data-state', 'waiting');
  await ada.context.setOffline(false);
  await ada.isConnected();
  await expect(bo.reaction('Offline?', '👍 Ada')).toHaveText('👍1');
  await expect(ada.reaction('Offline?', '👍 you')).not.toHaveAttribute('data-state', 'waiting');
});

test('on a phone a tap shows what can be done, and covers nothing', async ({ people }) => {
  const ada = await people.join('Ada', phone);
  const bo = await people.join('Bo');
  await bo.write('Tap me, I have enough words for more than one line on a phone');
  const text = 'Tap me, I have enough words for more than one line on a phone';
  await ada.message(text).tap();
  const actions = ada.message(text).getByRole('group', { name: 'Actions' });
  await expect(actions).toBeVisible();
  const words = (await ada.page.getByText(text, { exact: true }).boundingBox())!;
  const bar = (await actions.boundingBox())!;
  expect(bar.y).toBeGreaterThanOrEqual(words.y + words.height);
  for (const button of await actions.getByRole('button').all()) {
    const box = (await button.boundingBox())!;
    expect(Math.min(box.width, box.height)).toBeGreaterThanOrEqual(40);
  }
  await actions.getByRole('button', { name: 'React with ❤️' }).tap();
  await expect(bo.reaction(text, '❤️ Ada')).toBeVisible();
  expect(await overflow(ada)).toBe(0);
});

test('without JavaScript one reacts and answers, too', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.write('Anybody there?');
  const bo = await people.join('Bo', off);
  await bo.react('Anybody there?', '👍');
  await expect(ada.reaction('Anybody there?', '👍 Bo')).toBeVisible();
  await bo.reaction('Anybody there?', '👍 you').click();
  await expect(bo.message('Anybody there?').getByRole('button', { name: '👍 you' })).toHaveCount(0);
  await bo.reply('Anybody there?');
  await expect(bo.page.getByRole('status', { name: 'Reply' })).toContainText('Ada');
  await bo.composer.fill('Yes');
  await bo.page.getByRole('button', { name: 'Send' }).click();
  await expect(ada.message('Yes').getByRole('link', { name: 'In reply to' })).toContainText('Anybody');
});

test('an answer quotes what it answers, as it is now', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.write('Lunch at noon?');
  await bo.sees('Lunch at noon?');
  await bo.reply('Lunch at noon?');
  await expect(bo.composer).toBeFocused();
  const replying = bo.page.getByRole('status', { name: 'Reply' });
  await expect(replying).toHaveText(/Replying to\s*Ada\s*Lunch at noon\?/);
  // It stays with its room, and over a reload.
  await bo.composer.fill('Sure');
  await bo.createChannel('plans');
  await expect(replying).toHaveCount(0);
  await bo.openChannel('general');
  await expect(replying).toBeVisible();
  await bo.reload();
  await expect(replying).toBeVisible();
  await expect(bo.composer).toHaveValue('Sure');
  await bo.composer.press('Escape');
  await expect(replying).toHaveCount(0);
  await bo.reply('Lunch at noon?');
  await bo.composer.press('Enter');
  await expect(replying).toHaveCount(0);
  const quote = ada.message('Sure').getByRole('link', { name: 'In reply to' });
  await expect(quote).toHaveText(/Ada\s*Lunch at noon\?/);

  await ada.edit('Lunch at noon?');
  await ada.editor.fill('Lunch at one?');
  await ada.editor.press('Enter');
  await expect(quote).toContainText('Lunch at one?');
  await quote.click();
  await expect(ada.message('Lunch at one? (edited)')).toBeFocused();
  const { violations } = await new AxeBuilder({ page: ada.page }).analyze();
  expect(violations).toEqual([]);
  await ada.delete('Lunch at one? (edited)');
  await expect(quote).toContainText('a deleted message');
  await expect(ada.message('Sure')).not.toContainText('Lunch');
});

test('an answer to what was deleted meanwhile is sent as a message', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.write('Never mind');
  await bo.reply('Never mind');
  await bo.composer.fill('Why?');
  await ada.delete('Never mind');
  await expect(bo.page.getByRole('status', { name: 'Reply' })).toContainText('deleted message');
  await bo.composer.press('Enter');
  await bo.sees('Why?');
});

test('an answer that is refused keeps what it answers', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  const wire = await Wire.over(bo);
  await ada.write('Gone soon');
  await bo.sees('Gone soon');
  await bo.reply('Gone soon');
  // What he does not know yet.
  wire.down = false;
  await ada.delete('Gone soon');
  await ada.sees();
  await bo.composer.fill('Too late');
  await bo.composer.press('Enter');
  wire.down = true;
  await wire.cut();
  await expect(bo.page.getByText('The message that this one answers is no longer there.')).toBeVisible();
  await bo.page.getByRole('button', { name: 'Edit' }).click();
  await expect(bo.composer).toHaveValue('Too late');
  await expect(bo.page.getByRole('status', { name: 'Reply' })).toContainText('a deleted message');
  await bo.page.getByRole('link', { name: 'Cancel reply' }).click();
  await bo.composer.press('Enter');
  await bo.sees('Too late');
});

test('on a phone the next tap closes what the first one has opened', async ({ people }) => {
  const ada = await people.join('Ada', phone);
  const bo = await people.join('Bo');
  await bo.write('Tap me twice');
  const actions = ada.message('Tap me twice').getByRole('group', { name: 'Actions' });
  const words = ada.page.getByText('Tap me twice', { exact: true });
  await words.tap();
  await expect(actions).toBeVisible();
  await words.tap();
  await expect(actions).toBeHidden();
  // The name leads away with the second touch only.
  const name = ada.message('Tap me twice').getByRole('link', { name: 'Bo' });
  await name.tap();
  await expect(actions).toBeVisible();
  await expect(ada.page).toHaveURL('/c/general');
  await actions.getByRole('link', { name: 'Reply' }).tap();
  await expect(ada.composer).toBeFocused();
  await expect(actions).toBeHidden();
  await name.tap();
  await name.tap();
  await expect(ada.page).toHaveURL(/\/d\/\d+$/);
});
