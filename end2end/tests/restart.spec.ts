import { BACK, expect, noServer, test } from './flack';

for (const signal of ['SIGTERM', 'SIGKILL']) {
  test(`a conversation goes on after the server was ended by ${signal}`, async ({
    people,
    server,
    mayLog,
  }) => {
    mayLog(noServer);
    const ada = await people.join('Ada');
    const bo = await people.join('Bo');
    for (const person of [ada, bo]) {
      await person.page.evaluate(() => (document.body.dataset.page = 'the first'));
    }
    await ada.write('Are you there?');
    await bo.sees('Are you there?');
    await bo.write('Yes');
    await ada.sees('Are you there?', 'Yes');

    const code = await server.stop(signal);
    expect(code).toBe(signal === 'SIGTERM' ? 0 : null);
    await expect(ada.connection).toHaveText('Reconnecting…');
    await expect(bo.connection).toHaveText('Reconnecting…');
    await ada.write('Flack is away');
    await ada.write('But I go on');
    await expect(ada.message('Flack is away')).toContainText('Waiting for connection');
    await ada.sees('Are you there?', 'Yes', 'Flack is away (waiting)', 'But I go on (waiting)');
    await bo.sees('Are you there?', 'Yes');

    await server.start();
    await ada.isConnected();
    await bo.isConnected();
    await bo.sees('Are you there?', 'Yes', 'Flack is away', 'But I go on');
    await ada.sees('Are you there?', 'Yes', 'Flack is away', 'But I go on');
    await bo.write('Welcome back');
    await ada.sees('Are you there?', 'Yes', 'Flack is away', 'But I go on', 'Welcome back');

    for (const person of [ada, bo]) {
      await expect(person.page.locator('body')).toHaveAttribute('data-page', 'the first');
      await person.reload();
      await person.sees('Are you there?', 'Yes', 'Flack is away', 'But I go on', 'Welcome back');
    }
  });

  test(`nothing is lost or doubled when ${signal} comes while both write`, async ({
    people,
    server,
    mayLog,
  }) => {
    mayLog(noServer);
    const ada = await people.join('Ada');
    const bo = await people.join('Bo');
    const numbers = Array.from({ length: 12 }, (_, index) => index + 1);
    const own = (name: string) => numbers.map((number) => `${name} ${number}`);
    await Promise.all([
      ...[ada, bo].map(async (person) => {
        for (const text of own(person.name)) await person.write(text);
      }),
      (async () => {
        await expect(bo.message('Ada 3')).toBeVisible();
        await server.stop(signal);
        await server.start();
      })(),
    ]);

    for (const person of [ada, bo]) {
      await person.isConnected();
      await expect(person.messages).toHaveCount(24, BACK);
      await expect(person.log.locator('[data-state]')).toHaveCount(0, BACK);
    }
    const order = await ada.log.locator('article p').allTextContents();
    await bo.sees(...order);
    expect(order.filter((text) => text.startsWith('Ada'))).toEqual(own('Ada'));
    expect(order.filter((text) => text.startsWith('Bo'))).toEqual(own('Bo'));
  });
}

test('what was deleted and created meanwhile is caught up with', async ({
  people,
  server,
  mayLog,
}) => {
  mayLog(noServer);
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.write('Keep');
  await ada.write('Oops');
  await bo.sees('Keep', 'Oops');

  // Bo's page alone is cut off, and misses what happens.
  await bo.context.setOffline(true);
  await ada.delete('Oops');
  await ada.sees('Keep');
  await ada.createChannel('plans');
  await ada.openChannel('general');
  await ada.write('Later');
  await ada.sees('Keep', 'Later');
  await server.stop();
  await server.start();
  await bo.context.setOffline(false);

  await bo.isConnected();
  await bo.sees('Keep', 'Later');
  await expect(bo.channel('plans')).toBeVisible();
});
