import { expect, test } from './flack';

test('two people talk without reloading', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');

  await ada.write('Hello Bo');
  await bo.sees('Hello Bo');
  await bo.composer.fill('Hello Ada');
  await bo.page.getByRole('button', { name: 'Send' }).click();
  await ada.sees('Hello Bo', 'Hello Ada');
  await bo.sees('Hello Bo', 'Hello Ada');
  await expect(ada.composer).toHaveValue('');
  await expect(bo.composer).toHaveValue('');

  await expect(bo.message('Hello Bo').getByText('Ada', { exact: true })).toBeVisible();
  await expect(ada.message('Hello Ada').getByText('Bo', { exact: true })).toBeVisible();

  await ada.reload();
  await ada.sees('Hello Bo', 'Hello Ada');
});

test('both see the same order, whoever writes at the same time', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  const numbers = [1, 2, 3, 4, 5, 6, 7, 8];
  await Promise.all(
    [ada, bo].map(async (person) => {
      for (const number of numbers) await person.write(`${person.name} ${number}`);
    }),
  );

  await expect(ada.messages).toHaveCount(16);
  await expect(ada.log.locator('[data-state]')).toHaveCount(0);
  const order = await ada.log.locator('article p').allTextContents();
  await bo.sees(...order);
  for (const name of ['Ada', 'Bo']) {
    const own = order.filter((text) => text.startsWith(name));
    expect(own).toEqual(numbers.map((number) => `${name} ${number}`));
  }
});

test('a message has its time: short to see, exact to look up', async ({ people }) => {
  const ada = await people.join('Ada', { timezoneId: 'Asia/Tokyo' });
  await ada.write('What time is it?');
  await ada.sees('What time is it?');

  const check = async () => {
    const time = ada.message('What time is it?').locator('time');
    const at = new Date((await time.getAttribute('datetime'))!);
    expect(Math.abs(Date.now() - at.getTime())).toBeLessThan(60_000);
    const inTokyo = (options: Intl.DateTimeFormatOptions) =>
      at.toLocaleString('en-GB', { timeZone: 'Asia/Tokyo', ...options });
    await expect(time).toHaveText(inTokyo({ hour: '2-digit', minute: '2-digit' }));
    const exact = inTokyo({ dateStyle: 'full', timeStyle: 'medium' });
    await expect(time).toHaveAttribute('title', exact);
  };
  await check();
  await ada.reload();
  await check();
});

test('Shift and Enter break the line, and line breaks are kept', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.composer.pressSequentially('Milk');
  await ada.composer.press('Shift+Enter');
  await ada.composer.press('Shift+Enter');
  await ada.composer.pressSequentially('  Bread');
  await ada.composer.press('Enter');

  const list = 'Milk\n\n  Bread';
  await bo.sees(list);
  await expect(bo.messages.getByText('Milk')).toHaveText(list, { useInnerText: true });
  await bo.reload();
  await bo.sees(list);
});

test('HTML and Markdown lookalikes are shown as text', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  const text = '<img src=x onerror="document.title=1"><b>bold</b> &amp; <!-- --> </p></script>';
  await ada.write(text);
  await bo.sees(text);
  await bo.reload();
  await bo.sees(text);
  await expect(bo.log.locator('img, b, script')).toHaveCount(0);
  await expect(bo.page).toHaveTitle('#general · Flack');
});

test('right-to-left text runs from right to left', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.composer.fill('שלום עולם');
  await expect(ada.composer).toHaveCSS('direction', 'rtl');
  await ada.composer.press('Enter');
  await ada.write('Hello world');
  await expect(bo.messages.getByText('שלום עולם')).toHaveCSS('direction', 'rtl');
  await expect(bo.messages.getByText('Hello world')).toHaveCSS('direction', 'ltr');
});

test('an empty message is refused', async ({ people }) => {
  const ada = await people.join('Ada');
  for (const nothing of ['', '   ', '\n\n']) {
    await ada.composer.fill(nothing);
    await ada.composer.press('Enter');
    await expect(ada.alert).toHaveText('Write something first.');
    await expect(ada.composer).toHaveValue(nothing);
    await expect(ada.messages).toHaveCount(0);
  }
  await ada.write('Something');
  await expect(ada.alert).toBeHidden();
  await ada.sees('Something');
});

test('a message that is too long is refused, and can be shortened', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  const limit = 'x'.repeat(4000);

  await ada.write(`${limit}x`);
  await expect(ada.alert).toHaveText(
    'A message can have up to 4000 characters. This one has 4001.',
  );
  await expect(ada.page.getByText('4001 of 4000')).toBeVisible();
  await expect(ada.page.getByText('breaks the line')).toBeHidden();
  await expect(ada.composer).toHaveValue(`${limit}x`);
  await expect(ada.composer).toBeFocused();

  await ada.composer.press('Backspace');
  await expect(ada.alert).toBeHidden();
  await expect(ada.page.getByText('4000 of 4000')).toBeVisible();
  await ada.composer.press('Enter');
  await bo.sees(limit);
  await expect(ada.page.getByText('of 4000')).toBeHidden();
});

test('an opened channel shows the 100 newest messages', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  const all = Array.from({ length: 105 }, (_, index) => `Message ${index + 1}`);
  for (const text of all) {
    const form = { channel: 'general', text };
    await expect(await ada.context.request.post('/api/post_message', { form })).toBeOK();
  }

  const newest = all.slice(5);
  await bo.sees(...newest);
  await bo.reload();
  await bo.sees(...newest);
  // Whoever had not read them yet comes to the first of them.
  await bo.log.press('End');
  await expect(bo.message('Message 105')).toBeInViewport();
  await bo.write('One more');
  await ada.sees(...newest.slice(1), 'One more');
});

test('a message of one’s own can be deleted, for everyone and for good', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.write('Good');
  await ada.write('Oops');
  await bo.sees('Good', 'Oops');
  await bo.write('Hm?');
  await ada.sees('Good', 'Oops', 'Hm?');
  await bo.sees('Good', 'Oops', 'Hm?');

  for (const [person, theirs] of [[bo, 'Oops'], [ada, 'Hm?']] as const) {
    const actions = await person.act(theirs);
    await expect(actions.getByRole('link', { name: 'Reply' })).toBeVisible();
    await expect(actions.getByRole('button', { name: 'Delete message' })).toHaveCount(0);
  }
  await ada.delete('Oops');
  await ada.sees('Good', 'Hm?');
  await bo.sees('Good', 'Hm?');

  for (const person of [ada, bo]) {
    const html = await (await person.context.request.get('/c/general')).text();
    expect(html).toContain('Hm?');
    expect(html).not.toContain('Oops');
    await person.reload();
    await person.sees('Good', 'Hm?');
  }
});

test('messages that stand under one name still have it, and their time', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  for (const text of ['One', 'Two', 'Three']) await ada.write(text);
  await bo.sees('One', 'Two', 'Three');
  for (const text of ['One', 'Two', 'Three']) {
    const article = bo.message(text);
    await expect(article.getByText('Ada', { exact: true })).toBeVisible();
    await expect(article.locator('time[datetime][title]')).toBeVisible();
  }
});
