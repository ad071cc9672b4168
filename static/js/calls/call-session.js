/**
 * A call in which this page takes part: its media, its connections to the other participants, and the commands to the
 * server. It knows nothing about how the call is shown.
 */
import { api } from "../realtime/api.js";
import { ApiError } from "../realtime/api-error.js";
import { sendCommand } from "../realtime/events.js";
import { uuid } from "../lib/dom.js";
import { describeProblem, openDevice, openScreen, relaySetting } from "./media-devices.js";
import { Peer } from "./peer.js";
import { QualityMeter, worstQuality } from "./quality.js";

/** @typedef {import("../realtime/protocol.js").Call} Call */
/** @typedef {import("./peer.js").Kind} Kind */
/** @typedef {import("./media-devices.js").MediaProblem} MediaProblem */
/** @typedef {{mic: boolean, camera: boolean}} Media what is switched on */

const ALIVE_INTERVAL = 5_000; // ms; the server waits 20 s
const QUALITY_INTERVAL = 2_000; // ms
const NAVIGATION_TIME = 30_000; // ms in which the browser leaves the page after it began to load another one
const RETRY_DELAY = 1_000; // ms until a signal is sent again that could not be sent
export const STORAGE_KEY = "messenger.call"; // in sessionStorage: the call to return to after a reload
/** Video bit rates by number of other participants: together they need about 2 Mbit/s upwards. @type {Record<number, number>} */
const VIDEO_BITRATES = { 1: 2_000_000, 2: 900_000, 3: 600_000 };

export class CallSession {
  device = uuid();
  /** @type {Map<number, Peer>} by user id */
  peers = new Map();
  /** @type {{audio: MediaStreamTrack | null, video: MediaStreamTrack | null}} */
  tracks = { audio: null, video: null };
  /** @type {MediaStreamTrack | null} */
  screen = null;
  /** @type {Partial<Record<Kind, MediaProblem>>} why a device is off although the user wants it */
  problems = {};
  /** @type {import("./quality.js").Quality} */
  quality = "good";
  hasEnded = false;
  /** Why the call ended on this page, beside the reason of the call: `moved` to another device, `lost`. */
  endCause = "";
  #iceServers = /** @type {RTCIceServer[]} */ ([]);
  #iceExpiresAt = 0;
  #abortController = new AbortController();
  #navigatedAt = 0; // when the browser last began to load another page here
  /** @type {Map<number, QualityMeter>} */
  #meters = new Map();
  /** @type {number[]} */
  #timers = [];
  /** Signals that arrived before the answer of the server. @type {(() => void)[]} */
  #early = [];

  /**
   * @param {object} options
   * @param {number} options.userId of the current user
   * @param {() => void} options.onChange called after each change of the call, its connections or its media
   */
  constructor({ userId, onChange }) {
    this.userId = userId;
    this.onChange = onChange;
    /** @type {Call | null} */
    this.call = null;
  }

  // ── Media ───
  get isMicOn() {
    return this.tracks.audio?.enabled === true;
  }

  get isCameraOn() {
    return this.tracks.video !== null && this.screen === null;
  }

  /**
   * Opens microphone and camera as far as possible; `problems` says what is missing.
   * @param {Media} media
   * @param {import("./peer.js").Tracks} opened tracks that are open already
   */
  async openMedia({ mic, camera }, opened) {
    await Promise.all([mic ? this.#open("audio", opened.audio) : null, camera ? this.#open("video", opened.video) : null]);
  }

  /** @param {Kind} kind @param {MediaStreamTrack | null} [opened] */
  async #open(kind, opened = null) {
    try {
      const track = opened ?? (await openDevice(kind));
      if (this.hasEnded) return track.stop();
      delete this.problems[kind];
      track.onended = () => this.#handleLostDevice(kind, track); // unplugged, or the permission was taken back
      this.tracks[kind]?.stop();
      this.tracks[kind] = track;
      if (kind === "audio" || !this.screen) await this.#sendTrack(kind, track);
    } catch (error) {
      this.problems[kind] = describeProblem(error);
    }
    this.#tellState();
  }

  /** @param {Kind} kind @param {MediaStreamTrack} track */
  #handleLostDevice(kind, track) {
    if (this.tracks[kind] !== track) return;
    this.problems[kind] = "missing";
    this.tracks[kind] = null;
    if (kind === "audio" || !this.screen) this.#sendTrack(kind, null);
    this.#tellState();
  }

