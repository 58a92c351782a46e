// Which action a keydown means, by the reader's own keymap (`data-keymap` on the body, see accounts/keymap.py).
// Never inside a text field, while composing, with Ctrl, Alt or Meta (but Ctrl+Z is undo), or when keys are turned off.
//
// Actions: "next", "previous", "tie", "clear", "undo", "raw", "help", "cardA" … "cardL", "rank1" … "rank9",
// "quality0" … "quality9". Submitting by Ctrl+Enter works everywhere and is not asked for here.

const keymap = JSON.parse(document.body.dataset.keymap ?? "{}");
const actions = new Map(Object.entries(keymap.keys ?? {}).map(([name, key]) => [key.toLowerCase(), name]));
let on = keymap.off !== true;

export const keysAreOn = () => on;
export const keyOf = (name) => keymap.keys?.[name] ?? "";

// Turned off or on for this person everywhere; when the server cannot be reached, at least on this page.
export function turnKeys(wanted, { url, token }) {
  on = wanted;
  const body = new URLSearchParams(wanted ? {} : { off: "on" });
  return fetch(url, { method: "POST", body, credentials: "same-origin", headers: { "X-CSRFToken": token } }).then((answer) => answer.ok, () => false);
}

const TEXT = "textarea, select, [contenteditable]:not([contenteditable=false]), input:not([type=radio], [type=checkbox], [type=button], [type=submit])";
export const isTextField = (element) => element instanceof Element && element.closest(TEXT) !== null;

export function actionOf(event) {
  if (event.defaultPrevented || event.isComposing || event.keyCode === 229 || isTextField(event.target)) return null;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "z") return "undo";
  // AltGr writes characters ("[" on a German keyboard); Windows reports it as Ctrl and Alt together.
  const altGr = event.getModifierState("AltGraph");
  if (!on || event.metaKey || (!altGr && (event.ctrlKey || event.altKey))) return null;
  const key = event.key.toLowerCase();
  const digit = altGr ? undefined : /^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1];
  // By position: on a French or German layout Shift with a digit gives no digit. 0 only rates, and only where its
  // key writes nothing that has a meaning (Shift with 0 is "=" on a German keyboard).
  if (digit > "0") return `${event.shiftKey !== (keymap.swap_digits === true) ? "quality" : "rank"}${digit}`;
  if (actions.has(key)) return actions.get(key);
  if (digit === "0") return "quality0";
  if (!event.shiftKey && !altGr && /^[a-l]$/.test(key)) return `card${key.toUpperCase()}`;
  return null;
}
