// Makes of what wasm-bindgen leaves behind a client that is as small to download as it can be:
//
//   node tools/shrink.mjs FROM INTO
//
// FROM has the output of `wasm-bindgen --target bundler --out-name flack`.
// INTO gets flack.css and flack.wasm with what a page needs to be usable, flack-rest.css and flack-rest.wasm
// with what it needs later, and flack.js, which exports what pages use of the output for `--target web`: the
// default function, and `hydrate`.
//
//   node tools/shrink.mjs FROM INTO --marked
//
// makes a client in one part that notes which of its stretches have run, for end2end/profile.mjs.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { carve, divide, mark, OTHER, renamed, SHARED } from './parts.mjs';

const require = createRequire(new URL('../end2end/package.json', import.meta.url));
const load = async (name) => (await import(pathToFileURL(require.resolve(name)))).default;
const [binaryen, esbuild] = await Promise.all([load('binaryen'), load('esbuild')]);

// Binaryen's inlining of large functions and its reuse of common parts save less than they cost: what
// repeats compresses well.
const SMALL = ['-Oz', '--one-caller-inline-max-function-size=15', '--skip-pass=local-cse'];
const STRIPPED = ['--strip-debug', '--strip-producers', '--strip-target-features'];
const FEATURES = ['bulk-memory', 'nontrapping-float-to-int', 'reference-types', 'multivalue', 'mutable-globals'];

/** What no page with a client shows until all of that is there, of style/. */
const LATER = ['choices', 'emoji', 'join', 'keys', 'lightbox', 'settings', 'uploads'];

/** The module of the script around the client, as wasm-bindgen calls it, and as finished ones do. */
const GLUE = './flack_bg.js';
const SHORT_GLUE = 'a';

const [from, into, marked] = process.argv.slice(2);
const script = fs.readFileSync(path.join(from, 'flack_bg.js'), 'utf8');
fs.mkdirSync(into, { recursive: true });

let whole = fs.readFileSync(path.join(from, 'flack_bg.wasm'));
whole = optimise(whole, '--remove-unused-module-elements');
const called = (await glue(imports(whole))).match(/\bwasm\d*\.\w+/g).map((use) => use.replace(/.*\./, ''));
const module = binaryen.readBinary(whole);
for (let index = module.getNumExports() - 1; index >= 0; index--) {
  const { name } = binaryen.getExportInfo(module.getExportByIndex(index));
  if (!called.includes(name)) module.removeExport(name);
}
binaryen.setDebugInfo(true);
whole = optimise(module.emitBinary());
// What is set in several places and read in one is a local of its own.
whole = optimise(whole, '--ssa-nomerge');

if (marked) {
  const { bytes, lines } = mark(whole);
  fs.writeFileSync(path.join(into, 'flack.wasm'), optimise(bytes, '--strip-debug'));
  fs.writeFileSync(path.join(into, 'lines.json'), JSON.stringify(lines));
  const note = 'export const mark = (nth) => (globalThis.ran ??= new Set()).add(nth);';
  fs.writeFileSync(path.join(into, 'flack.js'), await glue(imports(bytes), { besides: note }));
  process.exit();
}

const { bytes, unknown } = carve(whole, fs.readFileSync('tools/first.txt', 'utf8'));
// Stripped at once: only to read and write a module makes it larger.
const { first, rest, slot } = divide(bytes, optimise, (bytes) => optimise(bytes, ...SMALL, ...STRIPPED));
console.log(`${unknown} functions of the client are not in tools/first.txt.`);

// What a page needs first has the shortest names.
const names = [...new Set([...imports(first), ...imports(rest)])];
const exported = WebAssembly.Module.exports(new WebAssembly.Module(first)).map(({ name }) => name);
const short = new Map([...exported, ...names].map((name, nth) => [name, shortName(nth)]));
const importNames = (module, name) => {
  if (module === GLUE) return [SHORT_GLUE, short.get(name)];
  return module === OTHER ? [OTHER, ''] : [SHARED, short.get(name)];
};
const put = (bytes, name) => {
  let nth = 0;
  const exports = (name) => short.get(name) ?? shortName(nth++);
  fs.writeFileSync(path.join(into, name), renamed(bytes, importNames, exports));
};
put(first, 'flack.wasm');
put(optimise(rest, ...STRIPPED), 'flack-rest.wasm');
fs.writeFileSync(path.join(into, 'flack.js'), await glue(names, { short, slot }));

