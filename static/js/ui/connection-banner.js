/**
 * `<connection-banner>`: tells the user that the connection is slow or interrupted, and has a button to reconnect now.
 */
import { LiveElement, sendAndForget } from "../realtime/events.js";
import { find, findAll } from "../lib/dom.js";

const SHORT_BREAK = 800; // ms; shorter interruptions are not shown, for example a restart of the server
const LONG_WAIT = 4_000; // ms; the button is shown if the next attempt is further away
const MANY_ATTEMPTS = 10;

export class ConnectionBanner extends LiveElement {
  /** @type {any} */
  #timer;
  #wasOpen = false;

  start() {
    this.onLive("state", (status) => this.#handleState(status));
    this.on(find(this, "[data-act=retry]"), "click", () => sendAndForget("connection.retry", {}));
  }

  stop() {
    clearTimeout(this.#timer);
  }

  /** @param {{state: string, attempts: number, retryAt: number | null}} status */
  #handleState({ state, attempts, retryAt }) {
    clearTimeout(this.#timer);
    const isOpen = state === "open";
    this.#wasOpen ||= isOpen;
    const bannerState = { open: "", connecting: "busy", waiting: "busy", ended: "busy" }[state] ?? state;
    // The first connection of a page is shown only if it takes long.
    const delay = state === "offline" || state === "shaky" || state === "polling" || isOpen || this.#isShowing ? 0 : this.#wasOpen ? SHORT_BREAK : LONG_WAIT;
    this.#timer = setTimeout(() => this.#show(bannerState), delay);
    const retry = find(this, "[data-act=retry]");
    const isLongWait = retryAt !== null && retryAt - Date.now() > LONG_WAIT;
    if (retry) retry.hidden = !(state === "waiting" && (isLongWait || attempts >= MANY_ATTEMPTS));
  }

  get #isShowing() {
    return findAll(this, ".banner").some((banner) => !banner.hidden);
  }

  /** @param {string} state */
  #show(state) {
    for (const banner of findAll(this, ".banner")) banner.hidden = banner.dataset.state !== state;
  }
}
