import { expect, isAccessible, refusal, test, type Person } from './flack';

const off = { javaScriptEnabled: false };

/** What the open channel is about; it leads to the form. */
const topic = (person: Person) => person.page.locator('.bar').getByRole('link');

const field = (person: Person) => person.page.getByRole('textbox', { name: 'Topic of #general' });

async function openForm(person: Person) {
  await person.page.getByRole('button', { name: 'This room' }).click();
  await person.page.getByRole('link', { name: 'Topic' }).click();
  await expect(field(person)).toBeVisible();
}

test('anybody says what a channel is about, and everybody sees it at once', async ({ people }) => {
  const ada = await people.join('Ada');
  const bob = await people.join('Bob');
  await expect(topic(ada)).toBeHidden();
  await openForm(ada);
  await expect(field(ada)).toBeFocused();
  await isAccessible(ada);
  await ada.page.keyboard.type('Lunch at noon');
  await ada.page.keyboard.press('Enter');
  await expect(field(ada)).toBeHidden();
  for (const person of [ada, bob]) {
    await expect(topic(person)).toHaveText('Lunch at noon');
    await expect(topic(person)).toHaveAttribute('title', 'Lunch at noon');
    await isAccessible(person);
  }
  await expect(ada.page).toHaveURL('/c/general');

  // It leads to the form, also by keyboard, which says who it is by.
  await topic(bob).focus();
  await bob.page.keyboard.press('Enter');
  await expect(field(bob)).toHaveValue('Lunch at noon');
  await expect(field(bob)).toHaveAccessibleDescription(/^Set by Ada\. One line of up to 250/);
  await bob.page.keyboard.press('Escape');
  await expect(field(bob)).toBeHidden();
  await expect(topic(bob)).toBeFocused();
  await topic(bob).click();
  await field(bob).fill('');
  await bob.page.getByRole('button', { name: 'Save' }).click();
  for (const person of [ada, bob]) await expect(topic(person)).toBeHidden();

  // Of another channel it says nothing.
  await ada.createChannel('plans');
  await expect(topic(ada)).toBeHidden();
});

test('a topic that is refused says why, and stays where it was typed', async ({ people, mayLog }) => {
  mayLog(refusal(422));
  const ada = await people.join('Ada');
  await openForm(ada);
  const long = 'x'.repeat(251);
  await field(ada).fill(long);
  await field(ada).press('Enter');
  await expect(ada.alert).toHaveText('A topic can have up to 250 characters. This one has 251.');
  await expect(field(ada)).toHaveValue(long);
  await expect(field(ada)).toBeFocused();
  await isAccessible(ada);
  await field(ada).fill(long.slice(1));
  await ada.page.getByRole('button', { name: 'Save' }).click();
  await expect(topic(ada)).toHaveText(long.slice(1));

  // However long it is, it takes one line, and the page is no wider.
  await ada.page.setViewportSize({ width: 320, height: 600 });
  const isWide = () => document.documentElement.scrollWidth > innerWidth;
  expect(await ada.page.evaluate(isWide)).toBe(false);
  const box = await topic(ada).boundingBox();
  expect(box?.height).toBeLessThan(30);
  await isAccessible(ada);
});

test('a click beside the form takes nothing away that was typed', async ({ people }) => {
  const ada = await people.join('Ada');
  const beside = () => ada.page.mouse.click(5, 5);
  await openForm(ada);
  await beside();
  await expect(field(ada)).toBeHidden();
  await openForm(ada);
  await field(ada).fill('Lunch');
  await beside();
  await expect(field(ada)).toHaveValue('Lunch');
  await expect(field(ada)).toBeVisible();
  await ada.page.keyboard.press('Escape');
  await expect(field(ada)).toBeHidden();
  await expect(topic(ada)).toBeHidden();
});

test('what was typed stays while there is no network', async ({ people, mayLog }) => {
  mayLog(/^\w+: (Failed to load resource|WebSocket connection to .* failed)/);
  const ada = await people.join('Ada');
  await openForm(ada);
  await field(ada).fill('Lunch');
  await ada.context.setOffline(true);
  await field(ada).press('Enter');
  await expect(ada.alert).toHaveText('Flack cannot be reached. Try again.');
  await expect(field(ada)).toHaveValue('Lunch');
  await ada.context.setOffline(false);
  await field(ada).press('Enter');
  await expect(topic(ada)).toHaveText('Lunch');
});

test('a topic without JavaScript', async ({ people, mayLog }) => {
  mayLog(refusal(422));
  const ada = await people.join('Ada', off);
  await openForm(ada);
  await expect(ada.page).toHaveURL('/c/general/topic');
  const long = 'long '.repeat(51).trim();
  await field(ada).fill(long);
  await ada.page.getByRole('button', { name: 'Save' }).click();
  await expect(ada.alert).toContainText('This one has 254.');
  await expect(field(ada)).toHaveValue(long);
  await field(ada).fill('Lunch, </textarea> and\ndinner');
  await ada.page.getByRole('button', { name: 'Save' }).click();
  await expect(ada.page).toHaveURL('/c/general');
  await expect(topic(ada)).toHaveText('Lunch, </textarea> and dinner');
  await topic(ada).click();
  await expect(field(ada)).toHaveValue('Lunch, </textarea> and dinner');
  await ada.page.getByRole('link', { name: 'Cancel' }).click();
  await expect(ada.conversation('general')).toBeVisible();
});
