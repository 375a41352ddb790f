import zlib from 'node:zlib';

import AxeBuilder from '@axe-core/playwright';
import type { Locator } from '@playwright/test';

import { expect, noServer, refusal, test, type Person } from './flack';
import { hold } from './watch';

const off = { javaScriptEnabled: false };

/** A PNG of one colour (PNG 3rd edition §5). */
function png(width: number, height: number, [red, green, blue]: number[]): Buffer {
  const chunk = (kind: string, content: Buffer) => {
    const named = Buffer.concat([Buffer.from(kind), content]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(content.length);
    sum.writeUInt32BE(zlib.crc32(named));
    return Buffer.concat([length, named, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const line = Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 3, Buffer.from([red, green, blue]))]);
  const pixels = zlib.deflateSync(Buffer.concat(Array.from({ length: height }, () => line)));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature, chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0)),
  ]);
}

const picture = (name: string, width = 800, height = 600) => ({
  name,
  mimeType: 'image/png',
  buffer: png(width, height, [40, 120, 200]),
});

const notes = { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('Remember the milk') };

const chooser = (person: Person) => person.page.locator('input[type=file]');
const uploads = (person: Person) => person.page.getByRole('list', { name: 'Files to be sent' });
const attachments = (person: Person, text: string) =>
  person.message(text).getByRole('list', { name: 'Attachments' });

/** Gives files to the page as a drop or a paste does. */
async function give(person: Person, event: 'drop' | 'paste', target: string, names: string[]) {
  await person.page.evaluate(
    ([event, target, names]) => {
      const data = new DataTransfer();
      for (const name of names) data.items.add(new File([`I am ${name}`], name));
      const at = document.querySelector(target as string)!;
      const options = { bubbles: true, cancelable: true };
      if (event === 'paste') {
        at.dispatchEvent(new ClipboardEvent('paste', { ...options, clipboardData: data }));
      } else {
        at.dispatchEvent(new DragEvent('dragover', { ...options, dataTransfer: data }));
        at.dispatchEvent(new DragEvent('drop', { ...options, dataTransfer: data }));
      }
    },
    [event, target, names] as const,
  );
}

/** Holds files back on their way to the server. */
const holdFiles = (person: Person) => hold(person, '**/files?name=*');

async function isAccessible(person: Person) {
  const { violations } = await new AxeBuilder({ page: person.page }).setLegacyMode().analyze();
  const lines = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
  );
  expect.soft(lines).toEqual([]);
}

test('files are chosen, dropped and pasted, and come with the message', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await chooser(ada).setInputFiles([notes]);
  await give(ada, 'drop', '[role=log]', ['dropped.csv']);
  await give(ada, 'paste', '#composer', ['pasted.md']);
  await expect(uploads(ada).getByRole('listitem')).toHaveText([/notes\.txt/, /dropped\.csv/, /pasted\.md/]);
  await expect(ada.composer).toHaveValue('');
  await isAccessible(ada);
  await ada.write('All three');
  await expect(uploads(ada)).toBeHidden();

  for (const person of [ada, bo]) {
    const cards = attachments(person, 'All three').getByRole('link');
    await expect(cards).toHaveText([/notes\.txt\s*TXT · 17 bytes/, /dropped\.csv/, /pasted\.md/]);
  }
  const saved = bo.page.waitForEvent('download');
  await attachments(bo, 'All three').getByRole('link', { name: 'notes.txt' }).click();
  const download = await saved;
  expect(download.suggestedFilename()).toBe('notes.txt');
  const stream = await download.createReadStream();
  let content = '';
  for await (const chunk of stream) content += chunk;
  expect(content).toBe('Remember the milk');
  await isAccessible(bo);
});

test('a message may be a file alone', async ({ people }) => {
  const ada = await people.join('Ada');
  await chooser(ada).setInputFiles([notes]);
  await ada.page.getByRole('button', { name: 'Send' }).click();
  await expect(ada.messages.getByRole('link', { name: 'notes.txt' })).toBeVisible();
  await expect(ada.messages).not.toHaveAttribute('data-state', /./);
  await ada.reload();
  await expect(ada.messages.getByRole('link', { name: 'notes.txt' })).toBeVisible();
});

