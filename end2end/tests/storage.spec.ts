import { expect, noServer, test, type Person } from './flack';
import { Wire } from './wire';

/** What the page says of this browser's storage. */
const notice = (person: Person) => person.page.getByRole('status', { name: 'Storage' });

for (const [state, spoil] of [
  [
    'blocked',
    () => {
      const refuse = () => {
        throw new DOMException('Access is denied.', 'SecurityError');
      };
      Object.defineProperty(window, 'localStorage', { get: refuse });
    },
  ],
  [
    'full',
    () => {
      Storage.prototype.setItem = () => {
        throw new DOMException('No room.', 'QuotaExceededError');
      };
    },
  ],
] as const) {
  test(`a browser whose storage is ${state} works, and says what it cannot do`, async ({
    people,
  }) => {
    const ada = await people.guest('Ada');
    const bo = await people.join('Bo');
    await ada.page.addInitScript(spoil);
    await ada.visit('/');
    await ada.takeName();
    await ada.isConnected();
    await ada.write('One');
    await bo.sees('One');
    await ada.sees('One');
    await expect(notice(ada)).toBeHidden();

    const wire = await Wire.of(ada);
    wire.up = false;
    await ada.write('Two');
    await ada.sees('One', 'Two (sending)');
    await expect(notice(ada)).toContainText('Keep this page open');
    wire.up = true;
    await wire.cut();
    await bo.sees('One', 'Two');
    await ada.sees('One', 'Two');
    await expect(notice(ada)).toBeHidden();
    await ada.createChannel('plans');
    await ada.reload();
    await expect(ada.conversation('plans')).toBeVisible();
  });
}

test('what cannot be read in the storage is said once, kept aside, and breaks nothing', async ({
  people,
}) => {
  const ada = await people.join('Ada');
  const wire = await Wire.of(ada);
  wire.up = false;
  await ada.write('Whole');
  await ada.write('Broken');
  await ada.sees('Whole (sending)', 'Broken (sending)');
  await ada.page.evaluate(() => {
    for (const [key, value] of Object.entries(localStorage)) {
      if (key.startsWith('flack.outbox.') && !value.includes('Broken')) continue;
      localStorage.setItem(key, value.slice(0, -9));
    }
    localStorage.setItem('flack.room', '{{{');
    localStorage.setItem('flack.draft./c/general', '{{{');
  });
  // The page that goes still knows what is broken, and would send it.
  ada.page.once('framenavigated', () => (wire.up = true));
  await ada.reload();
  await ada.isConnected();
  await expect(notice(ada)).toContainText('could not be read');
  await ada.sees('Whole');
  const kept = await ada.page.evaluate(() =>
    Object.entries(localStorage).filter(([key]) => key.startsWith('unreadable.')),
  );
  expect(kept).toHaveLength(1);
  expect(kept[0][1]).toContain('Broken');
  await ada.reload();
  await ada.isConnected();
  await expect(notice(ada)).toBeHidden();
  await ada.sees('Whole');
});

test('a tab whose link works sends what another one cannot', async ({ people, mayLog }) => {
  mayLog(noServer);
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  const wire = await Wire.of(ada);
  const tab = await ada.newTab('/c/general');
  const other = await Wire.over(tab);
  wire.up = false;
  await ada.write('One');
  await ada.write('Two');
  await ada.sees('One (sending)', 'Two (sending)');
  await tab.write('Three');
  await bo.sees('One', 'Two', 'Three');
  await tab.sees('One', 'Two', 'Three');
  await ada.sees('One', 'Two', 'Three');

  // And what a closed one left behind.
  other.up = false;
  await ada.write('Four');
  await tab.sees('One', 'Two', 'Three', 'Four (sending)');
  await ada.page.close();
  other.up = true;
  await bo.sees('One', 'Two', 'Three', 'Four');
  await tab.sees('One', 'Two', 'Three', 'Four');
});

test('a message that is not confirmed, or not saved, says so', async ({
  people,
  mayLog,
}) => {
  mayLog(noServer);
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.page.clock.install();
  const wire = await Wire.of(ada);
  wire.up = false;
  await ada.write('Slow');
  await expect(ada.message('Slow')).toContainText('Sending…');
  await ada.page.clock.fastForward('00:11');
  await expect(ada.message('Slow')).toContainText('Not confirmed yet');
  wire.up = true;
  wire.refusal = {
    code: 'not_saved',
    reason: 'not_saved',
    retry_after: 5,
  };
  await wire.cut();
  await expect(ada.message('Slow')).toContainText('Not saved yet: the server’s disk is full.');
  await expect(bo.messages).toHaveCount(0);
  wire.refusal = undefined;
  await ada.page.clock.fastForward('00:06');
  await bo.sees('Slow');
  await ada.sees('Slow');
});
