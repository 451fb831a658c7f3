import type { ObjectiveKind, Term, TermOf } from "../../contract/objectives";
import type { Model } from "../../models/model";
import { attentionTransfer } from "./attention-transfer";
import { dkd } from "./dkd";
import { features, hintedStage } from "./features";
import { hard } from "./hard";
import { guidingStage, locality } from "./locality";
import { logitMatching } from "./logit-matching";
import type { Objective, ObjectiveContext } from "./objective";
import { soft } from "./soft";
import { standardizedSoft } from "./standardized-soft";
import { token } from "./token";

/** The code of each objective in `contract/objectives.ts`. */
const objectives: { [K in ObjectiveKind]: (term: TermOf<K>, context: ObjectiveContext) => Objective } = {
  soft,
  "standardized-soft": standardizedSoft,
  dkd,
  hard,
  "logit-matching": logitMatching,
  token,
  locality,
  features,
  "attention-transfer": attentionTransfer,
};

/** The teacher's stage whose channels a term of a kind needs measured; most kinds need none. */
const measured: { [K in ObjectiveKind]?: (term: TermOf<K>, teacher: Model) => string } = {
  locality: guidingStage,
  features: hintedStage,
};

/** The teacher's stages whose channels have to be measured before the objectives of these terms are made. */
export function measuredStages(terms: readonly Term[], teacher: Model): string[] {
  return [...new Set(terms.flatMap((term) => (measured[term.kind] as ((term: Term, teacher: Model) => string) | undefined)?.(term, teacher) ?? []))];
}

export function createObjective<K extends ObjectiveKind>(term: TermOf<K> & Term, context: ObjectiveContext): Objective {
  return (objectives[term.kind] as (term: Term, context: ObjectiveContext) => Objective)(term, context);
}
