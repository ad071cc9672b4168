/**
 * Audio player of a `<sound-clip>`, with a waveform to seek in and a playback speed from 1 to 2. The waveform of a
 * short recording is computed from its samples. A long recording, or one stored in S3 on another site, gets a flat
 * line.
 */
import { formatDuration } from "../../lib/wording.js";
import { clone, find, browserStorage } from "../../lib/dom.js";

/** @typedef {import("./sound-clip.js").SoundClip} SoundClip */

const BARS = 48;
const MAX_WAVEFORM_BYTES = 2 * 1024 * 1024; // bytes: larger files are not fetched for the waveform
const SAMPLE_RATE = 8_000; // Hz: enough to measure the volume
const SPEEDS = [1, 1.25, 1.5, 2];
const STORAGE_KEY = "messenger-speed";

/** The player that is playing. @type {SoundPlayer | null} */
let playing = null;

export class SoundPlayer {
  /** A second audio element, not in the document: the `<audio>` of the page stays as the server rendered it. */
  #audio = new Audio();
  /** Levels from 0 to 1. @type {number[]} */
  #waveform = Array(BARS).fill(0.12);
  #duration = 0;
  #objectUrl = "";
  #animationFrame = 0;
  /** Position from 0 to 1 to start at; set while the audio is not loaded. */
  #pendingPosition = 0;

