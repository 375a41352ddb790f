// Who is here, and who is writing.

import AxeBuilder from '@axe-core/playwright';

import { expect, test, type Person } from './flack';

/** Those who leave are told some seconds later, in case they are back. */
const LEFT = { timeout: 20_000 };

const typing = (person: Person) => person.page.locator('.typing');

async function says(person: Person, words: string) {
  // The names are in marks of isolation, which nobody sees.
  // A page that the server has rendered has a space where there are no words.
  const shown = async () => (await typing(person).textContent())?.replace(/[\u2068\u2069]/g, '').trim();
  await expect.poll(shown, { message: `what ${person.name} reads`, timeout: 10_000 }).toBe(words);
}

test('people see who is here, who leaves, and who comes back', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await bo.write('Here');
  await ada.page.getByRole('link', { name: 'Bo', exact: true }).click();
  await expect(ada.onlineDirect('Bo')).toBeVisible();
  const heading = ada.page.getByRole('heading', { level: 1 });
  await expect(heading).toHaveAccessibleName('Bo (online)');
  await expect(heading.getByTitle('Online')).toBeVisible();

  // Loading the page anew is no leaving; the page has it before the client runs.
  await ada.reload();
  await expect(ada.onlineDirect('Bo')).toBeVisible();

  const storageState = await bo.context.storageState();
  await bo.context.close();
  await expect(ada.onlineDirect('Bo')).toBeHidden(LEFT);
  await expect(ada.direct('Bo')).toBeVisible();
  await expect(heading).toHaveAccessibleName('Bo');

  const again = await people.guest('Bo', { storageState });
  await again.visit('/');
  await expect(ada.onlineDirect('Bo')).toBeVisible();
  await expect(heading).toHaveAccessibleName('Bo (online)');
});

test('the list of people shows who is here, without JavaScript, too', async ({ people }) => {
  const ada = await people.join('Ada');
  const off = await people.join('Cy', { javaScriptEnabled: false });
  const aaron = await people.join('Aaron');
  const list = (person: Person) => person.page.getByRole('main').getByRole('listitem');
  const dot = (person: Person) => person.page.getByTitle('Online').filter({ visible: true });
  const dots = (person: Person) => list(person).filter({ has: dot(person) });
  await ada.page.getByRole('link', { name: 'New message' }).click();
  await expect(dots(ada)).toHaveCount(2);
  await aaron.context.close();
  await expect(dots(ada)).toHaveText([/Ada.*you/], LEFT);
  // Who is here comes first.
  await ada.reload();
  await expect(list(ada)).toHaveText([/Ada/, /Aaron/, /Cy/]);
  await off.page.goto('/people');
  // So does whoever asks.
  await expect(list(off)).toHaveText([/Ada/, /Cy/, /Aaron/]);
  await expect(dots(off)).toHaveText([/Ada/]);
});

test('who is writing is said below the conversation, and nothing moves for it', async ({
  people,
}) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  const cy = await people.join('Cy');
  const place = async () => JSON.stringify(await ada.composer.boundingBox());
  const before = await place();

  await bo.type('Hel');
  await says(ada, 'Bo is typing…');
  await says(cy, 'Bo is typing…');
  await says(bo, '');
  expect(await place()).toBe(before);

  // It ends with the message, and not only when its time is over.
  await bo.write('Hello');
  await ada.sees('Hello');
  expect(await typing(ada).textContent()).toBe('');

  await Promise.all([bo.type('One'), cy.type('Two')]);
  await expect(typing(ada)).toHaveText(/(Bo.* and .*Cy|Cy.* and .*Bo).* are typing…/);
  // Nobody goes on.
  await says(ada, '');
});

test('nobody else sees who is writing between two', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  const eve = await people.join('Eve');
  await bo.write('Here');
  await ada.page.getByRole('link', { name: 'Bo', exact: true }).click();
  await ada.write('Psst');
  await bo.direct('Ada').click();
  await bo.sees('Psst');
  await bo.type('Ye');
  await says(ada, 'Bo is typing…');
  await says(eve, '');
  // A draft that comes back is not typed.
  await bo.reload();
  await expect(bo.composer).toHaveValue('Ye');
  await says(ada, '');
});

test('dots and words are accessible in every theme', async ({ people }) => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const ada = await people.join(`Ada ${colorScheme}`, { colorScheme });
    const bo = await people.join(`Bo ${colorScheme}`, { colorScheme });
    await bo.write('Here');
    await ada.page.getByRole('link', { name: bo.name, exact: true }).last().click();
    await bo.page.getByRole('link', { name: 'New message' }).click();
    await bo.page.getByRole('main').getByRole('link', { name: ada.name }).click();
    await bo.type('Hello');
    await says(ada, `${bo.name} is typing…`);
    const { violations } = await new AxeBuilder({ page: ada.page })
      .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
      .setLegacyMode()
      .analyze();
    expect(violations.map(({ id }) => id)).toEqual([]);
  }
});
