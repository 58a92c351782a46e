// The Compare screen: radios and boxes stay the truth, this adds keys, arrows, the live summary, undo and the draft.

import { readEdit, showEdit, watchEdit, writeEdit } from "./edit_step.js";
import { csrfToken, Draft, say, submitInPlace, submitOnCtrlEnter } from "./drafts.js";
import {
  answerByKey, answersOf, cardsOf, choose, clearCard, countFlags, idOf, inWords, isRated, rankOf, readClicks, setRank,
  strengthOf, writeClicks,
} from "./judgement.js";
import { actionOf, turnKeys } from "./keys.js";
import "./math.js";
import { describeFlags, readFlags, watchFlags, writeFlags } from "./prompt_flags.js";
import { Rail } from "./rail.js";
import { contradictions, groupsOf, placed, ranksOfStrength, stepped, summary } from "./ranking.js";
import { Undo } from "./undo.js";
import { Views } from "./views.js";

const form = document.getElementById("answer");
const cards = cardsOf(form);
const pair = form.querySelector("[data-pair]");
const { overall } = form.dataset;
const announcer = document.getElementById("announce");
const MOST_WARNINGS = 3;
let lastRanked = null;
let wasOpen = null;
let undo = null;

const byLetter = (letter) => cards.find((card) => card.dataset.letter === letter);
const letterOf = (card) => card.dataset.letter;
const ratedFirst = form.dataset.ratingsFirst === "true";
const rankingOpen = () => !ratedFirst || cards.every(isRated);
const announce = (text) => { announcer.textContent = text; };

// Every output as {letter, rank, rating}; of a pair, the strength says the ranks.
function outputsOf(stored) {
  const ofPair = pair ? ranksOfStrength(stored.strength ?? null) : null;
  return cards.map((card, at) => ({
    letter: letterOf(card),
    rank: ofPair ? ofPair[at] : stored.ranks?.[idOf(card)] ?? null,
    rating: stored.answers?.[idOf(card)]?.[overall] ?? null,
  }));
}
const outputs = () => outputsOf(readClicks(form));

function inSentence(stored) {
  const answers = cards.map((card) => `${letterOf(card)}: ${inWords(card, stored.answers?.[idOf(card)] ?? {}) || "–"}.`).join(" ");
  const lines = [say(form, "sayOther", { summary: summary(outputsOf(stored)) || "–", answers, note: stored.note || "–" })];
  const flags = describeFlags(form, stored.prompt_flags);
  if (flags) lines.push(flags);
  if (stored.edited_text) lines.push(say(form, "sayOtherEdit", { text: stored.edited_text }));
  return lines.join("\n");
}

const views = new Views(form, cards, { announce });
const rail = pair ? null : new Rail(form, {
  onPlace: (letter, where) => rankAll(byLetter(letter), placed(outputs(), letter, where)),
  onRemove: (letter) => unrank(byLetter(letter)),
  onGo: (letter) => focusCard(byLetter(letter)),
  onLocked: () => announce(say(form, "sayLocked")),
  isOpen: () => rankingOpen(),
});
watchEdit({ source: (letter) => byLetter(letter)?.querySelector(".raw")?.textContent ?? "", onChange: () => draft.changed() });

const draft = new Draft(form, {
  read: () => ({ ...readClicks(form), ...readEdit(), note: form.elements.note.value, prompt_flags: readFlags(form) }),
  write: (stored) => {
    writeClicks(form, stored);
    writeEdit(stored);
    form.elements.note.value = stored.note ?? "";
    writeFlags(form, stored.prompt_flags);
    show();
    undo?.forget();
  },
  describe: inSentence,
});

undo = new Undo(document.getElementById("undo"), {
  read: () => readClicks(form),
  write: (state) => writeClicks(form, state),
});

