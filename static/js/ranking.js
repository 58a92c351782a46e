// Ranks and qualities as values: no page here, so that it can be read (and tried) by itself.

// "B > A = D > C" of [{letter, rank}], in the order of the letters within a tie; the unranked are left out.
export function summary(outputs) {
  const groups = new Map();
  for (const { letter, rank } of outputs) {
    if (rank !== null) groups.set(rank, [...(groups.get(rank) ?? []), letter]);
  }
  return [...groups.keys()].sort((a, b) => a - b).map((rank) => groups.get(rank).join(" = ")).join(" > ");
}

// Pairs where the better rank has the lower quality: [{better, worse}].
export function contradictions(outputs) {
  const rated = outputs.filter((output) => output.rank !== null && output.quality !== null);
  const found = [];
  for (const better of rated) {
    for (const worse of rated) {
      if (better.rank < worse.rank && better.quality < worse.quality) found.push({ better, worse });
    }
  }
  return found;
}

// Where ▲ (-1) or ▼ (1) takes an output; one that has no rank yet gets the next after those that have.
export function moved(outputs, output, step) {
  const ranked = outputs.filter((other) => other.rank !== null);
  if (output.rank === null) return Math.min(outputs.length, ranked.length + 1);
  return Math.max(1, Math.min(outputs.length, output.rank + step));
}
