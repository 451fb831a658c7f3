// The same steps by AMX, in emulation. The other runs are in test/long/trajectory-amx.long.ts.
import { it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { useBackend } from "../../src-main/tensor/tensor";
import { loweredPath, noLowered } from "../ops/lowered-addon";
import { follow, runs } from "./trajectories";

it.for(runs.filter(({ model, arm }) => model === "vit_micro_patch4_32" && arm === "student"))("bf16 by AMX: $model, $arm", (run, test) => {
  if (noLowered) test.skip(noLowered);
  const addon = loadAddon(loweredPath);
  addon.selectIsa("amx");
  useBackend(addon);
  follow(run, "bf16");
});
