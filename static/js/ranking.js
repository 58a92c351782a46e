// Ranks as values: no page here, so that it can be read (and tried) by itself. An output is {letter, rank, rating}.

// The rank groups, best first: [[{letter, …}, …], …], in the order of the letters within a tie; the unranked are left out.
export function groupsOf(outputs) {
  const groups = new Map();
  for (const output of outputs) {
    if (output.rank !== null) groups.set(output.rank, [...(groups.get(output.rank) ?? []), output]);
  }
  return [...groups.keys()].sort((a, b) => a - b).map((rank) => groups.get(rank));
}

// "B > A = D > C".
export function summary(outputs) {
  return groupsOf(outputs).map((group) => group.map((output) => output.letter).join(" = ")).join(" > ");
}

// Pairs where the better rank has the lower rating: [{better, worse}].
export function contradictions(outputs) {
  const rated = outputs.filter((output) => output.rank !== null && output.rating !== null);
  const found = [];
  for (const better of rated) {
    for (const worse of rated) {
      if (better.rank < worse.rank && better.rating < worse.rating) found.push({ better, worse });
    }
  }
  return found;
}

// Ranks 1, 2, 2, 4 of rank groups, by letter: one more than how many are better.
export function ranksOf(groups) {
  const ranks = {};
  let better = 0;
  for (const group of groups) {
    for (const { letter } of group) ranks[letter] = better + 1;
    better += group.length;
  }
  return ranks;
}

// What ▲ (-1) and ▼ (1) make of the ranks, by letter: out of a tie, or into the tie beside it, so that every press
// changes the order by one step. An output without a rank comes last. null: it is at the end already.
export function stepped(outputs, letter, step) {
  const groups = groupsOf(outputs);
  const output = outputs.find((one) => one.letter === letter);
  const at = groups.findIndex((group) => group.includes(output));
  if (at < 0) return ranksOf([...groups, [output]]);
  const alone = groups[at].length === 1;
  if (alone && !groups[at + step]) return null;
  const left = groups[at].filter((one) => one !== output);
  if (alone) return placed(outputs, letter, { onto: groups[at + step][0].letter });
  return ranksOf(groups.toSpliced(at, 1, ...(step < 0 ? [[output], left] : [left, [output]])));
}

// The ranks when an output is put onto another (a tie), or before the rank group with that number (from 0).
export function placed(outputs, letter, { onto = null, before = null }) {
  const output = outputs.find((one) => one.letter === letter);
  const groups = groupsOf(outputs).map((group) => group.filter((one) => one !== output));
  const target = groups.findIndex((group) => group.some((one) => one.letter === onto));
  if (target >= 0) groups[target].push(output);
  else groups.splice(before ?? groups.length, 0, [output]);
  return ranksOf(groups.filter((group) => group.length));
}

// The ranks of a pair by the sign of its strength: negative when the first is better.
export function ranksOfStrength(strength) {
  return strength === null ? [null, null] : [strength > 0 ? 2 : 1, strength < 0 ? 2 : 1];
}
