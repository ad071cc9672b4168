/**
 * Asks the server for changes regularly (polling) if no WebSocket can be opened, for example because a proxy blocks it.
 * The connection keeps trying meanwhile. Polling stops when a socket is open.
 */
import { clock as realClock } from "../clock.js";

const MIN_FAILURES = 3; // failed attempts of the socket before polling starts
const INTERVAL = 3_000; // ms between two polls
const HIDDEN_INTERVAL = 30_000; // ms between two polls while the page is hidden
const RETRY_INTERVAL = 10_000; // ms after a poll that failed: then the server is unreachable, not only the socket
const HEARTBEAT_INTERVAL = 20_000; // ms between two presence heartbeats

export class Polling {
  /** Whether the server has answered the last poll. */
  isWorking = false;
  #isNeeded = false;
  #lastHeartbeatAt = -Infinity;
  /** @type {any} */
  #timer;

  /**
   * @param {object} options
   * @param {() => Promise<boolean>} options.poll requests the changes; resolves to whether the server answered
   * @param {() => void} options.sendHeartbeat reports that the user is online
   * @param {() => void} options.onChange `isWorking` has changed
   * @param {() => boolean} [options.isHidden]
   * @param {import("../clock.js").Clock} [options.clock]
   */
  constructor({ poll, sendHeartbeat, onChange, isHidden = () => document.visibilityState === "hidden", clock = realClock }) {
    this.poll = poll;
    this.sendHeartbeat = sendHeartbeat;
    this.onChange = onChange;
    this.isHidden = isHidden;
    this.clock = clock;
  }

  /**
   * Starts or stops polling, depending on the status of the socket.
   * @param {import("./connection.js").Status} status
   */
  handleSocketStatus({ state, attempts }) {
    const isOpen = state === "open" || state === "shaky";
    const isNeeded = !isOpen && state !== "ended" && state !== "offline" && attempts >= MIN_FAILURES;
    if (isNeeded === this.#isNeeded) return;
    this.#isNeeded = isNeeded;
    this.clock.cancel(this.#timer);
    if (isNeeded) this.#pollAndSchedule();
    else this.#setWorking(false);
  }

  /** Polls at once, because the page became visible. */
  pollNow() {
    if (!this.#isNeeded) return;
    this.clock.cancel(this.#timer);
    this.#pollAndSchedule();
  }

  async #pollAndSchedule() {
    const answered = await this.poll();
    if (!this.#isNeeded) return;
    this.#setWorking(answered);
    if (answered && this.clock.now() - this.#lastHeartbeatAt >= HEARTBEAT_INTERVAL) {
      this.#lastHeartbeatAt = this.clock.now();
      this.sendHeartbeat();
    }
    const delay = !answered ? RETRY_INTERVAL : this.isHidden() ? HIDDEN_INTERVAL : INTERVAL;
    this.clock.cancel(this.#timer);
    this.#timer = this.clock.after(delay, () => this.#pollAndSchedule());
  }

  /** @param {boolean} isWorking */
  #setWorking(isWorking) {
    if (isWorking === this.isWorking) return;
    this.isWorking = isWorking;
    this.onChange();
  }
}
