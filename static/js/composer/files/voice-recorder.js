/** Records a voice note of at most ten minutes, shows the level while recording, and creates a file. */
import { formatDuration } from "../../lib/wording.js";
import { find } from "../../lib/dom.js";
import { drawWaveform } from "../../conversation/attachments/sound-player.js";

const MAX_DURATION = 10 * 60; // seconds
const BAR_COUNT = 48;
const MEASURE_INTERVAL = 80; // ms between two bars
const TYPES = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"];
const EXTENSIONS = { "audio/webm": "webm", "audio/ogg": "ogg", "audio/mp4": "m4a" };

export class VoiceRecorder {
  #isEnded = false;
  #isKept = true;
  /** @type {Blob[]} */
  #chunks = [];
  /** @type {number[]} */
  #levels = Array(BAR_COUNT).fill(0);
  #startedAt = 0;
  #timer = 0;

  /**
   * Asks for the microphone and starts recording. Rejects if there is no microphone or access is denied.
   * @param {HTMLElement} row displays level and duration
   * @param {(file: File | null, seconds: number) => void} onDone receives null if the recording was cancelled
   */
  static async begin(row, onDone) {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
    return new VoiceRecorder(stream, row, onDone);
  }

  /**
   * @param {MediaStream} stream
   * @param {HTMLElement} row
   * @param {(file: File | null, seconds: number) => void} onDone
   */
  constructor(stream, row, onDone) {
    this.stream = stream;
    this.row = row;
    const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
    this.recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: 32_000 });
    this.context = new AudioContext();
    this.analyser = this.context.createAnalyser();
    this.analyser.fftSize = 1024;
    this.context.createMediaStreamSource(stream).connect(this.analyser);
    this.recorder.ondataavailable = ({ data }) => this.#chunks.push(data);
    this.recorder.onstop = () => {
      const seconds = (performance.now() - this.#startedAt) / 1000;
      this.#release();
      onDone(this.#isKept ? this.#createFile() : null, seconds);
    };
    stream.getAudioTracks()[0].onended = () => this.stop(); // the microphone was unplugged
    this.recorder.start(1_000);
    this.#startedAt = performance.now();
    this.#timer = window.setInterval(() => this.#measure(), MEASURE_INTERVAL);
  }

  /** Stops recording and keeps the file. */
  stop() {
    if (this.recorder.state !== "inactive") this.recorder.stop();
  }

  cancel() {
    this.#isKept = false;
    this.stop();
  }

  #release() {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearInterval(this.#timer);
    for (const track of this.stream.getTracks()) track.stop();
    this.context.close();
  }

  #createFile() {
    const type = this.recorder.mimeType.split(";")[0];
    const extension = /** @type {Record<string, string>} */ (EXTENSIONS)[type] ?? "webm";
    const padTwo = (/** @type {number} */ value) => String(value).padStart(2, "0");
    const now = new Date();
    const timestamp = `${now.getFullYear()}-${padTwo(now.getMonth() + 1)}-${padTwo(now.getDate())} ${padTwo(now.getHours())}.${padTwo(now.getMinutes())}`;
    return new File(this.#chunks, `${this.row.dataset.name} ${timestamp}.${extension}`, { type });
  }

  #measure() {
    const samples = new Float32Array(this.analyser.fftSize);
    this.analyser.getFloatTimeDomainData(samples);
    const level = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
    this.#levels = [...this.#levels.slice(1), Math.min(level * 4, 1)];
    const canvas = /** @type {HTMLCanvasElement | null} */ (find(this.row, "canvas"));
    if (canvas) drawWaveform(canvas, this.#levels, 1);
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const time = find(this.row, ".num");
    const text = formatDuration(seconds) || "0:00";
    if (time && time.textContent !== text) time.textContent = text;
    if (seconds >= MAX_DURATION || !this.row.isConnected) this.stop();
  }
}
