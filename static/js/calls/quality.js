/** Rates the connection of a call from WebRTC statistics. */

/** @typedef {"good" | "fair" | "poor"} Quality */
/** @typedef {{loss: number, roundTrip: number}} Measurement share of lost packets; seconds */

/**
 * Thresholds: above 3 % loss or 300 ms a conversation suffers (ITU-T G.114 recommends at most 150 ms one way), above
 * 10 % or 600 ms it is hard.
 * @param {Measurement} measurement
 * @returns {Quality}
 */
export function rateConnection({ loss, roundTrip }) {
  if (loss > 0.1 || roundTrip > 0.6) return "poor";
  return loss > 0.03 || roundTrip > 0.3 ? "fair" : "good";
}

/** @type {Quality[]} */
const ORDER = ["good", "fair", "poor"];

/** Returns the worst rating. @param {Quality[]} ratings @returns {Quality} */
export function worstQuality(ratings) {
  return ORDER[Math.max(0, ...ratings.map((rating) => ORDER.indexOf(rating)))];
}

/** Measures one connection again and again; losses are counted since the last measurement. */
export class QualityMeter {
  #received = 0;
  #lost = 0;

  /** @param {RTCPeerConnection} pc */
  constructor(pc) {
    this.pc = pc;
  }

  /** @returns {Promise<Quality>} */
  async measure() {
    let received = 0, lost = 0, roundTrip = 0, remoteLoss = 0;
    for (const report of (await this.pc.getStats()).values()) {
      if (report.type === "inbound-rtp") {
        received += report.packetsReceived ?? 0;
        lost += Math.max(0, report.packetsLost ?? 0);
      } else if (report.type === "remote-inbound-rtp") {
        remoteLoss = Math.max(remoteLoss, report.fractionLost ?? 0);
      } else if (report.type === "candidate-pair" && report.nominated) {
        roundTrip = Math.max(roundTrip, report.currentRoundTripTime ?? 0);
      }
    }
    const newlyReceived = Math.max(0, received - this.#received), newlyLost = Math.max(0, lost - this.#lost);
    [this.#received, this.#lost] = [received, lost];
    const loss = newlyLost / Math.max(1, newlyReceived + newlyLost);
    return rateConnection({ loss: Math.max(loss, remoteLoss), roundTrip });
  }
}
