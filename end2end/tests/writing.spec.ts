// Writing: a field that grows, completes and marks, and that leaves input methods alone.

import AxeBuilder from '@axe-core/playwright';

import { expect, fitsItsScreen, test, type Person } from './flack';

const PHONE = { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true };

const suggestions = (person: Person) => person.page.getByRole('listbox', { name: 'Suggestions' });
const options = (person: Person) => suggestions(person).getByRole('option');
const chosen = (person: Person) => suggestions(person).getByRole('option', { selected: true });

/** The id of the line that the field names to assistive technology. */
const named = (person: Person) => person.composer.getAttribute('aria-activedescendant');

test('on a phone Enter breaks the line, and the button sends', async ({ people }) => {
  const ada = await people.join('Ada', PHONE);
  await ada.composer.tap();
  await ada.page.keyboard.type('Milk');
  await ada.page.keyboard.press('Enter');
  await ada.page.keyboard.type('Bread');
  await expect(ada.composer).toHaveValue('Milk\nBread');
  await ada.page.getByRole('button', { name: 'Send' }).tap();
  await expect(ada.messages).toHaveText(/Milk\s*Bread/);
});

test('a name is completed with the keyboard', async ({ people }) => {
  const ada = await people.join('Ada');
  await people.join('Nadia Comb');
  const nat = await people.join('Nat');
  await nat.write('I was here last');
  await ada.sees('I was here last');

  await ada.composer.pressSequentially('Hello @na');
  // Who wrote here comes first, then whom the server finds.
  await expect(options(ada)).toHaveText([/Nat/, /Nadia Comb/]);
  await expect(chosen(ada)).toHaveText(/Nat/);
  expect(await named(ada)).toBe(await chosen(ada).getAttribute('id'));
  await ada.composer.press('ArrowDown');
  await expect(chosen(ada)).toHaveText(/Nadia/);
  expect(await named(ada)).toBe(await chosen(ada).getAttribute('id'));
  await ada.composer.press('ArrowDown');
  await expect(chosen(ada)).toHaveText(/Nat/);
  await ada.composer.press('ArrowUp');
  await ada.composer.press('Enter');
  await expect(ada.composer).toHaveValue('Hello @Nadia Comb ');
  await expect(suggestions(ada)).toBeHidden();
  expect(await named(ada)).toBeNull();
  await ada.composer.pressSequentially('and @nat');
  await ada.composer.press('Tab');
  await ada.composer.press('Enter');
  await expect(ada.message('Hello @Nadia Comb and @Nat')).toBeVisible();
});

test('a full name with a space in it is found to its end', async ({ people }) => {
  const ada = await people.join('Ada');
  await people.join('Nadia Comb');
  await ada.composer.pressSequentially('@nadia c');
  await expect(options(ada)).toHaveText([/Nadia Comb/]);
  await ada.composer.pressSequentially('x');
  await expect(suggestions(ada)).toBeHidden();
  await ada.composer.press('Enter');
  await ada.sees('@nadia cx');
});

test('Escape leaves what was typed as it is, and then the field', async ({ people }) => {
  const ada = await people.join('Ada');
  await people.join('Nat');
  await ada.composer.pressSequentially('@nat');
  await expect(chosen(ada)).toHaveText(/Nat/);
  await ada.composer.press('Escape');
  await expect(suggestions(ada)).toBeHidden();
  await ada.composer.pressSequentially('ter');
  await expect(suggestions(ada)).toBeHidden();
  await expect(ada.composer).toBeFocused();
  await ada.composer.press('Escape');
  await expect(ada.log).toBeFocused();
  await expect(ada.composer).toHaveValue('@natter');
});

test('an emoji is completed by its code, or by what people call it', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.composer.pressSequentially('Done :ta');
  await expect(chosen(ada)).toHaveText(/🎉|:ta/);
  await ada.composer.pressSequentially('da');
  await expect(chosen(ada)).toContainText(':tada:');
  await ada.composer.press('Enter');
  await expect(ada.composer).toHaveValue('Done 🎉');
  await ada.composer.pressSequentially(' :celebr');
  await expect(options(ada).filter({ hasText: ':tada:' })).toBeVisible();
  await ada.composer.fill('');
  // Who knows the code types its end.
  await ada.composer.pressSequentially('so :+1:');
  await expect(ada.composer).toHaveValue('so 👍');
  await ada.composer.press('Control+z');
  await expect(ada.composer).toHaveValue('so :+1:');
  await ada.composer.fill('');
  await ada.composer.pressSequentially('10:30 :) https://x.example ');
  await expect(ada.composer).toHaveValue('10:30 :) https://x.example ');
  await expect(suggestions(ada)).toBeHidden();
});

