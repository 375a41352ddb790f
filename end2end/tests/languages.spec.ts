import fs from 'node:fs';

import type { BrowserContextOptions } from '@playwright/test';

import { expect, fitsItsScreen, isAccessible, refusal, test, type Person } from './flack';

const german: BrowserContextOptions = { locale: 'de-DE' };

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

/** The texts of a language, by their names. */
function texts(language: string): Map<string, string> {
  const source = fs.readFileSync(`../src/words/${language}.rs`, 'utf8');
  const found = source.matchAll(/^ {4}(\w+): "(.*)",$/gm);
  return new Map([...found].map(([, name, text]) => [name!, text!]));
}

const [english, inGerman] = [texts('en'), texts('de')];

/** What is English, and not German at the same time. What is hardly more than its places could be
 * anything. */
const foreign = [...english.values()].filter(
  (text) =>
    ![...inGerman.values()].includes(text) &&
    text.replace(/\{\w+\}/g, '').replace(/\P{L}/gu, '').length > 2,
);

/** Everything that a page says, to the eye, the ear and the pointer. */
const said = (person: Person): Promise<string[]> =>
  person.page.evaluate(() => {
    const said: string[] = [document.title];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (!node.parentElement?.closest('script')) said.push(node.textContent ?? '');
    }
    for (const element of document.body.querySelectorAll('*')) {
      for (const name of ['aria-label', 'title', 'placeholder', 'alt']) {
        const value = element.getAttribute(name);
        if (value) said.push(value);
      }
    }
    return said.map((text) => text.trim()).filter(Boolean);
  });

/** Whether a text is said, with whatever stands in its places. */
const pattern = (text: string) =>
  new RegExp(
    `^${text
      .split(/\{\w+\}/)
      .map((part) => part.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'))
      .join('.+')}$`,
    'u',
  );

async function speaksGerman(person: Person) {
  await expect(person.page.locator('html')).toHaveAttribute('lang', 'de');
  const lines = await said(person);
  expect(lines.length).toBeGreaterThan(3);
  const known = foreign.flatMap((text) => {
    // A text around an element is two of the document's, and each has to be German.
    const parts = text.split(/\{\w+\}/).map((part) => part.trim());
    return [pattern(text), ...parts.filter((part) => part.length > 8).map(pattern)];
  });
  const english = lines.filter((line) => known.some((text) => text.test(line)));
  expect.soft(english, `English on ${person.page.url()}`).toEqual([]);
}

async function joinInGerman(ada: Person) {
  await ada.page.getByRole('textbox', { name: 'Anzeigename' }).fill(ada.name);
  await ada.page.getByRole('button', { name: 'Beitreten' }).click();
  await expect(ada.page.getByRole('log', { name: 'Nachrichten in #general' })).toBeVisible();
}

for (const [device, options] of [
  ['a wide screen', {}],
  ['a phone', PHONE],
] as const) {
  test(`a German browser is spoken to in German on ${device}`, async ({ people, mayLog }) => {
    test.slow();
    mayLog(refusal(404), refusal(409), refusal(422));
    const isPhone = 'isMobile' in options;
    const check = async (person: Person) => {
      await speaksGerman(person);
      await fitsItsScreen(person);
      await isAccessible(person);
    };
    const ada = await people.guest('Ada', { ...german, ...options });
    const { page } = ada;
    const drawer = page.getByRole('button', { name: 'Kanalliste schließen' });
    const toRooms = async () => {
      // On a phone they are in a drawer, which stays open under a card.
      if (isPhone && !(await drawer.isVisible())) {
        await page.getByRole('button', { name: 'Kanäle zeigen' }).click();
      }
    };
    await ada.visit('/');
    await expect(page).toHaveTitle('Beitreten · Flack');
    await page.getByRole('button', { name: 'Beitreten' }).click();
    await expect(ada.alert).toHaveText('Gib den Namen ein, den andere sehen sollen.');
    await check(ada);
    await joinInGerman(ada);
    await expect(page.getByRole('status', { name: 'Verbindung' })).toHaveText('Verbunden');
    await check(ada);

    // What is said there.
    const composer = page.getByRole('textbox', { name: 'Nachricht an #general' });
    await composer.fill('Guten Morgen');
    await page.getByRole('button', { name: 'Senden' }).click();
    await expect(ada.message('Guten Morgen')).not.toHaveAttribute('data-state');
    await expect(page.getByRole('heading', { name: 'Heute' })).toBeVisible();
    const bo = await people.join('Bo');
    await bo.write('Good morning');
    await expect(ada.messages).toHaveCount(2);
    await bo.react('Guten Morgen', '👍');
    await expect(page.getByRole('button', { name: '👍 Bo' })).toBeVisible();
    await bo.type('Still');
    await expect(page.getByText('schreibt …')).toBeVisible();
    await composer.fill('x'.repeat(4001));
    await composer.press('Enter');
    await expect(ada.alert).toHaveText(
      'Eine Nachricht kann bis zu 4000 Zeichen haben. Diese hat 4001.',
    );
    await composer.fill('');
    await ada.message('Guten Morgen').click();
    await page.getByRole('link', { name: 'Nachricht bearbeiten' }).click();
    await page.getByRole('textbox', { name: 'Nachricht bearbeiten' }).fill('Guten Abend');
    await check(ada);
    await page.getByRole('button', { name: 'Speichern' }).click();
    await expect(ada.log.getByText('(bearbeitet)')).toBeVisible();
    await check(ada);

    // Cards over the page.
    await page.getByRole('button', { name: 'Diese Unterhaltung' }).click();
    await check(ada);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Emoji', exact: true }).click();
    await expect(page.getByRole('group', { name: 'Essen und Trinken' })).toBeAttached();
    await fitsItsScreen(ada);
    await page.keyboard.press('Escape');
    await toRooms();
    await check(ada);
    await page.getByRole('button', { name: /^Gehe zu/ }).click();
    await page.getByRole('combobox', { name: 'Kanal oder Person' }).fill('zzz');
    await expect(page.getByText('Nichts und niemand heißt so.')).toBeVisible();
    await check(ada);
    await page.keyboard.press('Escape');
    await toRooms();
    await page.getByRole('button', { name: 'Neuer Kanal' }).click();
    await page.getByRole('textbox', { name: 'Name des Kanals' }).fill('GENERAL');
    await page.getByRole('button', { name: 'Kanal anlegen' }).click();
    await expect(ada.alert).toHaveText('Es gibt schon einen Kanal, der #general heißt.');
    await check(ada);
    await page.keyboard.press('Escape');
    await toRooms();
    await page.getByRole('button', { name: 'Ada' }).click();
    await check(ada);
    await page.getByRole('link', { name: 'Tastenkürzel' }).click();
    await expect(page.getByRole('heading', { name: 'Beim Schreiben' })).toBeVisible();
    await check(ada);

    // Other pages.
    for (const path of ['/people', '/c/nirgends', '/d/999', '/nirgends']) {
      await ada.visit(path);
      await check(ada);
    }
    for (const path of ['/devices', '/keys', '/offline', '/link/nichts']) {
      await page.goto(path);
      await check(ada);
    }
  });
}

