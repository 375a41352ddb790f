import type { BrowserContextOptions, Locator } from '@playwright/test';

import { expect, fitsItsScreen, isAccessible, refusal, test, type Person } from './flack';

const PHONE = { width: 390, height: 844 };

const at = (width: number): BrowserContextOptions =>
  width < 768
    ? { viewport: { width, height: 740 }, hasTouch: true, isMobile: true }
    : { viewport: { width, height: 900 } };

/** Words that are too long for any line, in each place that people can fill. */
const LONG = {
  person: 'W'.repeat(32),
  channel: 'M'.repeat(40),
  text: `https://example.org/${'W'.repeat(300)}`,
};

for (const width of [320, 360, 768, 1440]) {
  test(`everything has its place on ${width} pixels`, async ({ people, mayLog }) => {
    mayLog(refusal(404));
    const ada = await people.guest(LONG.person, at(width));
    await ada.visit('/');
    await fitsItsScreen(ada);
    await expect(ada.namePrompt).toBeInViewport({ ratio: 1 });
    await expect(ada.page.getByRole('button', { name: 'Join' })).toBeInViewport({ ratio: 1 });
    await ada.takeName();
    await expect(ada.conversation('general')).toBeVisible();
    await fitsItsScreen(ada);

    const form = { name: LONG.channel };
    await ada.context.request.post('/api/create_channel', { form });
    await ada.visit(`/c/${LONG.channel}`);
    await ada.write(LONG.text);
    await ada.write('Two\nlines');
    await ada.composer.fill('A third\nand\na fourth');
    await fitsItsScreen(ada);

    const send = ada.page.getByRole('button', { name: 'Send' });
    const heading = ada.page.getByRole('heading', { level: 1 });
    for (const part of [heading, ada.composer, send]) {
      await expect(part).toBeInViewport({ ratio: 1 });
    }
    await expect(ada.message('Two\nlines')).toBeInViewport({ ratio: 1 });
    if (width < 768) {
      await ada.page.getByRole('button', { name: 'Show channels' }).click();
    }
    for (const part of [
      ada.channel('general'),
      ada.channel(LONG.channel),
      ada.page.getByRole('button', { name: 'New channel' }),
      ada.page.getByRole('button', { name: LONG.person }),
    ]) {
      await expect(part).toBeInViewport({ ratio: 1 });
    }
    await fitsItsScreen(ada);
    await ada.openNewChannel();
    const create = ada.page.getByRole('button', { name: 'Create channel' });
    await expect(create).toBeInViewport({ ratio: 1 });
    await fitsItsScreen(ada);

    await ada.visit(`/c/${LONG.channel.slice(1)}`);
    await fitsItsScreen(ada);
    for (const way of [
      ada.page.getByRole('button', { name: 'Create #' }),
      ada.page.getByRole('link', { name: 'Back to #general' }),
    ]) {
      await expect(way).toBeInViewport({ ratio: 1 });
    }
  });
}

test('the newest is shown first, and older messages can be scrolled to', async ({ people }) => {
  const ada = await people.join('Ada', at(360));
  for (let number = 1; number <= 30; number += 1) {
    const form = { channel: 'general', text: `Message ${number}` };
    await ada.context.request.post('/api/post_message', { form });
  }
  await ada.reload();
  await expect(ada.message('Message 30')).toBeInViewport({ ratio: 1 });
  await ada.message('Message 1').scrollIntoViewIfNeeded();
  await expect(ada.message('Message 1')).toBeInViewport({ ratio: 1 });
  await expect(ada.composer).toBeInViewport({ ratio: 1 });
});

