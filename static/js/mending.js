// Mending: what is typed is kept in this browser until it is saved, and is back after a dead network or a closed tab.

import { Editor } from "./editor.js";

const form = document.querySelector("form[data-keep]");
const key = `volant.mend.${form.dataset.keep}`;
const { revision } = form.dataset;
const kept = document.getElementById("kept");

const isBox = (field) => ["checkbox", "radio"].includes(field.type);
const fields = [...form.elements].filter((field) => field.name && !["hidden", "submit", "button"].includes(field.type));
const read = () => fields.map((field) => (isBox(field) ? field.checked : field.value));
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

function write(values) {
  fields.forEach((field, at) => {
    if (isBox(field)) field.checked = values[at];
    else field.value = values[at];
  });
  form.dispatchEvent(new Event("input"));
  form.elements.text?.dispatchEvent(new Event("input"));
}

function keep(sent = false) {
  try { localStorage.setItem(key, JSON.stringify({ revision, sent, values: read() })); } catch { /* storage full or forbidden */ }
}

function forget() {
  try { localStorage.removeItem(key); } catch { /* nothing was kept */ }
}

function found() {
  try { return JSON.parse(localStorage.getItem(key)); } catch { return null; }
}

const asLoaded = read();
const last = found();
if (form.querySelector("[data-editor]")) new Editor(form);
// What was sent while this revision was the newest became the next one; what was not sent is nowhere else.
if (last && (last.values.length !== fields.length || (last.sent && last.revision !== revision))) forget();
else if (last && !same(last.values, asLoaded)) {
  write(last.values);
  kept.hidden = false;
}
form.addEventListener("input", (event) => { if (event.isTrusted) keep(); });
form.addEventListener("submit", () => keep(true));
document.getElementById("kept-drop").addEventListener("click", () => {
  write(asLoaded);
  forget();
  kept.hidden = true;
  fields[0].focus();
});
