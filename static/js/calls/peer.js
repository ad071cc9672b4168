/**
 * The WebRTC connection to one other participant of a call. Offers and answers are exchanged as in "perfect negotiation"
 * (W3C WebRTC, section 10.7): both sides may offer at any time, and the polite side gives way.
 *
 * Audio and video have one transceiver each for the whole call. Switching the microphone, the camera or the screen only
 * replaces a track, so only a lost network needs a new negotiation.
 */

import { FileTransfers } from "./file-transfer.js";

/** @typedef {import("../realtime/protocol.js").Candidate} Candidate */
/** @typedef {"audio" | "video"} Kind */
/** @typedef {{audio: MediaStreamTrack | null, video: MediaStreamTrack | null}} Tracks */
/** @typedef {{mic: boolean, camera: boolean, screen: boolean}} PeerState what a participant sends at the moment */

const WATCH_INTERVAL = 1_000; // ms
const RESEND_AFTER = 4_000; // ms without an answer; the offer or the answer may be lost with a socket
const RESTART_AFTER = 2_000; // ms without a connection
const RESTART_INTERVAL = 5_000; // ms between two tries to find a new way through the network
const CANDIDATE_DELAY = 30; // ms in which candidates are collected

export class Peer {
  /** Of the other participant: tracks arrive and are muted, but the stream stays. */
  stream = new MediaStream();
  /** @type {PeerState} */
  remoteState = { mic: true, camera: false, screen: false };
  /** When the connection was first established, in ms of `performance.now()`. */
  connectedAt = 0;
  #isMakingOffer = false;
  #ignoresOffer = false;
  /** @type {Promise<void>} */
  #queue = Promise.resolve();
  /** @type {Candidate[]} */
  #candidates = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #candidateTimer;
  #describedAt = 0;
  #lostAt = 0;
  #restartedAt = 0;

