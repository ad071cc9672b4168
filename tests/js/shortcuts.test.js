/** Tests how tooltips show keyboard shortcuts on a Mac. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { formatForMac } from "../../static/js/ui/shortcuts.js";

for (const [title, onMac] of [
  ["Bold (Ctrl B)", "Bold (⌘B)"],
  ["Link (Ctrl Shift K)", "Link (⇧⌘K)"],
  ["粗体（Ctrl B）", "粗体（⌘B）"],
  ["Controls", "Controls"],
]) {
  test(`${title} is ${onMac} on a Mac`, () => assert.equal(formatForMac(title), onMac));
}
