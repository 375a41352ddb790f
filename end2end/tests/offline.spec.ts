import { expect, isAccessible, noServer, test, type Person } from './flack';
import { Wire } from './wire';

/** Has a page whose clock the test sets, with all of the client. */
async function hasClock(person: Person) {
  await person.page.clock.install();
  await person.reload();
  await person.isConnected();
  await person.isWhole();
}

test('a page without network says so, and goes on when it is back', async ({ people, mayLog }) => {
  mayLog(noServer);
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await hasClock(ada);

  await ada.context.setOffline(true);
  await ada.write('From the tunnel');
  await ada.write('Still in it');
  await bo.write('Where is Ada?');
  // A dead link is noticed after 25 seconds of silence.
  await ada.page.clock.fastForward('00:26');
  await expect(ada.connection).toHaveText('Offline');
  await ada.sees('From the tunnel (waiting)', 'Still in it (waiting)');
  await bo.sees('Where is Ada?');

  await ada.context.setOffline(false);
  await ada.isConnected();
  await ada.sees('Where is Ada?', 'From the tunnel', 'Still in it');
  await bo.sees('Where is Ada?', 'From the tunnel', 'Still in it');
});

test('what has not gone out for a while can be written anew or thrown away', async ({ people, mayLog }) => {
  mayLog(noServer);
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await hasClock(ada);

  await ada.context.setOffline(true);
  // A dead link is noticed after 25 seconds of silence. Before that, what is written goes out on it.
  await ada.page.clock.fastForward('00:26');
  await expect(ada.connection).toHaveText('Offline');
  await ada.write('From the tunel');
  await ada.write('Never mind');
  await ada.write('Still in it');
  const buttons = ada.log.getByRole('button', { name: /^(Edit|Discard)$/ });
  await expect(buttons).toHaveCount(0);
  await ada.page.clock.runFor('00:11');
  await expect(buttons).toHaveCount(6);
  await isAccessible(ada);
  await ada.message('Never mind').getByRole('button', { name: 'Discard' }).click();
  await expect(ada.composer).toBeFocused();
  await ada.message('From the tunel').getByRole('button', { name: 'Edit' }).click();
  await ada.sees('Still in it (waiting)');
  await expect(ada.composer).toHaveValue('From the tunel');
  await ada.write('From the tunnel');

  await ada.context.setOffline(false);
  await ada.sees('Still in it', 'From the tunnel');
  await bo.sees('Still in it', 'From the tunnel');
  await expect(buttons).toHaveCount(0);
});

test('what may have gone out is not taken back', async ({ people, mayLog }) => {
  mayLog(noServer);
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  const wire = await Wire.over(ada);
  await hasClock(ada);

  wire.down = false;
  await ada.write('Hello');
  await bo.sees('Hello');
  await ada.context.setOffline(true);
  await ada.page.clock.fastForward('00:26');
  await expect(ada.connection).toHaveText('Offline');
  await ada.write('Anybody?');
  await ada.page.clock.runFor('00:11');
  await expect(ada.message('Anybody?').getByRole('button', { name: 'Discard' })).toBeVisible();
  await expect(ada.message('Hello').getByRole('button', { name: 'Discard' })).toHaveCount(0);
  wire.down = true;
  await ada.context.setOffline(false);
  await ada.sees('Hello', 'Anybody?');
});

test('a page says that it is offline as soon as its browser knows', async ({ people, mayLog }) => {
  mayLog(noServer);
  const ada = await people.join('Ada');
  await ada.context.setOffline(true);
  await expect(ada.connection).toHaveText('Offline');
  await ada.context.setOffline(false);
  await ada.isConnected();
});

test('a room that is not here says so, and comes with the network', async ({ people, mayLog }) => {
  mayLog(noServer);
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await bo.createChannel('plans');
  await bo.write('Lunch?');
  await expect(ada.channel('plans')).toBeVisible();
  await ada.isWhole();
  await ada.context.setOffline(true);
  await expect(ada.connection).toHaveText('Offline');
  await ada.openChannel('plans');
  await expect(ada.log.getByRole('heading', { name: 'You are offline' })).toBeVisible();
  await ada.context.setOffline(false);
  await ada.sees('Lunch?');
  await expect(ada.log.getByRole('heading', { name: 'You are offline' })).toHaveCount(0);
});

test('a link that dies in silence is noticed and replaced', async ({ people, mayLog }) => {
  mayLog(noServer);
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.page.clock.install();
  // Wires that are there now go dead without a word; later ones are whole.
  const wires: { isDead: boolean }[] = [];
  await ada.page.routeWebSocket('**/live', (page) => {
    const server = page.connectToServer();
    const wire = { isDead: false };
    wires.push(wire);
    page.onMessage((frame) => wire.isDead || server.send(frame));
    server.onMessage((frame) => wire.isDead || page.send(frame));
  });
  await ada.reload();
  await ada.isConnected();
  await bo.write('One');
  await ada.sees('One');

  wires.forEach((wire) => (wire.isDead = true));
  await ada.write('Three');
  await bo.write('Two');
  await bo.sees('One', 'Two');
  await ada.sees('One', 'Three (sending)');
  await ada.page.clock.fastForward('00:26');
  await ada.sees('One', 'Two', 'Three');
  await bo.sees('One', 'Two', 'Three');
});
