// The flags of a prompt (templates/labeling/prompt_flags.html): "none of these" and the flags exclude each other.

const setFlags = (form) => [...form.querySelectorAll("input[name=prompt_flag]")];
const noneBox = (form) => form.querySelector("input[name=prompt_flags_none]");

// null: not answered; []: "none of these" was said.
export function readFlags(form) {
  const flags = setFlags(form).filter((box) => box.checked).map((box) => box.value);
  if (flags.length) return flags;
  return noneBox(form)?.checked ? [] : null;
}

export function writeFlags(form, stored) {
  for (const box of setFlags(form)) box.checked = Boolean(stored?.includes(box.value));
  if (noneBox(form)) noneBox(form).checked = Array.isArray(stored) && stored.length === 0;
  count(form);
}

export function describeFlags(form, stored) {
  if (!stored?.length) return "";
  return setFlags(form).filter((box) => stored.includes(box.value)).map((box) => box.labels[0].textContent.trim()).join(", ");
}

function count(form) {
  const place = form.querySelector("[data-prompt-flags]");
  if (!place) return;
  const flags = readFlags(form);
  const said = place.querySelector("[data-flags-count]");
  if (flags === null) said.textContent = place.dataset.sayUnanswered;
  else said.textContent = flags.length ? place.dataset.saySet.replace("{n}", String(flags.length)) : place.dataset.sayNone;
}

export function watchFlags(form) {
  form.addEventListener("change", ({ target }) => {
    if (target.name === "prompt_flag" && target.checked) noneBox(form).checked = false;
    if (target.name === "prompt_flags_none" && target.checked) for (const box of setFlags(form)) box.checked = false;
    if (["prompt_flag", "prompt_flags_none"].includes(target.name)) count(form);
  });
  count(form);
}
