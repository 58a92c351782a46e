// The Write screen: autosave, count, preview.

import { csrfToken, Draft, submitInPlace, submitOnCtrlEnter } from "./drafts.js";
import { renderMath } from "./math.js";
import { describeFlags, readFlags, watchFlags, writeFlags } from "./prompt_flags.js";

const form = document.getElementById("answer");
const text = form.elements.text;
const note = form.elements.note;
const counter = document.getElementById("count");
const tabs = [...form.querySelectorAll("[role=tab]")];
const preview = document.getElementById("panel-preview");
const limit = Number(text.dataset.limit);
const segmenter = "Segmenter" in Intl ? new Intl.Segmenter(document.documentElement.lang, { granularity: "word" }) : null;

function words(value) {
  if (!segmenter) return value.trim() ? value.trim().split(/\s+/).length : 0;
  let count = 0;
  for (const segment of segmenter.segment(value)) if (segment.isWordLike) count += 1;
  return count;
}

function count() {
  const characters = [...text.value].length;
  const number = new Intl.NumberFormat(document.documentElement.lang);
  counter.textContent = `${number.format(words(text.value))} ${counter.dataset.words} · ${number.format(characters)} / ${number.format(limit)} ${counter.dataset.characters}`;
  counter.toggleAttribute("data-over", characters > limit);
}

const draft = new Draft(form, {
  read: () => ({ text: text.value, note: note.value, prompt_flags: readFlags(form) }),
  write: (stored) => {
    text.value = stored.text ?? "";
    note.value = stored.note ?? "";
    writeFlags(form, stored.prompt_flags);
    count();
  },
  describe: (stored) => [stored.text, describeFlags(form, stored.prompt_flags), stored.note].filter(Boolean).join("\n\n– – –\n"),
});

let counting;
form.addEventListener("input", () => {
  clearTimeout(counting);
  counting = setTimeout(count, 120);
  draft.changed();
});

async function open(tab) {
  for (const other of tabs) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    document.getElementById(other.getAttribute("aria-controls")).hidden = !chosen;
  }
  if (tab.id !== "tab-preview") return;
  if (!text.value.trim()) {
    preview.textContent = preview.dataset.empty;
    return;
  }
  try {
    const body = new FormData();
    body.set("text", text.value);
    const response = await fetch(tab.dataset.url, { method: "POST", body, headers: { "X-CSRFToken": csrfToken(form) } });
    if (!response.ok || response.redirected) throw new Error(String(response.status));
    // Sanitised by the server, the same way as everywhere else.
    preview.innerHTML = await response.text();
    preview.lang = text.lang;
    renderMath(preview);
  } catch {
    preview.textContent = form.dataset.sayOffline;
  }
}

tabs[0].parentElement.hidden = false;
for (const tab of tabs) {
  tab.addEventListener("click", () => open(tab));
  tab.addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    const other = tabs[(tabs.indexOf(tab) + 1) % tabs.length];
    open(other);
    other.focus();
  });
}

watchFlags(form);
submitInPlace(form, draft);
submitOnCtrlEnter(form);
draft.watchLease(document.getElementById("lease-until").dateTime);
count();
form.dataset.ready = "";
