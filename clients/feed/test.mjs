// The copy of an account that replica.js keeps, held against what the API shows: begun while others write at random, and followed
// by pages and by subscription.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from 'graphql-sse';
import { newEmail, token, url } from '../server.mjs';
import { readCSV, readExports } from './exports.js';
import { applyPage, catchUp, connect, CursorExpired, effectiveMembers, empty, follow, readAll } from './replica.js';

const ask = connect(url, () => token); // writes, as an administrator

// Who reads is a partner client with all scopes.
const partner = await (async () => {
  const { partnerClientCreate: { partnerClient, clientSecret } } = await ask(`mutation ($name: String!) {
    partnerClientCreate(input: { name: $name, scopes: [USERS_READ, GROUPS_READ, MEMBERS_READ, PRODUCTS_READ, CHANGES_READ] }) { partnerClient { clientId } clientSecret } }`,
  { name: `Feed ${Date.now()}` });
  const answer = await fetch(new URL('/oauth/token', url), {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${encodeURIComponent(partnerClient.clientId)}:${encodeURIComponent(clientSecret)}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  assert.equal(answer.status, 200);
  return (await answer.json()).access_token;
})();
const read = connect(url, async () => partner);
const newUser = async () => (await ask('mutation ($email: String!) { userCreate(input: { email: $email }) { user { id } } }', { email: newEmail() })).userCreate.user.id;
const pick = list => list[Math.floor(Math.random() * list.length)];
const sorted = state => Object.fromEntries(Object.entries(state).filter(([name]) => name !== 'cursor').map(([name, map]) =>
  [name, [...map].map(([id, value]) => [id, value instanceof Set ? [...value].sort() : value]).sort(([a], [b]) => (a < b ? -1 : 1))]));

// One writer: makes, changes and removes users, groups, memberships, nesting and products. What clashes is refused, and that is all right.
async function write(known, times) {
  const change = (name, input, fields = '') => ask(`mutation ($input: ${name[0].toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { ${fields} errors { code } } }`, { input });
  const moves = [
    async () => known.users.push(await newUser()),
    async () => {
      const { groupCreate } = await change('groupCreate', { name: `Feed ${Math.random()}`, memberIds: [pick(known.users)] }, 'group { id }');
      if (groupCreate.group) known.groups.push(groupCreate.group.id);
    },
    () => change('groupUpdate', { id: pick(known.groups), description: `is ${Math.random()}`, priority: Math.floor(Math.random() * 9) }),
    () => change('userUpdate', { id: pick(known.users), familyName: `${pick(['Name', '=Name;=1', '"Name", \'-Name'])} ${Math.random()}` }),
    () => change('groupMembersAdd', { groupIds: [pick(known.groups), pick(known.groups)], userIds: [pick(known.users), pick(known.users)] }),
    () => change('groupMembersRemove', { groupIds: [pick(known.groups)], userIds: [pick(known.users), pick(known.users)] }),
    () => change('groupNest', { parentId: pick(known.groups), childId: pick(known.groups) }),
    () => change('groupUnnest', { parentId: pick(known.groups), childId: pick(known.groups) }),
    () => change('groupProductsSet', { groupId: pick(known.groups), productKeys: Math.random() < 0.6 ? ['goto-room'] : [], notifyUsers: false }),
    () => change('usersSuspend', { selection: { ids: [pick(known.users)] } }),
    () => change('usersResume', { selection: { ids: [pick(known.users)] } }),
    async () => Math.random() < 0.3 && known.users.length > 8 && change('userDelete', { id: known.users.shift() }),
    async () => Math.random() < 0.3 && known.groups.length > 5 && change('groupDelete', { id: known.groups.shift() }),
  ];
  for (let i = 0; i < times; i++) await pick(moves)();
}

const world = async () => {
  const known = { users: [], groups: [] };
  for (let i = 0; i < 6; i++) known.users.push(await newUser());
  for (let i = 0; i < 4; i++) {
    const { groupCreate } = await ask('mutation ($name: String!) { groupCreate(input: { name: $name }) { group { id } } }', { name: `Feed ${Math.random()}` });
    known.groups.push(groupCreate.group.id);
  }
  return known;
};

// What the copy has is what the lists show, and its effective members those that the API works out.
async function holds(state) {
  assert.deepEqual(sorted(state), sorted(await readAll(read)));
  for (const id of state.groups.keys()) {
    const got = [...effectiveMembers(state, id)].sort();
    const want = [];
    for (let after = null; ;) {
      const { group } = await read('query ($id: ID!, $after: String) { group(by: { id: $id }) { members(first: 100, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } } }', { id, after });
      want.push(...group.members.nodes.map(user => user.id));
      if (!group.members.pageInfo.hasNextPage) break;
      after = group.members.pageInfo.endCursor;
    }
    assert.deepEqual(got, want.sort());
  }
}

test('a copy that is begun while others write is right once it has caught up', async () => {
  const known = await world();
  const writers = Promise.all([1, 2, 3, 4, 5, 6].map(() => write(known, 40)));
  const state = await readAll(read);
  await writers;
  await catchUp(read, state);
  await holds(state);
});

test('a copy that begins with exports, made while others write, is right once it has caught up', async () => {
  const known = await world();
  const writers = Promise.all([1, 2, 3, 4].map(() => write(known, 40)));
  const state = await readExports(ask, url);
  await writers;
  await catchUp(ask, state);
  await holds(state);
});

test('CSV is read as it was meant', () => {
  const rows = [...readCSV('A,B\r\n"x ""y"", \'",\'=1\r\n"\r\n",\'\'-2\r\n,"a;\'=b"\r\n')];
  assert.deepEqual(rows, [{ A: 'x "y", \'', B: '=1' }, { A: '\r\n', B: '\'-2' }, { A: '', B: 'a;=b' }]);
});

test('a copy that begins with nothing and reads the whole feed is right, too', async () => {
  const state = empty();
  const { changes } = await read('{ changes(first: 1) { cursor hasMore entries { __typename action ... on UserChange { userId after { email givenName familyName displayName locale role status statusReasons } } } } }');
  applyPage(state, changes);
  await catchUp(read, state);
  await holds(state);
});

test('a copy that follows by subscription is right when it has heard of everything', async () => {
  const known = await world();
  const state = await readAll(read);
  const client = createClient({ url, headers: { authorization: `Bearer ${partner}` }, retryAttempts: 0 });
  let end = null;
  const heard = new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('the end was not heard of within 30 s')), 30_000);
    follow(client, state, ({ cursor, groups }) => {
      if (end && groups.has(end)) {
        clearTimeout(late);
        resolve(cursor);
      }
    }).catch(reject);
  });
  await Promise.all([1, 2, 3, 4].map(() => write(known, 25)));
  const { groupCreate } = await ask('mutation ($name: String!) { groupCreate(input: { name: $name }) { group { id } } }', { name: `End ${Math.random()}` });
  end = groupCreate.group.id;
  await ask('mutation ($id: ID!) { groupUpdate(input: { id: $id, priority: 1 }) { errors { code } } }', { id: end });
  await heard;
  client.dispose();
  await catchUp(read, state);
  await holds(state);
});

test('a page that is applied twice changes nothing', async () => {
  const state = await readAll(read);
  const before = sorted(state);
  const { changes } = await read('{ changes(first: 1) { cursor } }');
  const again = { ...state, cursor: changes.cursor };
  await catchUp(read, again);
  assert.deepEqual(sorted(again), before);
});

test('a cursor that is not kept is told from one that is wrong', async () => {
  const { changesCursor } = await read('{ changesCursor }');
  const ahead = Buffer.from(changesCursor, 'base64url');
  ahead.writeBigUInt64BE(ahead.readBigUInt64BE(8) + 1_000_000n, 8);
  await assert.rejects(catchUp(read, { ...empty(), cursor: ahead.toString('base64url') }), CursorExpired);
  await assert.rejects(catchUp(read, { ...empty(), cursor: 'x' }), /since: this is not a cursor/);
});
