/** `<connection-banner>`: says honestly when the line is slow, broken or gone, and offers to try now. */
import { LiveElement, say } from "../realtime/events.js";
import { find, findAll } from "../lib/dom.js";

const BLINK = 800; // ms that a break may last unsaid: a server's restart is often shorter
const LONG_WAIT = 4_000; // from here on a person may want to be quicker
const MANY = 10;

export class ConnectionBanner extends LiveElement {
  /** @type {any} */
  #timer;
  #opened = false;

  start() {
    this.hear("state", (status) => this.#state(status));
    this.listen(find(this, "[data-act=retry]"), "click", () => say("connection.retry", {}));
  }

  stop() {
    clearTimeout(this.#timer);
  }

  /** @param {{state: string, attempts: number, retryAt: number | null}} status */
  #state({ state, attempts, retryAt }) {
    clearTimeout(this.#timer);
    const isOpen = state === "open";
    this.#opened ||= isOpen;
    const shown = { open: "", connecting: "busy", waiting: "busy", ended: "busy" }[state] ?? state;
    // The first connection of a page is not a break, unless it takes long.
    const patience = state === "offline" || state === "shaky" || state === "polling" || isOpen || this.#shows ? 0 : this.#opened ? BLINK : LONG_WAIT;
    this.#timer = setTimeout(() => this.#show(shown), patience);
    const retry = find(this, "[data-act=retry]");
    const waits = retryAt !== null && retryAt - Date.now() > LONG_WAIT;
    if (retry) retry.hidden = !(state === "waiting" && (waits || attempts >= MANY));
  }

  get #shows() {
    return findAll(this, ".banner").some((banner) => !banner.hidden);
  }

  /** @param {string} state */
  #show(state) {
    for (const banner of findAll(this, ".banner")) banner.hidden = banner.dataset.state !== state;
  }
}
