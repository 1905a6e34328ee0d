// The published schema: graphql-eslint finds nothing, and nothing of the last release's schema is broken.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { ESLint } from 'eslint';
import { schemaText } from '../server.mjs';
import { changes } from './changes.mjs';

const at = path => new URL(path, import.meta.url).pathname;
const released = readFileSync(at('released.graphql'), 'utf8');

let published;

before(async () => {
  published = await schemaText();
});

// A schema's problems, as graphql-eslint sees them.
async function problems(text) {
  mkdirSync(at('../build'), { recursive: true });
  writeFileSync(at('../build/schema.graphql'), text);
  const eslint = new ESLint({ cwd: at('..'), overrideConfigFile: at('eslint.config.js') });
  const [{ messages }] = await eslint.lintFiles(['build/schema.graphql']);
  return messages.map(({ line, ruleId, message }) => `${line}: ${ruleId?.replace('@graphql-eslint/', '') ?? 'error'}: ${message.split('\n')[0]}`);
}

const replaced = (text, old, by) => {
  assert.ok(text.includes(old), `there is no ${old}`);
  return text.replace(old, by);
};

test('graphql-eslint finds nothing', async () => {
  assert.deepEqual(await problems(published), []);
});

for (const [name, rule, spoil] of [
  ['a type that can’t be known again', 'strict-id-in-types',
    text => `${text}\n"A type." type Orphan { "A name." name: String! } extend type Query { "One." orphan: Orphan }`],
  ['a field without description', 'require-description', text => `${text}\nextend type Group { colour: String }`],
  ['a connection without pageInfo', 'relay-connection-types', text => text.replaceAll(/"""[^"]*"""\s*pageInfo: PageInfo!/g, '')],
]) {
  test(`graphql-eslint would find ${name}`, async () => {
    const found = await problems(spoil(published));
    assert.ok(found.some(problem => problem.includes(`: ${rule}: `)), found.join('\n'));
  });
}

test('nothing of the last release is broken', async t => {
  const { breaking, dangerous } = await changes(released, published);
  dangerous.forEach(message => t.diagnostic(`for some clients: ${message}`));
  assert.deepEqual(breaking, []);
});

for (const [name, from, to, breaks] of [
  ['a field is removed', '  displayName: String!\n', '', true],
  ['a field may be absent', 'displayName: String!', 'displayName: String', true],
  ['a field has another type', 'memberCount: Int!', 'memberCount: String!', true],
  ['an input is required', 'givenName: String! = ""', 'givenName: String!', true],
  ['a new input is required', 'input UserDeleteInput {', 'input UserDeleteInput {\n  why: String!', true],
  ['a value is removed', '  LAST_SUPER_ADMIN\n', '', true],
  ['a new input may be left out', 'input UserDeleteInput {', 'input UserDeleteInput {\n  why: String', false],
  ['a new field', 'displayName: String!', 'displayName: String!\n  nickname: String', false],
  ['a new value', '  LAST_SUPER_ADMIN\n', '  LAST_SUPER_ADMIN\n  TOO_LATE\n', false],
]) {
  test(`${name}: ${breaks ? 'breaks clients' : 'breaks none'}`, async () => {
    const { breaking } = await changes(released, replaced(released, from, to));
    assert.equal(breaking.length > 0, breaks, breaking.join('\n'));
  });
}
