// graphql-codegen over the published schema, its output compiled strictly by tsc, and the program run on the server.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { newUser, schemaText, token, url } from '../server.mjs';

const clients = new URL('..', import.meta.url).pathname;
const run = (tool, ...args) => execFileSync(`${clients}node_modules/.bin/${tool}`, args, { cwd: clients, stdio: 'inherit' });

let report;

before(async () => {
  mkdirSync(`${clients}build`, { recursive: true });
  writeFileSync(`${clients}build/schema.graphql`, await schemaText());
  run('graphql-codegen', '--config', 'codegen/codegen.config.mjs', '--silent');
  run('tsc', '--project', 'codegen');
  report = await import('../build/js/codegen/report.js');
});

test('a query of generated types', async () => {
  const found = await report.members(url, token, 'Support');
  assert.ok(found.length >= 10 && found.some(({ direct }) => !direct) && found.some(({ direct }) => direct), JSON.stringify(found));
  assert.deepEqual(await report.members(url, token, 'nobody has this name'), []);
});

test('an input of generated types: absent is not null', async () => {
  const id = await newUser({ familyName: 'Typed' });
  assert.deepEqual(await report.update(url, token, { id, givenName: 'Tia' }), { givenName: 'Tia', familyName: 'Typed', codes: [] });
  assert.deepEqual(await report.update(url, token, { id, familyName: null }), { givenName: 'Tia', familyName: '', codes: [] });
  assert.deepEqual((await report.update(url, token, { id, email: null })).codes, ['REQUIRED']);
});

test('a saved filter has the type of the filter, and goes back as it is', async () => {
  await newUser({ familyName: 'Sauvegarde' });
  const filter = { search: 'sauvegarde', not: { status: ['SUSPENDED'] }, and: [{ role: ['MEMBER'] }] };
  assert.deepEqual(await report.saved(url, token, 'Mine', filter), { filter, count: 1 });
});
