import type { DataSource } from "../contract/recipe";
import { TEST_SHARE } from "../contract/settings";
import type { Selection } from "./formats/format";

/** How a folder of classes without a split is divided; what is left out is as a recipe has it by default. */
export type UndividedSource = Partial<Pick<DataSource, "testShare" | "splitSeed">>;

export function divisionOf({ testShare = TEST_SHARE, splitSeed = 0 }: UndividedSource): Omit<Selection, "part"> {
  return { testShare, splitSeed };
}
