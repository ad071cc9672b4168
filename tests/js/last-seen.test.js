/** When somebody was here. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { whenHere } from "../../static/js/lib/last-seen.js";
import { Times } from "../../static/js/lib/times.js";

const times = new Times({ time: "H:i", weekday: "D", short: "j M", weekdaysShort: "Mon|Tue|Wed|Thu|Fri|Sat|Sun", monthsShort: "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec", shortYear: "j M Y" }, "UTC");
const words = { hereNow: "here now", lastNow: "a moment ago", lastMinutes: "%n min ago", lastHere: "last here %t" };
const now = new Date("2026-11-21T14:00:00Z");
const at = (last_seen, online = false) => whenHere({ online, last_seen }, now, times, words);

test("now, a moment, minutes, then the time, the day, the date", () => {
  assert.equal(at(null, true), "here now");
  assert.equal(at("2026-11-21T13:59:30Z"), "a moment ago");
  assert.equal(at("2026-11-21T14:00:05Z"), "a moment ago", "a clock that goes wrong");
  assert.equal(at("2026-11-21T13:55:00Z"), "5 min ago");
  assert.equal(at("2026-11-21T12:59:00Z"), "last here 12:59");
  assert.equal(at("2026-11-19T12:00:00Z"), "last here Thu");
  assert.equal(at("2026-10-01T12:00:00Z"), "last here 1 Oct");
});

test("who shows nothing is not shown", () => assert.equal(at(null), ""));
