import { defineConfig } from '@playwright/test';

// The browser is Firefox as it is installed, driven by its own protocol (WebDriver BiDi): Playwright
// only drives a build of its own.
export default defineConfig({
  testDir: 'firefox',
  reporter: 'list',
  workers: 2,
  fullyParallel: true,
  retries: 0,
  forbidOnly: !!process.env.CI,
  timeout: 90_000,
});
