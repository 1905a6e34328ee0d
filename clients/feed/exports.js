// Begins a copy of an account from exports instead of page by page, which is much faster for a large one. Each export is of one moment and
// says with its cursor where the feed goes on. The three are of three moments: the copy goes on from the cursor of the first, and since an entry that was
// applied already changes nothing, what the others have of later comes right when `catchUp` has run.
import { add, empty } from './replica.js';

const JOB = 'query Job($id: ID!) { job(id: $id) { status errorCode resultUrl file { changesCursor } } }';
const EXPORT = 'mutation Export($input: ExportCreateInput!) { exportCreate(input: $input) { job { id } errors { message } } }';

const pause = ms => new Promise(resolve => setTimeout(resolve, ms));

// The rows of a CSV file as RFC 4180 has it, each an object with the headings as names.
export function* readCSV(text) {
  let row = [];
  let headings = null;
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/gy;
  for (let found; field.lastIndex < text.length && (found = field.exec(text));) {
    row.push(plain(found[1] === undefined ? found[2] : found[1].replaceAll('""', '"')));
    if (found[3] === ',') continue;
    if (headings) yield Object.fromEntries(headings.map((name, i) => [name, row[i]]));
    else headings = row;
    row = [];
  }
}

// Takes away the apostrophe that stands before what a spreadsheet would take for a formula.
const plain = text => text
  .replace(/^'(?=[\s\p{Cf}'"]*[=+\-@＝＋－＠]|[\t\r\n])/u, '')
  .replace(/([;\t\r\n])'(?=[\s\p{Cf}'"]*[=+\-@＝＋－＠])/gu, '$1');

async function exported(ask, url, what) {
  const { exportCreate } = await ask(EXPORT, { input: { what, format: 'CSV', asData: true } });
  if (!exportCreate.job) throw new Error(exportCreate.errors[0].message);
  for (;;) {
    const { job } = await ask(JOB, { id: exportCreate.job.id });
    if (job.status === 'SUCCEEDED') {
      const answer = await fetch(new URL(job.resultUrl, url));
      if (!answer.ok) throw new Error(await answer.text());
      return { rows: readCSV(await answer.text()), cursor: job.file.changesCursor };
    }
    if (job.status !== 'QUEUED' && job.status !== 'RUNNING') throw new Error(`the export has ended ${job.status}: ${job.errorCode}`);
    await pause(200);
  }
}

const words = text => (text ? text.split(' ') : []);

// Reads the whole account. `url` is that of the API; `ask` is what `connect` gives.
export async function readExports(ask, url) {
  const state = empty();
  const users = await exported(ask, url, { users: { selection: { all: true },
    columns: ['ID', 'EMAIL', 'GIVEN_NAME', 'FAMILY_NAME', 'DISPLAY_NAME', 'LOCALE', 'ROLE', 'STATUS', 'STATUS_REASONS', 'PRODUCTS'] } });
  const groups = await exported(ask, url, { groups: { selection: { all: true }, columns: ['ID', 'NAME', 'DESCRIPTION', 'PRIORITY', 'PARENTS'] } });
  const members = await exported(ask, url, { memberships: { groups: { all: true }, relation: 'DIRECT', columns: ['ID'] } });
  for (const u of users.rows) {
    state.users.set(u.ID, {
      email: u.EMAIL, givenName: u.GIVEN_NAME, familyName: u.FAMILY_NAME, displayName: u.DISPLAY_NAME, locale: u.LOCALE, role: u.ROLE,
      status: u.STATUS, statusReasons: words(u.STATUS_REASONS),
    });
    for (const product of words(u.PRODUCTS)) add(state.products, u.ID, product);
  }
  for (const g of groups.rows) {
    state.groups.set(g.ID, { name: g.NAME, description: g.DESCRIPTION, priority: Number(g.PRIORITY) });
    for (const parent of words(g.PARENTS)) add(state.children, parent, g.ID);
  }
  for (const m of members.rows) add(state.members, m.GROUP_ID, m.ID);
  state.cursor = users.cursor;
  return state;
}
