// The Keys page: a field takes the key that is pressed in it. Tab, Escape and Enter keep their meaning.

const KEPT = new Set(["Tab", "Escape", "Enter", "Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock", "Dead", "Process", "Unidentified"]);

for (const field of document.querySelectorAll("[data-key-field]")) {
  field.addEventListener("keydown", (event) => {
    if (KEPT.has(event.key) || event.key.startsWith("Arrow") || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    event.preventDefault();
    // Backspace empties a field first; pressed in an empty one it is a key like others.
    field.value = event.key === "Backspace" && field.value ? "" : event.key;
  });
  field.addEventListener("focus", () => field.select());
}
