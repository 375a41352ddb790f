// How the main screens look, at the width of a phone, a tablet and a desktop, light and dark.
//
// `make pictures` takes the pictures anew: look at them before they are kept. The letters come with the
// tests, so what fonts a machine has, and how it is set up to draw them, makes no difference.

import { createRequire } from 'node:module';
import path from 'node:path';

import { expect, test, type Person } from './flack';

// Elsewhere the same letters are drawn in another way.
test.skip(process.platform !== 'linux', 'the pictures are of Linux');

const font = (name: string) => createRequire(import.meta.url).resolve(name);

/** The same letters on every machine, and nothing that depends on the hour. */
const FONTS = [
  font('@fontsource-variable/noto-sans/files/noto-sans-latin-wght-normal.woff2'),
  font('@fontsource-variable/noto-sans/files/noto-sans-latin-wght-italic.woff2'),
  font('@fontsource/dejavu-mono/files/dejavu-mono-latin-400-normal.woff2'),
];
const [upright, italic, code] = FONTS.map((file) => `url("/pkg/${path.basename(file)}")`);
const STYLE = `
  @font-face { font-family: Pictured; font-weight: 100 900; src: ${upright} }
  @font-face { font-family: Pictured; font-weight: 100 900; font-style: italic; src: ${italic} }
  @font-face { font-family: PicturedCode; src: ${code} }
  :root {
    --font: Pictured, "Noto Color Emoji";
    --font-code: PicturedCode;
  }
  time { color: transparent }
`;

async function dress(person: Person) {
  await person.page.route('**/pkg/*.css', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()) + STYLE });
  });
  for (const file of FONTS) {
    await person.page.route(`**/pkg/${path.basename(file)}`, (route) => route.fulfill({ path: file }));
  }
}

/** Asks the server, as a program does, and gives where in the log that is. */
async function ask(person: Person, what: string, form: Record<string, string>): Promise<string> {
  const answer = await person.context.request.post(`/api/${what}`, { form });
  await expect(answer).toBeOK();
  return String((await answer.json()).position);
}

const TODO = `Morning. The printer wants the poster by **noon**, so two things:

- the final \`logo.svg\`
- the opening hours`;

const HOURS = `> the opening hours

Tue to Sat, _10:00 to 18:30_. They are at https://example.org/hours too.`;

const CODE = `\`\`\`rust
fn main() {
    println!("Thank you both!");
}
\`\`\``;

const PROOF = { name: 'proof.txt', mimeType: 'text/plain', buffer: Buffer.from('Third proof, with the café') };

/** What is said in #general before somebody comes, and after that. */
async function begin(bob: Person) {
  for (const name of ['design', 'late lunch', 'website']) await ask(bob, 'create_channel', { name });
  const message = await ask(bob, 'post_message', { channel: 'general', text: TODO });
  for (const emoji of ['👍', '🎉']) await ask(bob, 'react', { channel: 'general', message, emoji });
  return message;
}
async function goOn(bob: Person, todo: string) {
  await ask(bob, 'post_message', { channel: 'general', text: HOURS, reply_to: todo });
  await ask(bob, 'post_message', { channel: 'general', text: CODE });
  const multipart = { channel: 'general', text: 'Have a look, @Ada.', files: PROOF };
  await expect(await bob.context.request.post('/api/post_message', { multipart })).toBeOK();
  await ask(bob, 'post_message', { channel: 'late lunch', text: 'Soup or noodles?' });
}

for (const theme of ['light', 'dark'] as const) {
  for (const width of [360, 768, 1440]) {
    test(`Flack looks as it did on ${width} pixels in ${theme} colours`, async ({ people }) => {
      const isPhone = width < 768;
      const options = { viewport: { width, height: 720 }, isMobile: isPhone, hasTouch: isPhone };
      const bob = await people.join('Bob');
      const todo = await begin(bob);
      const ada = await people.guest('Ada', { ...options, colorScheme: theme });
      await dress(ada);
      const looksAsItDid = async (what: string) => {
        await expect.soft(ada.page).toHaveScreenshot(`${what}-${width}-${theme}.png`);
        // Nothing depends on where the pointer was left.
        await ada.page.keyboard.press('Escape');
        await ada.page.mouse.move(0, 0);
      };
      const visit = async (path: string) => {
        await ada.visit(path);
        await ada.isConnected();
        await ada.page.evaluate(async () => void (await document.fonts.ready));
      };

      await ada.visit('/');
      await looksAsItDid('join');

      // That Bob was here is noted within a second, with a number of its own in the log: whose colour comes
      // from theirs joins after that, however busy the machine is.
      await ada.page.waitForTimeout(1_500);
      await ada.takeName();
      await ada.page.mouse.move(0, 0);
      await visit('/c/design');
      await goOn(bob, todo);
      await visit('/c/general');
      // Letters that came late have moved what one came for.
      await ada.log.evaluate((log) => log.scrollTo(0, 0));
      if (!isPhone) await expect(await ada.act('Have a look, @Ada.')).toBeVisible();
      await looksAsItDid('conversation');

      await ada.page.getByRole('button', { name: 'This room' }).click();
      await looksAsItDid('menu');

      await ada.page.keyboard.press('Control+k');
      await expect(ada.page.getByRole('dialog', { name: 'Jump to' }).getByRole('option')).toHaveCount(3);
      await looksAsItDid('jump');

      if (isPhone) {
        await ada.page.getByRole('button', { name: 'Show channels' }).click();
        await looksAsItDid('rooms');
      }
      await visit('/people');
      // Who is here is told once a second.
      const here = ada.page.getByRole('main').getByTitle('Online').filter({ visible: true });
      await expect(here).toHaveCount(2);
      // They come first, so who was here only after the list was asked for is not in the place that is pictured.
      const name = ada.page.getByRole('searchbox');
      await name.fill('b');
      await expect(ada.page.locator('.people__list').getByRole('link')).toHaveText([/Bob/]);
      await name.fill('');
      await expect(ada.page.locator('.people__list').getByRole('link')).toHaveText([/Ada/, /Bob/]);
      await name.blur();
      await looksAsItDid('people');
    });
  }
}