test('on a phone the list lies over the field, and a touch chooses', async ({ people }) => {
  const ada = await people.join('Ada', PHONE);
  await people.join('Nadia Comb');
  await ada.composer.tap();
  await ada.composer.pressSequentially('@na');
  await expect(options(ada)).toHaveText([/Nadia Comb/]);
  const field = (await ada.composer.boundingBox())!;
  const list = (await suggestions(ada).boundingBox())!;
  expect(list.y + list.height).toBeLessThanOrEqual(field.y);
  expect(list.y).toBeGreaterThanOrEqual(0);
  expect(list.x).toBeGreaterThanOrEqual(0);
  expect(list.x + list.width).toBeLessThanOrEqual(360);
  if (process.env.PICTURES) {
    await ada.page.screenshot({ path: `${process.env.PICTURES}/complete-phone.png` });
  }
  await options(ada).tap();
  await expect(ada.composer).toHaveValue('@Nadia Comb ');
  await expect(ada.composer).toBeFocused();
});

test('new words of a message are completed, too', async ({ people }) => {
  const ada = await people.join('Ada');
  await people.join('Nadia Comb');
  await ada.write('Ask somebody');
  await ada.sees('Ask somebody');
  await ada.composer.press('ArrowUp');
  await ada.editor.fill('Ask ');
  await ada.editor.pressSequentially('@nad');
  await expect(options(ada)).toHaveText([/Nadia Comb/]);
  await ada.editor.press('Enter');
  await expect(ada.editor).toHaveValue('Ask @Nadia Comb ');
  await ada.editor.press('Enter');
  await ada.sees('Ask @Nadia Comb');
  await expect(ada.messages).toContainText('(edited)');
});

for (const can of ['a browser that sizes fields', 'any other browser']) {
  test(`the field grows with its text in ${can}, and then scrolls`, async ({ people }) => {
    const ada = await people.guest('Ada');
    if (can === 'any other browser') {
      // Not what comes when somebody begins to write: that may be on its way when the test is over.
      await ada.page.route(/\/pkg\/flack-[0-9a-f]+\.css$/, async (route) => {
        const response = await route.fetch();
        const body = (await response.text()).replaceAll('field-sizing', 'unknown-sizing');
        await route.fulfill({ response, body });
      });
    }
    await ada.visit('/');
    await ada.takeName();
    await expect(ada.composer).toBeVisible();
    const height = async () => (await ada.composer.boundingBox())!.height;
    const one = await height();
    await ada.composer.press('a');
    expect(await height()).toBe(one);
    for (let line = 0; line < 3; line++) await ada.composer.press('Shift+Enter');
    const four = await height();
    expect(four).toBeGreaterThan(one + 60);
    await ada.composer.fill('line\n'.repeat(60));
    expect(await height()).toBeLessThanOrEqual(0.4 * 720 + 1);
    await ada.composer.fill('');
    expect(await height()).toBe(one);
    // What comes back from the storage does so as well.
    await ada.composer.fill('one\ntwo\nthree\nfour');
    expect(await height()).toBe(four);
    await ada.reload();
    await expect(ada.composer).toHaveValue('one\ntwo\nthree\nfour');
    expect(await height()).toBe(four);
  });
}

test('keys mark words, and take the marks away', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.composer.pressSequentially('so good');
  for (let letter = 0; letter < 'good'.length; letter++) {
    await ada.composer.press('Shift+ArrowLeft');
  }
  for (const [keys, marked] of [
    ['Control+b', 'so **good**'],
    ['Control+i', 'so **_good_**'],
    ['Control+i', 'so **good**'],
    ['Control+b', 'so good'],
    ['Control+Shift+x', 'so ~~good~~'],
    ['Control+Shift+x', 'so good'],
    ['Control+e', 'so `good`'],
  ] as const) {
    await ada.composer.press(keys);
    await expect(ada.composer).toHaveValue(marked);
  }
  await ada.composer.press('Control+z');
  await expect(ada.composer).toHaveValue('so good');
  await ada.composer.press('End');
  await ada.composer.press('Space');
  await ada.composer.press('Control+b');
  await ada.composer.pressSequentially('now');
  await expect(ada.composer).toHaveValue('so good **now**');
});

