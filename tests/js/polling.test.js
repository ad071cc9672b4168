/** Where no socket opens: what came since is asked for, and with the first socket that opens this rests. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Polling } from "../../static/js/realtime/connection/polling.js";
import { FakeClock } from "./fakes.js";

function make() {
  const it = { asked: [], beats: 0, works: [], answers: true, hidden: false, clock: new FakeClock() };
  it.polling = new Polling({
    ask: async () => {
      it.asked.push(it.clock.now());
      return it.answers;
    },
    beat: () => (it.beats += 1),
    onChange: () => it.works.push(it.polling.works),
    isHidden: () => it.hidden,
    clock: it.clock,
  });
  it.socket = (state, attempts) => it.polling.socketIs({ state, attempts, retryAt: null, code: null });
  return it;
}

describe("polling", () => {
  test("a failure or two is a matter of the socket", async () => {
    const it = make();
    it.socket("waiting", 1);
    it.socket("connecting", 1);
    it.socket("waiting", 2);
    await it.clock.pass(60_000);
    assert.deepEqual(it.asked, []);
  });

  test("after three it asks every few seconds, and says that somebody is here", async () => {
    const it = make();
    it.socket("waiting", 3);
    await it.clock.pass(0);
    assert.deepEqual(it.works, [true]);
    it.socket("connecting", 3); // the next attempt changes nothing
    await it.clock.pass(21_000);
    assert.deepEqual(it.asked, [0, 3_000, 6_000, 9_000, 12_000, 15_000, 18_000, 21_000]);
    assert.equal(it.beats, 2);
  });

  test("where nobody looks it asks rarely, and at once when somebody does", async () => {
    const it = make();
    it.hidden = true;
    it.socket("waiting", 3);
    await it.clock.pass(31_000);
    assert.deepEqual(it.asked, [0, 30_000]);
    it.hidden = false;
    it.polling.now();
    await it.clock.pass(0);
    assert.deepEqual(it.asked, [0, 30_000, 31_000]);
  });

  test("a server that does not answer at all is asked less, and not said to work", async () => {
    const it = make();
    it.answers = false;
    it.socket("waiting", 3);
    await it.clock.pass(20_000);
    assert.deepEqual(it.asked, [0, 10_000, 20_000]);
    assert.deepEqual(it.works, []);
    it.answers = true;
    await it.clock.pass(10_000);
    assert.deepEqual(it.works, [true]);
  });

  for (const state of ["open", "offline", "ended"]) {
    test(`${state}: it rests`, async () => {
      const it = make();
      it.socket("waiting", 3);
      await it.clock.pass(0);
      it.socket(state, state === "open" ? 0 : 4);
      await it.clock.pass(60_000);
      assert.deepEqual(it.asked, [0]);
      assert.deepEqual(it.works, [true, false]);
      assert.equal(it.clock.waiting, 0);
    });
  }
});
