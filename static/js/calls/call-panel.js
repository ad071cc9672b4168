/** Shows the call in which this page takes part: a tile for each participant, the state of the connection, and tools. */
import { createAvatar, clone, find, findAll, fillSlot, words } from "../lib/dom.js";
import { DeviceMenu } from "./device-menu.js";
import { FileCards } from "./file-cards.js";
import { formatDuration } from "./duration.js";
import { getChosenDevices } from "./media-devices.js";
import { startRinging } from "./ringtone.js";

/** @typedef {import("./call-session.js").CallSession} CallSession */
/** @typedef {import("../realtime/protocol.js").User} User */
/** @typedef {import("./peer.js").PeerState} PeerState */
/** @typedef {{user: User, stream: MediaStream | null, state: PeerState, isOwn: boolean, isLost: boolean}} TileView */

const SPEAKING_INTERVAL = 250; // ms
const SPEAKING_LEVEL = 0.02;
const BLOCKED_AFTER = 15_000; // ms without a connection until the panel says that a network may block calls
const SPEAKER_DELAY = 1_500; // ms that somebody else must speak until the large picture changes

export class CallPanel {
  #timer = 0;
  /** Sound that the caller hears while it rings. */
  #stopRingback = () => {};
  #isRingingBack = false;
  /** Since when the panel shows "Connecting…", in ms; 0: it does not. */
  #connectingSince = 0;
  /** The user in the large picture of the speaker view. */
  #speakerId = 0;
  #speakerSince = 0;

