// The README quotes the files that the tests run, to the letter, and links to what is there.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const clients = new URL('..', import.meta.url);
const readme = readFileSync(new URL('README.md', clients), 'utf8');
const quotes = [...readme.matchAll(/^\[`([^`]+)`\]\(\1\):\n\n```\w+\n([^]*?)\n```$/gm)];

test('each client’s code is quoted', () => {
  assert.deepEqual(quotes.map(([, path]) => path.split('/')[0]), ['apollo', 'urql', 'relay', 'codegen', 'codegen']);
});

for (const [, path, text] of quotes) {
  test(`${path} is quoted to the letter`, () => assert.equal(text, readFileSync(new URL(path, clients), 'utf8').trimEnd()));
}

test('every link to a file leads somewhere', () => {
  for (const [, path] of readme.matchAll(/\]\((?!https?:)([^)]+)\)/g)) assert.ok(existsSync(new URL(path, clients)), path);
});
