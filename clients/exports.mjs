// Exported pages in a real browser (Debian's Chromium, or CHROMIUM), opened from the disk and served with the policy: no payload runs, nothing
// is asked of anybody, nothing breaks the policy, each column sorts by mouse and by keyboard, and axe finds nothing.
//   node exports.mjs FOLDER [SCREENSHOT-FOLDER]     FOLDER is what `go test ./export -run TestSamples -samples` wrote
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [folder, screenshots] = process.argv.slice(2);
if (!folder) {
  console.error('usage: node exports.mjs FOLDER [SCREENSHOT-FOLDER]');
  process.exit(2);
}

const policy = readFileSync(join(folder, 'policy.txt'), 'utf8');

const server = createServer((request, response) => {
  const name = new URL(request.url, 'http://local').pathname.slice(1);
  if (!/^[a-z]+\.html$/.test(name)) return response.writeHead(404).end();
  response.writeHead(200, {
    'content-type': 'text/html; charset=utf-8',
    'x-content-type-options': 'nosniff',
    ...(name.startsWith('bare') ? {} : { 'content-security-policy': policy }),
  });
  response.end(readFileSync(join(folder, name)));
});
await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
const served = `http://127.0.0.1:${server.address().port}/`;
const disk = pathToFileURL(folder + '/').href;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

try {
  for (const from of [disk, served]) {
    console.log(from === disk ? 'from the disk:' : 'served:');
    await harmless(from, 'payloads');
    await harmless(from, 'nasty');
    await sorts(from);
  }
  await detects();
  await accessible();
  await long();
  if (screenshots) await pictures();
} finally {
  await browser.close();
  server.close();
}

// A page of its own, what ran on it, and what went wrong: requests, errors, broken rules.
async function open(url, options) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, locale: 'en-GB', ...options });
  const page = await context.newPage();
  const ran = new Set();
  const wrong = [];
  await page.exposeFunction('ran', n => ran.add(n));
  page.on('request', request => request.url().split('#')[0] !== url && wrong.push(`a request to ${request.url().slice(0, 80)}`));
  page.on('console', message => ['error', 'warning'].includes(message.type()) && wrong.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', error => wrong.push(`error: ${error}`));
  page.on('dialog', dialog => dialog.dismiss());
  await page.goto(url, { timeout: 120_000 });
  return { page, ran, wrong };
}

// Long enough for what loads, animates and refreshes: the browser's own frames, not a time.
async function settle(page) {
  await page.evaluate(() => new Promise(done => {
    let frames = 10;
    const next = () => (frames-- ? requestAnimationFrame(next) : done());
    next();
  }));
}

async function harmless(from, name) {
  const { page, ran, wrong } = await open(`${from}${name}.html`);
  const buttons = page.locator('thead button');
  const count = await buttons.count();
  assert.ok(count > 5, `${name}: ${count} columns`);
  for (let i = 0; i < count; i += Math.ceil(count / 10)) await buttons.nth(i).evaluate(button => button.click());
  await page.locator('td').first().hover();
  await settle(page);
  assert.deepEqual([...ran], [], `${name}: a payload ran`);
  assert.deepEqual(wrong, [], name);
  assert.deepEqual(await page.evaluate(() => [...new Set([...document.querySelectorAll('main *')].map(e => e.localName))].sort()),
    ['button', 'caption', 'col', 'colgroup', 'div', 'h2', 'p', 'section', 'span', 'table', 'tbody', 'td', 'th', 'thead', 'tr']);
  console.log(`- ${name}: ${await page.locator('td').count()} cells and ${count} headings, nothing ran, nothing was asked for`);
  await page.context().close();
}

// The tests above can fail: without escaping the payloads run, and with the policy alone they are at least held up.
async function detects() {
  const page = readFileSync(join(folder, 'payloads.html'), 'utf8');
  const raw = page.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&#34;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');
  writeFileSync(join(folder, 'raw.html'), raw);
  writeFileSync(join(folder, 'bare.html'), raw.replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, ''));
  for (const [name, least, most] of [['bare', 25, 50], ['raw', 0, 0]]) {
    const { page, ran, wrong } = await open(`${served}${name}.html`).catch(error => assert.fail(`${name}: ${error}`));
    await settle(page);
    assert.ok(ran.size >= least && ran.size <= most, `${name}: ${ran.size} payloads ran: ${[...ran]}`);
    assert.ok(wrong.length > 0, name);
    console.log(`- without escaping, ${name === 'bare' ? 'without the policy' : 'with the policy'}: ${ran.size} payloads run, ${wrong.length} complaints`);
    await page.context().close();
  }
}

// The rows of the first table, by one of its columns.
function column(page, i) {
  return page.locator('table').first().locator(`tbody td:nth-child(${i + 1})`).allTextContents();
}

