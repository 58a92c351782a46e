// The Compare screen: radios stay the truth, this adds keys, arrows, the live summary and the draft.

import { Draft, say, submitInPlace, submitOnCtrlEnter } from "./drafts.js";
import "./math.js";
import { contradictions, moved, summary } from "./ranking.js";

const form = document.getElementById("answer");
const cards = [...form.querySelectorAll(".output")];
const announcer = document.getElementById("announce");
const keysOn = document.getElementById("keys-on");
const KEYS_OFF = "volant.keys.off";
let lastRanked = null;
let wasOpen = false;

const value = (name) => { const chosen = form.elements[name].value; return chosen === "" ? null : Number(chosen); };
const id = (card) => card.dataset.completion;
const outputOf = (card) => ({ card, letter: card.dataset.letter, rank: value(`rank_${id(card)}`), quality: value(`quality_${id(card)}`) });
const outputs = () => cards.map(outputOf);
const announce = (text) => { announcer.textContent = text; };
const allRated = () => outputs().every((output) => output.quality !== null);
const rankingOpen = () => form.dataset.ratingsFirst !== "true" || allRated();

function set(card, kind, number) {
  for (const radio of card.querySelectorAll(`input[name=${kind}_${id(card)}]`)) radio.checked = Number(radio.value) === number;
  card.dispatchEvent(new CustomEvent("judged", { bubbles: true, detail: { kind } }));
}

function answers(kind) {
  return Object.fromEntries(outputs().filter((output) => output[kind] !== null).map((output) => [id(output.card), output[kind]]));
}

const draft = new Draft(form, {
  read: () => ({
    ranks: answers("rank"),
    qualities: answers("quality"),
    none_acceptable: form.elements.none_acceptable.checked,
    note: form.elements.note.value,
  }),
  write: (stored) => {
    for (const card of cards) {
      for (const [kind, given] of [["rank", stored.ranks], ["quality", stored.qualities]]) {
        for (const radio of card.querySelectorAll(`input[name=${kind}_${id(card)}]`)) {
          radio.checked = given?.[id(card)] === Number(radio.value);
        }
      }
    }
    form.elements.none_acceptable.checked = Boolean(stored.none_acceptable);
    form.elements.note.value = stored.note ?? "";
    show();
  },
  describe: (stored) => {
    const other = cards.map((card) => ({
      letter: card.dataset.letter, rank: stored.ranks?.[id(card)] ?? null, quality: stored.qualities?.[id(card)] ?? null,
    }));
    const qualities = other.map(({ letter, quality }) => `${letter} ${quality ?? "–"}`).join(", ");
    return say(form, "sayOther", { summary: summary(other) || "–", qualities, note: stored.note || "–" });
  },
});

function show() {
  const now = outputs();
  const ranked = now.filter((output) => output.rank !== null);
  const rated = now.filter((output) => output.quality !== null);
  const open = rankingOpen();
  for (const card of cards) card.querySelector("fieldset.rank").disabled = !open;
  for (const button of form.querySelectorAll("[data-clear]")) {
    const { rank, quality } = outputOf(button.closest(".output"));
    button.hidden = rank === null && quality === null;
  }
  document.getElementById("summary").textContent = summary(now);
  const missing = now.filter((output) => output.rank === null).map((output) => output.letter).join(", ");
  const parts = open
    ? [say(form, "sayRanked", { n: ranked.length, k: now.length })]
    : [say(form, "sayRated", { n: rated.length, k: now.length })];
  if (open && missing && ranked.length) parts.push(say(form, "sayUnranked", { letters: missing }));
  document.getElementById("progress").textContent = parts.join(" · ");
  warn(now);
  if (open && !wasOpen && form.dataset.ratingsFirst === "true" && ranked.length === 0) announce(say(form, "sayOpen"));
  wasOpen = open;
}