  /**
   * @param {object} options
   * @param {number} options.userId of the other participant
   * @param {string} options.device of the other participant
   * @param {RTCConfiguration} options.configuration
   * @param {boolean} options.isInitiator makes the first offer, and is the impolite side
   * @param {Tracks} options.tracks of this device; the caller keeps them current
   * @param {() => PeerState} options.getState what this device sends
   * @param {(type: "offer" | "answer", sdp: string) => void} options.sendDescription
   * @param {(candidates: Candidate[]) => void} options.sendCandidates
   * @param {() => void} options.onChange
   */
  constructor({ userId, device, configuration, isInitiator, tracks, getState, sendDescription, sendCandidates, onChange }) {
    Object.assign(this, { userId, device });
    this.userId = userId;
    this.device = device;
    this.isInitiator = isInitiator;
    this.tracks = tracks;
    this.getState = getState;
    this.sendDescription = sendDescription;
    this.sendCandidates = sendCandidates;
    this.onChange = onChange;
    const pc = (this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle", ...configuration }));
    pc.ontrack = ({ track }) => {
      this.stream.addTrack(track);
      track.onmute = track.onunmute = onChange;
      onChange();
    };
    pc.onnegotiationneeded = () => this.#offer();
    pc.onicecandidate = ({ candidate }) => candidate && this.#collectCandidate(candidate);
    pc.onconnectionstatechange = () => this.#handleState();
    this.channel = pc.createDataChannel("state", { negotiated: true, id: 0 });
    this.channel.onopen = () => this.tellState();
    this.channel.onmessage = ({ data }) => this.#receiveState(data);
    this.files = new FileTransfers(pc.createDataChannel("files", { negotiated: true, id: 1 }), onChange);
    if (isInitiator) {
      for (const kind of /** @type {Kind[]} */ (["audio", "video"])) pc.addTransceiver(tracks[kind] ?? kind, { direction: "sendrecv" });
    }
    this.watchTimer = setInterval(() => this.#watch(), WATCH_INTERVAL);
  }

  get isConnected() {
    return this.pc.connectionState === "connected";
  }

  /** Whether the connection existed and is lost. */
  get isReconnecting() {
    return this.connectedAt > 0 && !this.isConnected;
  }

  close() {
    clearInterval(this.watchTimer);
    clearTimeout(this.#candidateTimer);
    this.pc.onconnectionstatechange = this.pc.onnegotiationneeded = this.pc.ontrack = this.pc.onicecandidate = null;
    this.pc.close();
  }

  // ── Offers and answers ───
  async #offer() {
    if (!this.isInitiator && !this.pc.remoteDescription) return; // the other side makes the first offer
    try {
      this.#isMakingOffer = true;
      await this.pc.setLocalDescription();
      this.#describe();
    } catch {
      // The connection was closed meanwhile.
    } finally {
      this.#isMakingOffer = false;
    }
  }

  #describe() {
    const description = this.pc.localDescription;
    if (!description) return;
    this.#describedAt = performance.now();
    this.sendDescription(description.type === "offer" ? "offer" : "answer", description.sdp);
  }

  /** @param {"offer" | "answer"} type @param {string} sdp */
  receiveDescription(type, sdp) {
    this.#enqueue(() => this.#applyDescription(type, sdp));
  }

  /** @param {Candidate[]} candidates */
  receiveCandidates(candidates) {
    this.#enqueue(async () => {
      for (const candidate of candidates) {
        // A candidate of an offer that was ignored, or of an earlier restart, is refused.
        await this.pc.addIceCandidate(candidate).catch(() => {});
      }
    });
  }

  /** Runs tasks one after the other. @param {() => Promise<void>} task */
  #enqueue(task) {
    this.#queue = this.#queue.then(task).catch(() => {}); // fails only if the connection was closed, or the SDP is bad
  }

  /** @param {"offer" | "answer"} type @param {string} sdp */
  async #applyDescription(type, sdp) {
    const { pc } = this;
    const collides = type === "offer" && (this.#isMakingOffer || pc.signalingState !== "stable");
    this.#ignoresOffer = this.isInitiator && collides;
    if (this.#ignoresOffer) return;
    if (type === "answer" && pc.signalingState !== "have-local-offer") return; // it came twice
    await pc.setRemoteDescription({ type, sdp });
    if (type === "answer") return;
    for (const transceiver of pc.getTransceivers()) {
      transceiver.direction = "sendrecv";
      await transceiver.sender.replaceTrack(this.tracks[/** @type {Kind} */ (transceiver.receiver.track.kind)]);
    }
    await pc.setLocalDescription();
    this.#describe();
  }

  /** @param {RTCIceCandidate} candidate */
  #collectCandidate({ candidate, sdpMid, sdpMLineIndex, usernameFragment }) {
    this.#candidates.push({ candidate, sdpMid, sdpMLineIndex, usernameFragment });
    this.#candidateTimer ??= setTimeout(() => {
      this.#candidateTimer = undefined;
      while (this.#candidates.length) this.sendCandidates(this.#candidates.splice(0, 20));
    }, CANDIDATE_DELAY);
  }

  // ── Lost connections ───
  #handleState() {
    const { connectionState } = this.pc;
    if (connectionState === "connected") {
      this.connectedAt ||= performance.now();
      this.#lostAt = 0;
    } else if (connectionState === "disconnected" || connectionState === "failed") {
      this.#lostAt ||= performance.now();
    }
    this.onChange();
  }

  #watch() {
    const now = performance.now();
    const { pc } = this;
    if (pc.signalingState === "have-local-offer" && now - this.#describedAt > RESEND_AFTER) this.#describe();
    if (this.#lostAt && now - this.#lostAt > RESTART_AFTER && now - this.#restartedAt > RESTART_INTERVAL) this.restart();
  }

  /** Looks for a new way through the network (ICE restart). */
  restart() {
    if (!this.pc.remoteDescription || this.pc.signalingState !== "stable") return;
    this.#restartedAt = performance.now();
    this.pc.restartIce();
  }

  /** Called after the socket is back: what was sent meanwhile is lost. */
  handleSocketRestored() {
    if (this.pc.signalingState === "have-local-offer") this.#describe();
    else if (!this.isConnected && this.connectedAt) this.restart();
  }

  // ── Media ───
  /** Sends another track, or nothing. @param {Kind} kind @param {MediaStreamTrack | null} track */
  async setTrack(kind, track) {
    const transceiver = this.pc.getTransceivers().find(({ receiver }) => receiver.track.kind === kind);
    await transceiver?.sender.replaceTrack(track).catch(() => {});
  }

  /** Limits the video, so that several connections share the line. @param {number} bitsPerSecond */
  async limitVideo(bitsPerSecond) {
    const sender = this.pc.getTransceivers().find(({ receiver }) => receiver.track.kind === "video")?.sender;
    const parameters = sender?.getParameters();
    if (!sender || !parameters?.encodings?.length || parameters.encodings[0].maxBitrate === bitsPerSecond) return;
    parameters.encodings[0].maxBitrate = bitsPerSecond;
    await sender.setParameters(parameters).catch(() => {});
  }

  /** Tells the other participant whether microphone, camera and screen are on. */
  tellState() {
    if (this.channel.readyState === "open") this.channel.send(JSON.stringify(this.getState()));
  }

  /** @param {string} data */
  #receiveState(data) {
    try {
      const { mic, camera, screen } = JSON.parse(data);
      this.remoteState = { mic: mic === true, camera: camera === true, screen: screen === true };
      this.onChange();
    } catch {
      // Not from this application.
    }
  }

  /** The loudness of the other participant at the moment, from 0 to 1. */
  get level() {
    const receiver = this.pc.getReceivers().find(({ track }) => track.kind === "audio");
    return Math.max(0, ...(receiver?.getSynchronizationSources?.() ?? []).map(({ audioLevel = 0 }) => audioLevel));
  }
}
