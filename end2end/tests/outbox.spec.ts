import { BACK, expect, test } from './flack';
import { Wire } from './wire';

test('what was written before a reload goes out after it, once, in order', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  const wire = await Wire.of(ada);

  wire.up = false;
  for (const text of ['One', 'Two', 'Three']) await ada.write(text);
  await ada.sees('One (sending)', 'Two (sending)', 'Three (sending)');
  await ada.reload();
  await ada.isConnected();
  await ada.sees('One (sending)', 'Two (sending)', 'Three (sending)');
  await expect(bo.messages).toHaveCount(0);

  wire.up = true;
  await ada.reload();
  await bo.sees('One', 'Two', 'Three');
  await ada.sees('One', 'Two', 'Three');
  await ada.reload();
  await ada.sees('One', 'Two', 'Three');
});

test('a message whose acknowledgement is lost is not sent twice', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  const wire = await Wire.of(ada);

  wire.down = false;
  await ada.write('Once');
  await bo.sees('Once');
  await ada.sees('Once (sending)');

  wire.down = true;
  await ada.reload();
  await ada.isConnected();
  await ada.sees('Once');
  await ada.write('And on');
  await bo.sees('Once', 'And on');
  await ada.sees('Once', 'And on');
});

test('two tabs of one browser send what waits only once', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  const wire = await Wire.of(ada);

  wire.up = false;
  await ada.write('One');
  await ada.write('Two');
  await ada.sees('One (sending)', 'Two (sending)');

  // Both tabs hold the same two messages when the wire is mended.
  const tab = await ada.newTab('/c/general');
  await tab.sees('One (sending)', 'Two (sending)');
  wire.up = true;
  await Promise.all([ada.reload(), tab.reload()]);
  await bo.sees('One', 'Two');
  await ada.sees('One', 'Two');
  await tab.sees('One', 'Two');

  await tab.write('Three');
  await ada.sees('One', 'Two', 'Three');
  await tab.sees('One', 'Two', 'Three');
  await bo.sees('One', 'Two', 'Three');
});

test('a draft stays with its channel, and survives a reload', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.createChannel('plans');
  await ada.composer.fill('Perhaps we');
  await ada.openChannel('general');
  await expect(ada.composer).toHaveValue('');
  await ada.composer.fill('Good mor');

  await ada.reload();
  await expect(ada.composer).toHaveValue('Good mor');
  await ada.openChannel('plans');
  await expect(ada.composer).toHaveValue('Perhaps we');
  await ada.composer.press('Enter');
  await ada.sees('Perhaps we');
  await ada.openChannel('general');
  await ada.openChannel('plans');
  await expect(ada.composer).toHaveValue('');
  await ada.reload();
  await expect(ada.composer).toHaveValue('');
});

test('a refused message says why, and can be edited or thrown away', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');

  // The server finds what the page did not: a wire that garbles.
  let isGarbled = true;
  await ada.context.routeWebSocket('**/live', (page) => {
    const server = page.connectToServer();
    page.onMessage((frame) => {
      const said = JSON.parse(`${frame}`);
      if (isGarbled && said.type === 'post') said.text = 'x'.repeat(4001);
      server.send(JSON.stringify(said));
    });
  });
  await ada.reload();
  await ada.isConnected();
  await ada.write('First try');
  await expect(ada.message('First try')).toContainText('up to 4000 characters');
  await ada.reload();
  await ada.isConnected();
  await expect(ada.message('First try')).toContainText('up to 4000 characters');

  await ada.message('First try').getByRole('button', { name: 'Send again' }).click();
  await expect(ada.message('First try')).toContainText('up to 4000 characters');
  await ada.message('First try').getByRole('button', { name: 'Edit' }).click();
  await expect(ada.composer).toHaveValue('First try');
  await expect(ada.composer).toBeFocused();
  await expect(ada.messages).toHaveCount(0);
  await ada.write('Second try');
  await ada.message('Second try').getByRole('button', { name: 'Discard' }).click();
  await expect(ada.messages).toHaveCount(0);

  isGarbled = false;
  await ada.write('Third try');
  await bo.sees('Third try');
  await ada.reload();
  await ada.sees('Third try');
});

test('a deletion that was asked for while cut off is done afterwards', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.write('Oops');
  await bo.sees('Oops');
  const wire = await Wire.of(ada);

  wire.up = false;
  await ada.delete('Oops');
  await expect(ada.message('Oops')).toHaveAttribute('data-state', 'sending');
  wire.up = true;
  await ada.reload();
  await expect(bo.messages).toHaveCount(0, BACK);
  await expect(ada.messages).toHaveCount(0);
});
