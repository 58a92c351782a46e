// LaTeX that the server marked as span.math / div.math, set by KaTeX. Loaded only by pages that show text to read.
// A formula that is too long, too deep or wrong stays as it was written: one bad formula must not cost the others.

const LONGEST = 5000;
const SECONDS = 1.5; // for all formulas of one text; the rest stays as written

function set(element, source) {
  try {
    window.katex.render(source, element, {
      displayMode: element.classList.contains("block"),
      throwOnError: true,
      trust: false,
      strict: "ignore",
      maxSize: 20,
      maxExpand: 200,
    });
  } catch {
    element.textContent = source;
    element.dataset.unset = "true";
  }
}

export function renderMath(container = document) {
  if (!window.katex) return;
  const until = performance.now() + SECONDS * 1000;
  for (const element of container.querySelectorAll(".math:not([data-set])")) {
    const source = element.textContent;
    element.dataset.set = "true";
    if (source.length <= LONGEST && performance.now() < until) set(element, source);
    else element.dataset.unset = "true";
  }
}

renderMath();
document.addEventListener("htmx:afterSwap", (event) => renderMath(event.target));
