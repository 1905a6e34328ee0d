// A copy of an account that follows the change feed: who is there, what lies in what, who is in what, who has what. It runs
// wherever there is fetch, without packages. `state` is to be kept together with `state.cursor`, in one transaction where it
// goes to a database: then nothing is applied twice after a crash, and if it were, nothing would be wrong.

const ENTRIES = `
  cursor hasMore
  entries {
    __typename action
    ... on UserChange { userId after { email givenName familyName displayName locale role status statusReasons } }
    ... on UserStatusChange { userId status statusReasons }
    ... on UserProductChange { userId productId }
    ... on GroupChange { groupId after { name description priority } }
    ... on MembershipChange { userId groupId }
    ... on NestingChange { childId parentId }
  }`;
const CHANGES = `query Changes($since: String!) { changes(since: $since, first: 1000) { ${ENTRIES} } }`;
const FOLLOW = `subscription Changes($since: String!) { changes(since: $since, first: 1000) { ${ENTRIES} } }`;

// The order of creation never changes, so nothing moves from one page to another while they are read.
const USERS = `query Users($after: String) { users(first: 25, after: $after, sort: CREATED_AT_ASC) {
  nodes { id email givenName familyName displayName locale role status statusReasons products { product { id } state } } pageInfo { hasNextPage endCursor } } }`;
const GROUPS = `query Groups($after: String) { groups(first: 100, after: $after, sort: CREATED_AT_ASC) {
  nodes { id name description priority } pageInfo { hasNextPage endCursor } } }`;
const MEMBERS = `query Members($id: ID!, $after: String) { group(by: { id: $id }) { members(relation: DIRECT, first: 100, after: $after, sort: CREATED_AT_ASC) {
  nodes { id } pageInfo { hasNextPage endCursor } } } }`;
const CHILDREN = `query Children($id: ID!, $after: String) { group(by: { id: $id }) { children(first: 100, after: $after, sort: CREATED_AT_ASC) {
  nodes { id } pageInfo { hasNextPage endCursor } } } }`;

export const empty = () => ({ cursor: null, users: new Map(), groups: new Map(), members: new Map(), children: new Map(), products: new Map() });

export const add = (sets, key, value) => sets.has(key) ? sets.get(key).add(value) : sets.set(key, new Set([value]));
const remove = (sets, key, value) => {
  sets.get(key)?.delete(value);
  if (sets.get(key)?.size === 0) sets.delete(key);
};

// What each kind of entry does. One that was applied already changes nothing.
const apply = {
  UserChange: ({ users }, { userId, after }) => after ? users.set(userId, after) : users.delete(userId),
  UserStatusChange({ users }, { userId, status, statusReasons }) {
    if (users.has(userId)) users.set(userId, { ...users.get(userId), status, statusReasons });
  },
  UserProductChange: ({ products }, { action, userId, productId }) => (action === 'SET' ? add : remove)(products, userId, productId),
  GroupChange: ({ groups }, { groupId, after }) => after ? groups.set(groupId, after) : groups.delete(groupId),
  MembershipChange: ({ members }, { action, userId, groupId }) => (action === 'SET' ? add : remove)(members, groupId, userId),
  NestingChange: ({ children }, { action, childId, parentId }) => (action === 'SET' ? add : remove)(children, parentId, childId),
};

// Applies a page. Kinds that a later version of the server may add are passed over.
export function applyPage(state, { entries, cursor }) {
  for (const entry of entries) apply[entry.__typename]?.(state, entry);
  state.cursor = cursor;
}

// Everybody who is in the group, directly or through groups inside it, each once.
export function effectiveMembers({ members, children }, groupId) {
  const found = new Set();
  const seen = new Set([groupId]);
  for (const group of seen) { // which grows while it is gone through
    members.get(group)?.forEach(user => found.add(user));
    children.get(group)?.forEach(child => seen.add(child));
  }
  return found;
}

export class CursorExpired extends Error {}

const pause = seconds => new Promise(resolve => setTimeout(resolve, seconds * 1000));

// Asks a server at `url`; `getToken` gives a token that is good now, or a promise of one. It waits where the server says that it was asked too much.
export function connect(url, getToken) {
  return async function ask(query, variables) {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${await getToken()}` },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = await answer.json();
    if (!errors) return data;
    const { code, retryAfter } = errors[0].extensions ?? {};
    if (code === 'CURSOR_EXPIRED') throw new CursorExpired(errors[0].message);
    if (code !== 'RATE_LIMITED') throw new Error(errors[0].message);
    await pause(retryAfter);
    return ask(query, variables);
  };
}

async function* pages(ask, query, variables, list) {
  let after = null;
  do {
    const page = list(await ask(query, { ...variables, after }));
    if (!page) return; // the group has been deleted meanwhile, which the feed tells
    yield page.nodes;
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  } while (after);
}

// Reads the whole account. The cursor is taken first: what happens from then on is in the feed, and put right by `catchUp`.
export async function readAll(ask) {
  const state = empty();
  const { changesCursor } = await ask('{ changesCursor }');
  for await (const nodes of pages(ask, USERS, {}, data => data.users)) {
    for (const { id, products, ...user } of nodes) {
      state.users.set(id, user);
      for (const { product, state: is } of products) if (is === 'ENABLED') add(state.products, id, product.id);
    }
  }
  for await (const nodes of pages(ask, GROUPS, {}, data => data.groups)) {
    for (const { id, ...group } of nodes) state.groups.set(id, group);
  }
  for (const id of [...state.groups.keys()]) {
    for await (const nodes of pages(ask, MEMBERS, { id }, data => data.group?.members)) nodes.forEach(user => add(state.members, id, user.id));
    for await (const nodes of pages(ask, CHILDREN, { id }, data => data.group?.children)) nodes.forEach(child => add(state.children, id, child.id));
  }
  state.cursor = changesCursor;
  return state;
}

// Applies what has happened since the state's cursor. After CursorExpired begin again with readAll.
export async function catchUp(ask, state) {
  for (let more = true; more;) {
    const { changes } = await ask(CHANGES, { since: state.cursor });
    applyPage(state, changes);
    more = changes.hasMore;
  }
}

// Goes on as things happen, until the client of graphql-sse or graphql-ws ends; `changed` is called after each page. When it returns, or throws, come
// again with catchUp, which says so if the cursor has expired.
export async function follow(client, state, changed) {
  for await (const { data, errors } of client.iterate({ query: FOLLOW, variables: { since: state.cursor } })) {
    if (errors) throw new Error(errors[0].message);
    applyPage(state, data.changes);
    changed(state);
  }
}
