/**
 * Tests how pages show attachments: dimensions, file sizes, type labels, durations. The server is tested with the same
 * cases.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { formatFileSize, getDisplaySize, getExtensionLabel } from "../../static/js/conversation/attachments/attachment-renderer.js";
import { formatDuration, summarizeFiles } from "../../static/js/lib/wording.js";

const table = JSON.parse(readFileSync(new URL("./shared_cases/attachments.json", import.meta.url), "utf8"));

describe("attachments, with the cases shared with the server", () => {
  for (const { several, box: expected, ...file } of table.boxes) {
    test(`dimensions of ${JSON.stringify(file)}${several ? " with other files" : ""}`, () =>
      assert.deepEqual(getDisplaySize(file, several), expected));
  }
  for (const [count, expected] of table.sizes) test(`${count} bytes`, () => assert.equal(formatFileSize(count), expected));
  for (const [name, mark] of table.marks) test(`type label of ${JSON.stringify(name)}`, () => assert.equal(getExtensionLabel(name), mark));
  for (const [seconds, expected] of table.lengths) test(`${seconds} seconds`, () => assert.equal(formatDuration(seconds), expected));
  for (const [files, icon, text] of table.summaries) {
    test(`summary ${text}`, () => {
      // The server says which files are voice notes: tests/attachments/test_attachment_view_models.py.
      const summaries = files.map(([kind, name, duration]) => ({ kind, name, duration, is_voice_note: icon === "mic" }));
      assert.deepEqual(summarizeFiles(summaries, "Voice message"), { icon, text });
    });
  }
});
