/** Plays the sound of a new message: two short tones, without a sound file. */

const TONES = [660, 880]; // Hz
const TONE_SECONDS = 0.12;
const VOLUME = 0.08;

/** @type {AudioContext | undefined} */
let audio;

export function playSound() {
  try {
    audio ??= new AudioContext();
    TONES.forEach((frequency, index) => playTone(/** @type {AudioContext} */ (audio), frequency, index * TONE_SECONDS));
  } catch {
    // The browser plays no sound before the user has touched the page.
  }
}

/** @param {AudioContext} context @param {number} frequency @param {number} delay seconds */
function playTone(context, frequency, delay) {
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  const start = context.currentTime + delay;
  oscillator.frequency.value = frequency;
  gain.gain.setValueAtTime(VOLUME, start);
  gain.gain.exponentialRampToValueAtTime(0.0001, start + TONE_SECONDS);
  oscillator.connect(gain).connect(context.destination);
  oscillator.start(start);
  oscillator.stop(start + TONE_SECONDS);
}
