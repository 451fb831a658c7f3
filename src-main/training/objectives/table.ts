import type { ObjectiveKind, Term, TermOf } from "../../contract/objectives";
import { dkd } from "./dkd";
import { locality } from "./locality";
import type { Objective, ObjectiveContext } from "./objective";
import { soft } from "./soft";
import { standardizedSoft } from "./standardized-soft";

/** The code of each objective in `contract/objectives.ts`. */
const objectives: { [K in ObjectiveKind]: (term: TermOf<K>, context: ObjectiveContext) => Objective } = {
  soft,
  "standardized-soft": standardizedSoft,
  dkd,
  locality,
};

export function createObjective<K extends ObjectiveKind>(term: TermOf<K> & Term, context: ObjectiveContext): Objective {
  return (objectives[term.kind] as (term: Term, context: ObjectiveContext) => Objective)(term, context);
}
