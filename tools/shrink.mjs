// Makes of what wasm-bindgen leaves behind a client that is as small to download as it can be:
//
//   node tools/shrink.mjs FROM INTO
//
// FROM has the output of `wasm-bindgen --target bundler --out-name flack`.
// INTO gets flack.css, flack.wasm and flack.js, which exports what pages use of the output for
// `--target web`: the default function, and `hydrate`.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(new URL('../end2end/package.json', import.meta.url));
const load = async (name) => (await import(pathToFileURL(require.resolve(name)))).default;
const [binaryen, esbuild] = await Promise.all([load('binaryen'), load('esbuild')]);

// Binaryen's inlining of large functions and its reuse of common parts save less than they cost: what
// repeats compresses well.
const SMALL = ['-Oz', '--one-caller-inline-max-function-size=15', '--skip-pass=local-cse'];
const MINIFIED = [
  '--minify-imports-and-exports-and-modules',
  '--strip-producers',
  '--strip-target-features',
];
const FEATURES = ['--enable-bulk-memory', '--enable-nontrapping-float-to-int'];

const [from, into] = process.argv.slice(2);
const shrunk = path.join(from, 'shrunk.wasm');
const script = fs.readFileSync(path.join(from, 'flack_bg.js'), 'utf8');

fs.copyFileSync(path.join(from, 'flack_bg.wasm'), shrunk);
optimise('--remove-unused-module-elements');
const called = (await glue()).match(/\bwasm\d*\.\w+/g).map((use) => use.replace(/.*\./, ''));
const module = binaryen.readBinary(fs.readFileSync(shrunk));
for (let index = module.getNumExports() - 1; index >= 0; index--) {
  const { name } = binaryen.getExportInfo(module.getExportByIndex(index));
  if (!called.includes(name)) module.removeExport(name);
}
fs.writeFileSync(shrunk, module.emitBinary());
optimise(...SMALL);
const imported = imports();
const minified = JSON.parse(optimise(...MINIFIED));

fs.mkdirSync(into, { recursive: true });
await esbuild.build({
  entryPoints: ['style/flack.css'],
  outfile: path.join(into, 'flack.css'),
  bundle: true,
  minify: true,
});
fs.copyFileSync(shrunk, path.join(into, 'flack.wasm'));
fs.writeFileSync(path.join(into, 'flack.js'), await glue(imported, minified));

function optimise(...passes) {
  const args = [shrunk, '-o', shrunk, ...FEATURES, ...passes];
  return execFileSync('wasm-opt', args, { encoding: 'utf8', maxBuffer: 1 << 26 });
}

function imports() {
  const module = new WebAssembly.Module(fs.readFileSync(shrunk));
  return WebAssembly.Module.imports(module).map(({ name }) => name);
}

// The script around the module: what the module imports, and nothing else of wasm-bindgen's. Once the
// names are minified, under those.
async function glue(names = imports(), minified) {
  const short = new Map();
  for (const [, name, to] of minified?.imports ?? []) short.set(name, to);
  for (const [name, to] of minified?.exports ?? []) short.set(name, to);
  const to = (name) => short.get(name) ?? name;
  const functions = names.map((name) => `${JSON.stringify(to(name))}: glue.${name}`);
  const renamed = (code) => code.replace(/\bwasm\.(\w+)/g, (_, name) => `wasm.${to(name)}`);
  const entry = `
    import * as glue from 'glue';
    let wasm;
    export default async ({ module_or_path: address }) => {
      const imports = { ${minified ? 'a' : '"./flack_bg.js"'}: { ${functions} } };
      const { instance } = await WebAssembly.instantiateStreaming(fetch(address), imports);
      wasm = instance.exports;
      glue.__wbg_set_wasm(wasm);
      wasm.__wbindgen_start();
    };
    export { hydrate } from 'glue';
  `;
  const sources = {
    entry,
    // Classes that nobody makes would be kept for the sake of these.
    glue: script.replace(/^if \(Symbol\.dispose\).*$/gm, ''),
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
    minify: Boolean(minified),
    write: false,
  });
  return outputFiles[0].text;
}