test('a picture has its box before it is there, and nothing moves when it comes', async ({ people }) => {
  const ada = await people.join('Ada');
  await chooser(ada).setInputFiles([picture('sea.png', 1600, 1200)]);
  await ada.write('Look');
  await expect(attachments(ada, 'Look').getByRole('img', { name: 'sea.png' })).toBeVisible();

  const bo = await people.guest('Bo');
  await bo.visit('/');
  await bo.takeName();
  const letGo = await hold(bo, '**/thumbnail');
  await bo.reload();
  const image = attachments(bo, 'Look').getByRole('img', { name: 'sea.png' });
  const before = await image.boundingBox();
  expect(before!.width / before!.height).toBeCloseTo(4 / 3, 1);
  expect(before!.width).toBeGreaterThan(300);
  letGo();
  await expect.poll(() => image.evaluate((it: HTMLImageElement) => it.naturalWidth)).toBe(720);
  expect(await image.boundingBox()).toEqual(before);
});

test('a picture opens large, by keyboard too, and gives the focus back', async ({ people }) => {
  const ada = await people.join('Ada');
  await chooser(ada).setInputFiles([picture('one.png'), picture('two.png', 300, 500), notes]);
  await ada.write('Two of them');
  const links = attachments(ada, 'Two of them').getByRole('link');
  await expect(links).toHaveCount(3);
  // Until it is sent, it may be drawn anew.
  await expect(ada.message('Two of them')).not.toHaveAttribute('data-state', /./);
  await links.nth(0).focus();
  await ada.page.keyboard.press('Enter');
  const dialog = ada.page.getByRole('dialog', { name: 'Picture' });
  const shown = dialog.getByRole('img');
  await expect(shown).toHaveAccessibleName('one.png');
  await expect(dialog.getByRole('status')).toHaveText('one.png 1 of 2');
  await expect.poll(() => shown.evaluate((it: HTMLImageElement) => it.naturalWidth)).toBe(800);
  await isAccessible(ada);
  await ada.page.keyboard.press('ArrowRight');
  await expect(shown).toHaveAccessibleName('two.png');
  await ada.page.keyboard.press('ArrowRight');
  await expect(shown).toHaveAccessibleName('one.png');
  await ada.page.keyboard.press('ArrowLeft');
  await expect(shown).toHaveAccessibleName('two.png');
  await dialog.getByRole('button', { name: 'Previous picture' }).click();
  await expect(shown).toHaveAccessibleName('one.png');
  await ada.page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(links.nth(0)).toBeFocused();
  await links.nth(1).click();
  await expect(shown).toHaveAccessibleName('two.png');
  await dialog.getByRole('button', { name: 'Close' }).click();
  await expect(dialog).toBeHidden();
});

test('an upload shows how far it is and can be cancelled; sending waits for it', async ({ people }) => {
  const ada = await people.join('Ada');
  const letGo = await holdFiles(ada);
  await chooser(ada).setInputFiles([notes, { ...notes, name: 'other.txt' }]);
  await expect(ada.page.getByRole('progressbar', { name: 'Uploading notes.txt' })).toBeVisible();
  await uploads(ada).getByRole('button', { name: 'Cancel other.txt' }).click();
  await expect(uploads(ada).getByRole('listitem')).toHaveCount(1);
  const middle = async (place: Locator) => {
    const box = await place.boundingBox();
    return box!.y + box!.height / 2;
  };
  const row = await middle(uploads(ada).getByRole('listitem'));
  expect(Math.abs((await middle(uploads(ada).getByText('notes.txt'))) - row)).toBeLessThan(1.5);
  await ada.write('As soon as it is there');
  await expect(ada.page.getByRole('status', { name: 'Message' })).toHaveText(/as soon as the files/);
  await expect(ada.composer).toHaveValue('As soon as it is there');
  letGo();
  await expect(attachments(ada, 'As soon as it is there').getByRole('link')).toHaveText([/notes\.txt/]);
  await expect(ada.composer).toHaveValue('');
});

test.describe('on a server with little room', () => {
  test.use({
    settings: { FLACK_MAX_FILE_SIZE: '1000', FLACK_MAX_FILES: '2', FLACK_MAX_STORAGE_PER_PERSON: '6000' },
  });

  test('what is refused says why, and nothing that was typed is lost', async ({ people, mayLog }) => {
    mayLog(refusal(507), refusal(503));
    const ada = await people.join('Ada');
    await ada.composer.fill('Keep me');
    await chooser(ada).setInputFiles([{ ...notes, name: 'large.bin', buffer: Buffer.alloc(1001) }]);
    await expect(ada.alert).toHaveText('A file can have up to 1000 bytes.');
    await ada.composer.press('Enter');
    await expect(ada.page.getByText('large.bin is not attached.')).toBeVisible();
    await expect(ada.composer).toHaveValue('Keep me');
    await uploads(ada).getByRole('button', { name: 'Remove large.bin' }).click();

    await chooser(ada).setInputFiles([notes, notes, notes]);
    await expect(ada.page.getByText('A message can have up to 2 files.')).toBeVisible();
    await expect(uploads(ada).getByRole('listitem')).toHaveCount(2);
    // One fits, the other is one too many for Ada.
    await expect(uploads(ada).getByText('Your files may take up 5.9 KB here')).toBeVisible();
    await expect(uploads(ada).getByRole('button', { name: 'Try again' })).toBeVisible();
    const refused = uploads(ada).getByRole('listitem').filter({ hasText: 'Your files' });
    await refused.getByRole('button', { name: /^Remove/ }).click();
    await ada.composer.press('Enter');
    await ada.sees('Keep me');
    await expect(attachments(ada, 'Keep me').getByRole('link')).toHaveCount(1);
  });
});