  async toggleMic() {
    const { audio } = this.tracks;
    if (audio) audio.enabled = !audio.enabled;
    else await this.#open("audio");
    this.#tellState();
  }

  async toggleCamera() {
    if (this.screen) await this.stopScreen();
    if (!this.tracks.video) return this.#open("video");
    this.tracks.video.onended = null;
    this.tracks.video.stop(); // switches the light of the camera off
    this.tracks.video = null;
    await this.#sendTrack("video", null);
    return this.#tellState();
  }

  /** Opens the device that was chosen, if one of its kind is in use. @param {Kind} kind */
  async reopen(kind) {
    if (!this.tracks[kind]) return;
    const isMuted = kind === "audio" && !this.isMicOn;
    await this.#open(kind);
    if (isMuted && this.tracks.audio) this.tracks.audio.enabled = false;
    this.#tellState();
  }

  /** @returns {Promise<boolean>} false if the user has chosen no screen */
  async shareScreen() {
    try {
      const screen = await openScreen();
      if (this.hasEnded) {
        screen.stop();
        return false;
      }
      this.screen = screen;
    } catch {
      return false;
    }
    this.screen.onended = () => this.stopScreen();
    await this.#sendTrack("video", this.screen);
    this.#tellState();
    return true;
  }

  async stopScreen() {
    const { screen } = this;
    this.screen = null;
    screen?.stop();
    await this.#sendTrack("video", this.tracks.video);
    this.#tellState();
  }

