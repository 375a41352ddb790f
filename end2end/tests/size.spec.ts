import http, { type IncomingMessage } from 'node:http';

import { expect, test } from './flack';

/** What a browser may load before a page can be used: WASM, JS, CSS and words, in bytes on the way. */
const BUDGET = 265_000;

function get(address: string): Promise<{ answer: IncomingMessage; bytes: number }> {
  return new Promise((resolve, reject) => {
    const asked = http.get(address, { headers: { 'accept-encoding': 'br' } }, async (answer) => {
      let bytes = 0;
      for await (const part of answer) bytes += part.length;
      resolve({ answer, bytes });
    });
    asked.on('error', reject);
  });
}

test('the first visit of a channel is a small download', async ({ people }) => {
  const ada = await people.join('Ada');
  const loaded = new Set<string>();
  ada.page.on('request', (request) => {
    if (/\.(css|js|wasm|txt)$/.test(request.url())) loaded.add(request.url());
  });
  await ada.visit('/c/general');
  await ada.isConnected();
  await ada.page.waitForLoadState('networkidle');

  const files = await Promise.all([...loaded].map(get));
  // Builds for development carry nothing inside, and nothing small.
  test.skip(!files[0]!.answer.headers['content-encoding'], 'only the finished program is small');
  expect(files.length).toBeGreaterThanOrEqual(4);
  for (const { answer } of files) {
    expect(answer.headers['content-encoding']).toBe('br');
    expect(answer.headers['cache-control']).toContain('immutable');
  }
  const sum = files.reduce((sum, { bytes }) => sum + bytes, 0);
  expect(sum, `${[...loaded]}`).toBeLessThanOrEqual(BUDGET);
});

test('who has no name yet does not wait for the client', async ({ people }) => {
  const ada = await people.guest('Ada');
  const ahead = Promise.all([/js$/, /wasm$/, /txt$/].map((file) => ada.page.waitForRequest(file)));
  await ada.visit('/');
  await expect(ada.namePrompt).toBeFocused();
  await expect(ada.page.locator('script[src], script[type=module], link[rel$=preload]')).toHaveCount(0);
  await ahead;
});
