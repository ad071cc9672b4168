/**
 * Event bus of the page and the base class of elements that use it.
 *
 * The `<live-socket>` element dispatches `live:*` events on the document and handles commands sent with `sendCommand`.
 * `live:<type>` is dispatched for each event of the protocol, with its payload as `detail`. Events of the page itself:
 * - `live:message.current`: a command has returned this message
 * - `live:state`: the state of the connection has changed
 * - `live:outbox`: the pending and failed messages
 * - `live:receipts`: all receipts of the open conversation
 * - `live:caught-up`: all missed changes have been received
 * - `live:stale`: too many changes were missed; the conversation must be loaded again
 *
 * Dispatched by other elements for `<live-socket>`:
 * - `live:rendered`: a conversation is displayed at a given version
 * - `live:outbox.request`: asks for `live:outbox`
 */
import { ApiError } from "./api-error.js";

/** `enabled` is true while a `<live-socket>` is on the page. Without it, forms are submitted normally. */
export const liveUpdates = { enabled: false };

/**
 * Dispatches an event on the document.
 * @param {string} type
 * @param {any} detail
 */
export function emit(type, detail) {
  document.dispatchEvent(new CustomEvent(type, { detail }));
}

/**
 * Sends a command through `<live-socket>`. Without that element the promise is rejected with the code `disconnected`.
 * @param {string} type
 * @param {object} payload
 * @returns {Promise<any>} rejects with an `ApiError`
 */
export function sendCommand(type, payload = {}) {
  return new Promise((resolve, reject) => {
    const detail = { type, payload, resolve, reject, handled: false };
    emit("live:command", detail);
    if (!detail.handled) reject(new ApiError({ code: "disconnected" }));
  });
}

/** Sends a command whose result does not matter; errors are ignored. @param {string} type @param {object} payload */
export function sendAndForget(type, payload) {
  sendCommand(type, payload).catch(() => {});
}

/**
 * Base class of custom elements. Event listeners added with `on` and `onLive` are removed when the element is
 * disconnected.
 */
export class LiveElement extends HTMLElement {
  #abortController = new AbortController();

  connectedCallback() {
    this.#abortController = new AbortController();
    this.start();
  }

  disconnectedCallback() {
    this.#abortController.abort();
    this.stop();
  }

  /** Called when the element is connected to the document. */
  start() {}

  /** Called when the element is disconnected from the document. */
  stop() {}

  /** Aborted when the element is disconnected. */
  get signal() {
    return this.#abortController.signal;
  }

  /**
   * Adds an event listener that is removed when this element is disconnected.
   * @param {EventTarget | null | undefined} target
   * @param {string} type
   * @param {(event: any) => void} handler
   * @param {AddEventListenerOptions} [options]
   */
  on(target, type, handler, options = {}) {
    target?.addEventListener(type, handler, { ...options, signal: this.signal });
  }

  /**
   * Adds a listener for a `live:` event.
   * @param {string} type without the prefix `live:`
   * @param {(detail: any) => void} handler
   */
  onLive(type, handler) {
    this.on(document, `live:${type}`, (event) => handler(event.detail));
  }
}
