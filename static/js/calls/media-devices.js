/** Microphone, camera and screen: opens them, lists them, and says why one cannot be opened. */
import { browserStorage } from "../lib/dom.js";

/** @typedef {import("./peer.js").Kind} Kind */
/**
 * Why there is no microphone or camera. `insecure`: not https; `unsupported`: the browser has no WebRTC; `refused`: the
 * user or the system does not allow it; `missing`: there is no device; `busy`: another program uses it.
 * @typedef {"insecure" | "unsupported" | "refused" | "missing" | "busy"} MediaProblem
 */

const STORAGE_KEY = "messenger.calls.devices"; // {audio, video, speaker}: ids of the devices that were chosen last
const RELAY_KEY = "messenger.calls.relay"; // true: only through the TURN server

/** Returns why calls are impossible on this page, or null. @returns {MediaProblem | null} */
export function findObstacle() {
  if (!globalThis.isSecureContext) return "insecure";
  return globalThis.RTCPeerConnection && navigator.mediaDevices ? null : "unsupported";
}

/** @returns {Record<string, string>} */
export function getChosenDevices() {
  return browserStorage.get(STORAGE_KEY) ?? {};
}

/** @param {Kind | "speaker"} kind @param {string} deviceId */
export function chooseDevice(kind, deviceId) {
  browserStorage.set(STORAGE_KEY, { ...getChosenDevices(), [kind]: deviceId });
}

export const relaySetting = {
  get isOn() {
    return browserStorage.get(RELAY_KEY) === true;
  },
  /** @param {boolean} isOn */
  set(isOn) {
    browserStorage.set(RELAY_KEY, isOn ? true : null);
  },
};

/**
 * Opens the microphone or the camera that was chosen last, or another one if that is gone.
 * @param {Kind} kind
 * @returns {Promise<MediaStreamTrack>} rejects with an error whose `name` `describeProblem` understands
 */
export async function openDevice(kind) {
  const deviceId = getChosenDevices()[kind];
  const wanted = {
    ...(deviceId ? { deviceId: { ideal: deviceId } } : {}),
    ...(kind === "audio"
      ? { echoCancellation: true, noiseSuppression: true, autoGainControl: true }
      : { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 }, facingMode: "user" }),
  };
  const stream = await navigator.mediaDevices.getUserMedia({ [kind]: wanted });
  return stream.getTracks()[0];
}

/** Asks the user for a screen, window or tab. @returns {Promise<MediaStreamTrack>} */
export async function openScreen() {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 15 } } });
  const [track] = stream.getVideoTracks();
  track.contentHint = "detail"; // text stays sharp, movement may be jerky
  return track;
}

/** @param {unknown} error of `openDevice` @returns {MediaProblem} */
export function describeProblem(error) {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing";
  return name === "NotReadableError" || name === "AbortError" ? "busy" : "refused";
}

/**
 * Lists the devices. Browsers tell names only after the user has allowed a device.
 * @returns {Promise<{audio: MediaDeviceInfo[], video: MediaDeviceInfo[], speaker: MediaDeviceInfo[]}>}
 */
export async function listDevices() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  /** @param {string} kind */
  const ofKind = (kind) => devices.filter((device) => device.kind === kind && device.deviceId);
  const canChooseSpeaker = "setSinkId" in HTMLMediaElement.prototype;
  return { audio: ofKind("audioinput"), video: ofKind("videoinput"), speaker: canChooseSpeaker ? ofKind("audiooutput") : [] };
}

/** Measures the loudness of a microphone. */
export class LevelMeter {
  /** @param {MediaStreamTrack} track */
  constructor(track) {
    this.context = new AudioContext();
    this.analyser = this.context.createAnalyser();
    this.analyser.fftSize = 512;
    this.context.createMediaStreamSource(new MediaStream([track])).connect(this.analyser);
    this.samples = new Float32Array(this.analyser.fftSize);
  }

  /** The loudness from 0 to 1. */
  get level() {
    this.analyser.getFloatTimeDomainData(this.samples);
    const power = this.samples.reduce((sum, sample) => sum + sample * sample, 0) / this.samples.length;
    return Math.min(1, Math.sqrt(power) * 4);
  }

  close() {
    this.context.close().catch(() => {});
  }
}