test('on a phone the channels are in a drawer', async ({ people }) => {
  const ada = await people.join('Ada', {
    ...at(360),
    // With its movements, because these must not leave it half open.
    reducedMotion: 'no-preference',
  });
  const menu = ada.page.getByRole('button', { name: 'Show channels' });
  await expect(ada.channels).toBeHidden();

  await menu.click();
  await expect(ada.channels).toBeInViewport({ ratio: 1 });
  await ada.page.keyboard.press('Escape');
  await expect(ada.channels).toBeHidden();
  await expect(menu).toBeFocused();

  await menu.click();
  await ada.page.getByRole('button', { name: 'Close channel list' }).click();
  await expect(ada.channels).toBeHidden();

  await menu.click();
  await ada.openNewChannel();
  await ada.newChannelName.fill('plans');
  await ada.newChannelName.press('Enter');
  await expect(ada.conversation('plans')).toBeVisible();
  await expect(ada.channels).toBeHidden();

  await menu.click();
  await ada.channel('general').click();
  await expect(ada.conversation('general')).toBeVisible();
  await expect(ada.channels).toBeHidden();
  await expect(ada.composer).toBeInViewport({ ratio: 1 });
});

for (const [device, options] of [
  ['a wide screen', at(1440)],
  ['a phone', at(PHONE.width)],
] as const) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`axe finds nothing on ${device} in ${colorScheme} colours`, async ({ people, mayLog }) => {
      mayLog(refusal(404), refusal(409));
      const ada = await people.guest('Ada', { ...options, colorScheme });
      await ada.visit('/');
      await isAccessible(ada);
      await ada.takeName();
      await expect(ada.conversation('general')).toBeVisible();
      if (!options.isMobile) await isAccessible(ada);

      const bo = await people.join('Bo');
      await bo.write('Good morning');
      await ada.sees('Good morning');
      await ada.write('Hello');
      await ada.write('Two\nlines');
      await ada.sees('Good morning', 'Hello', 'Two\nlines');
      await ada.send();
      await expect(ada.alert).toBeVisible();
      await isAccessible(ada);

      if (options.isMobile) {
        await ada.page.getByRole('button', { name: 'Show channels' }).click();
        await isAccessible(ada);
      }
      await ada.openNewChannel();
      await ada.newChannelName.fill('General');
      await ada.newChannelName.press('Enter');
      await expect(ada.alert.filter({ hasText: '#general' })).toBeVisible();
      await isAccessible(ada);

      await ada.visit('/c/nowhere');
      await isAccessible(ada);
      if (!options.isMobile) {
        await ada.visit('/nowhere');
        await isAccessible(ada);
      }
    });
  }
}

for (const [what, options] of [
  ['more contrast', { contrast: 'more' }],
  ['colours of the system alone', { forcedColors: 'active' }],
] as const) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`axe finds nothing with ${what} in ${colorScheme}`, async ({ people }) => {
      const ada = await people.join('Ada', { ...at(1440), ...options, colorScheme });
      await ada.write('Hello');
      await ada.sees('Hello');
      await isAccessible(ada);
      await ada.page.getByRole('button', { name: 'Ada' }).click();
      await expect(ada.page.getByRole('button', { name: 'System' })).toBeVisible();
      await isAccessible(ada);
    });
  }
}

for (const width of [360, 1440]) {
  test(`from right to left everything is mirrored on ${width} pixels`, async ({ people }) => {
    const ada = await people.join('Ada', at(width));
    await ada.write('Hello');
    await ada.sees('Hello');
    const boxes = async () => {
      if (width < 768) {
        await ada.page.getByRole('button', { name: 'Show channels' }).click();
        await expect(ada.channels).toBeInViewport({ ratio: 1 });
      }
      const parts = [ada.channels, ada.log, ada.composer, ada.message('Hello').getByRole('time')];
      return Promise.all(parts.map(async (part) => (await part.boundingBox())!));
    };
    const mirrored = (await boxes()).map(({ x, width: w }) => Math.round(width - x - w));
    await ada.page.keyboard.press('Escape');
    await ada.page.evaluate(() => document.documentElement.setAttribute('dir', 'rtl'));
    expect((await boxes()).map(({ x }) => Math.round(x))).toEqual(mirrored);
    await fitsItsScreen(ada);
  });
}

