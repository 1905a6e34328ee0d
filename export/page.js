'use strict';
// The parts that need a script: buttons that sort, and the contents at the top instead of the end.
const language = document.documentElement.lang;
const texts = document.body.dataset;
const collator = new Intl.Collator(language, { numeric: true });
const said = document.querySelector('[role=status]');

const contents = document.querySelector('nav');
if (contents) document.querySelector('header').after(contents);

for (const table of document.querySelectorAll('table')) {
  const hint = document.createElement('span');
  hint.textContent = ' ' + texts.hint;
  table.caption.firstElementChild.append(hint);
  for (const heading of table.tHead.rows[0].cells) {
    const button = document.createElement('button');
    button.type = 'button';
    const name = document.createElement('span');
    name.textContent = heading.textContent;
    button.append(name);
    button.addEventListener('click', () => sort(table, heading));
    heading.replaceChildren(button);
    heading.classList.add('sorts');
  }
}

// A cell's place: what its data say, or else its text; nothing for an empty one, which comes last whichever way.
function place(cell) {
  const text = cell.dataset.v ?? cell.textContent;
  if (text === '') return undefined;
  return cell.className === 'n' || cell.className === 'd' ? Number(text) : text;
}

// Numbers and dates come before the texts that may stand in their columns.
function compare(a, b) {
  if (typeof a === 'number') return typeof b === 'number' ? a - b : -1;
  return typeof b === 'number' ? 1 : collator.compare(a, b);
}

function sort(table, heading) {
  const column = heading.cellIndex;
  const turn = heading.getAttribute('aria-sort') === 'ascending' ? -1 : 1;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, row => ({ row, place: place(row.cells[column]) }));
  rows.sort((a, b) => {
    if (a.place === undefined || b.place === undefined) return (a.place === undefined) - (b.place === undefined);
    return turn * compare(a.place, b.place);
  });
  const after = body.nextSibling;
  body.remove(); // rows that move within the page cost the browser the page each
  const sorted = document.createDocumentFragment();
  for (const { row } of rows) sorted.append(row);
  body.append(sorted);
  table.insertBefore(body, after);
  for (const other of heading.parentNode.cells) other.removeAttribute('aria-sort');
  heading.setAttribute('aria-sort', turn > 0 ? 'ascending' : 'descending');
  const [before, behind] = (turn > 0 ? texts.ascending : texts.descending).split('\ufffc');
  said.textContent = before + heading.textContent + behind;
}
