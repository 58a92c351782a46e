// The next task opens at once: while this one is worked on, the server keeps another ready and the browser fetches its
// page ahead (speculation rules). A browser that cannot do that asks for nothing, so nothing is kept from others.

import { csrfToken } from "./drafts.js";

const form = document.getElementById("answer");
const { readyUrl, keptReady } = document.body.dataset;
const SIGNS = ["pointerdown", "keydown", "input", "scroll"];
const capable = HTMLScriptElement.supports?.("speculationrules") ?? false;

let rules = null;
let again = null;

function fetchAhead(address) {
  rules?.remove();
  rules = document.createElement("script");
  rules.type = "speculationrules";
  rules.textContent = JSON.stringify({ prefetch: [{ source: "list", urls: [address], eagerness: "immediate" }] });
  document.head.append(rules);
}

async function keepReady() {
  let answer;
  try {
    const response = await fetch(readyUrl, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Accept": "application/json", "X-CSRFToken": csrfToken(form) },
    });
    if (!response.ok || response.redirected) return;
    answer = await response.json();
  } catch {
    return; // The next task opens a little later; nothing else is lost.
  }
  document.dispatchEvent(new CustomEvent("volant:lease", { detail: answer.lease }));
  document.body.dataset.ahead = answer.next ?? "";
  if (!answer.next) return;
  fetchAhead(answer.next);
  clearTimeout(again);
  // Kept for some minutes only; whoever still works then gets the next one kept ready.
  again = setTimeout(waitForLife, Math.max(1000, new Date(answer.until) - Date.now()));
}

function waitForLife() {
  const begin = () => {
    for (const sign of SIGNS) document.removeEventListener(sign, begin, true);
    keepReady();
  };
  for (const sign of SIGNS) document.addEventListener(sign, begin, { capture: true, passive: true });
}

if (form && readyUrl && capable) {
  // A page that was fetched ahead shows the short lease of then; it asks for its own at once.
  if (keptReady !== undefined) keepReady();
  else waitForLife();
}
