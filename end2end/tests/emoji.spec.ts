// Picking emoji.

import { expect, isAccessible, test, type Person } from './flack';

const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };

const picker = (person: Person) => person.page.getByRole('dialog', { name: 'Emoji' });
const search = (person: Person) => picker(person).getByRole('searchbox', { name: 'Search emoji' });
const opener = (person: Person) => person.page.getByRole('button', { name: 'Emoji', exact: true });

test('an emoji goes to where one writes', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.composer.fill('Well done!');
  await ada.composer.press('Home');
  for (let letter = 0; letter < 'Well'.length; letter++) await ada.composer.press('ArrowRight');
  await opener(ada).click();
  await expect(search(ada)).toBeFocused();
  await search(ada).fill('party');
  await picker(ada).getByTitle('party popper :tada:').click();
  await expect(picker(ada)).toBeHidden();
  await expect(ada.composer).toBeFocused();
  await expect(ada.composer).toHaveValue('Well🎉 done!');
  await ada.composer.press('Control+z');
  await expect(ada.composer).toHaveValue('Well done!');

  // What was used is offered first.
  await opener(ada).click();
  const last = picker(ada).getByRole('group', { name: 'Used last' }).getByRole('button');
  await expect(last).toHaveText(['🎉']);
  await last.click({ modifiers: ['Shift'] });
  await last.click();
  await expect(ada.composer).toHaveValue('Well🎉🎉 done!');
});

test('the keyboard alone picks an emoji', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.composer.press('Tab');
  await expect(opener(ada)).toBeFocused();
  await ada.page.keyboard.press('Enter');
  await expect(search(ada)).toBeFocused();
  await expect(picker(ada).getByRole('group', { name: 'Smileys' })).toBeVisible();
  const focused = () => ada.page.evaluate(() => document.activeElement?.textContent);
  const arrow = async (...keys: string[]) => {
    for (const key of keys) await ada.page.keyboard.press(`Arrow${key}`);
    return focused();
  };
  const first = await arrow('Down');
  expect(first).toBe('😀');
  expect(await arrow('Right')).toBe('😃');
  const below = await arrow('Down');
  expect(below).not.toBe('😃');
  expect(await arrow('Left', 'Right')).toBe(below);
  expect(await arrow('Up')).toBe('😃');
  // Typing goes on with the search.
  await ada.page.keyboard.type('thumbs');
  await expect(search(ada)).toHaveValue('thumbs');
  await ada.page.keyboard.press('Enter');
  await expect(ada.composer).toHaveValue('👍');
  await expect(ada.composer).toBeFocused();

  await ada.page.keyboard.press('Tab');
  await ada.page.keyboard.press('Enter');
  await search(ada).fill('no such emoji');
  await expect(picker(ada).getByRole('status')).toHaveText('No emoji is called so.');
  await ada.page.keyboard.press('Escape');
  await expect(picker(ada)).toBeHidden();
  await expect(opener(ada)).toBeFocused();
});

test('the list of emoji is fetched when it is wanted, and said to be missing', async ({ people, mayLog }) => {
  mayLog(/Failed to load resource/);
  const ada = await people.guest('Ada');
  const asked: string[] = [];
  await ada.page.route('**/emoji.txt', (route) => {
    asked.push(route.request().url());
    return asked.length === 1 ? route.abort() : route.continue();
  });
  await ada.visit('/');
  await ada.takeName();
  await expect(ada.composer).toBeVisible();
  expect(asked).toEqual([]);
  await opener(ada).click();
  await expect(picker(ada).getByRole('status')).toContainText('could not be fetched');
  await ada.page.keyboard.press('Escape');
  await opener(ada).click();
  await expect(picker(ada).getByTitle('grinning face :grinning:')).toBeVisible();
  expect(asked.length).toBe(2);
});

test('who presses Enter before the list is there has the first one as soon as it is', async ({ people }) => {
  const ada = await people.guest('Ada');
  let arrive = () => {};
  const arrived = new Promise<void>((resolve) => (arrive = resolve));
  await ada.page.route('**/emoji.txt', async (route) => {
    await arrived;
    await route.continue();
  });
  await ada.visit('/');
  await ada.takeName();
  await opener(ada).click();
  await search(ada).fill('tada');
  await search(ada).press('Enter');
  await expect(picker(ada).getByRole('status')).toHaveText(/on its way|fetch/i);
  arrive();
  await expect(ada.composer).toHaveValue('🎉');
  await expect(picker(ada)).toBeHidden();
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [device, options] of Object.entries({ desktop: {}, phone: PHONE })) {
    test(`the picker is accessible on a ${device} in ${colorScheme} colours`, async ({ people }) => {
      const ada = await people.join('Ada', { ...options, colorScheme });
      await opener(ada).click();
      await expect(picker(ada).getByRole('group', { name: 'Smileys' })).toBeVisible();
      await expect(picker(ada)).toBeInViewport({ ratio: 1 });
      await isAccessible(ada);
      if (process.env.PICTURES) {
        await ada.page.screenshot({ path: `${process.env.PICTURES}/emoji-${device}-${colorScheme}.png` });
      }
    });
  }
}
