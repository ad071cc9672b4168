/** Long texts, and what is said of reactions: alike here and on the server. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { isLong } from "../../static/js/lib/long-message.js";

const cases = JSON.parse(readFileSync(new URL("../shared_cases/long_messages.json", import.meta.url), "utf8"));

describe("what is long is folded", () => {
  for (const { name, repeat, times, then, long } of cases) {
    test(name, () => assert.equal(isLong(repeat.repeat(times) + then), long));
  }
});
