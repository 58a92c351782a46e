// A judgement as it stands in the form (templates/labeling/output.html, _verdict.html), in the shape of its draft.
// What nobody answered is absent or null; an unticked flag is no answer until "no other flag applies" is ticked.

export const cardsOf = (form) => [...form.querySelectorAll(".output[data-completion]")];
export const idOf = (card) => card.dataset.completion;

const chosen = (place) => place?.querySelector("input[type=radio]:checked")?.value ?? null;
const whole = (text) => (text === null ? null : Number(text));

export function choose(place, value) {
  for (const radio of place?.querySelectorAll("input[type=radio]") ?? []) radio.checked = value !== null && value !== undefined && radio.value === String(value);
}

const questionsOf = (card) => [...card.querySelectorAll("[data-question]")];
const flagsOf = (card) => [...card.querySelectorAll("[data-flag]")];
const noFlagOf = (card) => card.querySelector("[data-no-flag]");

export const rankOf = (card) => whole(chosen(card.querySelector("[data-rank]")));
export const setRank = (card, rank) => choose(card.querySelector("[data-rank]"), rank);
export const strengthOf = (form) => whole(chosen(form.querySelector("[data-pair]")));

export function answersOf(card) {
  const given = {};
  for (const question of questionsOf(card)) {
    const value = chosen(question);
    if (value !== null) given[question.dataset.question] = question.dataset.kind === "scale" ? Number(value) : value;
  }
  for (const box of flagsOf(card)) {
    if (box.checked) given[box.dataset.flag] = true;
    else if (noFlagOf(card).checked) given[box.dataset.flag] = false;
  }
  return given;
}

function setAnswers(card, given) {
  for (const question of questionsOf(card)) choose(question, given[question.dataset.question]);
  const flags = flagsOf(card);
  for (const box of flags) box.checked = given[box.dataset.flag] === true;
  if (flags.length) noFlagOf(card).checked = flags.every((box) => box.dataset.flag in given) && !flags.every((box) => box.checked);
}

// What a project that rates first wants before the ranking opens.
export function isRated(card) {
  const given = answersOf(card);
  return [...card.querySelectorAll("[data-required]")].every((asked) => (asked.dataset.question ?? asked.dataset.flag) in given);
}

// Everything that undo gives back; texts have the browser's own undo.
export function readClicks(form) {
  const ranks = {};
  const answers = {};
  for (const card of cardsOf(form)) {
    const rank = rankOf(card);
    const given = answersOf(card);
    if (rank !== null) ranks[idOf(card)] = rank;
    if (Object.keys(given).length) answers[idOf(card)] = given;
  }
  return { ranks, answers, strength: strengthOf(form), none_acceptable: form.elements.none_acceptable.checked };
}

export function writeClicks(form, stored) {
  for (const card of cardsOf(form)) {
    setRank(card, stored.ranks?.[idOf(card)]);
    // Drafts from before there were forms have the quality alone.
    const quality = stored.qualities?.[idOf(card)];
    setAnswers(card, { ...(quality !== undefined && { quality }), ...stored.answers?.[idOf(card)] });
    countFlags(card);
  }
  choose(form.querySelector("[data-pair]"), stored.strength);
  form.elements.none_acceptable.checked = Boolean(stored.none_acceptable);
}

export function clearCard(card) {
  setRank(card, null);
  setAnswers(card, {});
  countFlags(card);
}

export function countFlags(card) {
  const place = card.querySelector("[data-flags]");
  if (!place) return;
  const set = flagsOf(card).filter((box) => box.checked).length;
  const { saySet, sayNone, sayUnanswered } = place.dataset;
  const said = set ? saySet.replace("{n}", String(set)) : noFlagOf(card).checked ? sayNone : sayUnanswered;
  place.querySelector("[data-count]").textContent = said;
}

// The question that a key answers: the one with the focus, else the first required one that is open, else the one
// that a key answered last, else the first of all.
const lastAsked = new WeakMap();

export function answerByKey(card, number) {
  const questions = questionsOf(card);
  const focused = document.activeElement?.closest("[data-question]");
  const open = questions.find((question) => "required" in question.dataset && chosen(question) === null);
  const question = focused && card.contains(focused) ? focused : open ?? lastAsked.get(card) ?? questions[0];
  if (!question) return null;
  const radios = [...question.querySelectorAll("input[type=radio]")];
  const radio = question.dataset.kind === "scale" ? radios.find((one) => Number(one.value) === number) : radios[number - 1];
  if (!radio) return null;
  radio.checked = true;
  lastAsked.set(card, question);
  return { label: question.dataset.label, value: radio.labels[0].textContent.trim() };
}

// The answers of one card in words, in the order of the page.
export function inWords(card, given) {
  const said = [];
  for (const question of questionsOf(card)) {
    const value = given[question.dataset.question];
    const radio = [...question.querySelectorAll("input[type=radio]")].find((one) => one.value === String(value));
    if (radio) said.push(`${question.dataset.label} ${radio.labels[0].textContent.trim()}`);
  }
  for (const box of flagsOf(card)) if (given[box.dataset.flag] === true) said.push(box.dataset.label);
  return said.join(", ");
}
