// The thread about a task, without leaving the page: what was typed stays until the server has taken it.

import { csrfToken, say } from "./drafts.js";

const FRAGMENT = { "X-Fragment": "thread" };
const isPage = (response) => response.redirected || !(response.headers.get("Content-Type") ?? "").startsWith("text/html");

for (const form of document.querySelectorAll("form[data-thread]")) {
  const place = document.getElementById(form.dataset.thread);
  const said = form.querySelector("[data-thread-said]");

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    if (button.disabled) return;
    button.disabled = true;
    said.textContent = "";
    const body = new FormData(form);
    body.set("csrfmiddlewaretoken", csrfToken(form));
    try {
      const response = await fetch(form.action, {
        method: "POST", body, credentials: "same-origin", headers: { ...FRAGMENT, "X-CSRFToken": csrfToken(form) },
      });
      if (isPage(response) || response.status === 403) {
        said.textContent = say(form, "saySignedOut");
      } else {
        // Escaped by the server, the same as on the thread's own page.
        place.innerHTML = await response.text();
        if (response.ok) {
          form.elements.message.value = "";
          said.textContent = say(form, "saySent");
        }
      }
    } catch {
      said.textContent = say(form, "sayOffline");
    }
    button.disabled = false;
    form.elements.message.focus();
  });

  // Opening the panel is seeing the answers; this also brings those that came meanwhile.
  place.closest("[popover]")?.addEventListener("toggle", async (event) => {
    if (event.newState !== "open") return;
    form.elements.message.focus();
    try {
      const response = await fetch(place.dataset.seenUrl, { credentials: "same-origin", headers: FRAGMENT });
      if (response.ok && !isPage(response)) place.innerHTML = await response.text();
    } catch { /* what the page came with stays */ }
  });
}
