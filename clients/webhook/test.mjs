// receiver.js on the way that a program takes: registered, then the account read, then the messages applied, while the receiver fails and
// the secret is rotated. The signatures are checked by the library of Standard Webhooks.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { ask as askOnce, newEmail, newUser, token, url } from '../server.mjs';
import { applyPage, connect, readAll } from '../feed/replica.js';
import { receiver } from './receiver.js';

const ask = connect(url, () => token);
const change = async (name, input, fields = '') => {
  const { [name]: answer } = await ask(`mutation ($input: ${name[0].toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { ${fields} errors { code message } } }`, { input });
  assert.deepEqual(answer.errors, [], name);
  return answer;
};
const sorted = state => Object.fromEntries(Object.entries(state).filter(([name]) => name !== 'cursor').map(([name, map]) =>
  [name, [...map].map(([id, value]) => [id, value instanceof Set ? [...value].sort() : value]).sort(([a], [b]) => (a < b ? -1 : 1))]));

async function until(what, holds) {
  for (const end = Date.now() + 60_000; Date.now() < end;) {
    if (await holds()) return;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  assert.fail(`waited for a minute: ${what}`);
}

const hookOf = async id => (await askOnce('query ($id: ID!) { node(id: $id) { ... on Webhook { state failures behind lastError deliveries(first: 5) { nodes { delivered status } } } } }', { id })).node;

// A server that hands what it gets to a function, by which the address stays while the receiver is another one.
async function door(t) {
  const { createServer } = await import('node:http');
  const opened = { answer: (request, response) => response.writeHead(503).end() };
  const server = createServer((request, response) => opened.answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  opened.url = `http://127.0.0.1:${server.address().port}/cohort`;
  return opened;
}

test('a copy of the account is kept by messages, whatever happens to the receiver', async t => {
  const at = await door(t);
  const { webhook, secret } = await change('webhookCreate', { name: `Copy ${newEmail()}`, url: at.url }, 'webhook { id } secret');
  t.after(() => change('webhookDelete', { id: webhook.id }));
  const copy = await readAll(ask);
  const user = await newUser();
  const { groupCreate } = await ask('mutation ($name: String!) { groupCreate(input: { name: $name }) { group { id } } }', { name: newEmail() });
  await until('a failure', async () => (await hookOf(webhook.id)).failures > 0);
  assert.equal((await hookOf(webhook.id)).state, 'RETRYING');

  let state = {};
  let crash = 2;
  const options = { getState: () => state, take(data, next) {
    if (crash-- > 0) throw new Error('the receiver dies before it has kept anything');
    applyPage(copy, data);
    state = next;
  } };
  const use = secret => {
    const inner = receiver({ secret, ...options });
    at.answer = (request, response) => inner.emit('request', request, response);
  };
  use(secret);
  const resume = () => change('webhookResume', { id: webhook.id }, 'webhook { state }'); // rather than wait
  const even = async () => { await until('the end of the feed', async () => { const { state, behind } = await hookOf(webhook.id); if (state === 'RETRYING') await resume(); return behind === 0; }); };
  await even();
  await change('groupMembersAdd', { groupIds: [groupCreate.group.id], userIds: [user] });
  await change('groupUpdate', { id: groupCreate.group.id, description: 'one\ntwo <&> é', priority: 3 });
  await even();
  assert.deepEqual(sorted(copy), sorted(await readAll(ask)));

  const rotated = await change('webhookRotateSecret', { id: webhook.id }, 'secret');
  for (const [name, key] of [['the old secret', secret], ['the new secret', rotated.secret]]) { // both are good for a day
    use(key);
    await change('groupUpdate', { id: groupCreate.group.id, description: name });
    await even();
    assert.equal(copy.groups.get(groupCreate.group.id).description, name);
  }
  const again = await change('webhookRotateSecret', { id: webhook.id, expireOldSecretNow: true }, 'secret');
  await change('groupUpdate', { id: groupCreate.group.id, description: 'signed anew' });
  await until('a refusal', async () => (await hookOf(webhook.id)).deliveries.nodes[0].status === 401);
  use(again.secret);
  await even();
  await change('groupDelete', { id: groupCreate.group.id });
  await even();
  assert.deepEqual(sorted(copy), sorted(await readAll(ask)));
});

test('what is altered, unsigned or old is not taken', async t => {
  const taken = [];
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const server = receiver({ secret, getState: () => ({}), take: data => { taken.push(data); } });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const at = new Date();
  const body = JSON.stringify({ type: 'changes', data: { upTo: 1, entries: [] } });
  const send = async (sent, time, signature) => (await fetch(`http://127.0.0.1:${server.address().port}`, { method: 'POST', body: sent, headers: {
    'webhook-id': 'msg_1', 'webhook-timestamp': `${Math.floor(time / 1000)}`, ...signature && { 'webhook-signature': signature } } })).status;
  const sign = time => new Webhook(secret).sign('msg_1', time, body);
  const old = new Date(at - 600_000);
  assert.equal(await send(body, at), 401);
  assert.equal(await send(`${body} `, at, sign(at)), 401);
  assert.equal(await send(body, old, sign(old)), 401);
  assert.deepEqual(taken, []);
  assert.equal(await send(body, at, sign(at)), 204);
  assert.equal(taken.length, 1);
});
