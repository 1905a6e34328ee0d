// Relay: the compiler over the published schema, and the runtime against the server: pages, edges, deletion.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { transformFileSync } from '@babel/core';
import relayPlugin from 'babel-plugin-relay';
import { build } from 'esbuild';
import { groupNamed, newEmail, newUser, schemaText, token, url } from '../server.mjs';

const at = path => new URL(path, import.meta.url).pathname;

let relay;

before(async () => {
  mkdirSync(at('../build/relay'), { recursive: true });
  writeFileSync(at('../build/schema.graphql'), await schemaText());
  execFileSync(at('../node_modules/.bin/relay-compiler'), ['--output', 'quiet-with-errors', 'relay.config.json'], { cwd: at('.'), stdio: 'inherit' });
  // As an app's bundler does it: graphql`…` becomes an import of what the compiler made.
  const babel = { name: 'babel-plugin-relay', setup(bundle) {
    const options = { artifactDirectory: at('../build/relay'), eagerEsModules: true };
    bundle.onLoad({ filter: /operations\.js$/ }, ({ path }) => (
      { contents: transformFileSync(path, { plugins: [[relayPlugin, options]], configFile: false }).code }));
  } };
  const outfile = at('../build/relay.mjs');
  await build({ entryPoints: [at('screens.js')], bundle: true, platform: 'node', format: 'esm', outfile, plugins: [babel], logLevel: 'warning',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" } });
  relay = await import(outfile);
});

const users = (environment, first, search) => {
  const { UsersQuery, Users } = relay.operations;
  return relay.open(environment, UsersQuery, { first, search }, Users);
};

const members = (environment, id) => {
  const { MembersQuery, Members } = relay.operations;
  return relay.open(environment, MembersQuery, { id, first: 100 }, Members, data => data.group);
};

const names = screen => screen.read().users.edges.map(({ node }) => node.displayName);
const ids = connection => connection.edges.map(({ node }) => node.id);
const environment = () => relay.connect(url, () => token);

test('the compiler makes an artifact of each operation', () => {
  assert.ok(readdirSync(at('../build/relay')).filter(name => name.endsWith('.graphql.js')).length >= 13);
});

test('pages are joined, and each user is there once', async () => {
  const store = environment();
  const screen = await users(store, 7, null);
  const all = await users(environment(), 100, null);
  for (let page = screen.read().users.pageInfo; page.hasNextPage; page = screen.read().users.pageInfo) {
    await relay.fetchPage(store, relay.operations.Users, { first: 7, after: page.endCursor, search: null });
  }
  assert.deepEqual(ids(screen.read().users), ids(all.read().users));
});

test('a new user stands at the head of the list, a deleted one nowhere', async () => {
  const store = environment();
  const id = await groupNamed('Translators');
  const [list, group] = [await users(store, 50, null), await members(store, id)];
  const [before, counted] = [names(list), group.data().directMemberCount];
  const { userCreate } = await relay.commit(store, relay.operations.UserCreate, {
    input: { email: newEmail(), givenName: 'Rhea', familyName: 'Relay', groupIds: [id] }, connections: [list.read().users.__id],
  });
  assert.deepEqual(names(list), ['Rhea Relay', ...before]);
  assert.equal(group.data().directMemberCount, counted + 1);

  await relay.commit(store, relay.operations.UserUpdate, { input: { id: userCreate.userEdge.node.id, givenName: 'Rita' } });
  assert.deepEqual(names(list), ['Rita Relay', ...before]);

  await relay.commit(store, relay.operations.UserDelete, { input: { id: userCreate.userEdge.node.id } });
  assert.deepEqual(list.read().users.edges.filter(edge => edge?.node).map(({ node }) => node.displayName), before);
  assert.equal(group.data().directMemberCount, counted);
});

test('a member is appended to the group’s list and taken out again', async () => {
  const store = environment();
  const group = await groupNamed('Support');
  const user = await newUser();
  const screen = await members(store, group);
  const before = ids(screen.read().members);
  const variables = { input: { groupIds: [group], userIds: [user] }, connections: [screen.read().members.__id] };
  await relay.commit(store, relay.operations.MembersAdd, variables);
  assert.deepEqual(ids(screen.read().members), [...before, user]);
  assert.equal(screen.read().members.edges.at(-1).direct, true);
  assert.equal(screen.data().directMemberCount, before.length + 1);
  await relay.commit(store, relay.operations.MembersAdd, variables);
  assert.deepEqual(ids(screen.read().members), [...before, user], 'twice is once');
  await relay.commit(store, relay.operations.MembersRemove, variables);
  assert.deepEqual(ids(screen.read().members), before);
  assert.equal(screen.data().directMemberCount, before.length);
});

test('a mistake is data', async () => {
  const answer = await relay.commit(environment(), relay.operations.UserCreate, { input: { email: 'nobody' }, connections: [] });
  assert.deepEqual(answer.userCreate.errors, [{ code: 'INVALID_EMAIL' }]);
});