  /**
   * @param {object} options
   * @param {CallSession} options.session
   * @param {"audio" | "video"} options.media
   * @param {string} options.title of the conversation
   * @param {number} options.conversationId
   */
  constructor({ session, media, title, conversationId }) {
    const element = clone("call-panel-template");
    if (!element) throw new Error("The page has no template for calls.");
    this.session = session;
    this.element = element;
    this.stage = /** @type {HTMLElement} */ (find(element, "[data-part=stage]"));
    fillSlot(element, "title", title);
    const link = find(element, "[data-part=conversation]");
    link?.setAttribute("href", `/c/${conversationId}/`);
    element.dataset.media = media;
    this.menu = new DeviceMenu(find(element, "[data-part=devices]"), (kind) => this.#changeDevice(kind));
    this.files = new FileCards(find(element, "[data-part=files]"), () => [...session.peers.values()][0]?.files);
    element.addEventListener("click", (event) => this.#handleClick(event));
    document.addEventListener("fullscreenchange", this.#renderTools);
    document.body.append(element);
    const isPhone = matchMedia("(max-width: 640px)").matches;
    this.setSize(media === "video" || isPhone ? "large" : "small");
    this.#timer = window.setInterval(() => this.#tick(), SPEAKING_INTERVAL);
    this.render();
    element.focus({ preventScroll: true });
  }

  close() {
    clearInterval(this.#timer);
    this.#stopRingback();
    document.removeEventListener("fullscreenchange", this.#renderTools);
    if (document.fullscreenElement === this.element) document.exitFullscreen().catch(() => {});
    this.element.remove();
  }

  /** @param {"large" | "small"} size */
  setSize(size) {
    this.element.dataset.size = size;
  }

  // ── What is shown ───
  render() {
    const views = this.#listViews();
    const ids = new Set(views.map(({ user }) => String(user.id)));
    for (const tile of findAll(this.stage, ".call-tile")) if (!ids.has(tile.dataset.userId ?? "")) tile.remove();
    for (const view of views) this.#renderTile(view);
    const others = views.filter(({ isOwn }) => !isOwn);
    this.element.dataset.others = String(others.length);
    this.#renderSpeaker(others);
    this.#renderStatus();
    this.#renderTools();
    this.#renderRingback();
    this.files.render();
  }

  /** @returns {TileView[]} */
  #listViews() {
    const { call, userId, peers, tracks, screen, isMicOn, isCameraOn } = this.session;
    const ownTrack = screen ?? tracks.video;
    const own = { mic: isMicOn, camera: isCameraOn, screen: screen !== null };
    const shown = call?.participants.filter(({ user, state }) => state === "joined" || (call.state === "ringing" && state === "ringing" && user.id !== userId)) ?? [];
    return shown.map(({ user }) => {
      if (user.id === userId) {
        return { user, stream: ownTrack ? new MediaStream([ownTrack]) : null, state: own, isOwn: true, isLost: false };
      }
      const peer = peers.get(user.id);
      const state = peer?.remoteState ?? { mic: true, camera: false, screen: false };
      return { user, stream: peer?.stream ?? null, state, isOwn: false, isLost: peer?.isReconnecting ?? false };
    });
  }

  /** @param {TileView} view */
  #renderTile({ user, stream, state, isOwn, isLost }) {
    let tile = find(this.stage, `.call-tile[data-user-id="${user.id}"]`);
    if (!tile) {
      tile = clone("call-tile-template");
      if (!tile) return;
      tile.dataset.userId = String(user.id);
      find(tile, "[data-part=face]")?.replaceChildren(createAvatar(user, "xl"));
      fillSlot(tile, "name", isOwn ? words("name-words").you ?? user.name : user.name);
      this.stage.append(tile);
    }
    const hasPicture = state.camera || state.screen;
    for (const [name, isSet] of Object.entries({ own: isOwn, picture: hasPicture, screen: state.screen, muted: !state.mic, lost: isLost })) {
      tile.classList.toggle(name, isSet);
    }
    const video = /** @type {HTMLVideoElement} */ (find(tile, "video"));
    video.muted = isOwn;
    if (isOwn ? !isSameStream(video.srcObject, stream) : video.srcObject !== stream) {
      video.srcObject = stream;
      if (stream) this.#play(video);
    }
    const { speaker } = getChosenDevices();
    if (!isOwn && speaker && "setSinkId" in video && video.sinkId !== speaker) video.setSinkId(speaker).catch(() => {});
  }

  /** After a reload without a gesture, browsers may refuse to play sound. @param {HTMLVideoElement} video */
  #play(video) {
    video.play().catch((error) => {
      const button = find(this.element, "[data-act=sound]");
      if (error.name === "NotAllowedError" && button) button.hidden = false;
    });
  }

  #renderStatus() {
    const { call, peers, quality, problems } = this.session;
    const statusWords = words("call-words");
    const connected = [...peers.values()].filter((peer) => peer.isConnected).length;
    const isReconnecting = [...peers.values()].some((peer) => peer.isReconnecting);
    let key = "";
    if (!call) key = "starting";
    else if (call.state === "ringing") key = call.participants.some(({ rang }) => rang) ? "ringing" : "calling";
    else if (isReconnecting) key = "reconnecting";
    else if (!peers.size) key = "alone";
    else if (!connected) key = "connecting";
    this.#connectingSince = key === "connecting" ? this.#connectingSince || performance.now() : 0;
    if (this.#connectingSince && performance.now() - this.#connectingSince > BLOCKED_AFTER) key = "blocked";
    this.element.dataset.state = key || "connected"; // read by tests
    const status = find(this.element, "[data-part=status]");
    const text = key ? statusWords[key] ?? "" : "";
    if (status && status.textContent !== text) status.textContent = text;
    const clock = find(this.element, "[data-part=clock]");
    if (clock) clock.hidden = key !== "";
    const meter = find(this.element, "[data-part=quality]");
    if (meter) {
      meter.hidden = connected === 0;
      meter.dataset.quality = quality;
      meter.title = statusWords[`quality-${quality}`.replace(/-(\w)/, (_, letter) => letter.toUpperCase())] ?? "";
      fillSlot(meter, "quality", meter.title);
    }
    for (const notice of findAll(this.element, "[data-problem]")) {
      notice.hidden = !Object.entries(problems).some(([kind, problem]) => notice.dataset.problem === `${kind}-${problem}`);
    }
    const limit = find(this.element, "[data-part=full]");
    if (limit) limit.hidden = (call?.participants.filter(({ state }) => state === "joined").length ?? 0) < 4;
  }

  #renderTools = () => {
    const { isMicOn, isCameraOn, screen, hasRelay } = this.session;
    /** @param {string} act @param {boolean} isPressed */
    const press = (act, isPressed) => find(this.element, `[data-act=${act}]`)?.setAttribute("aria-pressed", String(isPressed));
    press("mic", !isMicOn);
    press("camera", !isCameraOn);
    press("screen", screen !== null);
    press("full", document.fullscreenElement === this.element);
    press("speaker", this.element.dataset.layout === "speaker");
    /** @param {string} selector @param {boolean} isHidden */
    const hide = (selector, isHidden) => {
      for (const part of findAll(this.element, selector)) part.hidden = isHidden;
    };
    hide("[data-act=screen]", !("getDisplayMedia" in (navigator.mediaDevices ?? {})));
    hide("[data-act=full]", !document.fullscreenEnabled);
    hide("[data-act=pip]", !document.pictureInPictureEnabled || !find(this.stage, ".call-tile.picture:not(.own)"));
    hide("[data-act=speaker]", Number(this.element.dataset.others) < 2);
    hide("[data-part=relay]", !hasRelay);
    const peers = [...this.session.peers.values()];
    hide("[data-act=file]", peers.length !== 1 || !peers[0].files.isOpen); // only between two people
  };

  #renderRingback() {
    const { call, userId } = this.session;
    const isRinging = call?.state === "ringing" && call.caller_id === userId;
    if (isRinging === this.#isRingingBack) return;
    this.#isRingingBack = isRinging;
    if (isRinging) this.#stopRingback = startRinging(0.04);
    else this.#stopRingback();
  }

  // ── Who speaks ───
  #tick() {
    const { call, peers } = this.session;
    const clock = find(this.element, "[data-part=clock]");
    if (clock && call?.answered_at) clock.textContent = formatDuration(Date.now() - Date.parse(call.answered_at));
    if (this.#connectingSince) this.#renderStatus();
    let loudest = { id: 0, level: SPEAKING_LEVEL };
    for (const [userId, peer] of peers) {
      const { level } = peer;
      find(this.stage, `.call-tile[data-user-id="${userId}"]`)?.classList.toggle("speaking", level > SPEAKING_LEVEL);
      if (level > loudest.level) loudest = { id: userId, level };
    }
    if (!loudest.id || loudest.id === this.#speakerId || performance.now() - this.#speakerSince < SPEAKER_DELAY) return;
    this.#speakerId = loudest.id;
    this.#speakerSince = performance.now();
    this.#renderSpeaker(this.#listViews().filter(({ isOwn }) => !isOwn));
  }

  /** Puts a shared screen, or else the loudest participant, into the large picture. @param {TileView[]} others */
  #renderSpeaker(others) {
    const sharing = others.find(({ state }) => state.screen);
    if (sharing && !this.element.dataset.layout) this.element.dataset.layout = "speaker";
    const speaker = sharing ?? others.find(({ user }) => user.id === this.#speakerId) ?? others[0];
    for (const tile of findAll(this.stage, ".call-tile")) {
      tile.classList.toggle("speaker", tile.dataset.userId === String(speaker?.user.id));
    }
  }

  // ── Tools ───
  /** @param {"audio" | "video" | "speaker"} kind */
  #changeDevice(kind) {
    if (kind === "speaker") this.render();
    else this.session.reopen(kind);
  }

  /** @param {Event} event */
  #handleClick(event) {
    const { session } = this;
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-act]"));
    switch (button?.dataset.act) {
      case "mic": return session.toggleMic();
      case "camera": return session.toggleCamera();
      case "screen": return session.screen ? session.stopScreen() : session.shareScreen();
      case "hangup": return session.hangUp();
      case "size": return this.setSize(this.element.dataset.size === "large" ? "small" : "large");
      case "devices": return this.menu.render();
      case "speaker":
        this.element.dataset.layout = this.element.dataset.layout === "speaker" ? "grid" : "speaker";
        return this.#renderTools();
      case "full":
        return document.fullscreenElement ? document.exitFullscreen() : this.element.requestFullscreen().catch(() => {});
      case "file": return this.files.choose();
      case "pip": return this.#togglePictureInPicture();
      case "sound":
        button.hidden = true;
        for (const video of /** @type {HTMLVideoElement[]} */ (findAll(this.stage, "video"))) video.play().catch(() => {});
        return undefined;
      default: return undefined;
    }
  }

  async #togglePictureInPicture() {
    if (document.pictureInPictureElement) return document.exitPictureInPicture();
    const video = /** @type {HTMLVideoElement | null} */ (find(this.stage, ".call-tile.speaker.picture video, .call-tile.picture:not(.own) video"));
    return video?.requestPictureInPicture().catch(() => {});
  }
}

/** @param {MediaProvider | null} current @param {MediaStream | null} next */
function isSameStream(current, next) {
  const [track] = current instanceof MediaStream ? current.getTracks() : [];
  return track === next?.getTracks()[0];
}
