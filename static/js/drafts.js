// A draft on the server that never loses a word: saved as one types, kept in this browser until the server has it,
// flushed when the page is hidden, never written over what another tab saved.

import { ActiveTime } from "./active_time.js";
import { scrollToDifference, showOther } from "./conflict.js";

const WAIT = 1200;
const LONGEST_WAIT = 8000;
const RETRY = 5000;
// Reading and thinking are work too: after so much of it without a change the server hears of it, which renews the lease.
const SILENCE = 60;

export function csrfToken(form) {
  // The cookie is newer than the page after signing in again in another tab.
  const cookie = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
  return cookie ? decodeURIComponent(cookie[1]) : form.elements.csrfmiddlewaretoken.value;
}

export function say(form, name, values = {}) {
  return (form.dataset[name] ?? "").replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

export function clock(iso) {
  // The zone is the reader's own, as on the server, and may differ from this device's.
  const zone = document.body.dataset.timeZone;
  return new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(zone && { timeZone: zone }) }).format(new Date(iso));
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

export class Draft {
  // read() gives the draft on the page, write(draft) shows one, describe(draft) says it in words (for a conflict).
  constructor(form, { read, write, describe }) {
    Object.assign(this, { form, read, write, describe });
    this.version = Number(form.dataset.version);
    this.key = `volant.draft.${form.dataset.token}`;
    this.stored = read();
    this.conflict = null;
    this.ended = false;
    this.sending = null;
    this.saved = document.getElementById("saved");
    this.active = new ActiveTime();
    setInterval(() => this.showLife(), 5000);
    this.restore();
    document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") this.flush(); });
    document.addEventListener("volant:lease", (event) => this.showLease(event.detail));
    window.addEventListener("pagehide", () => this.flush());
    window.addEventListener("online", () => this.schedule(0));
    for (const button of document.querySelectorAll("[data-keep]")) {
      button.addEventListener("click", () => this.resolve(button.dataset.keep));
    }
  }

  restore() {
    let local = null;
    try { local = JSON.parse(localStorage.getItem(this.key)); } catch { /* unreadable or forbidden: nothing to restore */ }
    if (!local || same(local.draft, this.stored)) return;
    if (local.version === this.version) {
      this.write(local.draft);
      this.note(say(this.form, "sayRestored"));
      this.schedule(0);
    } else {
      // The server moved on elsewhere: what this browser kept is "mine", the page as loaded is "theirs".
      const theirs = { draft: this.stored, version: this.version };
      this.write(local.draft);
      this.openConflict(theirs);
    }
  }

  changed() {
    if (this.ended) return;
    this.keepLocally();
    this.schedule();
  }

  keepLocally() {
    try {
      localStorage.setItem(this.key, JSON.stringify({ draft: this.read(), version: this.version }));
    } catch { /* storage full or forbidden: the server still has the draft */ }
  }

  forget() {
    this.ended = true;
    clearTimeout(this.timer);
    try { localStorage.removeItem(this.key); } catch { /* nothing was kept */ }
  }

