/**
 * Interface of a clock with timers. Tests replace the real clock by a fake one.
 * @typedef {object} Clock
 * @property {() => number} now in milliseconds; only differences are meaningful
 * @property {(ms: number, run: () => void) => any} after runs `run` once after `ms`; returns a timer for `cancel`
 * @property {(timer: any) => void} cancel accepts undefined
 */

/** The real clock. It is monotonic: setting the computer's clock does not affect it. @type {Clock} */
export const clock = {
  now: () => performance.now(),
  after: (ms, run) => setTimeout(run, ms),
  cancel: (timer) => clearTimeout(timer),
};

/**
 * Returns a function that calls `run` at most once in `ms` milliseconds. It calls `run` at once if the last call was
 * longer ago, otherwise at the end of the interval. Several calls within an interval become one.
 * @param {number} ms
 * @param {() => void} run
 * @param {Clock} [timeSource]
 */
export function throttle(ms, run, timeSource = clock) {
  let last = -Infinity;
  /** @type {any} */
  let timer;
  const fire = () => {
    timer = undefined;
    last = timeSource.now();
    run();
  };
  return () => {
    if (timer !== undefined) return;
    const wait = last + ms - timeSource.now();
    if (wait <= 0) fire();
    else timer = timeSource.after(wait, fire);
  };
}
