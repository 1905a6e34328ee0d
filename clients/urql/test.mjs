// urql with graphcache against the server: pages, mutations that update what is on the screen, what is deleted, and a
// cache that has nothing to complain of.
import assert from 'node:assert/strict';
import { after, beforeEach, mock, test } from 'node:test';
import { Client, fetchExchange, gql } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { buildSchema } from 'graphql';
import { groupNamed, newUser, schemaText, token, until, url } from '../server.mjs';
import { connect } from './connect.js';
import { keys } from './keys.js';
import { withoutId } from './keys.mjs';

const complaints = ['warn', 'error'].map(method => mock.method(console, method, () => {}));
beforeEach(() => complaints.forEach(({ mock: calls }) => calls.resetCalls()));
const complained = () => complaints.flatMap(({ mock: { calls } }) => calls.map(call => String(call.arguments[0])));
after(() => mock.restoreAll());

const USERS = gql`
  query Users($first: Int, $after: String, $search: String) {
    users(first: $first, after: $after, filter: { search: $search }) {
      totalCount
      edges { cursor node { id displayName } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }`;
const GROUP = gql`
  query Members($id: ID!) {
    group(by: { id: $id }) {
      id
      directMemberCount
      members(first: 50) { edges { direct via { id name } path { id name } node { id displayName } } pageInfo { hasNextPage endCursor } }
    }
  }`;

const client = () => connect(url, () => token);

function screen(urql, query, variables) {
  const seen = { data: undefined };
  const waits = new Set();
  const subscription = urql.query(query, variables).subscribe(({ data, error }) => {
    assert.equal(error, undefined);
    seen.data = data;
    waits.forEach(look => look());
  });
  return {
    seen,
    until(condition) {
      const { holds, look } = until(() => seen.data && condition(seen.data));
      waits.add(look);
      return holds;
    },
    close: () => subscription.unsubscribe(),
  };
}

async function mutate(urql, mutation, input) {
  const { data, error } = await urql.mutation(mutation, { input }).toPromise();
  assert.equal(error, undefined);
  return Object.values(data)[0];
}

const has = (connection, name) => connection.edges.some(({ node }) => node.displayName === name);

test('keys.js names every type without an id, and no other', async () => {
  assert.deepEqual(Object.keys(keys), withoutId(buildSchema(await schemaText())), 'run "make client-keys"');
});

test('with keys.js graphcache has nothing to complain of; without it, it has', async () => {
  const CHECKS = gql`
    query Checks($users: [ID!]!, $groups: [ID!]!) {
      viewer { role user { id } }
      membershipChecks(userIds: $users, groupIds: $groups) { isMember via { id name } }
      group(by: { name: "Support" }) { id adjacent { next { id name } } }
    }`;
  const variables = { users: [await newUser()], groups: [await groupNamed('Support')] };
  const without = new Client({
    url, preferGetMethod: false, fetchOptions: { headers: { authorization: `Bearer ${token}` } },
    exchanges: [cacheExchange({}), fetchExchange],
  });
  for (const [urql, complaining] of [[without, ['GroupAdjacent', 'MembershipCheck', 'Viewer']], [client(), []]]) {
    complaints.forEach(({ mock: calls }) => calls.resetCalls());
    const { data, error } = await urql.query(CHECKS, variables).toPromise();
    assert.equal(error, undefined);
    assert.equal(data.membershipChecks.length, 1);
    const types = complained().map(text => /`keys` config for `(\w+)`/.exec(text)?.[1] ?? text);
    assert.deepEqual(types.sort(), complaining);
  }
});

test('pages are joined, and each user is there once', async () => {
  const urql = client();
  const list = screen(urql, USERS, { first: 100 });
  await list.until(() => true);
  const total = list.seen.data.users.totalCount;
  list.close();
  const paged = client();
  let cursor;
  let data;
  do {
    ({ data } = await paged.query(USERS, { first: 7, after: cursor }).toPromise());
    cursor = data.users.pageInfo.endCursor;
  } while (data.users.pageInfo.hasNextPage);
  ({ data } = await paged.query(USERS, { first: 7 }, { requestPolicy: 'cache-only' }).toPromise());
  assert.equal(data.users.edges.length, total);
  assert.equal(new Set(data.users.edges.map(({ node }) => node.id)).size, total);
  assert.deepEqual(complained(), []);
});

test('a changed user is changed on the screen, without code', async () => {
  const id = await newUser({ familyName: 'Urql' });
  const urql = client();
  const list = screen(urql, USERS, { first: 100 });
  await list.until(({ users }) => has(users, 'Aaron Urql'));
  await mutate(urql, gql`mutation Rename($input: UserUpdateInput!) { userUpdate(input: $input) { user { id displayName } errors { code } } }`, { id, givenName: 'Berta' });
  await list.until(({ users }) => has(users, 'Berta Urql'));
  list.close();
  assert.deepEqual(complained(), []);
});

test('new members are counted by the payload; mistakes are data', async () => {
  const [group, user] = [await groupNamed('Translators'), await newUser()];
  const urql = client();
  const members = screen(urql, GROUP, { id: group });
  await members.until(() => true);
  const before = members.seen.data.group.directMemberCount;
  const ADD = gql`
    mutation Add($input: GroupMembersAddInput!) {
      groupMembersAdd(input: $input) {
        results { groupId userId outcome memberEdge { cursor direct node { id displayName } } }
        groups { id directMemberCount }
        errors { code message path params { name values } }
      }
    }`;
  const added = await mutate(urql, ADD, { groupIds: [group], userIds: [user] });
  assert.deepEqual(added.results.map(({ outcome }) => outcome), ['ADDED']);
  await members.until(data => data.group.directMemberCount === before + 1);
  const refused = await mutate(urql, ADD, { groupIds: [], userIds: [user] });
  assert.deepEqual(refused.errors.map(({ code }) => code), ['REQUIRED']);
  members.close();
  assert.deepEqual(complained(), []);
});

test('a deleted user leaves the list and the group', async () => {
  const group = await groupNamed('Support');
  const id = await newUser({ familyName: 'Leaver', groupIds: [group] });
  const urql = client();
  const [list, members] = [screen(urql, USERS, { first: 100 }), screen(urql, GROUP, { id: group })];
  await list.until(({ users }) => has(users, 'Aaron Leaver'));
  await members.until(data => has(data.group.members, 'Aaron Leaver'));
  await mutate(urql, gql`
    mutation Delete($input: UserDeleteInput!) {
      userDelete(input: $input) { deletedUserId groups { id directMemberCount } errors { code } }
    }`, { id });
  await list.until(({ users }) => !has(users, 'Aaron Leaver'));
  await members.until(data => !has(data.group.members, 'Aaron Leaver'));
  list.close();
  members.close();
  assert.deepEqual(complained(), []);
});
