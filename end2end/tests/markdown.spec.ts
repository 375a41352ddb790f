import type { Locator } from '@playwright/test';

import { expect, isAccessible, test } from './flack';

/** What is written, and what is there to be seen of it. */
const CONSTRUCTS: [written: string, selector: string, shown: string][] = [
  ['some **bold** words', 'strong', 'bold'],
  ['some *italic* words', 'em', 'italic'],
  ['some ~~struck~~ words', 'del', 'struck'],
  ['some `<code>` here', ':not(pre) > code', '<code>'],
  ['> a quote\nand an answer', 'blockquote', 'a quote'],
  ['- milk\n- bread', 'ul > li:last-child', 'bread'],
  ['3. milk\n4. bread', 'ol[start="3"] > li:last-child', 'bread'],
  ['```rust\nfn main() {}\n```', 'pre > code .kw', 'fn'],
  ['[words](https://example.org/a)', 'a[href="https://example.org/a"]', 'words'],
  ['see https://example.org/b_c_d.', 'a[href="https://example.org/b_c_d"]', 'https://example.org/b_c_d'],
  ['done :tada: now', 'p', 'done 🎉 now'],
];

test('messages look the same to everyone, at once and after a reload', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  for (const [written] of CONSTRUCTS) await ada.write(written);
  await expect(ada.messages).toHaveCount(CONSTRUCTS.length);
  await expect(ada.log.locator('[data-state]')).toHaveCount(0);

  const check = async () => {
    for (const [number, [, selector, shown]] of CONSTRUCTS.entries()) {
      for (const person of [ada, bo]) {
        const found = person.messages.nth(number).locator(`.prose ${selector}`);
        await expect(found).toHaveText(shown, { useInnerText: true });
      }
    }
  };
  await check();
  await Promise.all([ada.reload(), bo.reload()]);
  await check();
});

test('what was written comes back into the field when it is edited', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.write('**one** and\n- two');
  await ada.log.locator('strong').waitFor();
  await ada.composer.press('ArrowUp');
  await expect(ada.editor).toHaveValue('**one** and\n- two');
  await ada.editor.fill('*one*, changed');
  await ada.editor.press('Enter');
  await expect(ada.log.locator('em')).toHaveText('one');
  await expect(ada.log.locator('strong, li')).toHaveCount(0);
  await expect(ada.messages).toContainText('(edited)');
});

const ground = (of: Locator) => of.evaluate((element) => getComputedStyle(element).backgroundColor);

test('only the one meant sees that they are', async ({ people }) => {
  const ada = await people.join('Ada Lovelace');
  const bo = await people.join('Bo');
  await bo.write('Tea, @ada lovelace? Or @Bo alone, and @nobody');
  await bo.write('Nobody is meant');
  const check = async () => {
    for (const [person, own] of [
      [ada, '@ada lovelace'],
      [bo, '@Bo'],
    ] as const) {
      const [meant, not] = [person.messages.first(), person.messages.last()];
      await expect(meant.locator('.mention')).toHaveText(['@ada lovelace', '@Bo']);
      await expect(meant.locator('.mention--own')).toHaveText([own]);
      await expect(meant).toHaveClass(/message--meant/);
      await expect(not).not.toHaveClass(/message--meant/);
      await person.composer.hover();
      expect(await ground(meant)).not.toBe(await ground(not));
    }
  };
  await check();
  await Promise.all([ada.reload(), bo.reload()]);
  await check();
});

test('a link to a page of this Flack opens in its place, any other one does not', async ({ people, server }) => {
  const ada = await people.join('Ada');
  await ada.createChannel('design');
  await ada.openChannel('general');
  await ada.write(`**here** ${server.url}/c/design and https://example.org/`);
  await ada.log.getByRole('link', { name: `${server.url}/c/design` }).click();
  await expect(ada.conversation('design')).toBeVisible();
  expect(ada.context.pages()).toHaveLength(1);
  await ada.openChannel('general');
  const other = ada.log.getByRole('link', { name: 'https://example.org/' });
  await expect(other).toHaveAttribute('rel', 'noopener noreferrer nofollow');
  await expect(other).toHaveAttribute('target', '_blank');
});

/** Each has markup in it, so that it is shown as HTML; the fixtures fail if a policy was needed. */
const HARM = [
  '*x* <img src=x onerror="document.title=1"><svg onload="document.title=2">',
  '*x* <script>document.title=3</script></script><!-- --> </p></div>',
  '*x* [a](javascript:document.title=4) [b](JaVa&#115;cript:document.title=5) <javascript:x>',
  '*x* [c](data:text/html,<script>parent.document.title=6</script>)',
  '*x* [d](https://example.org/"onmouseover="document.title=7) https://example.org/"onclick="x',
  '```"onfocus="document.title=8" autofocus="\n</code></pre><img src=x onerror="document.title=9">\n```',
  '*x* \u202eturned around\u202c, and @"><b>Bo</b>',
];

test('nothing that was written does anything', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  for (const text of HARM) await ada.write(text);
  await expect(bo.messages).toHaveCount(HARM.length);
  const check = async () => {
    const log = bo.log;
    await expect(log.locator('.prose')).toHaveCount(HARM.length);
    await expect(log.locator('img, script, .prose svg, b, iframe')).toHaveCount(0);
    await expect(log.locator('a[href^="j" i], a[href^="d" i]')).toHaveCount(0);
    const handlers = await log.evaluate((log) =>
      [...log.querySelectorAll('.prose, .prose *')].flatMap((element) =>
        element.getAttributeNames().filter((name) => /^(on|style|autofocus)/.test(name)),
      ),
    );
    expect(handlers).toEqual([]);
    for (const link of await log.locator('.prose a').all()) await link.hover();
    await expect(bo.page).toHaveTitle('#general · Flack');
  };
  await check();
  await bo.reload();
  await check();
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`everything can be read and reached, ${colorScheme}`, async ({ people }) => {
    const ada = await people.join('Ada', { colorScheme, viewport: { width: 360, height: 740 } });
    for (const [written] of CONSTRUCTS) await ada.write(written);
    await ada.write('**@Ada** > 🎉\n> @Ada, `code` and https://example.org/');
    await ada.write(`\`\`\`ts\n// ${'long '.repeat(60)}\nconst a: Map = f("b", 1.5);\n\`\`\`\n**x**`);
    await ada.write('```diff\n+added\n-removed\n```');
    await ada.write(`*x* https://example.org/${'W'.repeat(300)} ${'M'.repeat(300)}`);
    await ada.write('- **שלום** עולם\n- abc\n\n> *مرحبا* بالعالم');
    await ada.write(':tada:');
    await expect(ada.log.locator('[data-state]')).toHaveCount(0);
    await expect(ada.log.locator('.large')).toHaveText('🎉');
    await isAccessible(ada);
    const wide = await ada.page.evaluate(() =>
      [...document.querySelectorAll('html, main, [role=log], .message, .prose')]
        .filter((element) => element.scrollWidth > element.clientWidth + 1)
        .map((element) => element.className),
    );
    expect(wide, 'what is wider than its place').toEqual([]);
    await expect(ada.log.locator('ul', { hasText: 'שלום' })).toHaveCSS('direction', 'rtl');
    await expect(ada.log.locator('blockquote', { hasText: 'مرحبا' })).toHaveCSS('direction', 'rtl');
    // Code that is too long scrolls, by keyboard too.
    const code = ada.log.locator('pre', { hasText: 'const a' });
    await code.focus();
    await ada.page.keyboard.press('ArrowRight');
    await expect.poll(() => code.evaluate((code) => code.scrollLeft)).toBeGreaterThan(0);
  });
}
