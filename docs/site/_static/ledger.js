// The ledger's table: filter by verdict, chapter and words; sort by a column. Without this script
// the table stands as it is.
"use strict";

function order(a, b) {                            // numbers inside words count as numbers
  return a.localeCompare(b, "en", { numeric: true });
}

function sortRows(table, column, descending) {
  const body = table.tBodies[0];
  const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
  const rows = [...body.rows].sort((a, b) => order(key(a), key(b)) * (descending ? -1 : 1));
  body.append(...rows);
  [...table.tHead.rows[0].cells].forEach((cell, at) => {
    if (at === column) cell.setAttribute("aria-sort", descending ? "descending" : "ascending");
    else cell.removeAttribute("aria-sort");
  });
}

function filterRows(table, wanted, count) {
  const words = wanted.words.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of table.tBodies[0].rows) {
    const text = row.textContent.toLowerCase();
    const fits = (!wanted.verdict || row.dataset.verdict === wanted.verdict)
      && (!wanted.chapter || row.dataset.chapter === wanted.chapter)
      && words.every((word) => text.includes(word));
    row.hidden = !fits;
    shown += fits;
  }
  count.textContent = `${shown} of ${table.tBodies[0].rows.length} claims`;
}

document.addEventListener("DOMContentLoaded", () => {
  const table = document.querySelector("table.ledger");
  const tools = document.querySelector(".ledger-tools");
  if (!table || !tools) return;
  const count = document.getElementById("ledger-count");
  const filter = () => filterRows(table, {
    verdict: tools.querySelector("[name=verdict]").value,
    chapter: tools.querySelector("[name=chapter]").value,
    words: tools.querySelector("[name=words]").value,
  }, count);
  tools.addEventListener("input", filter);
  [...table.tHead.rows[0].cells].forEach((cell, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...cell.childNodes);
    cell.append(button);
    button.addEventListener("click", () => {
      sortRows(table, column, cell.getAttribute("aria-sort") === "ascending");
    });
  });
  tools.hidden = false;
  filter();                                       // a reloaded page keeps what was chosen
});