function show() {
  const now = outputs();
  const open = rankingOpen();
  for (const fieldset of form.querySelectorAll("[data-rank], [data-pair]")) fieldset.disabled = !open;
  for (const card of cards) {
    card.querySelector("[data-clear]").hidden = rankOf(card) === null && Object.keys(answersOf(card)).length === 0;
  }
  if (rail) rail.show(now);
  else document.getElementById("summary").textContent = summary(now);
  document.getElementById("progress").textContent = progress(now, open);
  warn(now);
  const ranked = now.filter((output) => output.rank !== null);
  showEdit(ranked.length === cards.length ? groupsOf(now)[0].map((output) => output.letter) : []);
  if (open && wasOpen === false && ratedFirst && ranked.length === 0) announce(say(form, "sayOpen"));
  wasOpen = open;
}

function progress(now, open) {
  if (!open) return say(form, "sayRated", { n: cards.filter(isRated).length, k: cards.length });
  if (pair) {
    const chosen = pair.querySelector(":checked");
    return chosen ? chosen.dataset.text : say(form, "sayChoose");
  }
  const missing = now.filter((output) => output.rank === null).map((output) => output.letter);
  const parts = [say(form, "sayRanked", { n: cards.length - missing.length, k: cards.length })];
  if (missing.length && missing.length < cards.length) parts.push(say(form, "sayUnranked", { letters: missing.join(", ") }));
  return parts.join(" · ");
}