test('what an input method composes is neither sent nor completed', async ({ people }) => {
  const ada = await people.join('Ada');
  await people.join('Nat');
  const cdp = await ada.context.newCDPSession(ada.page);
  const compose = (text: string) =>
    cdp.send('Input.imeSetComposition', { text, selectionStart: text.length, selectionEnd: text.length });
  const key = (type: 'rawKeyDown' | 'keyUp', name: string) =>
    cdp.send('Input.dispatchKeyEvent', { type, key: name, code: name, windowsVirtualKeyCode: 229 });
  await ada.composer.focus();
  await compose('にほん');
  // The input method takes Enter, to finish the word.
  await key('rawKeyDown', 'Enter');
  await cdp.send('Input.insertText', { text: '日本' });
  await key('keyUp', 'Enter');
  await expect(ada.composer).toHaveValue('日本');
  await expect(ada.messages).toHaveCount(0);

  // As browsers tell of it that say so in another way.
  const asked = await ada.composer.evaluate((field) => {
    const press = new KeyboardEvent('keydown', {
      key: 'Enter',
      isComposing: true,
      bubbles: true,
      cancelable: true,
    });
    field.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }));
    return field.dispatchEvent(press);
  });
  expect(asked).toBe(true);
  await ada.composer.press('Enter');
  await ada.sees('日本');
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`the list is accessible in ${colorScheme} colours`, async ({ people }) => {
    const ada = await people.join('Ada', { colorScheme });
    await people.join('Nadia Comb');
    await people.join('Nat');
    for (const typed of ['@na', ':smi']) {
      await ada.composer.fill('');
      await ada.composer.pressSequentially(typed);
      await expect(options(ada).nth(1)).toBeVisible();
      const { violations } = await new AxeBuilder({ page: ada.page }).setLegacyMode().analyze();
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
      if (process.env.PICTURES) {
        const name = `complete-${typed.slice(1)}-${colorScheme}.png`;
        await ada.page.screenshot({ path: `${process.env.PICTURES}/${name}` });
      }
    }
  });
}

test('somebody can be called again where somebody was called before', async ({ people }) => {
  const ada = await people.join('Ada');
  await people.join('Nat');
  const call = async () => {
    await ada.composer.pressSequentially('@nat');
    await expect(chosen(ada)).toHaveText(/Nat/);
    await ada.composer.press('Enter');
    await expect(ada.composer).toHaveValue('@Nat ');
  };
  await call();
  await ada.composer.pressSequentially('hello');
  await expect(suggestions(ada)).toBeHidden();
  await ada.composer.press('Enter');
  await ada.sees('@Nat hello');
  await call();
  // Over what is there, and after what was declined.
  await ada.composer.press('Control+a');
  await call();
  await ada.composer.press('Control+a');
  await ada.composer.pressSequentially('@nat');
  await expect(chosen(ada)).toHaveText(/Nat/);
  await ada.composer.press('Escape');
  await ada.composer.press('Enter');
  await ada.sees('@Nat hello', '@nat');
  await call();
});

test('in code that has no end yet, Enter goes on with the next line', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.composer.pressSequentially('```js');
  await ada.composer.press('Enter');
  await ada.composer.pressSequentially('let x = 1;');
  await ada.composer.press('Enter');
  await ada.composer.pressSequentially('```');
  await expect(ada.composer).toHaveValue('```js\nlet x = 1;\n```');
  await ada.composer.press('Enter');
  await expect(ada.composer).toHaveValue('');
  await expect(ada.log.locator('pre')).toHaveText('let x = 1;');
  // Whoever wants it so sends it all the same.
  await ada.composer.fill('``` is how it begins');
  await ada.composer.press('Control+Enter');
  await expect(ada.composer).toHaveValue('');
});

test('with large letters on a small screen there is room to write', async ({ people }) => {
  const ada = await people.join('Ada', PHONE);
  for (const size of ['100%', '150%', '200%']) {
    await ada.page.evaluate((size) => (document.documentElement.style.fontSize = size), size);
    const field = (await ada.composer.boundingBox())!;
    expect(field.width, size).toBeGreaterThan(150);
    for (const name of ['Send', 'Emoji']) {
      await expect(ada.page.getByRole('button', { name, exact: true })).toBeInViewport({ ratio: 1 });
    }
    await fitsItsScreen(ada);
  }
});
