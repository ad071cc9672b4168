/** Tests of polling: HTTP requests that replace the WebSocket as long as it cannot be opened. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Polling } from "../../static/js/realtime/connection/polling.js";
import { FakeClock } from "./fakes.js";

function make() {
  const setup = { pollTimes: [], heartbeats: 0, changes: [], isAnswering: true, isHidden: false, clock: new FakeClock() };
  setup.polling = new Polling({
    poll: async () => {
      setup.pollTimes.push(setup.clock.now());
      return setup.isAnswering;
    },
    sendHeartbeat: () => (setup.heartbeats += 1),
    onChange: () => setup.changes.push(setup.polling.isWorking),
    isHidden: () => setup.isHidden,
    clock: setup.clock,
  });
  setup.setSocket = (state, attempts) => setup.polling.handleSocketStatus({ state, attempts, retryAt: null, code: null });
  return setup;
}

describe("polling", () => {
  test("does not start after one or two failures", async () => {
    const setup = make();
    setup.setSocket("waiting", 1);
    setup.setSocket("connecting", 1);
    setup.setSocket("waiting", 2);
    await setup.clock.advance(60_000);
    assert.deepEqual(setup.pollTimes, []);
  });

  test("starts after three failures and sends heartbeats", async () => {
    const setup = make();
    setup.setSocket("waiting", 3);
    await setup.clock.advance(0);
    assert.deepEqual(setup.changes, [true]);
    setup.setSocket("connecting", 3); // the next attempt has no effect
    await setup.clock.advance(21_000);
    assert.deepEqual(setup.pollTimes, [0, 3_000, 6_000, 9_000, 12_000, 15_000, 18_000, 21_000]);
    assert.equal(setup.heartbeats, 2);
  });

  test("polls rarely while the page is hidden, and at once when it becomes visible", async () => {
    const setup = make();
    setup.isHidden = true;
    setup.setSocket("waiting", 3);
    await setup.clock.advance(31_000);
    assert.deepEqual(setup.pollTimes, [0, 30_000]);
    setup.isHidden = false;
    setup.polling.pollNow();
    await setup.clock.advance(0);
    assert.deepEqual(setup.pollTimes, [0, 30_000, 31_000]);
  });

  test("polls less and is not working if the server does not answer", async () => {
    const setup = make();
    setup.isAnswering = false;
    setup.setSocket("waiting", 3);
    await setup.clock.advance(20_000);
    assert.deepEqual(setup.pollTimes, [0, 10_000, 20_000]);
    assert.deepEqual(setup.changes, []);
    setup.isAnswering = true;
    await setup.clock.advance(10_000);
    assert.deepEqual(setup.changes, [true]);
  });

  for (const state of ["open", "offline", "ended"]) {
    test(`${state}: stops`, async () => {
      const setup = make();
      setup.setSocket("waiting", 3);
      await setup.clock.advance(0);
      setup.setSocket(state, state === "open" ? 0 : 4);
      await setup.clock.advance(60_000);
      assert.deepEqual(setup.pollTimes, [0]);
      assert.deepEqual(setup.changes, [true, false]);
      assert.equal(setup.clock.pendingTimers, 0);
    });
  }
});
