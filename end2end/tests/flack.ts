// The language of the specs: a server, people at their browsers, and what they do and see.

import AxeBuilder from '@axe-core/playwright';
import {
  test as base,
  expect,
  type BrowserContext,
  type BrowserContextOptions,
  type Locator,
  type Page,
} from '@playwright/test';

import { Server } from '../server.mjs';

export { expect, type Server };

/** What the browser logs when the server answers with this status. */
export const refusal = (status: number) =>
  new RegExp(`^error: Failed to load resource: the server responded with a status of ${status} `);

/** What the browser logs while there is no server. */
export const noServer =
  /^\w+: (WebSocket connection to .* failed|Failed to load resource: net::ERR_)/;

/** What the browser logs when the client and its words were loaded ahead, and no script uses them. */
const unused =
  /^warning: The resource \S+\.(wasm|txt) was preloaded using link preload but not used /;

/** What Playwright says where it keeps the service worker out. */
const blocked = /^warning: Service Worker registration blocked by Playwright$/;

/** How long a page may take to come back by itself: its delays grow to some seconds. */
export const BACK = { timeout: 30_000 };

/** The name of a room in the list, whatever is said of it there. */
const marked = (name: string) =>
  new RegExp(`^${name.replace(/[^\p{L}\p{N}]/gu, '\\$&')}( \\(online\\))?( \\d+\\+? unread(, \\d+ for you)?)?( muted)?( favourite)?$`);

/** One person at one page of one browser. */
export class Person {
  constructor(
    readonly page: Page,
    readonly name: string,
    private readonly hasScript = true,
  ) {}

  get context(): BrowserContext {
    return this.page.context();
  }

  get namePrompt(): Locator {
    return this.page.getByRole('textbox', { name: 'Display name' });
  }

  get channels(): Locator {
    return this.page.getByRole('navigation', { name: 'Channels' });
  }

  channel(name: string): Locator {
    return this.channels.getByRole('link', { name: marked(`#${name}`) });
  }

  get newChannelName(): Locator {
    return this.page.getByRole('textbox', { name: 'Channel name' });
  }

  get directs(): Locator {
    return this.page.getByRole('navigation', { name: 'Direct messages' });
  }

  /** A direct conversation in the list, whether or not the other one is here. */
  direct(name: string): Locator {
    return this.directs.getByRole('link', { name: marked(name) });
  }

  /** The same, as long as the other one is here. */
  onlineDirect(name: string): Locator {
    // What is hidden has words, too.
    const dot = this.page.getByTitle('Online').filter({ visible: true });
    return this.direct(name).filter({ has: dot });
  }

  /** Types without sending. */
  async type(text: string) {
    await this.composer.pressSequentially(text);
  }

  get undo(): Locator {
    return this.page.getByRole('button', { name: 'Undo' });
  }

  /** What can be done about a message: shown for the one that one points at. Without JavaScript it is
   * on the message's own page, where its time leads. */
  async act(text: string): Promise<Locator> {
    const message = this.message(text);
    const actions = message.getByRole('group', { name: 'Actions' });
    if (await this.page.locator('body[data-hydrated]').count()) await message.hover();
    else if (!(await actions.count())) await this.time(text).click();
    return actions;
  }

  /** The time of a message, which leads to it. */
  time(text: string): Locator {
    return this.message(text).getByRole('link').filter({ has: this.page.locator('time') });
  }

  async edit(text: string) {
    await (await this.act(text)).getByRole('link', { name: 'Edit message' }).click();
  }

  async reply(text: string) {
    await (await this.act(text)).getByRole('link', { name: 'Reply' }).click();
  }

  async react(text: string, emoji: string) {
    await (await this.act(text)).getByRole('button', { name: `React with ${emoji}` }).click();
  }

  /** The emoji under a message, each with who put it there. */
  reaction(text: string, words: string): Locator {
    return this.message(text).getByRole('button', { name: words, exact: true });
  }

  /** The field in which one changes the words of a message. */
  get editor(): Locator {
    return this.page.getByRole('textbox', { name: 'Edit message' });
  }

  async delete(text: string) {
    await (await this.act(text)).getByRole('button', { name: 'Delete message' }).click();
  }

  /** The open conversation. */
  get log(): Locator {
    return this.page.getByRole('log');
  }

  conversation(channel: string): Locator {
    return this.page.getByRole('log', { name: `Messages in #${channel}`, exact: true });
  }

  get messages(): Locator {
    return this.log.getByRole('article');
  }

  /** The message of these words, and not one that only quotes them. */
  message(text: string): Locator {
    const words = this.page.getByText(text, { exact: true });
    return this.messages.filter({ has: words.and(this.page.locator(':not(.quote *)')) });
  }

  get composer(): Locator {
    return this.page.getByRole('textbox', { name: /^Message / });
  }

  get connection(): Locator {
    return this.page.getByRole('status', { name: 'Connection' });
  }

  /** The sentence that says what is wrong. */
  get alert(): Locator {
    return this.page.getByRole('alert').filter({ visible: true });
  }

  /** Opens a page by its address and waits until it can be used. */
  async visit(path: string) {
    const answer = await this.page.goto(path);
    await this.isReady();
    return answer;
  }

  async reload() {
    await this.page.reload();
    await this.isReady();
  }

  /** Clicks before this would be lost. */
  async isReady() {
    await this.page.locator('body[data-hydrated], main.join').waitFor();
  }

  async isConnected() {
    await expect(this.connection).toHaveText('Connected', BACK);
  }

  /** Whether the client of this page is in two parts, as the finished program has it. */
  async isInTwo(): Promise<boolean> {
    return /\/pkg\/flack-rest-[0-9a-f]+\.wasm/.test(await this.page.content());
  }

