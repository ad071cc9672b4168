/**
 * Plays a `<sound-clip>`: its wave to see and to seek in, and a speed from 1 to 2. The wave of what is short is worked out
 * here, from the recording itself; of what is long, or lies in a bucket elsewhere, there is an even line.
 */
import { lasts } from "./attachment-renderer.js";
import { clone, find, browserStorage } from "../../lib/dom.js";

/** @typedef {import("./sound-clip.js").SoundClip} SoundClip */

const BARS = 48;
const SHORT = 2 * 1024 * 1024; // bytes that are fetched whole to be looked at
const RATE = 8_000; // samples a second are enough to see how loud it is
const SPEEDS = [1, 1.25, 1.5, 2];
const KEPT = "messenger-speed";

/** The one that is heard. @type {SoundPlayer | null} */
let playing = null;

export class SoundPlayer {
  /** Not on the page: the one of the page stays as the server drew it. */
  #audio = new Audio();
  /** Heights from 0 to 1. @type {number[]} */
  #wave = Array(BARS).fill(0.12);
  #seconds = 0;
  #blob = "";
  #frame = 0;
  /** Where to begin, from 0 to 1, before it is loaded. */
  #wanted = 0;

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
    this.#seconds = Number(clip.dataset.seconds) || 0;
    this.#audio.preload = "none";
    this.#audio.src = find(clip, "audio")?.getAttribute("src") ?? "";
    this.#setSpeed(SPEEDS.includes(browserStorage.get(KEPT)) ? browserStorage.get(KEPT) : 1);
    this.button.addEventListener("click", () => (this.#audio.paused ? this.#play() : this.#audio.pause()));
    this.speed.addEventListener("click", () => {
      const next = SPEEDS[(SPEEDS.indexOf(this.#audio.playbackRate) + 1) % SPEEDS.length];
      browserStorage.set(KEPT, next);
      this.#setSpeed(next);
    });
    this.range.addEventListener("input", () => this.#seek(Number(this.range.value) / 100));
    this.range.addEventListener("keydown", (event) => event.stopPropagation()); // the log has keys of its own
    for (const type of ["play", "pause", "ended"]) this.#audio.addEventListener(type, () => this.#changed());
    this.#audio.addEventListener("durationchange", () => {
      if (Number.isFinite(this.#audio.duration)) this.#seconds = this.#audio.duration;
      this.#draw();
    });
    clip.append(player);
    this.#draw();
    this.#look();
  }

  stop() {
    this.#audio.pause();
    cancelAnimationFrame(this.#frame);
    if (this.#blob) URL.revokeObjectURL(this.#blob);
    if (playing === this) playing = null;
  }

  /** Works out the wave. */
  async #look() {
    try {
      const { file } = this.clip;
      if ((file?.size ?? Number(this.clip.dataset.size)) > SHORT) return;
      // A file in a bucket is a redirect to another site, which scripts may not read.
      const answer = file ?? (await fetch(this.#audio.src, { redirect: "manual" }));
      if (answer instanceof Response && !answer.ok) return;
      const bytes = await answer.arrayBuffer();
      const type = file?.type ?? (answer instanceof Response ? answer.headers.get("Content-Type") ?? "" : "");
      if (this.#audio.paused && !this.#audio.currentTime) {
        this.#blob = URL.createObjectURL(new Blob([bytes], { type }));
        this.#audio.src = this.#blob;
      }
      const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(bytes);
      this.#seconds = sound.duration;
      this.#wave = heights(sound.getChannelData(0));
    } catch {
      // It may play all the same.
    }
    this.#draw();
  }

  async #play() {
    if (playing && playing !== this) playing.#audio.pause();
    playing = this;
    const audio = this.#audio;
    try {
      if (audio.ended || audio.currentTime >= this.#seconds - 0.05) audio.currentTime = 0;
      await audio.play();
      if (this.#wanted) this.#seek(this.#wanted);
    } catch {
      this.#changed();
    }
  }

  /** @param {number} part from 0 to 1 */
  #seek(part) {
    const audio = this.#audio;
    if (audio.readyState === 0) {
      this.#wanted = part;
      audio.preload = "auto";
      audio.addEventListener("loadedmetadata", () => this.#seek(this.#wanted), { once: true });
      audio.load();
    } else {
      this.#wanted = 0;
      audio.currentTime = part * (this.#seconds || audio.duration || 0);
    }
    this.#draw();
  }

  /** @param {number} speed */
  #setSpeed(speed) {
    this.#audio.playbackRate = this.#audio.defaultPlaybackRate = speed;
    this.speed.textContent = `${speed}×`;
  }

  #changed() {
    const runs = !this.#audio.paused;
    this.player.classList.toggle("plays", runs);
    this.button.setAttribute("aria-label", (runs ? this.button.dataset.pause : this.button.dataset.play) ?? "");
    cancelAnimationFrame(this.#frame);
    const step = () => {
      this.#draw();
      if (!this.#audio.paused) this.#frame = requestAnimationFrame(step);
    };
    step();
  }

  #draw() {
    const at = this.#wanted ? this.#wanted * this.#seconds : this.#audio.currentTime;
    const part = this.#seconds ? Math.min(at / this.#seconds, 1) : 0;
    const text = lasts(at || this.#seconds) || "0:00";
    const time = find(this.player, ".num");
    if (time && time.textContent !== text) time.textContent = text;
    const value = String(Math.round(part * 100));
    if (this.range.value !== value) this.range.value = value;
    this.range.setAttribute("aria-valuetext", `${lasts(at) || "0:00"} / ${lasts(this.#seconds) || "0:00"}`);
    drawBars(this.canvas, this.#wave, part);
  }
}

/**
 * How loud it is, bar by bar, the loudest being 1.
 * @param {Float32Array} samples
 * @param {number} [bars]
 */
export function heights(samples, bars = BARS) {
  const size = Math.max(Math.floor(samples.length / bars), 1);
  const loud = Array.from({ length: bars }, (_, bar) => {
    let sum = 0;
    for (let at = bar * size; at < Math.min((bar + 1) * size, samples.length); at += 1) sum += samples[at] ** 2;
    return Math.sqrt(sum / size);
  });
  const most = Math.max(...loud, 0.02); // silence stays flat
  return loud.map((each) => Math.max(each / most, 0.12));
}

/**
 * @param {HTMLCanvasElement} canvas in the colour of its text; what is past, in full
 * @param {number[]} wave
 * @param {number} part
 */
export function drawBars(canvas, wave, part) {
  const brush = canvas.getContext("2d");
  if (!brush) return;
  const { width, height } = canvas;
  const gap = width / wave.length;
  brush.clearRect(0, 0, width, height);
  brush.fillStyle = getComputedStyle(canvas).color;
  wave.forEach((high, bar) => {
    brush.globalAlpha = (bar + 0.5) / wave.length <= part ? 1 : 0.35;
    const tall = Math.max(high * height, 4);
    brush.fillRect(bar * gap, (height - tall) / 2, gap * 0.55, tall);
  });
}
