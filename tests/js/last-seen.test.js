/** Tests of the text that shows when a user was last online. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { formatLastSeen } from "../../static/js/lib/last-seen.js";
import { DateFormatter } from "../../static/js/lib/times.js";

const times = new DateFormatter({ time: "H:i", weekday: "D", short: "j M", weekdaysShort: "Mon|Tue|Wed|Thu|Fri|Sat|Sun", monthsShort: "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec", shortYear: "j M Y" }, "UTC");
const words = { hereNow: "online", lastNow: "a moment ago", lastMinutes: "%n min ago", lastHere: "last seen %t" };
const now = new Date("2026-11-21T14:00:00Z");
const at = (last_seen, online = false) => formatLastSeen({ online, last_seen }, now, times, words);

test("online, a moment, minutes, then time, weekday, date", () => {
  assert.equal(at(null, true), "online");
  assert.equal(at("2026-11-21T13:59:30Z"), "a moment ago");
  assert.equal(at("2026-11-21T14:00:05Z"), "a moment ago", "the clock of the computer is slow");
  assert.equal(at("2026-11-21T13:55:00Z"), "5 min ago");
  assert.equal(at("2026-11-21T12:59:00Z"), "last seen 12:59");
  assert.equal(at("2026-11-19T12:00:00Z"), "last seen Thu");
  assert.equal(at("2026-10-01T12:00:00Z"), "last seen 1 Oct");
});

test("nothing is shown if the user hides it", () => assert.equal(at(null), ""));
