// Cohort behind a real OpenID Connect provider: npm's oidc-provider, on this machine. Somebody signs in there by
// the authorization code flow with PKCE; the id token lets them into Cohort, which links them by their verified
// e-mail and knows them by the link from then on. Then the provider changes its keys.
//   node oidc.mjs PORT COHORT     PORT for the provider; COHORT is the program, run in a new folder of its own
import assert from 'node:assert/strict';
import { spawn, execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Provider from 'oidc-provider';

const [port, program] = process.argv.slice(2);
if (!port || !program) {
  console.error('usage: node oidc.mjs PORT COHORT');
  process.exit(2);
}
const issuer = `http://127.0.0.1:${port}`;
const redirect = 'https://admin.example.com/signed-in';
const secret = randomBytes(32).toString('hex');

// --- the provider: its keys can be changed, so one is made for each set, all with the same people ---

const people = {
  anna: { email: 'Anna@example.com', email_verified: true },
  bert: { email: 'bert@example.com', email_verified: false },
  eve: { email: 'anna@example.com', email_verified: true }, // who was given Anna's address
};

function key(kid, type, options) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig' };
}

function provider(keys) {
  const made = new Provider(issuer, {
    clients: ['RS256', 'ES256', 'EdDSA'].map((alg) => ({
      client_id: alg, client_secret: secret, redirect_uris: [redirect], id_token_signed_response_alg: alg,
    })),
    jwks: { keys },
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false, // the e-mail stands in the id token itself
    findAccount: (_, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
    cookies: { keys: [secret] },
    ttl: { IdToken: 3600, AccessToken: 3600, Grant: 3600, Session: 3600, Interaction: 600 },
  });
  return made.callback();
}

const first = [key('rsa-1', 'rsa', { modulusLength: 2048 }), key('ec-1', 'ec', { namedCurve: 'P-256' }), key('ed-1', 'ed25519')];
let current = provider(first);
const server = createServer((request, response) => current(request, response)).listen(Number(port), '127.0.0.1');
await once(server, 'listening');

// --- somebody signs in, as a browser does it ---

async function signIn(login, client) {
  const cookies = new Map();
  const visit = async (address, form) => {
    const response = await fetch(new URL(address, issuer), {
      method: form ? 'POST' : 'GET', redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      body: form && new URLSearchParams(form),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      value ? cookies.set(name, value) : cookies.delete(name);
    }
    return response;
  };
  const verifier = randomBytes(32).toString('base64url');
  const ask = new URLSearchParams({
    client_id: client, response_type: 'code', scope: 'openid email', redirect_uri: redirect,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
  });
  let response = await visit(`/auth?${ask}`);
  for (let steps = 0; !response.headers.get('location')?.startsWith(redirect); steps++) {
    assert(steps < 10, `the sign-in ends nowhere: ${response.status}`);
    const next = response.headers.get('location');
    if (next) {
      response = await visit(next);
      continue;
    }
    const page = await response.text(); // the provider's own pages for the login and the consent
    const action = /action="([^"]+)"/.exec(page)?.[1];
    const prompt = /name="prompt" value="([^"]+)"/.exec(page)?.[1];
    assert(action && prompt, `no form at step ${steps}: ${response.status} ${page.slice(0, 300)}`);
    response = await visit(action, { prompt, login, password: 'any' });
  }
  const code = new URL(response.headers.get('location')).searchParams.get('code');
  const tokens = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: redirect, code_verifier: verifier }),
  });
  const body = await tokens.json();
  assert.equal(tokens.status, 200, JSON.stringify(body));
  return body.id_token;
}

// --- Cohort, which knows Anna and Bert ---

