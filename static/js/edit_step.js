// The edit step: the best output, improved. The editor begins with that output's own text; the same text is no edit.

import { csrfToken, say } from "./drafts.js";
import { renderMath } from "./math.js";

const place = document.getElementById("edit-step");
const text = document.getElementById("edited-text");
const preview = document.getElementById("edit-preview");
const hint = document.getElementById("edit-hint");
const button = (name) => place.querySelector(`[data-edit=${name}]`);
const tidy = (value) => value.replaceAll("\r\n", "\n").trim();

let best = [];
let sourceOf = () => "";
let changed = () => {};

const begun = () => place.dataset.from || null;
const isEdit = () => text.value.trim() !== "" && tidy(text.value) !== tidy(sourceOf(begun() ?? best[0] ?? ""));

export function readEdit() {
  if (!place) return {};
  return isEdit() ? { edited_text: text.value, edited_from: begun() } : { edited_text: "" };
}

export function writeEdit(stored) {
  if (!place) return;
  text.value = stored.edited_text ?? "";
  place.dataset.from = stored.edited_from ?? "";
  if (text.value) place.open = true;
  showEdit(best);
}

// letters: who is ranked first, in the order shown; empty while that is not known.
export function showEdit(letters) {
  if (!place) return;
  best = letters;
  const [letter] = best;
  if (!letter) {
    tell(say(place, "sayWait"));
    text.readOnly = !text.value.trim();
  } else {
    text.readOnly = false;
    // Nothing of one's own is in it yet: it follows the ranking.
    if (place.open && !isEdit() && begun() !== letter) begin(letter);
    tell(sentence(letter));
  }
  const again = button("again");
  again.hidden = !letter || tidy(text.value) === tidy(sourceOf(letter));
  again.textContent = letter ? say(place, "sayAgain", { letter }) : "";
}

// Said anew only when it is another sentence: it is a live region.
function tell(words) {
  if (hint.textContent !== words) hint.textContent = words;
}

function sentence(letter) {
  if (isEdit() && begun() && begun() !== letter) return say(place, "sayMoved", { before: begun(), letter });
  const who = best.length > 1 ? say(place, "sayTie", { letters: best.join(", "), letter }) : say(place, "sayBest", { letter });
  return isEdit() ? who : `${who} ${say(place, "saySame")}`;
}

function begin(letter) {
  text.value = sourceOf(letter);
  place.dataset.from = letter;
  leavePreview();
}

function leavePreview() {
  button("preview").setAttribute("aria-pressed", "false");
  preview.hidden = true;
  text.hidden = false;
}

async function togglePreview() {
  if (!preview.hidden) { leavePreview(); return; }
  button("preview").setAttribute("aria-pressed", "true");
  try {
    const body = new FormData();
    body.set("text", text.value);
    const response = await fetch(place.dataset.url, { method: "POST", body, headers: { "X-CSRFToken": csrfToken(text.form) } });
    if (!response.ok || response.redirected) throw new Error(String(response.status));
    // Sanitised by the server, the same way as everywhere else.
    preview.innerHTML = await response.text();
    preview.lang = text.lang;
    if (!preview.textContent.trim()) preview.textContent = preview.dataset.empty;
    renderMath(preview);
  } catch {
    preview.textContent = text.form.dataset.sayOffline;
  }
  preview.hidden = false;
  text.hidden = true;
}

export function watchEdit({ source, onChange }) {
  if (!place) return;
  sourceOf = source;
  changed = onChange;
  place.querySelector(".edit-tools").hidden = false;
  place.addEventListener("toggle", () => showEdit(best));
  text.addEventListener("input", () => showEdit(best));
  button("preview").addEventListener("click", togglePreview);
  button("again").addEventListener("click", () => { begin(best[0]); showEdit(best); changed(); text.focus(); });
  button("drop").addEventListener("click", () => {
    text.value = "";
    place.dataset.from = "";
    leavePreview();
    place.open = false;
    place.querySelector("summary").focus();
    changed();
  });
}
