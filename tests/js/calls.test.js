import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatDuration } from "../../static/js/calls/duration.js";
import { QualityMeter, rateConnection, worstQuality } from "../../static/js/calls/quality.js";

describe("The quality of a call", () => {
  it("is rated by lost packets and by the round trip", () => {
    assert.equal(rateConnection({ loss: 0, roundTrip: 0.02 }), "good");
    assert.equal(rateConnection({ loss: 0.03, roundTrip: 0.3 }), "good");
    assert.equal(rateConnection({ loss: 0.05, roundTrip: 0 }), "fair");
    assert.equal(rateConnection({ loss: 0, roundTrip: 0.4 }), "fair");
    assert.equal(rateConnection({ loss: 0.2, roundTrip: 0 }), "poor");
    assert.equal(rateConnection({ loss: 0, roundTrip: 0.7 }), "poor");
  });

  it("is that of the worst connection", () => {
    assert.equal(worstQuality([]), "good");
    assert.equal(worstQuality(["good", "poor", "fair"]), "poor");
  });

  it("counts packets that were lost since the last measurement", async () => {
    const inbound = { type: "inbound-rtp", packetsReceived: 100, packetsLost: 50 };
    const pc = /** @type {any} */ ({ getStats: async () => new Map([["a", { ...inbound }]]) });
    const meter = new QualityMeter(pc);
    assert.equal(await meter.measure(), "poor");
    inbound.packetsReceived = 300;
    assert.equal(await meter.measure(), "good");
    inbound.packetsReceived = 395;
    inbound.packetsLost = 55;
    assert.equal(await meter.measure(), "fair");
  });
});

describe("The length of a call", () => {
  it("has minutes and seconds, and hours if there are any", () => {
    assert.equal(formatDuration(0), "0:00");
    assert.equal(formatDuration(65_400), "1:05");
    assert.equal(formatDuration(3_723_000), "1:02:03");
    assert.equal(formatDuration(-5), "0:00");
  });
});
