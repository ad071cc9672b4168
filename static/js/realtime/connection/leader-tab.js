/**
 * Chooses one leader among the tabs of a user in this browser: the tab that had the focus last. Only the leader sends
 * the messages in the outbox. All tabs are told when the outbox has changed. In a browser without Web Locks each tab is
 * a leader. Then a message may be sent twice, which the server recognises by its `client_id`.
 */
export class LeaderTab {
  /** @type {BroadcastChannel | null} */
  #channel = null;
  #isLeader = false;

  /**
   * @param {object} options
   * @param {string} options.name of the lock and the channel; the same in all tabs and in all versions of this script
   * @param {(isLeader: boolean) => void} options.onLeaderChange
   * @param {() => void} options.onAnnouncement another tab called `announce`
   * @param {LockManager | undefined} [options.locks]
   * @param {typeof BroadcastChannel | undefined} [options.Channel]
   */
  constructor({ name, onLeaderChange, onAnnouncement, locks = globalThis.navigator?.locks, Channel = globalThis.BroadcastChannel }) {
    this.name = name;
    this.onLeaderChange = onLeaderChange;
    this.locks = locks;
    if (Channel) {
      this.#channel = new Channel(name);
      this.#channel.onmessage = onAnnouncement;
    }
  }

  get isLeader() {
    return this.#isLeader;
  }

  /** Informs the other tabs that the outbox changed. */
  announce() {
    this.#channel?.postMessage(null);
  }

  /** Becomes the leader as soon as there is no other one. */
  waitForLeadership() {
    this.#requestLock({});
  }

  /** Becomes the leader now. The visible tab should send, because browsers slow down timers of hidden tabs. */
  takeLeadership() {
    if (!this.#isLeader) this.#requestLock({ steal: true });
  }

  /** @param {LockOptions} options */
  async #requestLock(options) {
    if (!this.locks) return this.#setLeader(true);
    try {
      await this.locks.request(this.name, options, () => {
        this.#setLeader(true);
        return new Promise(() => {}); // the lock is held as long as the page lives
      });
    } catch (error) {
      if (/** @type {any} */ (error)?.name === "AbortError") {
        // Another tab became the leader. Wait for the lock again, for when that tab is closed.
        this.#setLeader(false);
        this.waitForLeadership();
      } else {
        this.#setLeader(true); // locks are not available here
      }
    }
  }

  /** @param {boolean} isLeader */
  #setLeader(isLeader) {
    this.#isLeader = isLeader;
    this.onLeaderChange(isLeader);
  }

  close() {
    this.#channel?.close();
  }
}
