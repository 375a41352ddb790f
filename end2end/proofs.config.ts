import config from './playwright.config';

// What takes longer than a test should: `make prove-link`.
export default { ...config, testDir: 'proofs', workers: 1, timeout: 20 * 60_000 };