test('without a script, text and files go together', async ({ people, mayLog }) => {
  // What the browser itself puts around a picture that it shows alone.
  mayLog(/^error: (Applying inline style violates|Blocked script execution in)/);
  // What Playwright asks for in every page, which a file alone does not allow.
  mayLog(/^exception: SecurityError: Failed to read the 'serviceWorker' property/);
  const ada = await people.join('Ada');
  const bo = await people.join('Bo', off);
  await bo.composer.fill('From a plain form');
  await chooser(bo).setInputFiles([notes, picture('plain.png')]);
  await bo.page.getByRole('button', { name: 'Send' }).click();
  for (const person of [ada, bo]) {
    await expect(attachments(person, 'From a plain form').getByRole('link')).toHaveCount(2);
  }
  await attachments(bo, 'From a plain form').getByRole('link', { name: 'plain.png' }).click();
  await expect(bo.page).toHaveURL(/\/files\/[0-9a-f]{32}$/);
});

test('a file between two is not there for a third', async ({ people, mayLog }) => {
  mayLog(refusal(404));
  const ada = await people.join('Ada');
  await people.join('Bo');
  const eve = await people.join('Eve');
  await ada.page.goto('/people');
  await ada.page.getByRole('link', { name: 'Bo' }).first().click();
  await ada.isReady();
  await chooser(ada).setInputFiles([notes]);
  await ada.write('Between us');
  const link = attachments(ada, 'Between us').getByRole('link');
  const path = (await link.getAttribute('href'))!;
  expect((await ada.page.request.get(path)).status()).toBe(200);
  expect((await eve.page.request.get(path)).status()).toBe(404);
});

test('at 320 pixels nothing is wider than the page', async ({ people }) => {
  const ada = await people.join('Ada', { viewport: { width: 320, height: 640 } });
  const long = `${'x'.repeat(90)}.txt`;
  await chooser(ada).setInputFiles([picture('wide.png', 2000, 300), { ...notes, name: long }]);
  await expect(uploads(ada).getByRole('button', { name: /^Remove/ })).toHaveCount(2);
  const overflow = () => ada.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(await overflow()).toBeLessThanOrEqual(0);
  await ada.write('Wide');
  await expect(attachments(ada, 'Wide').getByRole('link')).toHaveCount(2);
  expect(await overflow()).toBeLessThanOrEqual(0);
  const log = await ada.log.evaluate((it) => it.scrollWidth - it.clientWidth);
  expect(log).toBeLessThanOrEqual(0);
});

test('a message that waits for its files goes out from wherever one is by then', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.createChannel('plans');
  const letGo = await holdFiles(ada);
  await chooser(ada).setInputFiles([notes]);
  await ada.write('With notes');
  const waits = ada.page.getByText('Sent as soon as the files are there');
  await expect(waits).toBeVisible();
  await ada.openChannel('general');
  await expect(waits).toBeHidden();
  await ada.composer.fill('Something else');
  await ada.openChannel('plans');
  await expect(waits).toBeVisible();
  await ada.page.getByRole('link', { name: 'New message' }).click();
  letGo();
  await expect(ada.page.getByRole('heading', { name: 'People' })).toBeVisible();
  await ada.openChannel('plans');
  await ada.sees('With notes');
  await expect(attachments(ada, 'With notes').getByRole('link', { name: 'notes.txt' })).toBeVisible();
  await expect(ada.composer).toHaveValue('');
  await expect(uploads(ada)).toBeHidden();
  await ada.openChannel('general');
  await expect(ada.composer).toHaveValue('Something else');
});

