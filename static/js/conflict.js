// Another version of a draft, with the words that this page does not have marked and in sight.

import { compareTexts } from "./diff.js";

export function showOther(place, mine, theirs) {
  const [, { parts }] = compareTexts(mine, theirs, document.documentElement.lang);
  place.replaceChildren(...parts.map(({ text, only }) => (only ? Object.assign(document.createElement("mark"), { textContent: text }) : text)));
}

export function scrollToDifference(place) {
  const first = place.querySelector("mark");
  if (first) place.scrollTop += first.getBoundingClientRect().top - place.getBoundingClientRect().top - place.clientHeight / 3;
}
