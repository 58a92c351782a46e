// The rows of a few-shot prompt: added and taken away on the page. The buttons do the same without this script.

const rows = (section) => [...section.querySelectorAll(".pair")];
const fields = (row) => ({ query: row.querySelector("[name=query]"), response: row.querySelector("[name=response]") });

export function readPairs(section) {
  return rows(section).map((row) => ({ query: fields(row).query.value, response: fields(row).response.value }));
}

export function writePairs(section, pairs) {
  const fewest = Number(section.dataset.fewest);
  const wanted = Math.min(Math.max(pairs.length, fewest), Number(section.dataset.most));
  while (rows(section).length < wanted) append(section);
  while (rows(section).length > wanted) rows(section).at(-1).remove();
  rows(section).forEach((row, index) => {
    fields(row).query.value = pairs[index]?.query ?? "";
    fields(row).response.value = pairs[index]?.response ?? "";
  });
  tidy(section);
}

export function describePairs(pairs = []) {
  return pairs.map(({ query, response }) => `${query}\n→ ${response}`).join("\n\n");
}

export function watchPairs(section, changed) {
  const adder = document.getElementById("add-pair");
  section.addEventListener("click", (event) => {
    const remover = event.target.closest("button[name=remove]");
    if (!remover && event.target.closest("button") !== adder) return;
    event.preventDefault();
    if (remover) remove(section, remover.closest(".pair"));
    else add(section);
    changed();
  });
  tidy(section);
}

function append(section) {
  const last = rows(section).at(-1);
  const row = last.cloneNode(true);
  for (const field of row.querySelectorAll("textarea")) field.value = "";
  last.after(row);
  return row;
}

function add(section) {
  const row = append(section);
  tidy(section);
  fields(row).query.focus();
  say(section, section.dataset.sayAdded, rows(section).length);
}

function remove(section, row) {
  const index = rows(section).indexOf(row);
  row.remove();
  tidy(section);
  fields(rows(section)[Math.min(index, rows(section).length - 1)]).query.focus();
  say(section, section.dataset.sayRemoved, index + 1);
}

function say(section, sentence, n) {
  section.querySelector("[role=status]").textContent = sentence.replace("{n}", String(n));
}

function tidy(section) {
  const all = rows(section);
  all.forEach((row, index) => {
    for (const name of row.querySelectorAll("[data-pair-name]")) name.textContent = section.dataset.sayName.replace("{n}", String(index + 1));
    const remover = row.querySelector("button[name=remove]");
    if (remover) {
      remover.value = String(index);
      remover.disabled = all.length <= Number(section.dataset.fewest);
    }
  });
  const adder = document.getElementById("add-pair");
  if (adder) adder.disabled = all.length >= Number(section.dataset.most);
}