  /** Has all of the client, the part included that comes a while later or with the first use of a page. */
  async isWhole() {
    if (!(await this.isInTwo())) return;
    await this.page.mouse.move(1, 1);
    await this.page.mouse.move(2, 2);
    await expect.poll(() => this.page.evaluate('flack.isWhole')).toBe(true);
  }

  async takeName() {
    await this.namePrompt.fill(this.name);
    await this.page.getByRole('button', { name: 'Join' }).click();
    await expect(this.namePrompt).toBeHidden();
    if (this.hasScript) await this.isReady();
  }

  async openNewChannel() {
    await this.page.getByRole('button', { name: 'New channel' }).click();
    await expect(this.newChannelName).toBeFocused();
  }

  async createChannel(name: string) {
    await this.openNewChannel();
    await this.newChannelName.fill(name);
    await this.page.getByRole('button', { name: 'Create channel' }).click();
    await expect(this.conversation(name)).toBeVisible();
  }

  async openChannel(name: string) {
    await this.channel(name).click();
    await expect(this.conversation(name)).toBeVisible();
  }

  async write(text: string) {
    await this.composer.fill(text);
    await this.send();
  }

  async send() {
    // On a phone, Enter breaks the line.
    const isPhone = await this.page.evaluate("matchMedia('(pointer: coarse)').matches");
    await this.composer.press(isPhone ? 'Control+Enter' : 'Enter');
  }

  /** Sees exactly these messages, in this order, all of them sent. */
  async sees(...texts: string[]) {
    const seen = () =>
      this.messages.evaluateAll((articles) =>
        articles.map((article) => {
          const state = article.getAttribute('data-state');
          const text = article.querySelector('p')?.textContent ?? '';
          return state ? `${text} (${state})` : text;
        }),
      );
    await expect.poll(seen, { ...BACK, message: `what ${this.name} sees` }).toEqual(texts);
  }

  /** The same person at another page of the same browser. */
  async newTab(path: string): Promise<Person> {
    const tab = new Person(await this.context.newPage(), this.name);
    await tab.visit(path);
    return tab;
  }
}

/** Lists what axe finds, one line for each element that is wrong. */
export async function isAccessible(person: Person) {
  const { violations } = await new AxeBuilder({ page: person.page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
    // There are no frames, for which it would open a page of its own.
    .setLegacyMode()
    .analyze();
  const lines = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
  );
  expect.soft(lines, `on ${person.page.url()}`).toEqual([]);
}

/** Nothing is wider than its place. */
export async function fitsItsScreen(person: Person) {
  const overflow = await person.page.evaluate(() =>
    [...document.querySelectorAll('html, main, nav, [role=log], aside, form, [popover]')]
      .filter((element) => element.checkVisibility())
      .filter((element) => element.scrollWidth > element.clientWidth + 1)
      .map((element) => `${element.tagName} .${element.className}`),
  );
  expect(overflow, `wider than its place on ${person.page.url()}`).toEqual([]);
}

type People = {
  /** Somebody new, with a browser of their own, who has not been here before. */
  guest(name: string, options?: BrowserContextOptions): Promise<Person>;
  /** Somebody who has taken their name and is in #general. */
  join(name: string, options?: BrowserContextOptions): Promise<Person>;
};

type Fixtures = {
  /** Settings of the server, as variables of its environment. */
  settings: Record<string, string>;
  server: Server;
  people: People;
  /** Says which lines this test expects in the browser's console. All others make it fail. */
  mayLog: (...lines: RegExp[]) => void;
  console: { said: string[]; expected: RegExp[] };
};

export const test = base.extend<Fixtures>({
  settings: [{}, { option: true }],

  server: async ({ settings }, use, info) => {
    const server = new Server(settings);
    await server.start();
    await use(server);
    const code = await server.stop();
    if (info.status !== info.expectedStatus) {
      await info.attach('server log', { body: server.log });
    }
    await server.remove();
    expect(code, server.log).toBe(0);
    expect(server.log).not.toMatch(/panicked| ERROR /);
  },

  console: async ({}, use) => {
    const console = { said: [] as string[], expected: [blocked] };
    await use(console);
    const isSurprise = (line: string) => !console.expected.some((lines) => lines.test(line));
    expect(console.said.filter(isSurprise), "the browser's console").toEqual([]);
  },

  mayLog: async ({ console }, use) => {
    await use((...lines) => console.expected.push(...lines));
  },

  people: async ({ browser, server, console }, use) => {
    const contexts: BrowserContext[] = [];
    const guest: People['guest'] = async (name, options) => {
      // A service worker would answer in place of what a spec puts between page and server.
      const serviceWorkers = 'block';
      const context = await browser.newContext({ baseURL: server.url, serviceWorkers, ...options });
      contexts.push(context);
      if (options?.javaScriptEnabled === false) console.expected.push(unused);
      context.on('weberror', (error) => console.said.push(`exception: ${error.error()}`));
      context.on('console', (line) => {
        if (['error', 'warning', 'assert'].includes(line.type())) {
          console.said.push(`${line.type()}: ${line.text()}`);
        }
      });
      await context.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', (violation) => {
          window.console.error(`blocked ${violation.violatedDirective}: ${violation.blockedURI}`);
        });
      });
      return new Person(await context.newPage(), name, options?.javaScriptEnabled);
    };
    const join: People['join'] = async (name, options) => {
      const person = await guest(name, options);
      if (options?.javaScriptEnabled === false) {
        await person.page.goto('/');
        await person.takeName();
      } else {
        await person.visit('/');
        await person.takeName();
        await person.isConnected();
      }
      await expect(person.conversation('general')).toBeVisible();
      return person;
    };
    await use({ guest, join });
    await Promise.all(contexts.map((context) => context.close()));
  },
});
