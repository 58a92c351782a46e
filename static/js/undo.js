// Undo for what is clicked: whole states, one a change; texts keep the browser's own undo.

const LONGEST = 200;

export class Undo {
  // read() gives the state on the page, write(state) shows one.
  constructor(button, { read, write }) {
    Object.assign(this, { button, read, write, past: [] });
    this.now = read();
    button.hidden = false;
  }

  // After every change; what changed nothing is no step.
  note() {
    const now = this.read();
    if (JSON.stringify(now) === JSON.stringify(this.now)) return;
    this.past = [...this.past.slice(1 - LONGEST), this.now];
    this.now = now;
    this.button.disabled = false;
  }

  // Returns whether there was something to take back.
  back() {
    const before = this.past.pop();
    if (before === undefined) return false;
    this.now = before;
    this.write(before);
    this.button.disabled = this.past.length === 0;
    return true;
  }

  forget() {
    this.past = [];
    this.now = this.read();
    this.button.disabled = true;
  }
}
