// The main paths, in Firefox.

import { expect, test } from './firefox';

test('two people talk, and each sees the other at once', async ({ server, somebody }) => {
  const [ada, bob] = [await somebody('Ada'), await somebody('Bob')];
  await ada.join(server.url);
  await bob.join(server.url);
  await ada.write('Is anybody here?');
  await bob.sees(['Is anybody here?']);
  await bob.write('I am.');
  await ada.sees(['Is anybody here?', 'I am.']);
  // Who comes back is known, and lands where they were.
  await ada.visit(server.url);
  await ada.isConnected();
  await ada.sees(['Is anybody here?', 'I am.']);
  expect(await ada.faults()).toEqual([]);
});

test('a channel is made, and is there for everyone', async ({ server, somebody }) => {
  const [ada, bob] = [await somebody('Ada'), await somebody('Bob')];
  await ada.join(server.url);
  await bob.join(server.url);
  await ada.click('button', 'New channel');
  await (await ada.find('textbox', 'Channel name')).type('design');
  await ada.click('button', 'Create channel');
  await ada.page.waitForFunction(() => location.pathname === '/c/design');
  const link = await bob.page.waitForSelector('a[href="/c/design"]');
  await link?.click();
  await bob.page.waitForFunction(() => location.pathname === '/c/design');
  await ada.write('Colours?');
  await bob.sees(['Colours?']);
});

test('what is written while the server is away goes out once, also after a reload', async ({ server, somebody }) => {
  const [ada, bob] = [await somebody('Ada'), await somebody('Bob')];
  await ada.join(server.url);
  await bob.join(server.url);
  await ada.write('before');
  await bob.sees(['before']);
  await server.stop();
  await ada.page.waitForSelector('.status:not([data-state="live"])');
  await ada.write('meanwhile');
  await ada.page.waitForSelector('article[data-state="waiting"]');
  await server.start();
  await bob.isConnected();
  await ada.isConnected();
  await ada.sees(['before', 'meanwhile']);
  await bob.sees(['before', 'meanwhile']);
  await ada.visit(`${server.url}/c/general`);
  await ada.sees(['before', 'meanwhile']);
});

test('the first visit and the list of people have no faults', async ({ server, somebody }) => {
  const ada = await somebody('Ada');
  await ada.visit(server.url);
  expect(await ada.faults()).toEqual([]);
  await ada.join(server.url);
  await ada.visit(`${server.url}/people`);
  expect(await ada.faults()).toEqual([]);
});
