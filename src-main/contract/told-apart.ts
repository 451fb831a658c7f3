/** Something in a list, with what tells it from others of its name, the most telling first. */
export interface Told {
  name: string;
  details: readonly (string | null)[];
}

/** Their names; of those that share one, with as many details as it takes: "T2: student, seed 1". A detail that all of one name share is left out. */
export function toldApart(all: readonly Told[]): string[] {
  let names = all.map(({ name }) => name);
  const most = Math.max(0, ...all.map(({ details }) => details.length));
  for (let i = 0; i < most; i++) {
    const detailsOf = new Map<string, Set<string | null>>();
    for (const [index, name] of names.entries()) detailsOf.set(name, (detailsOf.get(name) ?? new Set()).add(all[index]!.details[i] ?? null));
    names = names.map((name, index) => {
      const detail = all[index]!.details[i] ?? null;
      return detail !== null && detailsOf.get(name)!.size > 1 ? `${name}, ${detail}` : name;
    });
  }
  return names;
}