  schedule(wait = WAIT) {
    if (this.conflict || this.ended) return;
    const now = Date.now();
    this.waitingSince ??= now;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), Math.max(0, Math.min(wait, this.waitingSince + LONGEST_WAIT - now)));
  }

  async save({ keepalive = false } = {}) {
    clearTimeout(this.timer);
    if (this.sending) { await this.sending; }
    const draft = this.read();
    if (this.ended || this.conflict || same(draft, this.stored)) return;
    this.waitingSince = null;
    this.note(say(this.form, "saySaving"));
    this.sending = this.send(draft, keepalive);
    try { await this.sending; } finally { this.sending = null; }
  }

  async send(draft, keepalive) {
    let response;
    const active = this.active.seconds;
    try {
      response = await this.post({ draft, version: this.version, active }, keepalive);
    } catch {
      this.note(say(this.form, "sayLocal"), "warn");
      setTimeout(() => this.schedule(0), RETRY);
      return;
    }
    if (response.redirected || !(response.headers.get("Content-Type") ?? "").startsWith("application/json")) {
      this.note(say(this.form, response.redirected || response.status === 403 ? "saySignedOut" : "sayLocal"), "warn");
      setTimeout(() => this.schedule(0), RETRY * 2);
      return;
    }
    const answer = await response.json();
    if (response.ok) {
      this.active.told(active);
      this.accept(draft, answer);
    }
    else if (answer.stored) this.openConflict(answer.stored);
    else this.problem(answer.error.message, true);
  }

  // Nothing to save, but somebody is there. Whatever goes wrong, the next draft or sign of life makes up for it.
  async showLife({ least = SILENCE, keepalive = false } = {}) {
    const active = this.active.seconds;
    if (this.ended || this.conflict || this.sending || active < least || !same(this.read(), this.stored)) return;
    this.active.told(active);
    try {
      const response = await this.post({ alive: true, version: this.version, active }, keepalive);
      if (!response.ok || response.redirected) throw new Error(String(response.status));
      this.showLease(await response.json());
    } catch {
      this.active.told(-active);
    }
  }

  post(body, keepalive) {
    return fetch(this.form.dataset.draftUrl, {
      method: "POST",
      keepalive,
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "Accept": "application/json", "X-CSRFToken": csrfToken(this.form) },
      body: JSON.stringify(body),
    });
  }

  accept(draft, answer) {
    this.stored = draft;
    this.version = answer.version;
    this.note(say(this.form, "saySaved", { time: clock(answer.saved_at) }));
    // Only what a draft complained about, or a dead network: why a submission was refused stays until the next one.
    if (this.complained) this.problem("");
    this.showLease(answer);
    if (same(this.read(), draft)) {
      try { localStorage.removeItem(this.key); } catch { /* nothing was kept */ }
    } else {
      this.keepLocally();
      this.schedule();
    }
  }

  showLease({ expires_at: until, expired }) {
    document.getElementById("lease").hidden = expired;
    document.getElementById("lease-over").hidden = !expired;
    const time = document.getElementById("lease-until");
    time.dateTime = until;
    time.textContent = clock(until);
    this.watchLease(until);
  }

  watchLease(until) {
    clearTimeout(this.leaseTimer);
    const left = new Date(until) - Date.now();
    if (left > 0 && left < 2 ** 31) {
      this.leaseTimer = setTimeout(() => {
        document.getElementById("lease").hidden = true;
        document.getElementById("lease-over").hidden = false;
      }, left);
    }
  }

  flush() {
    // keepalive lets the request outlive the page; browsers allow it up to 64 KB, the local copy covers the rest.
    if (this.ended) return;
    if (same(this.read(), this.stored)) {
      this.showLife({ least: 1, keepalive: true });
      return;
    }
    this.keepLocally();
    this.save({ keepalive: JSON.stringify(this.read()).length < 20000 });
  }

  openConflict(theirs) {
    this.conflict = theirs;
    this.note("");
    const place = document.getElementById("conflict-text");
    showOther(place, this.describe(this.read()), this.describe(theirs.draft));
    document.getElementById("conflict").hidden = false;
    scrollToDifference(place);
  }

  resolve(whose) {
    const theirs = this.conflict;
    if (!theirs) return;
    this.conflict = null;
    this.version = theirs.version;
    this.stored = theirs.draft;
    document.getElementById("conflict").hidden = true;
    if (whose === "theirs") {
      this.write(theirs.draft);
      try { localStorage.removeItem(this.key); } catch { /* nothing was kept */ }
    } else {
      this.keepLocally();
      this.schedule(0);
    }
    this.form.querySelector("textarea, input:not([type=hidden])")?.focus();
  }

  note(text, tone = "") {
    this.saved.textContent = text;
    this.saved.dataset.tone = tone;
  }

  problem(text, untilSaved = false) {
    this.complained = untilSaved;
    const place = document.getElementById("problem");
    place.replaceChildren();
    if (!text) return;
    const notice = document.createElement("div");
    notice.className = "notice";
    notice.dataset.tone = "bad";
    notice.append(Object.assign(document.createElement("p"), { textContent: text }));
    place.append(notice);
    notice.scrollIntoView({ block: "nearest" });
  }
}

// Submits without leaving the page until the server has taken the answer: a refusal or a dead network keeps it all.
export function submitInPlace(form, draft) {
  const buttons = [...form.querySelectorAll("button[name=then]")];
  const busy = (on) => buttons.forEach((button) => { button.disabled = on; });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (buttons[0].disabled) return;
    const body = new FormData(form, event.submitter?.name ? event.submitter : undefined);
    busy(true);
    draft.note(say(form, "saySending"));
    draft.problem("");
    draft.keepLocally();
    try {
      if (draft.sending) await draft.sending;
      body.set("active_seconds", draft.active.seconds);
      // The form's own token is of the session in which the page was loaded, and Django asks it before the header.
      body.set("csrfmiddlewaretoken", csrfToken(form));
      const response = await fetch(form.action, {
        method: "POST",
        body,
        credentials: "same-origin",
        headers: { "Accept": "application/json", "X-CSRFToken": csrfToken(form) },
      });
      if (!(response.headers.get("Content-Type") ?? "").startsWith("application/json")) {
        draft.note("");
        draft.problem(say(form, response.redirected || response.status === 403 ? "saySignedOut" : "sayOffline"), true);
        busy(false);
        return;
      }
      const answer = await response.json();
      if (response.ok) {
        draft.forget();
        location.assign(answer.next);
        return;
      }
      draft.note("");
      const fields = Object.values(answer.error.fields ?? {}).flat().filter((text) => text !== answer.error.message);
      draft.problem([answer.error.message, ...fields].join(" "));
      form.dispatchEvent(new CustomEvent("volant:refused", { detail: answer.error }));
    } catch {
      draft.note("");
      draft.problem(say(form, "sayOffline"), true);
    }
    busy(false);
  });
}

export function submitOnCtrlEnter(form) {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    if (document.querySelector("[popover]:popover-open")) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector("button[name=then][value=next]"));
  });
}
