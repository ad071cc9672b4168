/**
 * The tabs of one person in this browser: one of them sends what is in the outbox, the one looked at last. All of them
 * hear when it changed. Without Web Locks each tab sends by itself: sending twice is harmless, only slower.
 */
export class Tabs {
  /** @type {BroadcastChannel | null} */
  #channel = null;
  #leads = false;

  /**
   * @param {object} options
   * @param {string} options.name the same in all tabs
   * @param {(leads: boolean) => void} options.onLead
   * @param {() => void} options.onNews
   * @param {LockManager | undefined} [options.locks]
   * @param {typeof BroadcastChannel | undefined} [options.Channel]
   */
  constructor({ name, onLead, onNews, locks = globalThis.navigator?.locks, Channel = globalThis.BroadcastChannel }) {
    this.name = name;
    this.onLead = onLead;
    this.locks = locks;
    if (Channel) {
      this.#channel = new Channel(name);
      this.#channel.onmessage = onNews;
    }
  }

  get leads() {
    return this.#leads;
  }

  /** Tells the other tabs that there is news. */
  tell() {
    this.#channel?.postMessage(null);
  }

  /** Leads as soon as nobody else does. */
  queue() {
    this.#request({});
  }

  /** Leads now: a hidden tab's timers are slow, the one being looked at sends. */
  take() {
    if (!this.#leads) this.#request({ steal: true });
  }

  /** @param {LockOptions} options */
  async #request(options) {
    if (!this.locks) return this.#lead(true);
    try {
      await this.locks.request(this.name, options, () => {
        this.#lead(true);
        return new Promise(() => {}); // held as long as the page lives
      });
    } catch (error) {
      if (/** @type {any} */ (error)?.name === "AbortError") {
        // Another tab took it. Wait behind it, for when it closes.
        this.#lead(false);
        this.queue();
      } else {
        this.#lead(true); // locks are not to be had here
      }
    }
  }

  /** @param {boolean} leads */
  #lead(leads) {
    this.#leads = leads;
    this.onLead(leads);
  }

  close() {
    this.#channel?.close();
  }
}
