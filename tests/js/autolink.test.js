import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { splitLinks } from "../../static/js/lib/autolink.js";

const cases = JSON.parse(readFileSync(new URL("../shared_cases/autolink.json", import.meta.url), "utf8"));

for (const { text, parts: expected } of cases) {
  test(`links in ${JSON.stringify(text)}`, () => assert.deepEqual(splitLinks(text), expected));
}