function warn(now) {
  const list = document.getElementById("contradictions");
  const texts = contradictions(now).map(({ better, worse }) =>
    say(form, "sayContradiction", { better: better.letter, worse: worse.letter, low: better.quality, high: worse.quality }));
  if (texts.join() === [...list.children].map((item) => item.textContent).join()) return;
  list.replaceChildren(...texts.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
}

function describe(card, kind) {
  const { letter, rank, quality } = outputOf(card);
  if (kind === "quality") return say(form, "sayQuality", { letter, quality });
  const tied = outputs().filter((other) => other.rank === rank && other.letter !== letter).map((other) => other.letter);
  const line = say(form, tied.length ? "sayTied" : "sayRank", { letter, rank, others: tied.join(", ") });
  const ranked = outputs().filter((other) => other.rank !== null).length;
  return `${line}. ${say(form, "sayRanked", { n: ranked, k: cards.length })}`;
}

form.addEventListener("judged", (event) => {
  const card = event.target;
  if (event.detail.kind === "rank") lastRanked = card;
  announce(describe(card, event.detail.kind));
  show();
  draft.changed();
});

form.addEventListener("input", (event) => {
  const card = event.target.closest(".output");
  if (card && event.target.type === "radio") {
    const kind = event.target.name.startsWith("rank_") ? "rank" : "quality";
    card.dispatchEvent(new CustomEvent("judged", { bubbles: true, detail: { kind } }));
  } else {
    draft.changed();
  }
});

form.addEventListener("click", (event) => {
  const card = event.target.closest(".output");
  const mover = event.target.closest("[data-move]");
  if (mover) set(card, "rank", moved(outputs(), outputOf(card), Number(mover.dataset.move)));
  if (event.target.closest("[data-clear]")) {
    for (const radio of card.querySelectorAll("input[type=radio]")) radio.checked = false;
    announce(say(form, "sayCleared", { letter: card.dataset.letter }));
    show();
    draft.changed();
    card.focus({ preventScroll: true });
  }
});

const rawToggle = document.getElementById("raw-toggle");
rawToggle.addEventListener("click", () => {
  const raw = rawToggle.getAttribute("aria-pressed") !== "true";
  rawToggle.setAttribute("aria-pressed", String(raw));
  for (const body of form.querySelectorAll(".output-body")) {
    body.querySelector(".rendered")?.toggleAttribute("hidden", raw);
    body.querySelector(".raw")?.toggleAttribute("hidden", !raw);
  }
});

// Keys. Off in text fields, off when the reader says so, never with Ctrl, Alt or Meta.

try { keysOn.checked = localStorage.getItem(KEYS_OFF) === null; } catch { /* no storage: keys stay on */ }
keysOn.addEventListener("change", () => {
  try { keysOn.checked ? localStorage.removeItem(KEYS_OFF) : localStorage.setItem(KEYS_OFF, "1"); } catch { /* only for this page then */ }
});

const inText = (element) => element.closest("textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])") !== null;
const current = () => document.activeElement?.closest(".output") ?? null;

function focusCard(card) {
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
}

function rankTo(card, number) {
  if (!rankingOpen()) announce(say(form, "sayLocked"));
  else if (number <= cards.length) set(card, "rank", number);
}

function onDigit(event) {
  const digit = Number(event.code.slice(-1));
  const card = current();
  if (!card || digit < 1) return false;
  if (event.shiftKey) { if (digit <= 7) set(card, "quality", digit); } else rankTo(card, digit);
  return true;
}

function onKey(event) {
  if (/^(Digit|Numpad)\d$/.test(event.code)) return onDigit(event);
  const at = cards.indexOf(current());
  if (event.key === "]") { focusCard(cards[Math.min(at + 1, cards.length - 1)]); return true; }
  if (event.key === "[") { focusCard(cards[Math.max(at - 1, 0)]); return true; }
  if (event.key === "=" && at >= 0) {
    const other = lastRanked && lastRanked !== cards[at] ? outputOf(lastRanked).rank : null;
    if (other !== null) rankTo(cards[at], other);
    return true;
  }
  if (event.key === "?") { document.getElementById("keys").togglePopover(); return true; }
  const card = cards.find((candidate) => candidate.dataset.letter === event.key.toUpperCase());
  if (card && !event.shiftKey) { focusCard(card); return true; }
  return false;
}

document.addEventListener("keydown", (event) => {
  if (!keysOn.checked || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (inText(event.target) || document.querySelector("[popover]:popover-open")) return;
  if (onKey(event)) event.preventDefault();
});

for (const button of form.querySelectorAll("[data-move]")) button.hidden = false;
submitInPlace(form, draft);
submitOnCtrlEnter(form);
draft.watchLease(document.getElementById("lease-until").dateTime);
show();
form.dataset.ready = "";
