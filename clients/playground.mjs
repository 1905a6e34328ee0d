// The playground in a real browser (Debian's Chromium, or CHROMIUM): it loads with every other host out of reach and
// asks for none, has no error in its console and breaks no rule of its content security policy, completes what is
// typed, and runs every example. The demo's token is in place; another server's page keeps none.
//   node playground.mjs DEMO-URL PLAIN-URL PLAIN-TOKEN [SCREENSHOT-FOLDER]
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [demo, plain, plainToken, screenshots] = process.argv.slice(2);
if (!plainToken) {
  console.error('usage: node playground.mjs DEMO-URL PLAIN-URL PLAIN-TOKEN [SCREENSHOT-FOLDER]');
  process.exit(2);
}

// The examples that are subscriptions, and what shows that they work.
const watching = { 'Watch a group': watchGroup, 'Watch everything': watchEverything, 'Watch a job': watchJob };

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

try {
  await inDemo();
  await elsewhere();
} finally {
  await browser.close();
}

async function inDemo() {
  const { page, wrong } = await open(demo);
  await page.getByText('Ada Moreau, super admin of Demo').waitFor();
  assert.equal(await page.title(), 'Cohort playground');
  assert.match(await page.getByLabel('Token').inputValue(), /^eyJ/, 'the demo token is in its field');
  assert.equal(await page.locator('meta[name="cohort-demo-token"]').count(), 0, 'and nowhere else in the page');
  console.log('- the demo opens with its token in place');

  await shoot(page, 'opened');
  await accessible(page);
  const titles = await page.locator('.examples button strong').allTextContents();
  assert.ok(titles.length >= 7, `there are examples: ${titles}`);
  const live = titles.filter(title => watching[title]);
  assert.deepEqual(live, Object.keys(watching), 'there is something to watch');
  for (const title of titles.filter(title => !watching[title])) await example(page, title);
  for (const title of live) await watching[title](page, title);

  await complete(page);
  await explore(page);
  assert.deepEqual(await kept(page, await page.getByLabel('Token').inputValue()), [], 'the token is stored nowhere');
  assert.deepEqual(wrong, []);
  await page.context().close();
}

// Clicks an example, runs it if it doesn't run by itself, and reads the answer.
async function example(page, title) {
  const answered = page.waitForResponse(async answer => {
    const sent = answer.request().postDataJSON();
    return answer.url().endsWith('/graphql') && /^(query|mutation) \w+/.test(sent?.query ?? '') && sent.operationName !== 'IntrospectionQuery';
  });
  await page.getByRole('button', { name: title }).click();
  const change = await page.locator('.examples div', { has: page.getByRole('heading', { name: 'Change' }) }).getByRole('button', { name: title }).count();
  if (change) {
    await page.getByRole('button', { name: /Execute query/ }).click();
  }
  const answer = await (await answered).json();
  assert.equal(answer.errors, undefined, `${title}: ${JSON.stringify(answer.errors)}`);
  const mistakes = Object.values(answer.data).flatMap(value => value?.errors ?? []).map(({ code }) => code);
  assert.deepEqual(mistakes, title === 'A loop is refused' ? ['CYCLE'] : [], title);
  const shown = JSON.stringify(answer.data).match(/"(displayName|name|outcome|code)":"?([^"}]+)/)?.[2] ?? Object.keys(answer.data)[0];
  const text = await response(page, shown); // of an empty list its field
  assert.ok(text.includes('"data"'), title);
  console.log(`- ${title}: ${JSON.stringify(answer.data).slice(0, 90)}…`);
  await shoot(page, title.toLowerCase().replaceAll(/\W+/g, '-'));
}

