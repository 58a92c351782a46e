// Active time: seconds in which this page was in sight and somebody was there. Pauses of more than a minute do not count.

const PAUSE = 60_000;
const TICK = 1_000;
const SIGNS = ["input", "keydown", "pointerdown", "pointermove", "wheel", "touchmove", "scroll"];

export class ActiveTime {
  constructor() {
    this.waiting = 0;
    this.sign = performance.now();
    this.tick = this.sign;
    for (const name of SIGNS) {
      document.addEventListener(name, () => { this.sign = performance.now(); }, { capture: true, passive: true });
    }
    setInterval(() => this.count(), TICK);
  }

  count() {
    const now = performance.now();
    // A device that slept ticks late: what lies between was no work.
    const passed = Math.min(now - this.tick, 2 * TICK);
    this.tick = now;
    if (document.visibilityState === "visible" && now - this.sign < PAUSE) this.waiting += passed;
  }

  // Whole seconds that the server does not know of.
  get seconds() {
    return Math.floor(this.waiting / 1000);
  }

  told(seconds) {
    this.waiting = Math.max(0, this.waiting - seconds * 1000);
  }
}
