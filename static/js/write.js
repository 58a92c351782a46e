// The Write screen: autosave, editor, flags, review.

import { Draft, submitInPlace } from "./drafts.js";
import { Editor } from "./editor.js";
import { describeFlags, readFlags, watchFlags, writeFlags } from "./prompt_flags.js";
import "./remember.js";
import { Review } from "./review.js";

const form = document.getElementById("answer");
const { text, note } = form.elements;
const editor = new Editor(form);
const flags = () => describeFlags(form, readFlags(form));

const draft = new Draft(form, {
  read: () => ({ text: text.value, note: note.value, prompt_flags: readFlags(form) }),
  write: (stored) => {
    editor.show(stored.text ?? "");
    note.value = stored.note ?? "";
    writeFlags(form, stored.prompt_flags);
  },
  describe: (stored) => [stored.text, describeFlags(form, stored.prompt_flags), stored.note].filter(Boolean).join("\n\n– – –\n"),
});

form.addEventListener("input", () => draft.changed());
watchFlags(form);
submitInPlace(form, draft);
new Review(form, draft, { flags });
draft.watchLease(document.getElementById("lease-until").dateTime);
form.dataset.ready = "";
