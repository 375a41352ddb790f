import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: 'tests',
  reporter: 'list',
  // Every test has a server of its own, so they do not disturb each other.
  fullyParallel: true,
  workers: 2,
  // A test that needs a second chance has found something.
  retries: 0,
  forbidOnly: !!process.env.CI,
  timeout: 60_000,
  // In a picture, a colour may be off by what one hardly sees, and a few pixels by more. An icon that is
  // hidden, or the colour of a line, is more than that.
  expect: { timeout: 10_000, toHaveScreenshot: { threshold: 0.08, maxDiffPixels: 24 } },
  snapshotPathTemplate: '{testDir}/pictures/{arg}{ext}',
  use: {
    browserName: 'chromium',
    headless: true,
    // What people have set up decides how times look; tests decide it here.
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    // Nobody has to wait until a popover has come to rest.
    contextOptions: { reducedMotion: 'reduce' },
    launchOptions: {
      executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
