// The last look before submitting: Ctrl+Enter shows what was written as readers will see it, once more submits it.

import { csrfToken } from "./drafts.js";
import { renderMath } from "./math.js";

// An input method sends Enter to accept a word; some browsers say so only by the code 229.
const composing = (event) => event.isComposing || event.keyCode === 229;

export class Review {
  constructor(form, draft, { flags = () => "" } = {}) {
    Object.assign(this, { form, draft, flags });
    this.section = document.getElementById("review");
    this.text = document.getElementById("review-text");
    this.editing = document.getElementById("editing");
    this.opener = document.getElementById("review-open");
    this.back = document.getElementById("review-back");
    this.opener.hidden = false;
    this.opener.addEventListener("click", () => this.open());
    this.back.addEventListener("click", () => this.close());
    document.addEventListener("keydown", (event) => this.key(event));
  }

  get isOpen() {
    return !this.section.hidden;
  }

  key(event) {
    if (composing(event) || document.querySelector("[popover]:popover-open")) return;
    if (event.key === "Escape" && this.isOpen) this.close();
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (event.repeat) return;
    if (this.isOpen) this.form.requestSubmit(this.form.querySelector("button[name=then][value=next]"));
    else this.open();
  }

  async open() {
    if (this.asking || !this.form.reportValidity()) return;
    this.asking = true;
    this.draft.problem("");
    try {
      const response = await fetch(this.form.dataset.reviewUrl, {
        method: "POST",
        body: new FormData(this.form),
        credentials: "same-origin",
        headers: { "Accept": "application/json", "X-CSRFToken": csrfToken(this.form) },
      });
      if (!(response.headers.get("Content-Type") ?? "").startsWith("application/json")) {
        this.draft.problem(response.redirected || response.status === 403 ? this.form.dataset.saySignedOut : this.form.dataset.sayOffline);
        return;
      }
      const answer = await response.json();
      if (response.ok) this.show(answer.html);
      else this.refuse(answer.error);
    } catch {
      this.draft.problem(this.form.dataset.sayOffline);
    } finally {
      this.asking = false;
    }
  }

  refuse({ message, fields = {} }) {
    const more = Object.values(fields).flat().filter((sentence) => sentence !== message);
    this.draft.problem([message, ...more].join(" "));
  }

  show(html) {
    this.from = document.activeElement;
    // Sanitised by the server, the same way as everywhere else.
    this.text.innerHTML = html;
    renderMath(this.text);
    const flags = document.getElementById("review-flags");
    flags.textContent = this.flags();
    flags.hidden = !flags.textContent;
    this.toggle(true);
    const title = document.getElementById("review-title");
    title.focus({ preventScroll: true });
    title.scrollIntoView({ block: "nearest" });
  }

  close() {
    this.toggle(false);
    (this.editing.contains(this.from) ? this.from : this.form.elements.text).focus();
  }

  toggle(on) {
    this.section.hidden = !on;
    this.editing.hidden = on;
    this.opener.hidden = on;
    this.back.hidden = !on;
    document.getElementById("submit-key").hidden = !on;
  }
}
