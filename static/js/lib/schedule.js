/** Delays drawing that is requested more often than it can be seen. */

const HIDDEN_DELAY = 250; // ms; hidden pages have no frames

/** Calls `run` before the next frame is painted, and on a hidden page soon. @param {() => void} run */
export function beforeNextFrame(run) {
  const runOnce = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    run();
  };
  const frame = requestAnimationFrame(runOnce);
  const timer = setTimeout(runOnce, HIDDEN_DELAY);
}