function warn(now) {
  const list = document.getElementById("contradictions");
  const texts = contradictions(now).map(({ better, worse }) =>
    say(form, "sayContradiction", { better: better.letter, worse: worse.letter, low: better.rating, high: worse.rating }));
  // The bar stays in sight, so it stays low.
  if (texts.length > MOST_WARNINGS) texts.splice(MOST_WARNINGS - 1, Infinity, say(form, "sayMore", { n: texts.length - MOST_WARNINGS + 1 }));
  if (texts.join() === [...list.children].map((item) => item.textContent).join()) return;
  list.replaceChildren(...texts.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
}

function rankInWords(card) {
  const now = outputs();
  const { letter, rank } = now[cards.indexOf(card)];
  const tied = now.filter((other) => other.rank === rank && other.letter !== letter).map((other) => other.letter);
  const line = say(form, tied.length ? "sayTied" : "sayRank", { letter, rank, others: tied.join(", ") });
  return `${line}. ${say(form, "sayRanked", { n: now.filter((other) => other.rank !== null).length, k: cards.length })}`;
}

// After every change of what is clicked, by whatever means.
function judged(said = "") {
  if (said) announce(said);
  undo.note();
  show();
  draft.changed();
}

function rankTo(card, rank) {
  setRank(card, rank);
  lastRanked = card;
  judged(rankInWords(card));
}

// ranks: those of every ranked output, by letter; null changes nothing.
function rankAll(card, ranks) {
  if (ranks) for (const [letter, rank] of Object.entries(ranks)) setRank(byLetter(letter), rank);
  lastRanked = card;
  judged(rankInWords(card));
}

function unrank(card) {
  setRank(card, null);
  judged(say(form, "sayNoRank", { letter: letterOf(card) }));
}

function strengthTo(value) {
  choose(pair, value);
  const chosen = pair.querySelector(":checked");
  judged(say(form, "sayStrength", { letter: chosen.dataset.letter, text: chosen.dataset.text }).trim());
}

function clear(card) {
  clearCard(card);
  judged(say(form, "sayCleared", { letter: letterOf(card) }));
  card.focus({ preventScroll: true });
}

function takeBack() {
  if (!undo.back()) { announce(say(form, "sayNothing")); return; }
  announce(say(form, "sayUndone"));
  show();
  draft.changed();
}

form.addEventListener("input", ({ target }) => {
  const card = target.closest(".output");
  if (card) countFlags(card);
  if (card && target.closest("[data-rank]")) lastRanked = card;
  if (target.matches("input[type=radio], input[type=checkbox]") && !target.name.startsWith("prompt_flag")) {
    judged(card && target.closest("[data-rank]") ? rankInWords(card) : "");
  } else {
    draft.changed();
  }
});

form.addEventListener("focusin", ({ target }) => { views.last = target.closest(".output") ?? views.last; });

form.addEventListener("click", ({ target }) => {
  const card = target.closest(".output");
  const mover = target.closest("[data-move]");
  if (mover) rankAll(card, stepped(outputs(), letterOf(card), Number(mover.dataset.move)));
  if (target.closest("[data-clear]")) clear(card);
});

document.getElementById("undo").addEventListener("click", takeBack);

// Keys: static/js/keys.js says what a keydown means.

const current = () => document.activeElement?.closest(".output") ?? null;

function focusCard(card) {
  views.reveal(card);
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
}

function onRankKey(card, number) {
  if (!pair && !card) return;
  if (!rankingOpen()) announce(say(form, "sayLocked"));
  else if (pair) {
    const radio = pair.querySelectorAll("input")[number - 1];
    if (radio) strengthTo(radio.value);
  } else if (number <= cards.length) rankTo(card, number);
}

function tie(card) {
  if (pair) { onRankKey(card, (pair.querySelectorAll("input").length + 1) / 2); return; }
  const other = lastRanked && lastRanked !== card ? rankOf(lastRanked) : null;
  if (card && other !== null) onRankKey(card, other);
}

function answer(card, number) {
  const said = card && answerByKey(card, number);
  if (said) judged(say(form, "sayAnswer", { letter: letterOf(card), ...said }));
}

// One action by its name (static/js/keys.js). Returns whether it is one of this screen.
function act(name) {
  const card = current();
  const at = cards.indexOf(card);
  const [, kind, rest] = /^(card|rank|quality)([A-L]|\d+)$/.exec(name) ?? [null, name, ""];
  const actions = {
    next: () => focusCard(cards[Math.min(at + 1, cards.length - 1)]),
    previous: () => focusCard(cards[Math.max(at - 1, 0)]),
    card: () => { if (byLetter(rest)) focusCard(byLetter(rest)); },
    rank: () => onRankKey(card, Number(rest)),
    quality: () => answer(card, Number(rest)),
    tie: () => tie(card),
    clear: () => { if (card) clear(card); },
    undo: takeBack,
    raw: () => (card ? views.toggleRaw(card) : views.toggleAllRaw()),
    help: () => document.getElementById("keys").togglePopover(),
  };
  if (!actions[kind]) return false;
  actions[kind]();
  return true;
}

const keysOn = document.getElementById("keys-on");
keysOn.addEventListener("change", () => turnKeys(keysOn.checked, { url: document.body.dataset.keysSwitch, token: csrfToken(form) }));

document.addEventListener("keydown", (event) => {
  if (document.querySelector("[popover]:popover-open")) return;
  const name = actionOf(event);
  if (name && act(name)) event.preventDefault();
});

form.addEventListener("volant:refused", () => {
  const missing = cards.find((card) => (ratedFirst && !isRated(card)) || (!pair && rankOf(card) === null));
  if (missing) focusCard(missing);
  else if (pair && strengthOf(form) === null) pair.querySelector("input").focus();
});

// The bar grows with its warnings; what gets the focus must not end up under it.
const bar = form.querySelector(".verdict-bar");
new ResizeObserver(() => {
  const sticky = getComputedStyle(bar).position === "sticky";
  document.documentElement.style.scrollPaddingBlockEnd = sticky ? `${bar.offsetHeight + 24}px` : "";
}).observe(bar);

for (const button of form.querySelectorAll("[data-move]")) button.hidden = false;
watchFlags(form);
submitInPlace(form, draft);
submitOnCtrlEnter(form);
draft.watchLease(document.getElementById("lease-until").dateTime);
show();
// A new task begins with its conversation, whose region the arrow keys scroll.
if (document.activeElement === document.body) form.querySelector(".prompt-scroll").focus({ preventScroll: true });
form.dataset.ready = "";
