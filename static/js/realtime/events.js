/**
 * How the parts of a page speak with the one that knows the socket: `live:*` events on the document, and commands that
 * `<live-socket>` takes. `live:<type>` is told for each event of the protocol, with its payload as `detail`; besides:
 * `live:message.current` (a message as an answer brought it), `live:state` (of the connection), `live:outbox` (what is
 * pending or failed), `live:receipts` (all of the open conversation), `live:caught-up`, `live:stale` (too far behind: read afresh). Told by others: `live:rendered` (a
 * conversation is shown as of a version), `live:outbox.ask` (tell `live:outbox` again).
 */
import { Refusal } from "./api-error.js";

/** Whether there is a working `<live-socket>`; without it forms do the work. */
export const live = { on: false };

/**
 * @param {string} type
 * @param {any} detail
 */
export function tell(type, detail) {
  document.dispatchEvent(new CustomEvent(type, { detail }));
}

/**
 * Gives a command. Without a working `<live-socket>` it is refused as `disconnected`.
 * @param {string} type
 * @param {object} payload
 * @returns {Promise<any>} rejects with a `Refusal`
 */
export function command(type, payload = {}) {
  return new Promise((resolve, reject) => {
    const detail = { type, payload, resolve, reject, taken: false };
    tell("live:command", detail);
    if (!detail.taken) reject(new Refusal({ code: "disconnected" }));
  });
}

/** Says something that is not answered. @param {string} type @param {object} payload */
export function say(type, payload) {
  command(type, payload).catch(() => {});
}

/** For a field that `start` fills. @returns {any} */
export const later = () => undefined;

/** An element that hears things as long as it stands on the page. */
export class LiveElement extends HTMLElement {
  #gone = new AbortController();

  connectedCallback() {
    this.#gone = new AbortController();
    this.start();
  }

  disconnectedCallback() {
    this.#gone.abort();
    this.stop();
  }

  /** It stands on the page now. */
  start() {}

  /** It does not any more. */
  stop() {}

  /** Aborted when it leaves the page. */
  get gone() {
    return this.#gone.signal;
  }

  /**
   * @param {EventTarget | null | undefined} target
   * @param {string} type
   * @param {(event: any) => void} run
   * @param {AddEventListenerOptions} [options]
   */
  listen(target, type, run, options = {}) {
    target?.addEventListener(type, run, { ...options, signal: this.gone });
  }

  /**
   * @param {string} type of a `live:` event
   * @param {(detail: any) => void} run
   */
  hear(type, run) {
    this.listen(document, `live:${type}`, (event) => run(event.detail));
  }
}
