/** Where timm computes what a term of a distillation takes from student and teacher. */
import { type FamilyName, type GridStage, modelNamed } from "../../contract/families";
import type { Term } from "../../contract/objectives";
import { channelsOf } from "../../models/grid";
import type { Model } from "../../models/model";
import { guidingStage } from "../../training/objectives/locality";
import { stageOrMiddle } from "../../training/objectives/stages";

/** What train.py knows of a stage. */
interface ScriptStage {
  name: string;
  /** Of timm's model, whose output it is. */
  module: string;
  kind: GridStage["kind"];
  side: number;
  channels: number;
  /** Tokens before the patches. */
  prefix: number;
}

/** What a term compares: nothing but logits, or two stages on a grid of side x side. */
interface Route {
  /** "" of the first term of a kind, "2" of the second. */
  number: string;
  /** Name of the weights of its own; null if it has none. */
  guide: string | null;
  student?: ScriptStage;
  teacher?: ScriptStage;
  side?: number;
}

export function routesOf(terms: readonly Term[], student: Model, teacher: Model): Route[] {
  return terms.map((term, index) => {
    const earlier = terms.slice(0, index).filter(({ kind }) => kind === term.kind).length;
    const number = earlier === 0 ? "" : String(earlier + 1);
    const stages = stagesFor(term, student, teacher);
    if (!stages) return { number, guide: null };
    const [to, from] = stages;
    const side = term.kind === "locality" ? to.side : Math.min(to.side, from.side);
    const guide = term.kind === "attention-transfer" ? null : `objective.${term.kind}${number}`;
    return { number, guide, student: stageOf(student, to), teacher: stageOf(teacher, from), side };
  });
}

function stagesFor(term: Term, student: Model, teacher: Model): [to: GridStage, from: GridStage] | null {
  if (term.kind === "locality") return [student.gridStage(`block${term.block}`), teacher.gridStage(guidingStage(term, teacher))];
  if (term.kind !== "features" && term.kind !== "attention-transfer") return null;
  return [stageOrMiddle(term.studentStage, student), stageOrMiddle(term.teacherStage, teacher)];
}

function stageOf({ name }: Model, stage: GridStage): ScriptStage {
  const { kind, side } = stage;
  return { name: stage.name, module: moduleOf(name, stage.name), kind, side, channels: channelsOf(stage), prefix: kind === "tokens" ? stage.prefix : 0 };
}

const block = (stage: string) => `blocks.${Number(/^block(\d+)$/.exec(stage)![1]) - 1}`;
const numbered = (stage: string) => Number(/^stage(\d+)$/.exec(stage)![1]) - 1;
const mobile = (stage: string) => ({ stem: "bn1", conv_head: "bn2" })[stage] ?? `blocks.${numbered(stage)}`;

/** By family, so that the compiler misses one that is added. */
const modules: { readonly [Name in FamilyName]: (stage: string) => string } = {
  resnet: (stage) => (stage === "stem" ? "act1" : stage),
  vit: block,
  deit: block,
  deitDistilled: block,
  dinov2: block,
  efficientnet: mobile,
  mobilenet: mobile,
  convnext: (stage) => (stage === "stem" ? "stem" : `stages.${numbered(stage)}`),
};

const moduleOf = (model: string, stage: string): string => modules[modelNamed(model).family](stage);
