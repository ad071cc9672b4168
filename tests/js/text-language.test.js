/** The small ones: at most every so often; keys as a Mac writes them. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { atMostEvery } from "../../static/js/realtime/clock.js";
import { asOnMac } from "../../static/js/ui/shortcuts.js";
import { FakeClock } from "./fakes.js";

test("at most every second: at once, then together, and the last word is never lost", async () => {
  const clock = new FakeClock();
  const at = [];
  const tell = atMostEvery(1_000, () => at.push(clock.now()), clock);
  tell();
  tell();
  await clock.pass(400);
  tell();
  await clock.pass(2_000);
  tell();
  assert.deepEqual(at, [0, 1_000, 2_400]);
});

for (const [title, onMac] of [
  ["Bold (Ctrl B)", "Bold (⌘B)"],
  ["Link (Ctrl Shift K)", "Link (⇧⌘K)"],
  ["粗体（Ctrl B）", "粗体（⌘B）"],
  ["Controls", "Controls"],
]) {
  test(`${title} is ${onMac} on a Mac`, () => assert.equal(asOnMac(title), onMac));
}
