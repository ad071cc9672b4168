/**
 * Where pages can be read but no socket can be opened (a proxy that lets none through), what came since is asked for every
 * few seconds. The connection goes on trying meanwhile; with the first socket that opens this rests.
 */
import { clock as realClock } from "../clock.js";

const FAILURES = 3; // of the socket, before this is tried
const PAUSE = 3_000; // ms between two questions
const HIDDEN = 30_000; // the same where nobody looks
const AGAIN = 10_000; // after a question that was not answered: then it is not the socket alone
const BEAT = 20_000; // how often it is said that somebody is here

export class Polling {
  /** Answers come. */
  works = false;
  #wanted = false;
  #beaten = -Infinity;
  /** @type {any} */
  #timer;

  /**
   * @param {object} options
   * @param {() => Promise<boolean>} options.ask asks what came since; whether it was answered
   * @param {() => void} options.beat says that somebody is here
   * @param {() => void} options.onChange `works` is another
   * @param {() => boolean} [options.isHidden]
   * @param {import("../clock.js").Clock} [options.clock]
   */
  constructor({ ask, beat, onChange, isHidden = () => document.visibilityState === "hidden", clock = realClock }) {
    this.ask = ask;
    this.beat = beat;
    this.onChange = onChange;
    this.isHidden = isHidden;
    this.clock = clock;
  }

  /** How the socket is. @param {import("./connection.js").Status} status */
  socketIs({ state, attempts }) {
    const isOpen = state === "open" || state === "shaky";
    const wanted = !isOpen && state !== "ended" && state !== "offline" && attempts >= FAILURES;
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.clock.cancel(this.#timer);
    if (wanted) this.#turn();
    else this.#become(false);
  }

  /** Somebody looks again: what came since, at once. */
  now() {
    if (!this.#wanted) return;
    this.clock.cancel(this.#timer);
    this.#turn();
  }

  async #turn() {
    const answered = await this.ask();
    if (!this.#wanted) return;
    this.#become(answered);
    if (answered && this.clock.now() - this.#beaten >= BEAT) {
      this.#beaten = this.clock.now();
      this.beat();
    }
    const pause = !answered ? AGAIN : this.isHidden() ? HIDDEN : PAUSE;
    this.clock.cancel(this.#timer);
    this.#timer = this.clock.after(pause, () => this.#turn());
  }

  /** @param {boolean} works */
  #become(works) {
    if (works === this.works) return;
    this.works = works;
    this.onChange();
  }
}
