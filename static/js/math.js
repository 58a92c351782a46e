// LaTeX that the server marked as span.math / div.math, set by KaTeX. Loaded only by pages that show text to read.

export function renderMath(container = document) {
  if (!window.katex) return;
  for (const element of container.querySelectorAll(".math:not([data-set])")) {
    const source = element.textContent;
    element.dataset.set = "true";
    window.katex.render(source, element, {
      displayMode: element.classList.contains("block") || element.classList.contains("display"),
      throwOnError: false,
      trust: false,
      maxSize: 20,
      maxExpand: 200,
    });
  }
}

renderMath();
document.addEventListener("htmx:afterSwap", (event) => renderMath(event.target));
