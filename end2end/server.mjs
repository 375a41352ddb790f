// A Flack of one's own: the real program, on a free port, in a directory that goes away with it.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const built = ['release', 'debug']
  .map((profile) => fileURLToPath(new URL(`../target/${profile}/flack`, import.meta.url)))
  .find((path) => existsSync(path));

const program = process.env.FLACK_BIN || built || 'flack';

// Everyone comes from one address, and nobody takes the time that people take.
const unlimited = Object.fromEntries(
  ['MESSAGES', 'FRAMES', 'REQUESTS', 'SOCKETS', 'CHANNELS', 'SIGN_INS'].map((what) => [`FLACK_RATE_${what}`, '0']),
);

// No server outlives the tests, even if they are interrupted.
const running = new Set();
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export class Server {
  /** What it wrote to standard error, over all its starts. */
  log = '';
  /** `127.0.0.1:port`; the port is chosen at the first start and kept. */
  #address = '127.0.0.1:0';
  #directory;
  #process;
  #settings;

  /** `settings` are variables of its environment. */
  constructor(settings = {}) {
    this.#settings = settings;
  }

  get url() {
    return `http://${this.#address}`;
  }

  /** Starts, or starts again on the same port with the same data. */
  async start() {
    this.#directory ??= await mkdtemp(join(tmpdir(), 'flack-'));
    const child = spawn(program, {
      // Neither settings of this machine nor a Leptos.toml nearby shall be read.
      cwd: this.#directory,
      env: {
        ...unlimited,
        ...this.#settings,
        LEPTOS_SITE_ADDR: this.#address,
        FLACK_DATA_DIR: join(this.#directory, 'data'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    running.add(child);
    child.once('exit', () => running.delete(child));
    child.stderr.setEncoding('utf8').on('data', (text) => (this.log += text));
    await new Promise((ready, failed) => {
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (text) => {
        said += text;
        const address = /^Flack is ready: open http:\/\/(\S+)$/m.exec(said)?.[1];
        if (address) {
          this.#address = address;
          ready();
        }
      });
      child.once('error', failed);
      child.once('exit', (code) => failed(new Error(`flack ended with ${code}:\n${this.log}`)));
    });
  }

  /** Asks the running server as its operator, and gives the answer. */
  admin(...question) {
    return this.#run('admin', ...question);
  }

  /** Starts again from a backup of itself: as a new log, whose positions are large numbers. */
  async restore() {
    await this.stop();
    this.#run('backup', 'backup.tar');
    await rm(join(this.#directory, 'data'), { recursive: true });
    this.#run('restore', 'backup.tar');
    await this.start();
  }

  #run(...command) {
    const data = join(this.#directory, 'data');
    return execFileSync(program, ['--data-dir', data, ...command], {
      cwd: this.#directory,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** Ends it, and gives its exit code, which is null if a signal ended it. */
  async stop(signal = 'SIGTERM') {
    const child = this.#process;
    if (!child) return 0;
    this.#process = undefined;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    }
    return child.exitCode;
  }

  async remove() {
    await this.stop('SIGKILL');
    if (this.#directory) await rm(this.#directory, { recursive: true });
  }
}
