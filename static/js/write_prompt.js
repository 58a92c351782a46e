// The screen on which labelers write prompts: autosave, editor, pairs, flags, review.

import { Draft, submitInPlace } from "./drafts.js";
import { Editor } from "./editor.js";
import { describePairs, readPairs, watchPairs, writePairs } from "./pairs.js";
import { describeFlags, readFlags, watchFlags, writeFlags } from "./prompt_flags.js";
import "./remember.js";
import { Review } from "./review.js";

const form = document.getElementById("answer");
const { text, note, category } = form.elements;
const pairs = document.getElementById("pairs");
const editor = new Editor(form);

const draft = new Draft(form, {
  read: () => ({
    text: text.value,
    pairs: pairs ? readPairs(pairs) : [],
    category: category?.value ?? "",
    note: note.value,
    prompt_flags: readFlags(form),
  }),
  write: (stored) => {
    editor.show(stored.text ?? "");
    if (pairs) writePairs(pairs, stored.pairs ?? []);
    if (category) category.value = stored.category ?? "";
    note.value = stored.note ?? "";
    writeFlags(form, stored.prompt_flags);
  },
  describe: (stored) => [stored.text, describePairs(stored.pairs), describeFlags(form, stored.prompt_flags), stored.note].filter(Boolean).join("\n\n– – –\n"),
});

form.addEventListener("input", () => draft.changed());
form.addEventListener("change", () => draft.changed());
if (pairs) watchPairs(pairs, () => draft.changed());
watchFlags(form);
submitInPlace(form, draft);
new Review(form, draft, { flags: () => describeFlags(form, readFlags(form)) });
draft.watchLease(document.getElementById("lease-until").dateTime);
form.dataset.ready = "";
