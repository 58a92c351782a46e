// Keeps a log that is being replaced at its end, unless the reader has scrolled up to read.

const NEAR_THE_END = 24;

const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_THE_END;
const toEnd = (log) => log.scrollTo({ top: log.scrollHeight });

let follow = true;
let left = 0;

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const log = detail.target.matches?.("[data-log]") ? detail.target.querySelector(".log") : null;
  if (!log) return;
  follow = atEnd(log);
  left = log.scrollTop;
});
document.addEventListener("htmx:afterSwap", () => {
  const log = document.querySelector("[data-log] .log");
  if (!log) return;
  if (follow) toEnd(log);
  else log.scrollTop = left;
});
for (const log of document.querySelectorAll("[data-log] .log")) toEnd(log);
