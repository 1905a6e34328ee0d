// Subscriptions with the libraries that clients use, graphql-ws and graphql-sse, against a started server: an event
// by each, a query and a mutation over the WebSocket, the end when the group is deleted, and what is refused.
// Leaves nothing behind but lines in the audit log. Fails with what was not as it should be.
//   node subscriptions.mjs URL TOKEN
import assert from 'node:assert/strict';
import { createClient as createSocket } from 'graphql-ws';
import { createClient as createStream } from 'graphql-sse';

const [url, token] = process.argv.slice(2);
if (!url || !token) {
  console.error('usage: node subscriptions.mjs URL TOKEN');
  process.exit(2);
}
// Node 22 has a WebSocket of its own; before that it comes from a package.
const webSocketImpl = globalThis.WebSocket ?? (await import('ws')).default;
const authorization = `Bearer ${token}`;

const ask = async (query, variables) => {
  const headers = { 'content-type': 'application/json', authorization };
  const answer = await (await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) })).json();
  assert.equal(answer.errors, undefined, JSON.stringify(answer.errors));
  return answer.data;
};
const rename = (id, name) => ask('mutation ($id: ID!, $name: String!) { groupUpdate(input: { id: $id, name: $name }) { errors { code } } }', { id, name });

const within = (promise, what) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within 10 s`)), 10_000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

// Follows a group until it is deleted, and checks each thing that is heard.
const follow = async (what, client) => {
  const created = await ask('mutation ($name: String!) { groupCreate(input: { name: $name }) { group { id } errors { code } } }', { name: `Followed over ${what}` });
  const { id } = created.groupCreate.group;
  const events = client.iterate({
    query: 'subscription ($id: ID!) { groupChanged(id: $id) { changed deletedGroupId group { id name } } }',
    variables: { id },
  });
  // No client is told when a subscription has begun: the name changes until that is heard.
  let n = 0;
  const knocking = setInterval(() => rename(id, `Followed over ${what} ${n++}`).catch(() => {}), 200);
  const first = await within(events.next(), what).finally(() => clearInterval(knocking));
  assert.deepEqual(first.value.data.groupChanged.changed, ['DETAILS']);
  assert.equal(first.value.data.groupChanged.group.id, id);
  await ask('mutation ($id: ID!) { groupDelete(input: { id: $id }) { errors { code } } }', { id });
  let last;
  for (;;) {
    const { value, done } = await within(events.next(), what);
    if (done) break;
    last = value.data.groupChanged;
  }
  assert.equal(last.deletedGroupId, id, `${what}: the last event tells of the deletion`);
  assert.equal(last.group, null);
};

// What can't be subscribed to ends with GraphQL's errors.
const refused = async (what, client) => {
  const query = 'subscription { groupChanged(id: "group_06gzr0ntmhwd91h0bbjh70tzkw") { changed } }';
  let errors;
  try {
    for await (const value of client.iterate({ query })) errors = value.errors;
  } catch (thrown) {
    errors = thrown;
  }
  assert.equal(errors?.[0]?.extensions?.reason, 'NOT_FOUND', `${what}: ${JSON.stringify(errors)}`);
};

const socket = createSocket({ url: url.replace(/^http/, 'ws'), webSocketImpl, connectionParams: { Authorization: authorization }, retryAttempts: 0 });
const stream = createStream({ url, headers: { authorization }, retryAttempts: 0 });
for (const [what, client] of Object.entries({ 'graphql-ws': socket, 'graphql-sse': stream })) {
  await follow(what, client);
  await refused(what, client);
  const answer = await within(client.iterate({ query: '{ viewer { role } }' }).next(), what);
  assert.ok(answer.value.data.viewer.role, `${what}: a query`);
  console.log(`${what}: an event, the end, a refusal and a query`);
}
await socket.dispose();
stream.dispose();

// A token that is not accepted closes the socket with 4403, on which clients come again with another.
const stranger = createSocket({ url: url.replace(/^http/, 'ws'), webSocketImpl, connectionParams: { Authorization: 'Bearer x' }, retryAttempts: 0 });
await assert.rejects(within(stranger.iterate({ query: '{ viewer { role } }' }).next(), 'a bad token'), (closed) => closed.code === 4403);
console.log('graphql-ws: a bad token is refused with 4403');