test('German is there without JavaScript, too', async ({ people, mayLog }) => {
  mayLog(refusal(409), refusal(422));
  await people.join('Bo');
  const ada = await people.guest('Bo', { ...german, javaScriptEnabled: false });
  const { page } = ada;
  await page.goto('/');
  await speaksGerman(ada);
  await page.getByRole('textbox', { name: 'Anzeigename' }).fill('Bo');
  await page.getByRole('button', { name: 'Beitreten' }).click();
  await expect(ada.alert).toContainText('Es heißt schon jemand Bo');
  await page.getByRole('textbox', { name: 'Anzeigename' }).fill('Ada');
  await page.getByRole('button', { name: 'Beitreten' }).click();
  await page.getByRole('button', { name: 'Senden' }).click();
  await expect(ada.alert).toHaveText('Schreib zuerst etwas.');
  await page.getByRole('textbox', { name: /^Nachricht an/ }).fill('Hallo');
  await page.getByRole('button', { name: 'Senden' }).click();
  await expect(ada.message('Hallo')).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Heute' })).toBeVisible();
  await expect(ada.message('Hallo').locator('time')).toHaveAttribute('title', /^\w+, \d+\. \w+ \d{4}, /);
  await speaksGerman(ada);
  await page.goto('/devices');
  await page.getByRole('button', { name: 'Link erstellen' }).click();
  await expect(page.getByText('Öffne das auf dem anderen Gerät.')).toBeVisible();
  await speaksGerman(ada);
});

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with' : 'without';
  test(`one chooses a language ${how} JavaScript, and it stays`, async ({ people }) => {
    const ada = await people.guest('Ada', { ...german, javaScriptEnabled });
    const { page } = ada;
    const settled = async () => {
      if (javaScriptEnabled) await ada.isReady();
    };
    await page.goto('/');
    await settled();
    await joinInGerman(ada);
    const choice = (group: string, name: string) =>
      page.getByRole('group', { name: group }).getByRole('button', { name });
    await page.getByRole('button', { name: 'Ada' }).click();
    await expect(choice('Sprache', 'Automatisch')).toHaveAttribute('aria-pressed', 'true');
    await choice('Sprache', 'English').click();

    await expect(ada.conversation('general')).toBeVisible();
    await expect(page).toHaveURL('/c/general');
    await settled();
    await page.reload();
    await settled();
    await expect(page.locator('html')).toHaveAttribute('lang', 'en');
    await expect(ada.composer).toBeVisible();
    await page.goto('/devices');
    await expect(page.getByRole('heading', { name: 'Your devices' })).toBeVisible();
    await page.goto('/c/general');
    await settled();
    await page.getByRole('button', { name: 'Ada' }).click();
    await expect(choice('Language', 'English')).toHaveAttribute('aria-pressed', 'true');
    await choice('Language', 'Automatic').click();
    await expect(page.getByRole('log', { name: 'Nachrichten in #general' })).toBeVisible();
    await settled();
  });
}

test('times are in the language of the page, and the clock is that of the reader', async ({
  people,
}) => {
  const ada = await people.join('Ada', { locale: 'en-US' });
  await ada.write('Hello');
  await expect(ada.message('Hello').locator('time')).toHaveText(/^\d\d:\d\d [AP]M$/);
  await ada.page.getByRole('button', { name: 'Ada' }).click();
  await ada.page.getByRole('button', { name: 'Deutsch' }).click();
  await expect(ada.page.locator('html')).toHaveAttribute('lang', 'de');
  await ada.isReady();
  await expect(ada.page.getByRole('heading', { name: 'Heute' })).toBeVisible();
  await expect(ada.message('Hello').locator('time')).toHaveAttribute('title', /tag|woch/);
  await expect(ada.message('Hello').locator('time')).toHaveText(/\d\d:\d\d [AP]M/);
});
