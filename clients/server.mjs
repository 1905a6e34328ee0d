// The server that the tests speak to, a demo that scripts/clients starts: COHORT_URL (of /graphql) and COHORT_TOKEN.
import assert from 'node:assert/strict';

export const url = process.env.COHORT_URL;
export const token = process.env.COHORT_TOKEN;
if (!url || !token) {
  console.error('COHORT_URL (http://127.0.0.1:8080/graphql) and COHORT_TOKEN are needed: scripts/clients sets them');
  process.exit(2);
}

// One operation, without any client; its data.
export async function ask(query, variables) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await answer.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

// The contract as the server publishes it.
export async function schemaText() {
  const answer = await fetch(new URL('schema.graphql', url));
  assert.equal(answer.status, 200);
  return answer.text();
}

let made = 0;

// An e-mail address that nobody has yet.
export function newEmail() {
  return `client.${Date.now().toString(36)}.${made++}@example.org`;
}

// Makes a user for a test to change; the id.
export async function newUser(fields = {}) {
  const { userCreate } = await ask('mutation ($input: UserCreateInput!) { userCreate(input: $input) { user { id } errors { message } } }',
    { input: { email: newEmail(), givenName: 'Aaron', familyName: 'Client', ...fields } });
  assert.deepEqual(userCreate.errors, []);
  return userCreate.user.id;
}

// The id of a group of the demo.
export async function groupNamed(name) {
  const { group } = await ask('query ($name: String!) { group(by: { name: $name }) { id } }', { name });
  return group.id;
}

// Waits until a condition holds, which is looked at again at each call of `look`.
export function until(condition) {
  let look;
  const holds = new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`waited 10 s in vain for ${condition}`)), 10_000);
    look = () => {
      if (!condition()) return;
      clearTimeout(late);
      resolve();
    };
  });
  look();
  return { holds, look };
}
