// SPDX-License-Identifier: MIT
//
// Bundles the code of DevTools' heap snapshot worker into one module that Node can load:
// DIR/devtools-worker.mjs. The npm package holds TypeScript sources that import each other
// as ".js", and one generated file (the list of languages) that it does not hold at all.
import {existsSync} from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';

const directory = path.resolve(process.argv[2]);
const {build} = createRequire(path.join(directory, 'package.json'))('esbuild');

const frontEnd = './node_modules/chrome-devtools-frontend/front_end';
const entry = `
export * as HeapSnapshot from '${frontEnd}/entrypoints/heap_snapshot_worker/HeapSnapshot.js';
export * as HeapSnapshotLoader
    from '${frontEnd}/entrypoints/heap_snapshot_worker/HeapSnapshotLoader.js';
`;
const locales = `
export const LOCALES = ['en-US'], BUNDLED_LOCALES = ['en-US'], DEFAULT_LOCALE = 'en-US';
export const REMOTE_FETCH_PATTERN = '', LOCAL_FETCH_PATTERN = '';
`;

function resolveSource({path: name, resolveDir}) {
  const wanted = path.resolve(resolveDir, name);
  if (existsSync(wanted)) return {path: wanted};
  const source = wanted.replace(/\.js$/, '.ts');
  if (existsSync(source)) return {path: source};
  return path.basename(name) === 'locales.js' ? {path: name, namespace: 'locales'} : undefined;
}

await build({
  stdin: {contents: entry, resolveDir: directory, loader: 'js'},
  outfile: path.join(directory, 'devtools-worker.mjs'),
  bundle: true, format: 'esm', platform: 'node', target: 'es2022', logLevel: 'error',
  plugins: [{
    name: 'devtools-sources',
    setup(esbuild) {
      esbuild.onResolve({filter: /\.js$/}, resolveSource);
      esbuild.onLoad({filter: /./, namespace: 'locales'},
        () => ({contents: locales, loader: 'js'}));
    },
  }],
});