test('who goes on writing while files are on their way sends it by themselves', async ({ people }) => {
  const ada = await people.join('Ada');
  const letGo = await holdFiles(ada);
  await chooser(ada).setInputFiles([notes]);
  await ada.write('With notes');
  await ada.type(' and half a');
  await expect(ada.page.getByText('Sent as soon as the files are there')).toBeHidden();
  const there = ada.page.waitForResponse('**/files?name=*');
  letGo();
  await there;
  await expect(uploads(ada).getByRole('progressbar')).toBeHidden();
  await expect(ada.composer).toHaveValue('With notes and half a');
  await expect(ada.messages).toHaveCount(0);
  await ada.type(' sentence');
  await ada.send();
  await ada.sees('With notes and half a sentence');
});

test('files that are to be sent are still there when the page is loaded anew', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.createChannel('plans');
  await chooser(ada).setInputFiles([notes]);
  await expect(uploads(ada).getByRole('progressbar')).toBeHidden();
  await ada.openChannel('general');
  await chooser(ada).setInputFiles([picture('one.png'), picture('two.png')]);
  await expect(uploads(ada).getByRole('button', { name: /^Remove/ })).toHaveCount(2);
  await uploads(ada).getByRole('button', { name: 'Remove two.png' }).click();
  await ada.composer.fill('See below');

  await ada.reload();
  await expect(uploads(ada).getByRole('listitem')).toHaveText([/one\.png/]);
  await expect(ada.composer).toHaveValue('See below');
  await ada.send();
  await expect(attachments(ada, 'See below').getByRole('link')).toHaveCount(1);
  await expect(uploads(ada)).toBeHidden();
  await ada.openChannel('plans');
  await expect(uploads(ada).getByRole('listitem')).toHaveText([/notes\.txt/]);
  await ada.write('And these');
  await expect(attachments(ada, 'And these').getByRole('link')).toHaveCount(1);

  // What is sent is not there once more.
  await ada.reload();
  await expect(attachments(ada, 'And these').getByRole('link')).toHaveCount(1);
  await expect(uploads(ada)).toBeHidden();
  // Nor is what was not, for whoever comes after.
  await chooser(ada).setInputFiles([notes]);
  await expect(uploads(ada).getByRole('button', { name: /^Remove/ })).toHaveCount(1);
  await ada.page.getByRole('button', { name: 'Ada' }).click();
  await ada.page.getByRole('button', { name: 'Sign out' }).click();
  await expect(ada.namePrompt).toBeVisible();
  expect(await ada.page.evaluate(() => Object.keys(sessionStorage))).toEqual([]);
});

test('an upload that broke off goes on by itself when the network is back', async ({ people, mayLog }) => {
  mayLog(noServer);
  const ada = await people.join('Ada');
  await ada.isWhole();
  await ada.context.setOffline(true);
  await chooser(ada).setInputFiles([notes]);
  await expect(uploads(ada).getByText('The file did not arrive in whole')).toBeVisible();
  await ada.context.setOffline(false);
  await expect(uploads(ada).getByText('The file did not arrive in whole')).toBeHidden();
  await expect(uploads(ada).getByRole('button', { name: 'Remove notes.txt' })).toBeVisible();
  await ada.write('Here they are');
  await expect(attachments(ada, 'Here they are').getByRole('link')).toHaveCount(1);
});

test('cells of a table are pasted as words', async ({ people }) => {
  const ada = await people.join('Ada');
  const isTaken = (kinds: string[]) =>
    ada.page.evaluate((kinds) => {
      const clipboardData = new DataTransfer();
      for (const kind of kinds) clipboardData.setData(kind, 'cells');
      clipboardData.items.add(new File(['cells'], 'cells.png', { type: 'image/png' }));
      const event = new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData });
      document.querySelector('#composer')!.dispatchEvent(event);
      return event.defaultPrevented;
    }, kinds);
  expect(await isTaken(['text/plain', 'text/html'])).toBe(false);
  await expect(uploads(ada)).toBeHidden();
  // A picture from a page, and a file that comes with its name.
  expect(await isTaken(['text/html'])).toBe(true);
  expect(await isTaken(['text/plain'])).toBe(true);
  await expect(uploads(ada).getByRole('listitem')).toHaveCount(2);
});

test('a file that is dropped beside the room does not take the place of the page', async ({ people }) => {
  const ada = await people.join('Ada');
  const isOpened = await ada.page.evaluate(() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(['I am a file'], 'a.txt'));
    const options = { bubbles: true, cancelable: true, dataTransfer };
    const at = document.querySelector('nav')!;
    return ['dragover', 'drop'].some((kind) => at.dispatchEvent(new DragEvent(kind, options)));
  });
  expect(isOpened).toBe(false);
});
