/** @typedef {import("./protocol.js").ErrorPayload} ErrorPayload */

/**
 * Error of a command or an API request. `code` is an error code of the protocol, `disconnected` (there is no
 * connection, or it was lost before the answer) or `timeout` (no answer in time). After `disconnected` and `timeout` it
 * is unknown whether the server has carried out the command.
 */
export class ApiError extends Error {
  /** @param {Partial<ErrorPayload> & {code: string}} error */
  constructor({ code, detail = "", fields = undefined, retry_after = undefined }) {
    super(detail || code);
    this.code = code;
    this.detail = detail;
    this.fields = fields;
    /** In seconds; undefined if the server did not send it. */
    this.retryAfter = retry_after;
  }

  /** Whether trying the same request again later can succeed. */
  get isTemporary() {
    return this.code === "rate_limited" || this.code === "unavailable";
  }
}
