/** The evidence of two arms as beads on two strings: one for a batch, or for several where there are many. */

/** joined: both arms are proven to have seen the same up to here; apart: they were shown different things; alone: only one arm has got here; unproven: no evidence. */
export type BeadState = "joined" | "apart" | "alone" | "unproven";

export interface Bead {
  /** Batches, from 1, over all epochs. */
  from: number;
  to: number;
  /** Which arms have all of them. */
  control: boolean;
  taught: boolean;
  state: BeadState;
}

type Chain = readonly (string | null)[];

/** At most so many beads. A link is hashed over all batches before it, so that the last of a bead speaks for all of them. */
export function beadsOf(control: Chain, taught: Chain, most: number): Bead[] {
  const batches = Math.max(control.length, taught.length);
  const size = Math.max(1, Math.ceil(batches / most));
  return Array.from({ length: Math.ceil(batches / size) }, (_, i) => {
    const [from, to] = [i * size + 1, Math.min((i + 1) * size, batches)];
    return { from, to, control: control.length >= to, taught: taught.length >= to, state: stateAt(control, taught, to) };
  });
}

function stateAt(control: Chain, taught: Chain, batch: number): BeadState {
  if (Math.min(control.length, taught.length) < batch) return "alone";
  const [own, other] = [control[batch - 1], taught[batch - 1]];
  if (own == null || other == null) return "unproven";
  return own === other ? "joined" : "apart";
}