const dir = mkdtempSync(join(tmpdir(), 'cohort-oidc-'));
const env = {
  COHORT_DATABASE: `sqlite:${join(dir, 'cohort.db')}`, COHORT_JWT_SECRET: secret, COHORT_LISTEN: '127.0.0.1:0', COHORT_LOG_LEVEL: 'debug',
  COHORT_JWKS_URL: `${issuer}/jwks`, COHORT_JWT_ISSUER: issuer, COHORT_JWT_AUDIENCE: 'RS256',
};
const run = (...args) => execFileSync(program, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
const servers = [];
let log = '';

async function cohort(audience) {
  const child = spawn(program, ['serve'], { env: { ...env, COHORT_JWT_AUDIENCE: audience }, stdio: ['ignore', 'pipe', 'pipe'] });
  servers.push(child);
  child.stderr.on('data', (part) => { log += part; });
  let out = '';
  for await (const part of child.stdout.iterator({ destroyOnReturn: false })) {
    out += part;
    const url = /API +(http\S+)/.exec(out)?.[1];
    if (url) return url;
  }
  throw new Error(`Cohort ended: ${log}`);
}

async function whoami(url, token) {
  const response = await fetch(url, {
    method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: '{ viewer { role user { email status } } }' }),
  });
  const body = await response.json();
  return response.status === 200 ? body.data.viewer : { refused: response.status, because: body.errors[0].message };
}

const anna = { role: 'SUPER_ADMIN', user: { email: 'anna@example.com', status: 'ACTIVE' } };

try {
  run('account', 'create', 'Acme', '--admin', 'anna@example.com');
  for (const alg of ['RS256', 'ES256', 'EdDSA']) {
    const token = await signIn('anna', alg);
    assert.equal(JSON.parse(Buffer.from(token.split('.')[0], 'base64url')).alg, alg);
    const url = await cohort(alg);
    assert.deepEqual(await whoami(url, token), anna, alg);
    console.log(`${alg}: Anna is known ${alg === 'RS256' ? 'by her verified e-mail, and linked by it' : 'by the link'}`);
    if (alg !== 'EdDSA') await stop(servers.pop());
  }
  const url = await cohort('RS256');

  people.anna.email = 'anna.new@example.com';
  assert.deepEqual(await whoami(url, await signIn('anna', 'RS256')), anna);
  console.log('Anna is known by the link under another e-mail');

  const eve = await whoami(url, await signIn('eve', 'RS256'));
  assert.equal(eve.refused, 401);
  assert.match(eve.because, /another identity at the provider/);
  console.log('who has been given her address is refused');

  const own = run('token', '--user', 'anna@example.com').trim();
  const input = { email: 'bert@example.com', givenName: 'Bert', familyName: 'B' };
  const made = await fetch(url, {
    method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${own}` },
    body: JSON.stringify({ query: 'mutation ($input: UserCreateInput!) { userCreate(input: $input) { user { id } errors { message } } }', variables: { input } }),
  });
  assert.deepEqual((await made.json()).data.userCreate.errors, [], 'our own token works beside the provider');
  assert.equal((await whoami(url, await signIn('bert', 'RS256'))).refused, 401);
  console.log('an e-mail that is not verified links nobody');

  const before = await signIn('anna', 'RS256');
  assert.deepEqual(await whoami(url, before), anna);
  current = provider([key('rsa-2', 'rsa', { modulusLength: 2048 }), ...first.slice(1)]);
  const after = await signIn('anna', 'RS256');
  assert.deepEqual(await whoami(url, after), anna);
  console.log('after a change of the keys the new ones work, without a restart');
  assert.equal((await whoami(url, before)).refused, 401);
  console.log('and the tokens of the old ones have ended');

  for (const part of [...before.split('.'), ...after.split('.'), secret]) assert(!log.includes(part), 'part of a token or secret is in the log');
} catch (error) {
  console.error(log);
  throw error;
} finally {
  await Promise.all(servers.map(stop));
  server.closeAllConnections();
  server.close();
  rmSync(dir, { recursive: true });
}

async function stop(child) {
  if (child.exitCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
