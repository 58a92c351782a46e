// The rail: the ranking as a row of letters, "B > A = D > C". A letter can be dragged onto another (a tie), between two
// groups, or off the rank again, with a pointer or a finger; pressed, it leads to its answer. Radios and arrows do the same.

import { say } from "./drafts.js";
import { groupsOf } from "./ranking.js";

const SLOP = 5;
const NEAR = 28;

export class Rail {
  // onPlace(letter, {onto} | {before}), onRemove(letter), onGo(letter), onLocked(); isOpen() tells whether ranking is open.
  constructor(form, { onPlace, onRemove, onGo, onLocked, isOpen }) {
    Object.assign(this, { form, onPlace, onRemove, onGo, onLocked, isOpen, drag: null });
    this.ranked = document.getElementById("summary");
    this.rest = document.getElementById("rest");
    for (const place of [this.ranked, this.rest]) {
      place.addEventListener("pointerdown", (event) => this.down(event));
      place.addEventListener("click", (event) => this.click(event));
    }
    document.addEventListener("pointermove", (event) => this.move(event));
    document.addEventListener("pointerup", (event) => this.up(event));
    document.addEventListener("pointercancel", () => this.end());
    document.addEventListener("keydown", (event) => { if (event.key === "Escape" && this.drag?.moved) this.end(); });
  }

  show(outputs) {
    const focused = document.activeElement?.closest(".chip")?.dataset.letter;
    this.ranked.replaceChildren(this.gap(0, ""));
    groupsOf(outputs).forEach((group, at) => {
      if (at > 0) this.ranked.append(this.gap(at, " > "));
      group.forEach((output, inside) => {
        if (inside > 0) this.ranked.append(" = ");
        this.ranked.append(this.chip(output));
      });
    });
    this.ranked.append(this.gap(this.ranked.querySelectorAll(".rail-gap").length, ""));
    if (this.ranked.children.length === 2) this.ranked.firstChild.remove();
    this.rest.replaceChildren(...outputs.filter((output) => output.rank === null).map((output) => this.chip(output)));
    if (focused) document.querySelector(`.chip[data-letter=${focused}]`)?.focus();
  }

  chip({ letter, rank }) {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.className = "chip";
    chip.textContent = letter;
    chip.dataset.letter = letter;
    chip.setAttribute("aria-label", rank === null ? say(this.form, "sayChipRest", { letter }) : say(this.form, "sayChip", { letter, rank }));
    return chip;
  }

  gap(before, text) {
    const gap = document.createElement("span");
    gap.className = text ? "rail-gap" : "rail-gap end";
    gap.dataset.before = String(before);
    gap.textContent = text;
    return gap;
  }

  click(event) {
    const chip = event.target.closest(".chip");
    if (chip && !this.dropped) this.onGo(chip.dataset.letter);
    this.dropped = false;
  }

  down(event) {
    const chip = event.target.closest(".chip");
    if (!chip || event.button !== 0 || !event.isPrimary) return;
    this.dropped = false;
    this.drag = { chip, x: event.clientX, y: event.clientY, pointer: event.pointerId, moved: false };
  }

  move(event) {
    const { drag } = this;
    if (!drag || event.pointerId !== drag.pointer) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved) {
      if (Math.hypot(dx, dy) < SLOP) return;
      if (!this.isOpen()) { this.end(); this.onLocked(); return; }
      drag.moved = true;
      drag.chip.classList.add("dragged");
      this.form.classList.add("dragging");
    }
    drag.chip.style.translate = `${dx}px ${dy}px`;
    this.mark(this.targetAt(event.clientX, event.clientY));
  }

  // What lies under the pointer: another letter, a gap (the nearest one, on the rail), or where the unranked wait.
  targetAt(x, y) {
    const under = document.elementFromPoint(x, y);
    const chip = under?.closest(".chip");
    if (chip && this.ranked.contains(chip)) return chip;
    if (under?.closest("#rest")) return this.rest;
    const box = this.ranked.getBoundingClientRect();
    if (x < box.left - NEAR || x > box.right + NEAR || y < box.top - NEAR || y > box.bottom + NEAR) return null;
    const far = (gap) => {
      const { left, right, top, bottom } = gap.getBoundingClientRect();
      return Math.hypot((left + right) / 2 - x, 4 * ((top + bottom) / 2 - y));
    };
    return [...this.ranked.querySelectorAll(".rail-gap")].sort((one, other) => far(one) - far(other))[0] ?? null;
  }

  mark(target) {
    document.querySelector(".drop-here")?.classList.remove("drop-here");
    target?.classList.add("drop-here");
  }

  up(event) {
    const { drag } = this;
    if (!drag || event.pointerId !== drag.pointer) return;
    const target = drag.moved ? this.targetAt(event.clientX, event.clientY) : null;
    this.dropped = drag.moved;
    this.end();
    if (!target) return;
    const { letter } = drag.chip.dataset;
    if (target === this.rest) this.onRemove(letter);
    else if (target.matches(".chip")) this.onPlace(letter, { onto: target.dataset.letter });
    else this.onPlace(letter, { before: Number(target.dataset.before) });
  }

  end() {
    this.mark(null);
    if (this.drag) {
      this.drag.chip.classList.remove("dragged");
      this.drag.chip.style.translate = "";
    }
    this.form.classList.remove("dragging");
    this.drag = null;
  }
}
