// How the answers are looked at: rendered or raw, all or two at a time, with their differences, scrolled together.
// Nothing here is part of the judgement.

import { compareTexts } from "./diff.js";
import { say } from "./drafts.js";

export class Views {
  // cards: the answers; toolbar: templates/labeling/_compare_views.html.
  constructor(form, cards, { announce }) {
    Object.assign(this, { form, cards, announce, raw: new Set() });
    this.outputs = form.querySelector(".outputs");
    this.bar = document.getElementById("views");
    this.rawAll = document.getElementById("raw-toggle");
    this.buttons = Object.fromEntries([...this.bar.querySelectorAll("[data-view]")].map((button) => [button.dataset.view, button]));
    this.pickers = [...this.bar.querySelectorAll("select")];
    this.two = cards.length === 2 ? [...cards] : null;
    for (const button of Object.values(this.buttons)) button.addEventListener("click", () => this.press(button));
    for (const picker of this.pickers) picker.addEventListener("change", () => this.pick(picker));
    this.rawAll.addEventListener("click", () => this.showRaw(cards, !this.pressed(this.rawAll)));
    for (const card of cards) {
      card.querySelector("[data-raw]")?.addEventListener("click", () => this.toggleRaw(card));
      this.bodyOf(card).addEventListener("scroll", () => this.follow(card), { passive: true });
    }
    // Who wants to see what a sensitive prompt says wants to see its answers: one veil lifts them all.
    const veils = [...form.querySelectorAll("[data-sensitive]")];
    for (const veil of veils) veil.addEventListener("toggle", () => { for (const other of veils) other.open = veil.open; });
    this.bar.hidden = false;
    this.rawAll.hidden = false;
    for (const button of form.querySelectorAll("[data-raw]")) button.hidden = false;
    this.show();
  }

  bodyOf(card) { return card.querySelector(".output-body"); }
  sourceOf(card) { return card.querySelector(".raw")?.textContent ?? ""; }
  pressed(button) { return button?.getAttribute("aria-pressed") === "true"; }

  press(button) {
    button.setAttribute("aria-pressed", String(!this.pressed(button)));
    if (button === this.buttons.two) {
      const at = this.cards.indexOf(this.last);
      this.two = this.pressed(button) ? (at > 0 ? [this.cards[at - 1], this.cards[at]] : this.cards.slice(0, 2)) : null;
    }
    this.show();
    if (button === this.buttons.differences && this.pressed(button)) this.sayDifferences();
  }

  pick(picker) {
    const [mine, other] = picker === this.pickers[0] ? [0, 1] : [1, 0];
    const card = this.cards[Number(picker.value)];
    if (card === this.two[other]) this.two[other] = this.two[mine];
    this.two[mine] = card;
    this.show();
  }

  // Before a card gets the focus: two at a time, it takes the place of the one that was not used last.
  reveal(card) {
    if (card.hidden) {
      this.two = [this.two.includes(this.last) ? this.last : this.two[0], card];
      this.show();
    }
    this.last = card;
  }

  toggleRaw(card) { this.showRaw([card], !this.raw.has(card)); }

  toggleAllRaw() { this.rawAll.click(); }

  showRaw(cards, raw) {
    for (const card of cards) raw ? this.raw.add(card) : this.raw.delete(card);
    if (this.pressed(this.buttons.differences)) this.buttons.differences.setAttribute("aria-pressed", "false");
    this.show();
  }

  show() {
    const { two } = this;
    two?.sort((one, other) => this.cards.indexOf(one) - this.cards.indexOf(other));
    for (const card of this.cards) card.hidden = two !== null && !two.includes(card);
    for (const picker of this.pickers) picker.closest("[data-pickers]").hidden = two === null;
    this.pickers.forEach((picker, at) => { if (two) picker.value = String(this.cards.indexOf(two[at])); });
    for (const name of ["differences", "together"]) {
      const button = this.buttons[name];
      button.hidden = two === null;
      if (two === null) button.setAttribute("aria-pressed", "false");
    }
    this.showTexts();
    this.showTogether();
  }

  showTexts() {
    const compared = this.pressed(this.buttons.differences);
    for (const card of this.cards) {
      const raw = this.raw.has(card);
      card.querySelector(".rendered")?.toggleAttribute("hidden", raw || compared);
      card.querySelector(".raw")?.toggleAttribute("hidden", !raw || compared);
      card.querySelector("[data-raw]")?.setAttribute("aria-pressed", String(raw));
      card.querySelector(".differences")?.remove();
    }
    this.rawAll.setAttribute("aria-pressed", String(this.cards.every((card) => this.raw.has(card))));
    if (!compared) return;
    const language = this.two[0].querySelector(".raw")?.lang;
    this.compared = compareTexts(...this.two.map((card) => this.sourceOf(card)), language);
    this.two.forEach((card, at) => this.bodyOf(card).append(this.marked(card, this.compared[at].parts)));
  }

  marked(card, parts) {
    const place = document.createElement("pre");
    place.className = "raw differences";
    place.dir = "auto";
    place.lang = card.querySelector(".raw")?.lang ?? "";
    for (const { text, only } of parts) {
      if (only) place.append(Object.assign(document.createElement("mark"), { textContent: text }));
      else place.append(text);
    }
    return place;
  }

  sayDifferences() {
    const [one, other] = this.two.map((card) => card.dataset.letter);
    const [{ words: n }, { words: m }] = this.compared;
    this.announce(say(this.form, "sayDifferences", { one, other, n, m }));
  }

  showTogether() {
    const together = this.pressed(this.buttons.together);
    this.outputs.toggleAttribute("data-together", together);
    for (const card of this.cards) {
      const body = this.bodyOf(card);
      // A box that scrolls can be reached and scrolled by keys.
      if (together) {
        body.tabIndex = 0;
        body.setAttribute("role", "region");
        body.setAttribute("aria-label", say(this.form, "sayText", { letter: card.dataset.letter }));
      } else {
        for (const name of ["tabindex", "role", "aria-label"]) body.removeAttribute(name);
      }
    }
  }

  // By share, since the texts are of different lengths.
  follow(card) {
    if (!this.pressed(this.buttons.together) || !this.two?.includes(card)) return;
    if (this.led === card) { this.led = null; return; }
    const body = this.bodyOf(card);
    const other = this.two.find((one) => one !== card);
    const follower = this.bodyOf(other);
    const room = (box) => box.scrollHeight - box.clientHeight;
    const top = Math.round((body.scrollTop / Math.max(1, room(body))) * room(follower));
    if (Math.abs(follower.scrollTop - top) < 1) return;
    this.led = other;
    follower.scrollTop = top;
  }
}