const sheet = fs.readFileSync('style/flack.css', 'utf8').split('\n');
const isLater = (line) => LATER.some((name) => line.includes(`/${name}.css`));
await style('flack.css', sheet.filter((line) => !isLater(line)));
await style('flack-rest.css', sheet.filter(isLater));

async function style(name, imports) {
  const stdin = { contents: imports.join('\n'), resolveDir: 'style', loader: 'css' };
  await esbuild.build({ stdin, outfile: path.join(into, name), bundle: true, minify: true });
}

function optimise(bytes, ...passes) {
  const file = path.join(from, 'shrunk.wasm');
  fs.writeFileSync(file, bytes);
  const keepNames = passes.includes('--strip-debug') ? [] : ['-g'];
  const features = FEATURES.map((feature) => `--enable-${feature}`);
  const args = [file, '-o', file, ...features, ...keepNames, ...(passes.length ? passes : SMALL)];
  execFileSync('wasm-opt', args, { maxBuffer: 1 << 26 });
  return fs.readFileSync(file);
}

/** What a module needs of the script around it. */
function imports(bytes) {
  const all = WebAssembly.Module.imports(new WebAssembly.Module(bytes));
  return all.filter(({ module }) => module === GLUE).map(({ name }) => name);
}

/** a to Z, then two letters, and so on. Never a number, which objects would sort to the front. */
function shortName(nth) {
  const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
  const last = letters[nth % letters.length];
  return nth < letters.length ? last : shortName(Math.floor(nth / letters.length) - 1) + last;
}

// The script around the module: what the module imports, and nothing else of wasm-bindgen's. Once the
// names are short, under those.
async function glue(names, { short, slot, besides = '' } = {}) {
  const to = (name) => short?.get(name) ?? name;
  const given = (name) => {
    const hears = short && name.startsWith('__wbg_set_onmessage_');
    return hears ? `(socket, hear) => { socket.onmessage = hear && hearing(hear); }` : `glue.${name}`;
  };
  const functions = names.map((name) => `${JSON.stringify(to(name))}: ${given(name)}`);
  const renamed = (code) => code.replace(/\bwasm\.(\w+)/g, (_, name) => `wasm.${to(name)}`);
  const parts = short && fs.readFileSync(new URL('parts.js', import.meta.url), 'utf8');
  const entry = `
    import * as glue from 'glue';
    ${parts ?? ''}
    const functions = { ${functions} };
    let wasm;
    export default async ({ module_or_path: address, rest }) => {
      const imports = { ${JSON.stringify(short ? SHORT_GLUE : GLUE)}: functions${parts ? `, ${OTHER}: missing` : ''} };
      const { instance } = await WebAssembly.instantiateStreaming(fetch(address), imports);
      wasm = instance.exports;
      glue.__wbg_set_wasm(wasm);
      ${parts ? `await expect(rest, { ${SHORT_GLUE}: functions, ${SHARED}: wasm }, wasm.table, ${slot});` : ''}
      wasm.__wbindgen_start();
    };
    export { hydrate } from 'glue';
  `;
  const sources = {
    entry,
    // Classes that nobody makes would be kept for the sake of these.
    glue: script.replace(/^if \(Symbol\.dispose\).*$/gm, '') + besides,
  };
  const plugin = {
    name: 'sources',
    setup(build) {
      build.onResolve({ filter: /./ }, ({ path }) => ({ path, namespace: 'sources' }));
      build.onLoad({ filter: /./ }, ({ path }) => ({ contents: renamed(sources[path]) }));
    },
  };
  const { outputFiles } = await esbuild.build({
    entryPoints: ['entry'],
    plugins: [plugin],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: Boolean(short),
    write: false,
  });
  return outputFiles[0].text;
}