  /** @param {Kind} kind @param {MediaStreamTrack | null} track */
  async #sendTrack(kind, track) {
    await Promise.all([...this.peers.values()].map((peer) => peer.setTrack(kind, track)));
  }

  /** The tracks that are sent at the moment. */
  get #sentTracks() {
    const session = this;
    return {
      get audio() {
        return session.tracks.audio;
      },
      get video() {
        return session.screen ?? session.tracks.video;
      },
    };
  }

  #tellState() {
    for (const peer of this.peers.values()) peer.tellState();
    this.#remember();
    this.onChange();
  }

  // ── Beginning and end ───
  /** Calls the other members of a conversation. @param {number} conversationId @param {"audio" | "video"} media */
  async invite(conversationId, media) {
    await this.#enter("call.invite", { conversation_id: conversationId, media });
  }

  /** Answers or joins a call, or returns to it. @param {number} callId */
  async accept(callId) {
    await this.#enter("call.accept", { call_id: callId });
  }

  /** @param {string} type @param {object} payload */
  async #enter(type, payload) {
    this.#begin(); // first, because an offer may arrive before the answer of the server
    try {
      const [answer] = await Promise.all([sendCommand(type, { ...payload, device: this.device }), this.#loadIceServers()]);
      if (this.hasEnded) {
        // The user has hung up before the server answered.
        sendCommand("call.hangup", { call_id: answer.call.id, device: this.device }).catch(() => {});
        return;
      }
      this.update(answer.call);
      for (const receive of this.#early.splice(0)) receive();
    } catch (error) {
      this.#close();
      throw error;
    }
  }

  #begin() {
    const { signal } = this.#abortController;
    /** @param {string} type @param {(detail: any) => void} handler */
    const on = (type, handler) => document.addEventListener(`live:${type}`, (event) => handler(/** @type {CustomEvent} */ (event).detail), { signal });
    /** @param {string} type @param {(event: any) => void} receive */
    const onSignal = (type, receive) => on(type, (event) => (this.call ? receive(event) : this.#early.push(() => receive(event))));
    onSignal("call.offer", (event) => this.#receiveDescription("offer", event));
    onSignal("call.answer", (event) => this.#receiveDescription("answer", event));
    onSignal("call.candidate", (event) => this.#findPeer(event)?.receiveCandidates(event.candidates));
    on("state", ({ state }) => state === "open" && this.#handleSocketRestored());
    for (const type of ["online", "pageshow"]) addEventListener(type, () => this.#restartAll(), { signal });
    // A change of the network, for example from Wi-Fi to mobile data.
    /** @type {any} */ (navigator).connection?.addEventListener?.("change", () => this.#restartAll(), { signal });
    addEventListener("pagehide", () => this.#handlePageHide(), { signal });
    // A reload, or a link that the browser follows: the page returns to the call.
    /** @type {any} */ (globalThis).navigation?.addEventListener(
      "navigate",
      (/** @type {any} */ event) => {
        if (!event.destination.sameDocument && !event.downloadRequest) this.#navigatedAt = Date.now();
      },
      { signal },
    );
    this.#timers.push(window.setInterval(() => this.#reportAlive(), ALIVE_INTERVAL));
    this.#timers.push(window.setInterval(() => this.#measureQuality(), QUALITY_INTERVAL));
  }

  async hangUp() {
    const { call } = this;
    if (!call || this.hasEnded) return this.#end();
    this.#end();
    await sendCommand("call.hangup", { call_id: call.id, device: this.device }).catch(() => {}); // the server notices after 20 s
  }

  /** @param {string} [cause] */
  #end(cause = "") {
    if (this.hasEnded) return;
    this.endCause = cause;
    this.#close();
    this.onChange();
  }

  #close() {
    this.hasEnded = true;
    this.#abortController.abort();
    for (const timer of this.#timers) clearInterval(timer);
    for (const peer of this.peers.values()) peer.close();
    this.peers.clear();
    for (const track of [this.tracks.audio, this.tracks.video, this.screen]) {
      if (track) track.onended = null;
      track?.stop();
    }
    this.tracks.audio = this.tracks.video = this.screen = null;
    try {
      sessionStorage.removeItem(STORAGE_KEY);
    } catch {
      // Forbidden; there was nothing to return to.
    }
  }

  /**
   * Tells the server that this page is being closed, unless it goes to another page of the site. Otherwise the others
   * would see this user for another 20 s. Browsers without the Navigation API cannot tell the two apart.
   */
  #handlePageHide() {
    this.#remember();
    const isReturning = !("navigation" in globalThis) || Date.now() - this.#navigatedAt < NAVIGATION_TIME;
    if (!this.call || this.hasEnded || isReturning) return;
    api("POST", `calls/${this.call.id}/leaving/`, { device: this.device }, { keepalive: true }).catch(() => {});
  }

  /** Remembers the call, so that the page returns to it after a reload. */
  #remember() {
    if (this.hasEnded || !this.call) return;
    const entry = { callId: this.call.id, mic: this.isMicOn, camera: this.tracks.video !== null, at: Date.now() };
    try {
      sessionStorage.setItem(STORAGE_KEY, JSON.stringify(entry));
    } catch {
      // Forbidden: a reload ends the call.
    }
  }

  // ── The state of the call, as the server knows it ───
  /** @param {Call} call */
  update(call) {
    if (this.hasEnded || (this.call && (call.id !== this.call.id || call.version < this.call.version))) return;
    this.call = call;
    this.#remember();
    const me = call.participants.find(({ user }) => user.id === this.userId);
    if (call.state === "ended") return this.#end();
    if (me?.state === "joined" && me.device !== this.device) return this.#end("moved");
    if (me?.state !== "joined") return this.#end("lost");
    const joined = call.participants.filter(({ user, state }) => state === "joined" && user.id !== this.userId);
    for (const [userId, peer] of this.peers) {
      if (!joined.some(({ user, device }) => user.id === userId && device === peer.device)) this.#removePeer(userId);
    }
    for (const { user, device } of joined) if (!this.peers.has(user.id)) this.#addPeer(user.id, device);
    for (const peer of this.peers.values()) peer.limitVideo(this.#videoBitrate);
    this.onChange();
  }

  get #videoBitrate() {
    return VIDEO_BITRATES[Math.max(1, this.peers.size)] ?? VIDEO_BITRATES[3];
  }

  /** @param {number} userId @param {string} device */
  #addPeer(userId, device) {
    const to = { call_id: this.call?.id, device: this.device, to_user_id: userId, to_device: device };
    const peer = new Peer({
      userId,
      device,
      configuration: { iceServers: this.#iceServers, iceTransportPolicy: relaySetting.isOn ? "relay" : "all" },
      isInitiator: this.userId < userId,
      tracks: this.#sentTracks,
      getState: () => ({ mic: this.isMicOn, camera: this.isCameraOn, screen: this.screen !== null }),
      sendDescription: (type, sdp) => this.#signal(peer, `call.${type}`, { ...to, sdp }),
      sendCandidates: (candidates) => this.#signal(peer, "call.candidate", { ...to, candidates }),
      onChange: () => {
        if (peer.isConnected) peer.limitVideo(this.#videoBitrate);
        this.onChange();
      },
    });
    this.peers.set(userId, peer);
    this.#meters.set(userId, new QualityMeter(peer.pc));
    return peer;
  }

  /** @param {number} userId */
  #removePeer(userId) {
    this.peers.get(userId)?.close();
    this.peers.delete(userId);
    this.#meters.delete(userId);
  }

  // ── Signals ───
  /**
   * Sends a signal, again and again while the socket is closed or the server is busy. An offer is repeated by the peer
   * itself, with its newest content.
   * @param {Peer} peer @param {string} type @param {object} payload
   */
  async #signal(peer, type, payload) {
    for (let attempt = 0; attempt < 30 && this.peers.get(peer.userId) === peer; attempt += 1) {
      try {
        await sendCommand(type, payload);
        return;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        const isDisconnected = error.code === "disconnected" || error.code === "timeout";
        if (!error.isTemporary && !(isDisconnected && type === "call.candidate")) return;
        await new Promise((resolve) => setTimeout(resolve, Math.max(RETRY_DELAY, (error.retryAfter ?? 0) * 1000)));
      }
    }
  }

  /** @param {{call_id: number, from_user_id: number, from_device: string, to_device: string}} event */
  #findPeer({ call_id, from_user_id, from_device, to_device }) {
    if (call_id !== this.call?.id || to_device !== this.device) return undefined;
    const peer = this.peers.get(from_user_id);
    return peer?.device === from_device ? peer : undefined;
  }

  /** @param {"offer" | "answer"} type @param {import("../realtime/protocol.js").SessionDescriptionEvent} event */
  #receiveDescription(type, event) {
    if (event.call_id !== this.call?.id || event.to_device !== this.device) return;
    let peer = this.#findPeer(event);
    if (!peer && type === "offer") {
      // The offer overtook the event that says that this device has joined.
      this.#removePeer(event.from_user_id);
      peer = this.#addPeer(event.from_user_id, event.from_device);
    }
    peer?.receiveDescription(type, event.sdp);
  }

  // ── Lost and restored connections ───
  async #reportAlive() {
    const { call } = this;
    if (!call || this.hasEnded) return;
    this.#remember();
    try {
      await sendCommand("call.alive", { call_id: call.id, device: this.device });
    } catch (error) {
      if (error instanceof ApiError && error.code === "not_found") await this.#refresh();
    }
  }

  async #handleSocketRestored() {
    await this.#reportAlive();
    await this.#refresh();
    for (const peer of this.peers.values()) peer.handleSocketRestored();
  }

  /** Reads the call from the server, after changes may have been missed. */
  async #refresh() {
    try {
      const { calls } = await sendCommand("call.list");
      const call = calls.find((/** @type {Call} */ each) => each.id === this.call?.id);
      if (call) this.update(call);
      else this.#end("lost");
    } catch {
      // The socket is closed again.
    }
  }

  async #restartAll() {
    await this.#loadIceServers();
    for (const peer of this.peers.values()) {
      peer.pc.setConfiguration({ ...peer.pc.getConfiguration(), iceServers: this.#iceServers });
      if (peer.connectedAt) peer.restart();
    }
  }

  async #loadIceServers() {
    if (Date.now() < this.#iceExpiresAt) return;
    try {
      const { ice_servers, ttl } = await api("GET", "calls/ice/");
      this.#iceServers = ice_servers.map((/** @type {RTCIceServer} */ { urls, username, credential }) => (username ? { urls, username, credential } : { urls }));
      this.#iceExpiresAt = Date.now() + ttl * 500;
    } catch {
      // Without servers, calls inside one network still work.
    }
  }

  /** Whether the site has a TURN server. */
  get hasRelay() {
    return this.#iceServers.some(({ username }) => username);
  }

  async #measureQuality() {
    const connected = [...this.#meters].filter(([userId]) => this.peers.get(userId)?.isConnected);
    const ratings = await Promise.all(connected.map(([, meter]) => meter.measure().catch(() => /** @type {const} */ ("good"))));
    const quality = worstQuality(ratings);
    if (quality === this.quality) return;
    this.quality = quality;
    this.onChange();
  }
}
