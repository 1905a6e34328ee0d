// Builds src/ into dist/, which the server embeds: every file but the page itself compressed by gzip.
//   node build.mjs            writes dist/
//   node build.mjs --check    writes nothing, and fails when dist/ is not what src/ builds
import { build } from 'esbuild';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, 'dist');

// The bundle's files by name, and the page.
async function built() {
  const result = await build({
    absWorkingDir: here,
    entryPoints: {
      main: 'src/main.jsx',
      editor: 'monaco-editor/esm/vs/editor/editor.worker.js',
      json: 'monaco-editor/esm/vs/language/json/json.worker.js',
      graphql: 'monaco-graphql/esm/graphql.worker.js',
    },
    outdir: 'dist',
    write: false,
    bundle: true,
    format: 'esm',
    splitting: true,
    minify: true,
    legalComments: 'none', // licenses.txt has them
    target: ['chrome111', 'firefox114', 'safari16.4'],
    jsx: 'automatic',
    loader: { '.ttf': 'file' },
    define: { 'process.env.NODE_ENV': '"production"' },
    chunkNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    metafile: true,
    logLevel: 'warning',
  });
  // The styles of what is loaded later are in main.css, which has them all.
  const wanted = result.outputFiles.map(({ path, contents }) => [basename(path), Buffer.from(contents)])
    .filter(([name]) => !name.endsWith('.css') || name === 'main.css');
  const files = new Map(wanted);
  files.set('index.html', await readFile(join(here, 'src/index.html')));
  files.set('licenses.txt', await licenses(result.metafile));
  return files;
}

// The licenses of all that went into the bundle, as they ask to be handed on.
async function licenses(metafile) {
  const folders = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const found = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) folders.add(found[1]);
  }
  const parts = [];
  for (const folder of [...folders].sort()) {
    const { name, version, license } = JSON.parse(await readFile(join(here, folder, 'package.json'), 'utf8'));
    const file = (await readdir(join(here, folder))).sort().find(entry => /^licen[cs]e(\.(md|txt))?$/i.test(entry));
    const text = file ? await readFile(join(here, folder, file), 'utf8') : '';
    parts.push(`${name} ${version}: ${license}\n\n${text.replaceAll('\r\n', '\n').trim()}`.trim() + '\n');
  }
  return Buffer.from(parts.join(`\n${'-'.repeat(80)}\n\n`));
}

const isPlain = name => name === 'index.html';

async function write(files) {
  await rm(dist, { recursive: true, force: true });
  await mkdir(dist);
  for (const [name, contents] of files) {
    if (isPlain(name)) await writeFile(join(dist, name), contents);
    else await writeFile(join(dist, `${name}.gz`), gzipSync(contents, { level: 9 }));
  }
}

// Compares what is in the files, since compressors differ.
async function check(files) {
  const committed = new Map();
  for (const name of await readdir(dist)) {
    const contents = await readFile(join(dist, name));
    if (isPlain(name)) committed.set(name, contents);
    else committed.set(name.replace(/\.gz$/, ''), gunzipSync(contents));
  }
  const wrong = [...new Set([...files.keys(), ...committed.keys()])].sort()
    .filter(name => !committed.get(name)?.equals(files.get(name) ?? Buffer.of()));
  if (wrong.length > 0) {
    console.error(`dist/ is not what src/ builds: ${wrong.join(', ')}\nRun "make playground" and commit dist/.`);
    process.exit(1);
  }
}

const files = await built();
if (process.argv.includes('--check')) await check(files);
else await write(files);
console.log(`${files.size} files, ${Math.round([...files.values()].reduce((sum, file) => sum + file.length, 0) / 1024)} KiB`);
