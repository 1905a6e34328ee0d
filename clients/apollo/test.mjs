// Apollo Client against the server: pages, mutations that update what is on the screen by themselves, eviction of what
// is deleted, mistakes as data, persisted queries.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { gql, HttpLink } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { buildSchema, getNamedType, isAbstractType, isObjectType } from 'graphql';
import { groupNamed, newEmail, newUser, schemaText, token, until, url } from '../server.mjs';
import { connect, drop, possibleTypes, typePolicies } from './connect.js';

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
      memberCount
      members(first: 50) { nodes { id displayName } edges { cursor direct node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
    }
  }`;

const run = Date.now().toString(36); // so that a server can be tested twice
const client = () => connect(url, () => token);

// What a screen that shows a query has on it, and a wait for a change of it.
function screen(query) {
  const seen = { data: undefined };
  const waits = new Set();
  const subscription = query.subscribe(({ data }) => {
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

const named = (connection, name) => connection.edges.some(({ node }) => node.displayName === name);

test('pages are joined, and each user is there once', async () => {
  const apollo = client();
  const query = apollo.watchQuery({ query: USERS, variables: { first: 7 } });
  const list = screen(query);
  await list.until(({ users }) => users.edges.length === 7);
  for (let more = true; more;) {
    const { data } = await query.fetchMore({ variables: { after: list.seen.data.users.pageInfo.endCursor } });
    await list.until(({ users }) => users.pageInfo.endCursor === data.users.pageInfo.endCursor);
    more = data.users.pageInfo.hasNextPage;
  }
  const { edges, totalCount } = list.seen.data.users;
  assert.equal(edges.length, totalCount);
  assert.equal(new Set(edges.map(({ node }) => node.id)).size, totalCount);
  list.close();
});

test('a changed user is changed on the screen, without code', async () => {
  const id = await newUser();
  const apollo = client();
  const list = screen(apollo.watchQuery({ query: USERS, variables: { first: 100 } }));
  await list.until(({ users }) => named(users, 'Aaron Client'));
  await apollo.mutate({
    mutation: gql`mutation Rename($input: UserUpdateInput!) { userUpdate(input: $input) { user { id displayName } errors { code } } }`,
    variables: { input: { id, givenName: 'Berta' } },
  });
  await list.until(({ users }) => named(users, 'Berta Client'));
  list.close();
});

test('a new user is put into the list by the payload’s edge, and the groups count it without code', async () => {
  const apollo = client();
  const id = await groupNamed('Translators');
  const list = screen(apollo.watchQuery({ query: USERS, variables: { first: 100, search: `Newcomer${run}` } }));
  const group = screen(apollo.watchQuery({ query: GROUP, variables: { id } }));
  await list.until(({ users }) => users.edges.length === 0);
  await group.until(() => true);
  const before = group.seen.data.group.directMemberCount;
  await apollo.mutate({
    mutation: gql`
      mutation Create($input: UserCreateInput!) {
        userCreate(input: $input) {
          userEdge { cursor node { id displayName } }
          groups { id directMemberCount memberCount }
          errors { code }
        }
      }`,
    variables: { input: { email: newEmail(), givenName: 'Nadia', familyName: `Newcomer${run}`, groupIds: [id] } },
    update(cache, { data: { userCreate: { userEdge } } }) {
      cache.updateQuery({ query: USERS, variables: { first: 100, search: `Newcomer${run}` } }, ({ users }) => (
        { users: { ...users, totalCount: users.totalCount + 1, edges: [...users.edges, userEdge] } }));
    },
  });
  await list.until(({ users }) => named(users, `Nadia Newcomer${run}`) && users.totalCount === 1);
  await group.until(data => data.group.directMemberCount === before + 1);
  list.close();
  group.close();
});

test('a deleted user leaves every list, and the groups count without code', async () => {
  const group = await groupNamed('Support');
  const id = await newUser({ familyName: 'Leaver', groupIds: [group] });
  const apollo = client();
  const list = screen(apollo.watchQuery({ query: USERS, variables: { first: 100 } }));
  const members = screen(apollo.watchQuery({ query: GROUP, variables: { id: group } }));
  await list.until(({ users }) => named(users, 'Aaron Leaver'));
  await members.until(data => data.group.members.nodes.some(node => node.id === id));
  const before = members.seen.data.group.directMemberCount;
  let requests = 0;
  const fetched = globalThis.fetch;
  globalThis.fetch = (...all) => { requests++; return fetched(...all); };
  try {
    await apollo.mutate({
      mutation: gql`
        mutation Delete($input: UserDeleteInput!) {
          userDelete(input: $input) { deletedUserId groups { id directMemberCount memberCount } errors { code } }
        }`,
      variables: { input: { id } },
      update: (cache, { data: { userDelete } }) => drop(cache, 'User', userDelete.deletedUserId),
    });
    await list.until(({ users }) => !users.edges.some(({ node }) => node.id === id));
    await members.until(data => !data.group.members.nodes.some(node => node.id === id) && data.group.members.edges.every(edge => edge.node.id !== id));
    await members.until(data => data.group.directMemberCount === before - 1);
  } finally {
    globalThis.fetch = fetched;
  }
  assert.equal(requests, 1, 'the mutation alone went to the server');
  list.close();
  members.close();
});

test('a mistake is data: nothing is thrown, and what is on the screen stays', async () => {
  const apollo = client();
  const { data, error } = await apollo.mutate({
    mutation: gql`mutation Create($input: UserCreateInput!) { userCreate(input: $input) { user { id } errors { code path } } }`,
    variables: { input: { email: 'ada.moreau@example.org' } },
  });
  assert.equal(error, undefined);
  assert.equal(data.userCreate.user, null);
  assert.deepEqual(data.userCreate.errors.map(({ code, path }) => [code, path]), [['EMAIL_TAKEN', ['input', 'email']]]);
});

test('persisted queries: once it is known, the hash alone is sent', async () => {
  const sent = [];
  const apollo = connect(url, () => token);
  const authorized = new HttpLink({
    uri: url,
    headers: { authorization: `Bearer ${token}` },
    fetch: (input, init) => { sent.push(JSON.parse(init.body)); return fetch(input, init); },
  });
  const sha256 = text => createHash('sha256').update(text).digest('hex');
  apollo.setLink(new PersistedQueryLink({ sha256 }).concat(authorized));
  const query = gql`query Persisted_${run} { viewer { role account { id name } } }`;
  for (let i = 0; i < 2; i++) {
    const { data } = await apollo.query({ query, fetchPolicy: 'network-only' });
    assert.equal(data.viewer.role, 'SUPER_ADMIN');
  }
  assert.deepEqual(sent.map(body => 'query' in body), [false, true, false]);
});

test('a token that is refused is an error with a code', async () => {
  const { error } = await connect(url, () => 'nobody').query({ query: gql`{ viewer { role } }`, errorPolicy: 'all' });
  assert.match(JSON.stringify(error), /UNAUTHENTICATED/);
});

test('a saved view changes on the screen by itself, and its filter goes into the list as it is', async () => {
  const apollo = client();
  const VIEW = gql`query View { viewer { tableViews { users { id columns { column width } sort pageSize filters { name filter } } } } }`;
  const SAVE = gql`
    mutation Save($input: TableViewSaveInput!) {
      tableViewSave(input: $input) { tableViews { users { id columns { column width } sort pageSize filters { name filter } } } errors { code path } }
    }`;
  const view = screen(apollo.watchQuery({ query: VIEW }));
  await view.until(({ viewer }) => viewer.tableViews.users.id);
  await newUser({ givenName: 'Vera', familyName: `View${run}` });
  const filter = { or: [{ search: `view${run}` }, { not: { not: { search: `view${run}` } } }] };
  const users = { columns: [{ column: 'EMAIL', width: 200 }, { column: 'STATUS' }], sort: 'EMAIL_DESC', pageSize: 7, filters: [{ name: run, filter }] };
  await apollo.mutate({ mutation: SAVE, variables: { input: { users } } });
  await view.until(({ viewer: { tableViews: { users: { columns, filters } } } }) => columns?.[0].column === 'EMAIL' && filters.some(({ name }) => name === run));
  const { sort, pageSize, filters } = view.seen.data.viewer.tableViews.users;
  const { data } = await apollo.query({
    query: gql`query List($filter: UserFilter, $sort: UserSort!, $first: Int) { users(filter: $filter, sort: $sort, first: $first) { nodes { id familyName } } }`,
    variables: { filter: filters.find(({ name }) => name === run).filter, sort, first: pageSize },
  });
  assert.deepEqual(data.users.nodes.map(({ familyName }) => familyName), [`View${run}`]);
  view.close();
});

test('the configuration names every list of the schema and what each depends on, and the types of every interface', async () => {
  const schema = buildSchema(await schemaText());
  const abstract = Object.values(schema.getTypeMap()).filter(isAbstractType);
  assert.deepEqual(possibleTypes, Object.fromEntries(abstract.map(type => [type.name, schema.getPossibleTypes(type).map(({ name }) => name).sort()])));
  const pages = new Set(['first', 'after', 'last', 'before']);
  for (const type of Object.values(schema.getTypeMap()).filter(isObjectType)) {
    for (const field of Object.values(type.getFields()).filter(({ type: of }) => getNamedType(of).name.endsWith('Connection'))) {
      const wanted = field.args.map(({ name }) => name).filter(name => !pages.has(name));
      assert.deepEqual(typePolicies[type.name]?.fields[field.name]?.keyArgs, wanted, `${type.name}.${field.name}`);
    }
  }
});