  /** @param {SoundClip} clip */
  constructor(clip) {
    this.clip = clip;
    const player = clone("player-template");
    if (!player) throw new Error("No template.");
    this.player = player;
    this.canvas = /** @type {HTMLCanvasElement} */ (find(player, "canvas"));
    this.range = /** @type {HTMLInputElement} */ (find(player, "input"));
    this.button = /** @type {HTMLButtonElement} */ (find(player, "[data-act=play]"));
    this.speed = /** @type {HTMLButtonElement} */ (find(player, "[data-act=speed]"));
    this.#duration = Number(clip.dataset.seconds) || 0;
    this.#audio.preload = "none";
    this.#audio.src = find(clip, "audio")?.getAttribute("src") ?? "";
    this.#setSpeed(SPEEDS.includes(browserStorage.get(STORAGE_KEY)) ? browserStorage.get(STORAGE_KEY) : 1);
    this.button.addEventListener("click", () => (this.#audio.paused ? this.#play() : this.#audio.pause()));
    this.speed.addEventListener("click", () => {
      const next = SPEEDS[(SPEEDS.indexOf(this.#audio.playbackRate) + 1) % SPEEDS.length];
      browserStorage.set(STORAGE_KEY, next);
      this.#setSpeed(next);
    });
    this.range.addEventListener("input", () => this.#seek(Number(this.range.value) / 100));
    this.range.addEventListener("keydown", (event) => event.stopPropagation()); // the log handles the arrow keys too
    for (const type of ["play", "pause", "ended"]) this.#audio.addEventListener(type, () => this.#onStateChange());
    this.#audio.addEventListener("durationchange", () => {
      if (Number.isFinite(this.#audio.duration)) this.#duration = this.#audio.duration;
      this.#render();
    });
    clip.append(player);
    this.#render();
    this.#loadWaveform();
  }

  stop() {
    this.#audio.pause();
    cancelAnimationFrame(this.#animationFrame);
    if (this.#objectUrl) {
      this.#audio.removeAttribute("src"); // it may still be loading
      this.#audio.load();
      URL.revokeObjectURL(this.#objectUrl);
    }
    if (playing === this) playing = null;
  }

  /** Computes the waveform and the exact duration. */
  async #loadWaveform() {
    try {
      const { file } = this.clip;
      if ((file?.size ?? Number(this.clip.dataset.size)) > MAX_WAVEFORM_BYTES) return;
      // A file in S3 is a redirect to another site. Scripts may not read it.
      const response = file ?? (await fetch(this.#audio.src, { redirect: "manual" }));
      if (response instanceof Response && !response.ok) return;
      const bytes = await response.arrayBuffer();
      const type = file?.type ?? (response instanceof Response ? response.headers.get("Content-Type") ?? "" : "");
      if (this.#audio.paused && !this.#audio.currentTime) {
        this.#objectUrl = URL.createObjectURL(new Blob([bytes], { type }));
        this.#audio.src = this.#objectUrl;
      }
      const audioBuffer = await new OfflineAudioContext(1, 1, SAMPLE_RATE).decodeAudioData(bytes);
      this.#duration = audioBuffer.duration;
      this.#waveform = computeWaveform(audioBuffer.getChannelData(0));
    } catch {
      // Without a waveform it can still be played.
    }
    this.#render();
  }

  async #play() {
    if (playing && playing !== this) playing.#audio.pause();
    playing = this;
    const audio = this.#audio;
    try {
      if (audio.ended || audio.currentTime >= this.#duration - 0.05) audio.currentTime = 0;
      await audio.play();
      if (this.#pendingPosition) this.#seek(this.#pendingPosition);
    } catch {
      this.#onStateChange();
    }
  }

  /** Loads the audio first if necessary. @param {number} position from 0 to 1 */
  #seek(position) {
    const audio = this.#audio;
    if (audio.readyState === 0) {
      this.#pendingPosition = position;
      audio.preload = "auto";
      audio.addEventListener("loadedmetadata", () => this.#seek(this.#pendingPosition), { once: true });
      audio.load();
    } else {
      this.#pendingPosition = 0;
      audio.currentTime = position * (this.#duration || audio.duration || 0);
    }
    this.#render();
  }

  /** @param {number} speed */
  #setSpeed(speed) {
    this.#audio.playbackRate = this.#audio.defaultPlaybackRate = speed;
    this.speed.textContent = `${speed}×`;
  }

  #onStateChange() {
    const isPlaying = !this.#audio.paused;
    this.player.classList.toggle("plays", isPlaying);
    this.button.setAttribute("aria-label", (isPlaying ? this.button.dataset.pause : this.button.dataset.play) ?? "");
    cancelAnimationFrame(this.#animationFrame);
    const renderFrame = () => {
      this.#render();
      if (!this.#audio.paused) this.#animationFrame = requestAnimationFrame(renderFrame);
    };
    renderFrame();
  }

  #render() {
    const time = this.#pendingPosition ? this.#pendingPosition * this.#duration : this.#audio.currentTime;
    const position = this.#duration ? Math.min(time / this.#duration, 1) : 0;
    const text = formatDuration(time || this.#duration) || "0:00";
    const timeElement = find(this.player, ".num");
    if (timeElement && timeElement.textContent !== text) timeElement.textContent = text;
    const value = String(Math.round(position * 100));
    if (this.range.value !== value) this.range.value = value;
    this.range.setAttribute("aria-valuetext", `${formatDuration(time) || "0:00"} / ${formatDuration(this.#duration) || "0:00"}`);
    drawWaveform(this.canvas, this.#waveform, position);
  }
}

/**
 * Computes the volume (root mean square) of each bar, relative to the loudest one.
 * @param {Float32Array} samples
 * @param {number} [bars]
 * @returns {number[]} levels from 0.12 to 1
 */
function computeWaveform(samples, bars = BARS) {
  const samplesPerBar = Math.max(Math.floor(samples.length / bars), 1);
  const levels = Array.from({ length: bars }, (_, index) => {
    let sum = 0;
    const end = Math.min((index + 1) * samplesPerBar, samples.length);
    for (let sample = index * samplesPerBar; sample < end; sample += 1) sum += samples[sample] ** 2;
    return Math.sqrt(sum / samplesPerBar);
  });
  const loudest = Math.max(...levels, 0.02); // a minimum, so that noise in silence is not amplified
  return levels.map((level) => Math.max(level / loudest, 0.12));
}

/**
 * Draws the waveform in the text colour of the canvas; the part that was played is opaque.
 * @param {HTMLCanvasElement} canvas
 * @param {number[]} waveform levels from 0 to 1
 * @param {number} position from 0 to 1
 */
export function drawWaveform(canvas, waveform, position) {
  const context = canvas.getContext("2d");
  if (!context) return;
  const { width, height } = canvas;
  const barWidth = width / waveform.length;
  context.clearRect(0, 0, width, height);
  context.fillStyle = getComputedStyle(canvas).color;
  waveform.forEach((level, index) => {
    context.globalAlpha = (index + 0.5) / waveform.length <= position ? 1 : 0.35;
    const barHeight = Math.max(level * height, 4);
    context.fillRect(index * barWidth, (height - barHeight) / 2, barWidth * 0.55, barHeight);
  });
}
