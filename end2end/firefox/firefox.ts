// People at Firefox. What they see is found by role and name, as in the specs of Chromium.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test as base, expect } from '@playwright/test';
import puppeteer, { type Browser, type ElementHandle, type Page } from 'puppeteer-core';

import { Server } from '../server.mjs';

export { expect };

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What Firefox says while there is no server. */
const noServer = /can.t establish a connection|NS_ERROR_|NetworkError|was interrupted while/;

/** One person at one page, with cookies and storage of their own. */
export class Person {
  /** What went wrong in the console. */
  readonly errors: string[] = [];

  constructor(
    readonly page: Page,
    readonly name: string,
  ) {
    // It says so in one of two ways.
    const note = (text: string) => !noServer.test(text) && this.errors.push(text);
    page.on('console', (message) => message.type() === 'error' && note(message.text()));
    page.on('pageerror', (error) => note(String(error)));
  }

  /** The element of this role and name, once it is there. */
  async find(role: string, name: string): Promise<ElementHandle<Element>> {
    const found = await this.page.waitForSelector(`::-p-aria([name="${name}"][role="${role}"])`, {
      timeout: 20_000,
      visible: true,
    });
    if (!found) throw new Error(`there is no ${role} ${name}`);
    return found;
  }

  async click(role: string, name: string) {
    await (await this.find(role, name)).click();
  }

  async visit(url: string) {
    await this.page.goto(url);
    await this.page.waitForSelector('body[data-hydrated], main.join');
  }

  async join(url: string) {
    await this.visit(url);
    await (await this.find('textbox', 'Display name')).type(this.name);
    await this.click('button', 'Join');
    await this.isConnected();
  }

  async isConnected() {
    await this.page.waitForSelector('.status[data-state="live"]', { timeout: 40_000 });
  }

  async write(text: string) {
    const composer = await this.page.waitForSelector('#composer');
    await composer?.type(text);
    await composer?.press('Enter');
  }

  /** The texts of all messages, oldest first. */
  async texts(): Promise<string[]> {
    return this.page.$$eval('[role="log"] article .message__text', (texts) =>
      texts.map((text) => (text as HTMLElement).innerText.trim()),
    );
  }

  /** Waits until these are all the messages, and all of them are sent. */
  async sees(texts: string[]) {
    await expect.poll(() => this.texts(), { timeout: 40_000 }).toEqual(texts);
    await expect.poll(() => this.page.$$('article[data-state]').then((waiting) => waiting.length)).toBe(0);
  }

  /** What a checker of accessibility finds wrong. */
  async faults(): Promise<string[]> {
    // The page's policy allows no script but its own; this one is the driver's.
    await this.page.evaluate(axe);
    return this.page.evaluate(async () => {
      const { violations } = await (window as unknown as { axe: typeof import('axe-core') }).axe.run();
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
    });
  }
}

type Fixtures = {
  server: Server;
  /** Somebody new, at a browser profile of their own. */
  somebody: (name: string) => Promise<Person>;
};

export const test = base.extend<Fixtures, { firefox: Browser }>({
  firefox: [
    async ({}, use) => {
      const firefox = await puppeteer.launch({
        browser: 'firefox',
        executablePath: process.env.FIREFOX || '/usr/bin/firefox-esr',
        headless: true,
        extraPrefsFirefox: { 'intl.accept_languages': 'en-GB', 'ui.prefersReducedMotion': 1 },
      });
      await use(firefox);
      await firefox.close();
    },
    { scope: 'worker' },
  ],
  server: async ({}, use) => {
    const server = new Server();
    await server.start();
    await use(server);
    await server.remove();
  },
  somebody: async ({ firefox }, use) => {
    const people: Person[] = [];
    await use(async (name) => {
      const context = await firefox.createBrowserContext();
      const person = new Person(await context.newPage(), name);
      people.push(person);
      return person;
    });
    for (const person of people) {
      expect(person.errors, `${person.name}'s console`).toEqual([]);
      await person.page.browserContext().close();
    }
  },
});
