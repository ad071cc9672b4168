/** Tests which messages count as long and are collapsed. The server is tested with the same cases. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { isLongMessage } from "../../static/js/lib/long-message.js";

const cases = JSON.parse(readFileSync(new URL("./shared_cases/long_messages.json", import.meta.url), "utf8"));

describe("long messages are collapsed", () => {
  for (const { name, repeat, times, then, long } of cases) {
    test(name, () => assert.equal(isLongMessage(repeat.repeat(times) + then), long));
  }
});
