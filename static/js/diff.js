// Which words of two texts the other does not have, by Myers' algorithm; no page here. Words are those of the language:
// Chinese and Japanese, which put no spaces between them, are divided by the browser.

const MOST_EDITS = 1500;
// Browsers copy the whole input with every segment: short pieces keep that from growing with the square of the text.
const PIECE = 400;

function* words(text, language) {
  const segmenter = "Segmenter" in Intl ? new Intl.Segmenter(language || undefined, { granularity: "word" }) : null;
  for (const line of text.match(/[^\n]*\n|[^\n]+/g) ?? []) {
    if (!segmenter) { yield* line.match(/\s*\S+\s*|\s+/g) ?? []; continue; }
    for (let at = 0, end = 0; at < line.length; at = end) {
      end = at + PIECE;
      if (line.charCodeAt(end) >>> 10 === 0x37) end += 1; // not between the halves of an emoji
      for (const { segment } of segmenter.segment(line.slice(at, end))) yield segment;
    }
  }
}

// White space belongs to the word before it and makes no difference by itself.
function tokens(text, language) {
  const found = [];
  for (const word of words(text, language)) {
    const last = found.at(-1);
    if (last && !word.trim()) last.text += word;
    else found.push({ text: word, key: word.trim() });
  }
  return found;
}

// The matched pairs [i, j] of two lists of keys, or null when there are more edits than anybody would look at.
function matches(a, b) {
  const most = Math.min(a.length + b.length, MOST_EDITS);
  const reach = new Map([[1, 0]]);
  const trail = [];
  for (let edits = 0; edits <= most; edits += 1) {
    const row = new Int32Array(2 * edits + 1);
    for (let k = -edits; k <= edits; k += 2) {
      const down = k === -edits || (k !== edits && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
      let x = down ? reach.get(k + 1) ?? 0 : (reach.get(k - 1) ?? -1) + 1;
      let y = x - k;
      while (x < a.length && y < b.length && a[x] === b[y]) { x += 1; y += 1; }
      reach.set(k, x);
      row[k + edits] = x;
      if (x >= a.length && y >= b.length) return walkBack(trail, a.length, b.length);
    }
    trail.push(row);
  }
  return null;
}

function walkBack(trail, x, y) {
  const found = [];
  for (let edits = trail.length; edits >= 0; edits -= 1) {
    const before = trail[edits - 1];
    const at = (k) => (before && Math.abs(k) < edits ? before[k + edits - 1] : -1);
    const k = x - y;
    const down = edits > 0 && (k === -edits || (k !== edits && at(k - 1) < at(k + 1)));
    const fromK = down ? k + 1 : k - 1;
    const fromX = edits > 0 ? at(fromK) : 0;
    const fromY = edits > 0 ? fromX - fromK : 0;
    const startX = edits > 0 && !down ? fromX + 1 : fromX;
    while (x > startX && y > (down ? fromY + 1 : fromY)) { x -= 1; y -= 1; found.push([x, y]); }
    [x, y] = [fromX, fromY];
  }
  return found;
}

// The two texts as stretches [{text, only}], where `only` says that the other text does not have it; and how many words.
export function compareTexts(one, other, language) {
  const [a, b] = [tokens(one, language), tokens(other, language)];
  let start = 0;
  while (start < a.length && start < b.length && a[start].key === b[start].key) start += 1;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end).key === b.at(-1 - end).key) end += 1;
  const middle = (list) => list.slice(start, list.length - end).map((token) => token.key);
  const both = matches(middle(a), middle(b)) ?? [];
  return [
    stretches(a, start, a.length - end, new Set(both.map(([i]) => i + start))),
    stretches(b, start, b.length - end, new Set(both.map(([, j]) => j + start))),
  ];
}

function stretches(list, start, end, shared) {
  const parts = [];
  let words = 0;
  list.forEach((token, at) => {
    const only = at >= start && at < end && !shared.has(at);
    if (only) words += 1;
    if (parts.at(-1)?.only === only) parts.at(-1).text += token.text;
    else parts.push({ text: token.text, only });
  });
  return { parts, words };
}
