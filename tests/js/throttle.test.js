/** Tests of `throttle`, which limits how often a function runs. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { throttle } from "../../static/js/realtime/clock.js";
import { FakeClock } from "./fakes.js";

test("a throttled function runs at once, then once per interval, and the last call is never lost", async () => {
  const clock = new FakeClock();
  const times = [];
  const run = throttle(1_000, () => times.push(clock.now()), clock);
  run();
  run();
  await clock.advance(400);
  run();
  await clock.advance(2_000);
  run();
  assert.deepEqual(times, [0, 1_000, 2_400]);
});
