// A panel that stays as the reader left it (<details data-remember="name">), in this browser.

for (const panel of document.querySelectorAll("details[data-remember]")) {
  const key = `volant.open.${panel.dataset.remember}`;
  try {
    if (localStorage.getItem(key) === "yes") panel.open = true;
  } catch { /* storage forbidden: it is closed */ }
  panel.addEventListener("toggle", () => {
    try { localStorage.setItem(key, panel.open ? "yes" : "no"); } catch { /* storage full or forbidden */ }
  });
}
