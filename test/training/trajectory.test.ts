// In 20 steps from the same weights and batches, a control and a distilled student follow PyTorch's losses in fp32.
import { describe, it } from "vitest";
import { loadAddon } from "../../src-main/backend/load";
import { useBackend } from "../../src-main/tensor/tensor";
import { follow, runs } from "./trajectories";

useBackend(loadAddon());

describe.each(["fp32", "bf16"] as const)("%s", (precision) => {
  it.each(runs)("$model, $arm", (run) => follow(run, precision));
});
