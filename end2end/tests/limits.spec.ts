import { BACK, expect, refusal, test } from './flack';

test.use({
  settings: { FLACK_RATE_MESSAGES: '6', FLACK_RATE_CHANNELS: '1', FLACK_RATE_SIGN_INS: '2' },
});

test('what is written too fast waits, says for how long, and goes out by itself, in order', async ({
  people,
}) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  const texts = ['One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight'];
  for (const text of texts) await ada.write(text);
  await expect(ada.message('Seven')).toContainText(/too much at once.* in \d+ seconds?\./);
  await expect(ada.message('Seven')).toHaveAttribute('data-state', 'waiting');
  await ada.isConnected();
  await bo.sees(...texts);
  await ada.sees(...texts);
});

test('who asks too often is told when to come back, in place, and keeps what was typed', async ({
  people,
  mayLog,
}) => {
  mayLog(refusal(429));
  const ada = await people.join('Ada');
  await ada.createChannel('plans');
  await ada.openNewChannel();
  await ada.newChannelName.fill('lunch');
  await ada.page.keyboard.press('Enter');
  await expect(ada.alert).toContainText('The server takes the next in 60 minutes.');
  await expect(ada.newChannelName).toHaveValue('lunch');

  await people.join('Bo');
  const cleo = await people.guest('Cleo');
  await cleo.visit('/');
  await cleo.namePrompt.fill('Cleo');
  await cleo.page.keyboard.press('Enter');
  await expect(cleo.alert).toContainText('The server takes the next in 30 minutes.', BACK);
  await expect(cleo.namePrompt).toHaveValue('Cleo');
});