// Clicks the subscription, and changes the group it watches until its answer shows that.
async function watchGroup(page, title) {
  await page.getByRole('button', { name: title }).click();
  await page.getByRole('button', { name: /Stop query/ }).waitFor();
  const ask = await asking(page);
  const { group, user } = await ask('{ group(by: { name: "Translators" }) { id } user(by: { email: "wim.in-t-veld@example.org" }) { id } }');
  let shown = false;
  for (let i = 0; i < 10 && !shown; i++) { // the first change may come before the server listens
    const change = i % 2 ? 'groupMembersRemove' : 'groupMembersAdd';
    const input = { groupIds: [group.id], userIds: [user.id] };
    await ask(`mutation ($input: G${change.slice(1)}Input!) { ${change}(input: $input) { results { outcome } } }`, { input });
    shown = await response(page, '"MEMBERS"', 3000).then(() => true, () => false);
  }
  assert.ok(shown, 'the change of a group is shown');
  console.log(`- ${title}: ${(await response(page, 'Translators')).replaceAll(/\s+/g, ' ').slice(0, 120)}…`);
  await shoot(page, 'watch');
  await page.getByRole('button', { name: /Stop query/ }).click();
}

// Asks the demo with the page's token.
async function asking(page) {
  const headers = { authorization: `Bearer ${await page.getByLabel('Token').inputValue()}`, 'content-type': 'application/json' };
  return async (query, variables) => {
    const answer = await (await fetch(new URL('graphql', demo), { method: 'POST', headers, body: JSON.stringify({ query, variables }) })).json();
    assert.equal(answer.errors, undefined, JSON.stringify(answer));
    return answer.data;
  };
}

// Clicks the subscription to the feed, which begins with an empty page, and changes a group.
async function watchEverything(page, title) {
  await page.getByRole('button', { name: title }).click();
  await response(page, '"entries"');
  const ask = await asking(page);
  const { group } = await ask('{ group(by: { name: "Translators" }) { id } }');
  await ask('mutation ($input: GroupUpdateInput!) { groupUpdate(input: $input) { errors { code } } }', { input: { id: group.id, description: `Watched at ${Date.now()}` } });
  const shown = await response(page, '"GroupChange"');
  assert.match(shown, /Translators/, title);
  console.log(`- ${title}: ${shown.replaceAll(/\s+/g, ' ').slice(0, 120)}…`);
  await shoot(page, 'watch-everything');
  await page.getByRole('button', { name: /Stop query/ }).click();
}

// Clicks the subscription to the newest job, which has ended: it says so once, and ends itself.
async function watchJob(page, title) {
  await page.getByRole('button', { name: title }).click();
  const shown = await response(page, '"jobProgress"');
  assert.match(shown, /"status":\s*"SUCCEEDED"/, title);
  console.log(`- ${title}: ${shown.replaceAll(/\s+/g, ' ').slice(0, 120)}…`);
  await page.getByRole('button', { name: /Execute query/ }).waitFor();
}

// What the pane of answers shows, once it holds a word. Editors draw a space as a no-break one.
async function response(page, word, timeout = 30_000) {
  const pane = page.locator('.result-window');
  await page.waitForFunction(([wanted]) =>
    document.querySelector('.result-window')?.textContent.replaceAll('\u00a0', ' ').includes(wanted), [word], { timeout });
  return (await pane.textContent()).replaceAll('\u00a0', ' ');
}

// Types into the editor, and takes a field from the list that comes.
async function complete(page) {
  await page.getByRole('button', { name: 'New tab' }).click();
  const editor = page.locator('.graphiql-query-editor .monaco-editor').first();
  await editor.click();
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Delete');
  await page.keyboard.type('{ viewer { acc');
  const list = page.locator('.suggest-widget.visible .monaco-list-row');
  await list.filter({ hasText: 'account' }).first().waitFor();
  await shoot(page, 'completion');
  await page.keyboard.press('Escape');
  console.log('- a field is completed');
  await page.keyboard.press('Control+a');
  await page.keyboard.press('Delete');
  await page.keyboard.type('{ viewer { nonsense } }');
  await page.locator('.graphiql-query-editor .squiggly-error').first().waitFor();
  console.log('- a field that there is not is underlined');
}

