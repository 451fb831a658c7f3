// A vitest reporter that writes how many tests passed, and which failed or were skipped and why, to the file that DISTILL_TEST_COUNTS names.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";

export default class TestCounts {
  onTestRunEnd(modules, unhandledErrors) {
    const file = process.env.DISTILL_TEST_COUNTS;
    if (!file) return;
    // A file that cannot be loaded has no tests, so the file itself counts as failed, as does an error outside of tests.
    const counts = { passed: 0, failures: unhandledErrors.map((error) => failure("outside of tests", error)), skips: [] };
    for (const module of modules) {
      if (module.errors().length > 0) counts.failures.push(failure(module.relativeModuleId, module.errors()[0]));
      for (const test of module.children.allTests()) {
        const { state, note, errors } = test.result();
        if (state === "passed") counts.passed++;
        else if (state === "failed") counts.failures.push(failure(`${module.relativeModuleId} > ${test.fullName}`, errors[0]));
        else counts.skips.push({ name: test.fullName, reason: note ?? "no reason given" });
      }
    }
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(counts));
  }
}

const failure = (name, error) => ({
  name,
  reason: stripVTControlCharacters(error?.message ?? "no reason given")
    .split("\n")[0]
    .slice(0, 300),
});
