// Changing one's own words, and bringing back what one has deleted.

import { expect, refusal, test } from './flack';

test('an edit is seen by everyone at once, and says so', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.write('Lunch at noon?');
  await ada.write('The usual place');
  await bo.sees('Lunch at noon?', 'The usual place');

  await ada.edit('Lunch at noon?');
  await expect(ada.editor).toBeFocused();
  await expect(ada.editor).toHaveValue('Lunch at noon?');
  await ada.editor.fill('Lunch at one?');
  await ada.editor.press('Enter');
  await expect(ada.composer).toBeFocused();
  for (const person of [ada, bo]) {
    await person.sees('Lunch at one? (edited)', 'The usual place');
  }
  await bo.reload();
  await bo.sees('Lunch at one? (edited)', 'The usual place');
  const hers = await bo.act('The usual place');
  await expect(hers.getByRole('link', { name: 'Reply' })).toBeVisible();
  await expect(hers.getByRole('link', { name: 'Edit message' })).toHaveCount(0);
});

test('the arrow edits the last message, and Escape leaves it as it was', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.write('Mine');
  await bo.write('His');
  await ada.sees('Mine', 'His');
  await ada.composer.press('ArrowUp');
  await expect(ada.editor).toHaveValue('Mine');
  await ada.editor.fill('Not mine');
  await ada.editor.press('Escape');
  await ada.sees('Mine', 'His');
  await expect(ada.composer).toBeFocused();
  // Not while something is being written.
  await ada.composer.fill('More');
  await ada.composer.press('ArrowUp');
  await expect(ada.editor).toHaveCount(0);
});

test('what is typed into an edit survives what happens around it', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  await ada.write('First');
  await ada.write('Second');
  await ada.edit('Second');
  await ada.editor.fill('Second, but better');
  // Its row is drawn anew, because it does not follow another any more.
  await ada.delete('First');
  await bo.sees('Second');
  await bo.write('Third');
  await expect(ada.message('Third')).toBeVisible();
  await expect(ada.editor).toHaveValue('Second, but better');
  await ada.editor.fill(' ');
  await ada.editor.press('Enter');
  await expect(ada.alert).toHaveText('Write something first.');
  await ada.editor.fill('Second, but better');
  await ada.page.getByRole('button', { name: 'Save' }).click();
  await bo.sees('Second, but better (edited)', 'Third');
});

test('of several deletions each can be undone', async ({ people }) => {
  const ada = await people.join('Ada');
  for (const text of ['One', 'Two', 'Three']) await ada.write(text);
  await ada.delete('One');
  await ada.delete('Two');
  await ada.sees('Three');
  await ada.undo.click();
  await ada.sees('Two', 'Three');
  await ada.undo.click();
  await ada.sees('One', 'Two', 'Three');
  await expect(ada.undo).toBeHidden();
});

test('a deletion can be undone for a moment', async ({ people }) => {
  const ada = await people.join('Ada');
  const bo = await people.join('Bo');
  for (const text of ['One', 'Two', 'Three']) await ada.write(text);
  await bo.sees('One', 'Two', 'Three');
  await ada.delete('Two');
  await bo.sees('One', 'Three');
  await ada.undo.click();
  await ada.sees('One', 'Two', 'Three');
  await bo.sees('One', 'Two', 'Three');

  await ada.delete('Two');
  await expect(ada.undo).toBeVisible();
  await expect(ada.undo).toBeHidden({ timeout: 10_000 });
  await expect(ada.composer).toBeFocused();
  await bo.sees('One', 'Three');
  await ada.reload();
  await ada.sees('One', 'Three');
});

test('the keyboard finds the way back to a deleted message', async ({ people }) => {
  const ada = await people.join('Ada');
  await ada.write('Oops');
  await ada.sees('Oops');
  await (await ada.act('Oops')).getByRole('button', { name: 'Delete message' }).focus();
  await ada.page.keyboard.press('Enter');
  await expect(ada.undo).toBeFocused();
  await ada.page.keyboard.press('Enter');
  await ada.sees('Oops');
  await expect(ada.composer).toBeFocused();
});

test('without JavaScript a message is edited in its place', async ({ people, mayLog }) => {
  mayLog(refusal(422));
  const ada = await people.join('Ada');
  const bo = await people.join('Bo', { javaScriptEnabled: false });
  await bo.composer.fill('Helo');
  await bo.page.getByRole('button', { name: 'Send' }).click();
  await bo.edit('Helo');
  await expect(bo.editor).toHaveValue('Helo');
  await bo.editor.fill(' ');
  await bo.page.getByRole('button', { name: 'Save' }).click();
  await expect(bo.alert).toHaveText('Write something first.');
  await bo.editor.fill('Hello');
  await bo.page.getByRole('button', { name: 'Save' }).click();
  await bo.sees('Hello (edited)');
  await ada.sees('Hello (edited)');
});

test('the words of a message with a file can be taken away, and those of another cannot', async ({ people }) => {
  const ada = await people.join('Ada');
  const file = { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('Milk') };
  await ada.page.locator('input[type=file]').setInputFiles([file]);
  await ada.write('Here it is');
  await expect(ada.messages.getByRole('link', { name: 'notes.txt' })).toBeVisible();
  await ada.edit('Here it is');
  await expect(ada.page.getByRole('group', { name: 'Actions' })).toBeHidden();
  await ada.editor.fill('');
  await ada.editor.press('Enter');
  await expect(ada.editor).toHaveCount(0);
  await expect(ada.message('Here it is')).toHaveCount(0);
  await ada.reload();
  await expect(ada.messages.getByRole('link', { name: 'notes.txt' })).toBeVisible();
  await expect(ada.message('Here it is')).toHaveCount(0);
});