async function explore(page) {
  await page.getByRole('button', { name: /Documentation Explorer/ }).click();
  await page.getByRole('link', { name: 'Query', exact: true }).click();
  await page.getByText('The users of the account, a page at a time.').first().waitFor();
  await shoot(page, 'documentation');
  await page.getByRole('button', { name: /GraphiQL Explorer/ }).click();
  await page.locator('.graphiql-explorer-root, .docExplorerWrap').first().waitFor();
  await shoot(page, 'explorer');
  console.log('- documentation and explorer open');
}

async function elsewhere() {
  const { page, wrong } = await open(plain, { colorScheme: 'dark' });
  await page.getByText('Without a token nothing is answered.').waitFor();
  assert.equal(await page.getByLabel('Token').inputValue(), '', 'no token is in place');
  await shoot(page, 'without-token');
  await accessible(page);
  await page.getByRole('button', { name: 'The tree of groups' }).click({ force: true }); // it looks disabled and says why
  await page.getByRole('alert').getByText('Put a token into the field above first.').waitFor();
  await page.getByLabel('Token').fill(plainToken);
  await page.getByText('super admin of Acme').waitFor();
  assert.equal(wrong.length, 0, String(wrong));
  await example(page, 'Users and their groups');
  await shoot(page, 'dark');
  assert.deepEqual(await kept(page, plainToken), [], 'the token is stored nowhere');
  await page.reload();
  await page.getByText('Without a token nothing is answered.').waitFor();
  assert.equal(await page.getByLabel('Token').inputValue(), '', 'a reload forgets the token');
  assert.deepEqual(wrong, []);

  await page.getByLabel('Token').fill('eyJ');
  await page.getByText('This is no token').waitFor();
  assert.deepEqual(wrong, [], 'half a token is not sent');
  await page.getByLabel('Token').fill('eyJ.not.one');
  await page.getByRole('status').getByText('Not authenticated').waitFor();
  console.log(`- a token that isn't one: ${await page.locator('.caller').textContent()}`);
  await page.context().close();
}

// A page of its own, and what goes wrong on it: requests elsewhere, which are cut off, errors, broken rules.
async function open(url, options) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 860 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  const { host } = new URL(url);
  await context.route(/.*/, route => {
    const asked = new URL(route.request().url());
    if (asked.host === host || ['data:', 'blob:'].includes(asked.protocol)) return route.continue();
    wrong.push(`a request to ${asked}`);
    return route.abort();
  });
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', event => console.error(`refused by the policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  page.on('console', message => ['error', 'warning'].includes(message.type()) && wrong.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', error => wrong.push(`error: ${error}`));
  page.on('requestfailed', request => { // a reload breaks off what is still loaded
    const { errorText } = request.failure();
    if (errorText !== 'net::ERR_ABORTED') wrong.push(`${errorText}: ${request.url()}`);
  });
  page.on('websocket', socket => new URL(socket.url()).host === host || wrong.push(`a socket to ${socket.url()}`));
  await page.goto(url);
  return { page, wrong };
}

// What axe-core finds on the whole page but for GraphiQL's tabs, which have buttons inside, and the
// editors, whose line numbers are faint.
async function accessible(page) {
  await page.evaluate(readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8'));
  const { violations } = await page.evaluate("axe.run({ exclude: ['.graphiql-tabs', '.monaco-editor'] })");
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(', ')}`);
  assert.deepEqual(found, [], 'accessible to all');
}

// The places that hold a part of the token after all.
function kept(page, token) {
  return page.evaluate(async secret => {
    const places = { localStorage: JSON.stringify(localStorage), sessionStorage: JSON.stringify(sessionStorage), cookies: document.cookie, address: location.href };
    for (const { name } of await indexedDB.databases()) places[`the database ${name}`] = secret;
    for (const name of await caches.keys()) places[`the cache ${name}`] = secret;
    return Object.keys(places).filter(place => places[place].includes(secret.slice(-20)) || places[place].includes('eyJ'));
  }, token);
}

async function shoot(page, name) {
  if (screenshots) await page.screenshot({ path: join(screenshots, `${name}.png`) });
}
