/** Tests that scripts evaluate the rules of permissions as the server does, with the same rules and cases. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { isRuleMet } from "../../static/js/lib/rules.js";

const { rules, cases } = JSON.parse(readFileSync(new URL("./shared_cases/permissions.json", import.meta.url), "utf8"));

describe("who may do what in a conversation, with the rules and cases shared with the server", () => {
  for (const { action, facts, allowed } of cases) {
    test(`${action} with ${facts.join(", ")}`, () => assert.equal(isRuleMet(rules[action], new Set(facts)), allowed));
  }
});
