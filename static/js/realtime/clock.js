/**
 * Time as the modules need it, so that tests can bring their own.
 * @typedef {object} Clock
 * @property {() => number} now milliseconds; only differences mean something
 * @property {(ms: number, run: () => void) => any} after runs once; what it returns can be cancelled
 * @property {(timer: any) => void} cancel also for undefined
 */

/** Monotonic: setting the computer's clock moves nothing. @type {Clock} */
export const clock = {
  now: () => performance.now(),
  after: (ms, run) => setTimeout(run, ms),
  cancel: (timer) => clearTimeout(timer),
};

/**
 * Calls `run` at most once per `ms`: at once when it rested that long, else as soon as it has.
 * @param {number} ms
 * @param {() => void} run
 * @param {Clock} [time]
 */
export function atMostEvery(ms, run, time = clock) {
  let last = -Infinity;
  /** @type {any} */
  let timer;
  const go = () => {
    timer = undefined;
    last = time.now();
    run();
  };
  return () => {
    if (timer !== undefined) return;
    const wait = last + ms - time.now();
    if (wait <= 0) go();
    else timer = time.after(wait, go);
  };
}
