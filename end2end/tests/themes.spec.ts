import { expect, test, type Person } from './flack';
import { holdClient } from './watch';

/** The colours behind everything, as the browser paints them. */
const ground = (person: Person) =>
  person.page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);

const choice = (person: Person, name: string) =>
  person.page.getByRole('group', { name: 'Colours' }).getByRole('button', { name });

async function choose(person: Person, name: string) {
  await person.page.getByRole('button', { name: person.name }).click();
  await choice(person, name).click();
}

test('one chooses light or dark, and it is so from the first paint on', async ({ people }) => {
  const ada = await people.join('Ada', { colorScheme: 'light' });
  const bo = await people.join('Bo', { colorScheme: 'dark' });
  const [light, dark] = [await ground(ada), await ground(bo)];
  expect(light).not.toBe(dark);

  await choose(ada, 'Dark');
  expect(await ground(ada)).toBe(dark);
  await expect(choice(ada, 'Dark')).toHaveAttribute('aria-pressed', 'true');
  await expect(choice(ada, 'System')).toHaveAttribute('aria-pressed', 'false');
  const colour = ada.page.locator('meta[name=theme-color][media=all]');
  await expect(colour).toHaveAttribute('data-scheme', 'dark');

  // Without the client, which would come too late.
  const letGo = await holdClient(ada);
  await ada.page.goto('/c/general', { waitUntil: 'commit' });
  await expect(ada.composer).toBeVisible();
  expect(await ground(ada)).toBe(dark);
  await expect(colour).toHaveAttribute('data-scheme', 'dark');
  letGo();
  await ada.isReady();
  expect(await ground(ada)).toBe(dark);
  await ada.visit('/people');
  expect(await ground(ada)).toBe(dark);
  await ada.page.goto('/devices');
  expect(await ground(ada)).toBe(dark);

  await ada.visit('/c/general');
  await choose(ada, 'System');
  expect(await ground(ada)).toBe(light);
  await ada.page.emulateMedia({ colorScheme: 'dark' });
  expect(await ground(ada)).toBe(dark);
  await choice(ada, 'Light').click();
  expect(await ground(ada)).toBe(light);
});

test('one chooses without JavaScript, too', async ({ people }) => {
  const ada = await people.join('Ada', { javaScriptEnabled: false, colorScheme: 'light' });
  const root = ada.page.locator('html');
  await expect(root).toHaveAttribute('data-theme', 'system');
  await choose(ada, 'Dark');
  await expect(ada.page).toHaveURL('/c/general');
  await expect(root).toHaveAttribute('data-theme', 'dark');
  await expect(root).toHaveCSS('color-scheme', 'dark');
});

test('what is no theme is that of the system', async ({ people, server }) => {
  const ada = await people.guest('Ada');
  await ada.context.addCookies([{ name: 'theme', value: '"><script>', url: server.url }]);
  await ada.visit('/');
  await expect(ada.page.locator('html')).toHaveAttribute('data-theme', 'system');
});
