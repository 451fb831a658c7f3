/** The arms of a comparison: their names, order and words. */
import type { Recipe } from "./recipe";
import { usesUnlabelled } from "./recipe-values";

interface ArmInfo {
  /** At the head of a column, in a legend. */
  label: string;
  /** In a sentence, after "the". */
  noun: string;
}

/**
 * By name, which is also that of an arm's folder, in the order in which arms are trained and shown. `same-images` lies between the other two where the
 * student also learns from images without labels: it shows how much of the gain is the teacher's and how much those images'.
 */
const arms = {
  control: { label: "Control", noun: "control" },
  "same-images": { label: "Teacher on the same images", noun: "arm with the teacher on the same images" },
  student: { label: "Student", noun: "student" },
} as const satisfies { [name: string]: ArmInfo };

/** An arm of a comparison. */
export type ComparedArm = keyof typeof arms;

/** single: a run of `train`, which is no arm of a comparison. */
export type ArmName = "single" | ComparedArm;

export const comparedArms = Object.keys(arms) as ComparedArm[];

export const armLabel = (name: ComparedArm): string => arms[name].label;

export function isComparedArm(name: string): name is ComparedArm {
  return Object.hasOwn(arms, name);
}

/** The arms of a comparison of this recipe. */
export function armsOf(recipe: Pick<Recipe, "data" | "distillation">): ComparedArm[] {
  return comparedArms.filter((name) => name !== "same-images" || usesUnlabelled(recipe));
}

/** In a sentence, after "the". */
export function armInWords(name: ArmName): string {
  return name === "single" ? "one arm" : arms[name].noun;
}

/** Sorts runs into the order of their arms. */
export function byArm({ arm: a }: { arm: ArmName }, { arm: b }: { arm: ArmName }): number {
  const place = (name: ArmName) => (name === "single" ? comparedArms.length : comparedArms.indexOf(name));
  return place(a) - place(b);
}
