// A Markdown editor (templates/labeling/editor.html): what it will look like, how long it is, how much is left.

import { csrfToken } from "./drafts.js";
import { renderMath } from "./math.js";

const NEAR = 0.9;
const COUNTED_WORDS = 60000;
const LIVE = 600;
const wide = matchMedia("(min-width: 85rem)");
const language = document.documentElement.lang;
const number = new Intl.NumberFormat(language);

function words(value, lang) {
  // Finding the words of a text that nobody can submit would only hold the page up.
  if (value.length > COUNTED_WORDS) return null;
  if (!("Segmenter" in Intl)) return value.trim() ? value.trim().split(/\s+/).length : 0;
  let found = 0;
  for (const segment of new Intl.Segmenter(lang || language, { granularity: "word" }).segment(value)) {
    if (segment.isWordLike) found += 1;
  }
  return found;
}

// The characters as the server counts them: code points, not UTF-16 units.
export const characters = (value) => (value.length > 400000 ? value.length : [...value].length);

export class Editor {
  constructor(form) {
    this.form = form;
    this.box = form.querySelector("[data-editor]");
    this.text = this.box.querySelector("textarea");
    this.preview = this.box.querySelector("#panel-preview");
    this.counter = this.box.querySelector("#count");
    this.limitNote = this.box.querySelector("#limit-note");
    this.limit = Number(this.text.dataset.limit);
    this.tabs = [...this.box.querySelectorAll("[role=tab]")];
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => this.open(tab));
      tab.addEventListener("keydown", (event) => this.arrow(event, tab));
    }
    this.text.addEventListener("input", () => this.changed());
    wide.addEventListener("change", () => this.arrange());
    this.arrange();
    this.count();
  }

  changed() {
    clearTimeout(this.counting);
    this.counting = setTimeout(() => this.count(), 120);
    if (!wide.matches) return;
    clearTimeout(this.rendering);
    this.rendering = setTimeout(() => this.render(), LIVE);
  }

  // Side by side where there is room for both, else one behind the other.
  arrange() {
    this.box.toggleAttribute("data-both", wide.matches);
    this.tabs[0].parentElement.hidden = wide.matches;
    if (wide.matches) {
      document.getElementById("panel-write").hidden = false;
      this.preview.hidden = false;
      this.render();
    } else {
      this.open(this.tabs[0]);
    }
  }

  arrow(event, tab) {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    const other = this.tabs[(this.tabs.indexOf(tab) + 1) % this.tabs.length];
    this.open(other);
    other.focus();
  }

  open(tab) {
    for (const other of this.tabs) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")).hidden = !chosen;
    }
    if (tab.id === "tab-preview") this.render();
  }

  async render() {
    const value = this.text.value;
    if (value === this.rendered) return;
    if (!value.trim() || characters(value) > this.limit) {
      this.preview.textContent = value.trim() ? this.limitNote.textContent : this.preview.dataset.empty;
      this.rendered = null;
      return;
    }
    this.rendered = value;
    try {
      const body = new FormData();
      body.set("text", value);
      const response = await fetch(this.box.dataset.previewUrl, { method: "POST", body, headers: { "X-CSRFToken": csrfToken(this.form) } });
      if (!response.ok || response.redirected) throw new Error(String(response.status));
      const html = await response.text();
      if (this.rendered !== value) return;
      // Sanitised by the server, the same way as everywhere else.
      this.preview.innerHTML = html;
      this.preview.lang = this.text.lang;
      renderMath(this.preview);
    } catch {
      this.rendered = null;
      this.preview.textContent = this.form.dataset.sayOffline;
    }
  }

  count() {
    const value = this.text.value;
    const length = characters(value);
    const found = words(value, this.text.lang);
    const parts = [`${number.format(length)} / ${number.format(this.limit)} ${this.counter.dataset.characters}`];
    if (found !== null) parts.unshift(`${number.format(found)} ${this.counter.dataset.words}`);
    this.counter.textContent = parts.join(" · ");
    const over = length > this.limit;
    this.counter.toggleAttribute("data-over", over);
    this.limitNote.toggleAttribute("data-over", over);
    if (over) this.text.setAttribute("aria-invalid", "true");
    else this.text.removeAttribute("aria-invalid");
    const left = Math.abs(this.limit - length);
    if (over) this.limitNote.textContent = this.box.dataset.sayOver.replace("{n}", number.format(left));
    else this.limitNote.textContent = length >= this.limit * NEAR ? this.box.dataset.sayNear.replace("{n}", number.format(left)) : "";
  }

  // For a draft that comes from elsewhere.
  show(value) {
    this.text.value = value;
    this.count();
    if (wide.matches) this.render();
  }
}
