import type { DataSource } from "../contract/recipe";
import { TEST_SHARE } from "../contract/settings";
import type { Selection } from "./formats/format";

/** How a folder of classes without a split is divided, and which images are too small; what is left out is as a recipe has it by default. */
export type SelectionSettings = Partial<Pick<DataSource, "testShare" | "splitSeed" | "smallestSide">>;

export function selectionOf({ testShare = TEST_SHARE, splitSeed = 0, smallestSide = null }: SelectionSettings): Omit<Selection, "part"> {
  return { testShare, splitSeed, smallestSide };
}
