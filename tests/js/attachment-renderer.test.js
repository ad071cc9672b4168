/** Files as the log draws them, by the table that the server keeps to: places, sizes, marks, lengths. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { box, lasts, markOf, sizeOf } from "../../static/js/conversation/attachments/attachment-renderer.js";

const table = JSON.parse(readFileSync(new URL("../shared_cases/attachments.json", import.meta.url), "utf8"));

describe("files, by the table that the server keeps to", () => {
  for (const { several, box: wanted, ...file } of table.boxes) {
    test(`the place of ${JSON.stringify(file)}${several ? " among several" : ""}`, () =>
      assert.deepEqual(box(file, several), wanted));
  }
  for (const [count, said] of table.sizes) test(`${count} bytes`, () => assert.equal(sizeOf(count), said));
  for (const [name, mark] of table.marks) test(`the mark of ${JSON.stringify(name)}`, () => assert.equal(markOf(name), mark));
  for (const [seconds, said] of table.lengths) test(`${seconds} seconds`, () => assert.equal(lasts(seconds), said));
});