async function sorts(from) {
  const { page, wrong } = await open(`${from}people.html`);
  // By keyboard alone: from the top to the contents, into the table's region, to its first button.
  const passed = [];
  for (let i = 0; i < 4; i++) {
    await page.keyboard.press('Tab');
    passed.push(await page.evaluate(() => document.activeElement.textContent.slice(0, 10).trim() && document.activeElement.localName));
  }
  assert.deepEqual(passed, ['a', 'a', 'div', 'button'], 'what Tab comes to');
  const orders = [
    ['Name', ['Apfel 9', 'äpfel 10', 'Bär', 'Zoë', '']],
    ['Gruppen', ['-1', '9', '10', '100', '']],
    ['Seit (UTC)', ['03.02.1969 08:00:00', '01.12.2025 08:00:00', '31.01.2026 08:00:00', '01.02.2026 08:00:00', '']],
    ['Direkt', ['Ja', 'Ja', 'Nein', 'Nein', '']],
    ['E-Mail', ['apfel9@acme.example', 'apfel10@acme.example', 'baer@a-rather-long-domain-name-of-an-organisation.example', 'zoe@acme.example', '']],
  ];
  for (const [i, [heading, ascending]] of orders.entries()) {
    const descending = [...ascending.slice(0, -1).reverse(), ''];
    const cell = page.locator('table').first().getByRole('columnheader', { name: heading });
    const button = cell.getByRole('button', { name: heading, exact: true });
    const is = async (state, want) => {
      assert.equal(await cell.getAttribute('aria-sort'), state, heading);
      assert.deepEqual(await column(page, i), want, `${heading} ${state}`);
      assert.equal(await page.locator('[aria-sort]').count(), 1, 'one column is sorted');
    };
    await button.click();
    await is('ascending', ascending);
    assert.equal(await page.getByRole('status').textContent(), `Sortiert nach „${heading}“, aufsteigend`);
    await button.click();
    await is('descending', descending);
    await page.keyboard.press('Enter'); // the button still has the focus
    await is('ascending', ascending);
    await page.keyboard.press('Space');
    await is('descending', descending);
    assert.equal(await page.getByRole('status').textContent(), `Sortiert nach „${heading}“, absteigend`);
  }
  await page.getByRole('link', { name: 'Gruppen' }).click();
  assert.ok(page.url().endsWith('#t2'));
  assert.deepEqual(wrong, []);
  console.log(`- ${orders.length} columns sort by mouse and keyboard, both ways, and say so`);
  await page.context().close();
}

async function accessible() {
  const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
  for (const colorScheme of ['light', 'dark']) {
    for (const name of ['people', 'nasty', 'payloads']) {
      const { page } = await open(`${disk}${name}.html`, { colorScheme });
      await page.evaluate(axe);
      const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
      assert.deepEqual(violations.map(v => `${v.id}: ${v.help}: ${v.nodes.map(n => n.html.slice(0, 100))[0]}`), [], `${name}, ${colorScheme}`);
      console.log(`- axe finds nothing in ${name}, ${colorScheme}, of ${passes.length} rules that apply`);
      await page.context().close();
    }
  }
}

async function long() {
  const { page, wrong } = await open(`${disk}long.html`);
  const rows = await page.locator('tbody tr').count();
  for (const heading of ['Column 2', 'Column 1', 'Column 3 (UTC)']) {
    const { took, sorted } = await page.evaluate(name => {
      const button = [...document.querySelectorAll('th button')].find(b => b.textContent === name);
      const began = performance.now();
      button.click();
      document.body.offsetHeight; // with the layout
      const places = Array.from(document.querySelectorAll('tbody tr'), row => Number(row.cells[1].textContent));
      return { took: performance.now() - began, sorted: places.every((n, i) => n === i) };
    }, heading);
    assert.ok(sorted, `${heading} sorts ${rows} rows`);
    console.log(`- ${rows} rows sorted by ${heading} in ${(took / 1000).toFixed(1)} s`);
  }
  assert.deepEqual(wrong, []);
  await page.context().close();
}

async function pictures() {
  const { page } = await open(`${disk}people.html`);
  await page.screenshot({ path: join(screenshots, 'people.png'), fullPage: true });
  await page.getByRole('button', { name: 'Seit (UTC)' }).first().click();
  await page.screenshot({ path: join(screenshots, 'sorted.png') });
  await page.setViewportSize({ width: 420, height: 700 });
  await page.screenshot({ path: join(screenshots, 'narrow.png') });
  await page.pdf({ path: join(screenshots, 'people.pdf'), preferCSSPageSize: true });
  await page.context().close();
  for (const name of ['people', 'nasty', 'payloads']) {
    const { page } = await open(`${disk}${name}.html`, { colorScheme: 'dark' });
    await page.screenshot({ path: join(screenshots, `${name}-dark.png`) });
    await page.context().close();
    const light = await open(`${disk}${name}.html`);
    await light.page.screenshot({ path: join(screenshots, `${name}.png`) });
    await light.page.context().close();
  }
  const print = await open(`${disk}nasty.html`);
  await print.page.getByRole('button', { name: 'Number' }).first().click();
  await print.page.pdf({ path: join(screenshots, 'nasty.pdf'), preferCSSPageSize: true });
  await print.page.context().close();
  console.log(`- pictures are in ${screenshots}`);
}
