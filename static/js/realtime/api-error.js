/** @typedef {import("./protocol.js").ErrorPayload} ErrorPayload */

/**
 * Why a command was not obeyed. `code` is the protocol's, or `disconnected` (no line, or it broke before the answer)
 * or `timeout` (no answer in time); after those two nobody knows whether the command was carried out.
 */
export class Refusal extends Error {
  /** @param {Partial<ErrorPayload> & {code: string}} error */
  constructor({ code, detail = "", fields = undefined, retry_after = undefined }) {
    super(detail || code);
    this.code = code;
    this.detail = detail;
    this.fields = fields;
    /** Seconds; undefined where nothing was said. */
    this.retryAfter = retry_after;
  }

  /** The server asks to wait and to try the same thing again. */
  get mayPass() {
    return this.code === "rate_limited" || this.code === "unavailable";
  }
}
