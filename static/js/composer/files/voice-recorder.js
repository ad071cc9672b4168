/** Records a voice note: a level while one speaks, at most ten minutes, and a file when it is done. */
import { lasts } from "../../conversation/attachments/attachment-renderer.js";
import { find } from "../../lib/dom.js";
import { drawBars } from "../../conversation/attachments/sound-player.js";

const LONGEST = 10 * 60; // seconds
const BARS = 48;
const EVERY = 80; // ms for each bar
const TYPES = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];
const ENDINGS = { "audio/webm": "webm", "audio/ogg": "ogg", "audio/mp4": "m4a" };

export class VoiceRecorder {
  #gone = false;
  #keeps = true;
  /** @type {Blob[]} */
  #pieces = [];
  /** @type {number[]} */
  #levels = Array(BARS).fill(0);
  #began = 0;
  #timer = 0;

  /**
   * Asks for the microphone; rejects where there is none, or one may not.
   * @param {HTMLElement} row shows how loud and how long
   * @param {(file: File | null, seconds: number) => void} onDone null: it was given up
   */
  static async begin(row, onDone) {
    const sound = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
    return new VoiceRecorder(sound, row, onDone);
  }

  /** @param {MediaStream} sound @param {HTMLElement} row @param {(file: File | null, seconds: number) => void} onDone */
  constructor(sound, row, onDone) {
    this.sound = sound;
    this.row = row;
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    this.recorder = new MediaRecorder(sound, { mimeType, audioBitsPerSecond: 32_000 });
    this.context = new AudioContext();
    this.meter = this.context.createAnalyser();
    this.meter.fftSize = 1024;
    this.context.createMediaStreamSource(sound).connect(this.meter);
    this.recorder.ondataavailable = ({ data }) => this.#pieces.push(data);
    this.recorder.onstop = () => {
      const seconds = (performance.now() - this.#began) / 1000;
      this.#end();
      onDone(this.#keeps ? this.#file() : null, seconds);
    };
    sound.getAudioTracks()[0].onended = () => this.stop(); // the microphone was pulled out
    this.recorder.start(1_000);
    this.#began = performance.now();
    this.#timer = window.setInterval(() => this.#measure(), EVERY);
  }

  /** It is done, and kept. */
  stop() {
    if (this.recorder.state !== "inactive") this.recorder.stop();
  }

  cancel() {
    this.#keeps = false;
    this.stop();
  }

  #end() {
    if (this.#gone) return;
    this.#gone = true;
    clearInterval(this.#timer);
    for (const track of this.sound.getTracks()) track.stop();
    this.context.close();
  }

  #file() {
    const type = this.recorder.mimeType.split(";")[0];
    const ending = /** @type {Record<string, string>} */ (ENDINGS)[type] ?? "webm";
    const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
    const now = new Date();
    const stamp = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())} ${two(now.getHours())}.${two(now.getMinutes())}`;
    return new File(this.#pieces, `${this.row.dataset.name} ${stamp}.${ending}`, { type });
  }

  #measure() {
    const samples = new Float32Array(this.meter.fftSize);
    this.meter.getFloatTimeDomainData(samples);
    const loud = Math.sqrt(samples.reduce((sum, each) => sum + each * each, 0) / samples.length);
    this.#levels = [...this.#levels.slice(1), Math.min(loud * 4, 1)];
    const canvas = /** @type {HTMLCanvasElement | null} */ (find(this.row, "canvas"));
    if (canvas) drawBars(canvas, this.#levels, 1);
    const seconds = (performance.now() - this.#began) / 1000;
    const time = find(this.row, ".num");
    const text = lasts(seconds) || "0:00";
    if (time && time.textContent !== text) time.textContent = text;
    if (seconds >= LONGEST || !this.row.isConnected) this.stop();
  }
}