test('dark and light are both there, from the first paint', async ({ people }) => {
  const brightness = async (colorScheme: 'light' | 'dark') => {
    const person = await people.guest('Ada', { colorScheme, javaScriptEnabled: false });
    await person.page.goto('/');
    const pixel = await person.page.screenshot({ clip: { x: 4, y: 4, width: 1, height: 1 } });
    // The same page in another colour scheme is another picture.
    return pixel.toString('base64');
  };
  expect(await brightness('light')).not.toBe(await brightness('dark'));
});

/** What the keyboard is on, and whether one can see that it is. */
async function focused(person: Person) {
  return person.page.evaluate(() => {
    const element = document.activeElement as HTMLElement;
    const name = element.getAttribute('aria-label') ?? element.innerText.trim();
    const isRinged = (one: Element | null): boolean => {
      if (!one || one === document.body) return false;
      const { outlineStyle, outlineWidth } = getComputedStyle(one);
      return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
    };
    // A field may let the box around it show the focus.
    const around = element.parentElement;
    const isVisible = [element, around, around?.parentElement].some((one) => isRinged(one ?? null));
    return { name, isVisible };
  });
}

test('everything can be done with the keyboard alone', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.createChannel('plans');
  await ada.write('Lunch?');
  await ada.sees('Lunch?');

  await expect(ada.composer).toBeFocused();
  const way: string[] = [];
  do {
    const { name, isVisible } = await focused(ada);
    // Between the last element and the first the browser itself may have the focus.
    if (name && name !== (await ada.page.locator('body').innerText())) {
      expect(isVisible, `one can see that ${name} has the focus`).toBe(true);
      way.push(name);
    }
    await ada.page.keyboard.press('Tab');
  } while (way.length < 40 && !(way.length > 1 && (await focused(ada)).name === way[0]));
  expect(way).toEqual([
    'Message #plans',
    'Emoji',
    'Send',
    'Skip to the conversation',
    'Flack',
    expect.stringContaining('Jump to…'),
    '#general',
    '#plans',
    'New channel',
    'New message',
    expect.stringContaining('Ada'),
    'This room',
    'Messages in #plans',
    expect.stringMatching(/\d\d:\d\d/),
    'React with 👍',
    'React with ❤️',
    'React with 😂',
    'React with 🎉',
    'React with 👀',
    'React with ✅',
    'Other emoji',
    'Reply',
    'Copy link',
    'Edit message',
    'Delete message',
    'Attach files',
  ]);

  const go = async (goal: Locator) => {
    for (let step = 0; step < 40; step += 1) {
      if (await goal.evaluate((element) => element === document.activeElement)) return;
      await ada.page.keyboard.press('Tab');
    }
    throw new Error(`the keyboard does not lead to ${goal}`);
  };
  await go(ada.page.getByRole('button', { name: 'Delete message' }));
  await ada.page.keyboard.press('Enter');
  await expect(ada.messages).toHaveCount(0);

  await go(ada.channel('general'));
  await ada.page.keyboard.press('Enter');
  await expect(ada.conversation('general')).toBeVisible();

  await go(ada.page.getByRole('button', { name: 'New channel' }));
  await ada.page.keyboard.press('Enter');
  await expect(ada.newChannelName).toBeFocused();
  await ada.page.keyboard.press('Escape');
  await expect(ada.newChannelName).toBeHidden();
  await expect(ada.page.getByRole('button', { name: 'New channel' })).toBeFocused();

  await go(ada.page.getByRole('link', { name: 'Skip to the conversation' }));
  await ada.page.keyboard.press('Enter');
  await expect(ada.page.getByRole('main')).toBeFocused();
  await go(ada.log);
  await go(ada.composer);
  await ada.page.keyboard.type('Typed only');
  await ada.page.keyboard.press('Enter');
  await ada.sees('Typed only');
});
