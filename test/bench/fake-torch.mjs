#!/usr/bin/env node
// Answers like torch.py without computing: a repetition takes 5 ms. FAKE_TORCH says how to fail, FAKE_TORCH_LOG where to log requests.
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";

const { FAKE_TORCH: fault, FAKE_TORCH_LOG: log } = process.env;
if (fault === "no torch") {
  console.error("ModuleNotFoundError: No module named 'torch'");
  process.exit(1);
}
console.log(JSON.stringify({ torch: "0.0-fake" }));

function answer(request) {
  if (fault === "dies" && "time" in request) process.exit(3);
  if (fault === "refuses" && "open" in request) return { error: "ValueError: expected something else" };
  if ("open" in request) return { seconds: fault === "slow" ? 60 : 0.005 };
  if ("time" in request) return { seconds: 0.005 * request.time };
  return "memory" in request ? { bytes: 123e6 } : {};
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line);
  if (log) appendFileSync(log, `${Object.keys(request)[0]}\n`);
  console.log(JSON.stringify(answer(request)));
});
