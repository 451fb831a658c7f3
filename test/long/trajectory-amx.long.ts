// 20 steps of training by AMX, in emulation, follow PyTorch's losses in fp32: a few minutes.
import { beforeAll, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { useBackend } from "../../src-main/tensor/tensor";
import { loweredPath } from "../ops/lowered-addon";
import { follow, runs } from "../training/trajectories";

beforeAll(() => {
  const addon = loadAddon(loweredPath);
  addon.selectIsa("amx");
  useBackend(addon);
});

it.each(runs)("$model, $arm", (run) => follow(run, "bf16"));
