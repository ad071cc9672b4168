/** The sound of a ring, made by the browser: two soft notes every three seconds. Only one tab of a browser rings. */

const NOTES = /** @type {[number, number][]} */ ([[659.25, 0], [783.99, 0.22]]); // Hz, seconds
const INTERVAL = 3_000; // ms
const LOCK = "messenger.ring";

/**
 * Starts the sound, and returns a function that ends it. Without a gesture on the page the browser plays nothing.
 * @param {number} [volume]
 * @returns {() => void}
 */
export function startRinging(volume = 0.12) {
  const controller = new AbortController();
  if (!navigator.locks) {
    ring(volume, controller.signal);
  } else {
    const options = { signal: controller.signal };
    navigator.locks.request(LOCK, options, () => ring(volume, controller.signal)).catch(() => {});
  }
  return () => controller.abort();
}

/** @param {number} volume @param {AbortSignal} signal @returns {Promise<void>} resolves at the end */
function ring(volume, signal) {
  if (signal.aborted || !globalThis.AudioContext) return Promise.resolve();
  const context = new AudioContext();
  const play = () => NOTES.forEach(([frequency, delay]) => playNote(context, frequency, context.currentTime + delay, volume));
  play();
  const timer = setInterval(play, INTERVAL);
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => {
      clearInterval(timer);
      context.close().then(resolve, () => resolve());
    });
  });
}

/** @param {AudioContext} context @param {number} frequency @param {number} start @param {number} volume */
function playNote(context, frequency, start, volume) {
  const oscillator = new OscillatorNode(context, { frequency, type: "sine" });
  const gain = new GainNode(context, { gain: 0 });
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(volume, start + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.001, start + 0.9);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(start);
  oscillator.stop(start + 1);
}
