/** The dialog before a call: a preview of the camera, the level of the microphone, and the choice of devices. */
import { clone, find, findAll, words } from "../lib/dom.js";
import { DeviceMenu } from "./device-menu.js";
import { describeProblem, findObstacle, LevelMeter, openDevice } from "./media-devices.js";

/** @typedef {import("./peer.js").Kind} Kind */

export class CallLobby {
  /** @type {Record<Kind, MediaStreamTrack | null>} */
  #tracks = { audio: null, video: null };
  /** @type {LevelMeter | null} */
  #meter = null;
  #frame = 0;
  /** Devices that cannot be used. @type {Set<Kind>} */
  #problems = new Set();
  #isClosed = false;

  /**
   * @param {object} options
   * @param {"audio" | "video"} options.media
   * @param {boolean} options.isJoining whether the call exists already
   * @param {(choice: {mic: boolean, camera: boolean, tracks: import("./peer.js").Tracks}) => void} options.onReady
   * @param {() => void} options.onClose
   */
  constructor({ media, isJoining, onReady, onClose }) {
    this.onReady = onReady;
    this.onClose = onClose;
    this.camera = media === "video";
    const dialog = clone("call-lobby-template");
    if (!(dialog instanceof HTMLDialogElement)) throw new Error("The page has no template for the lobby.");
    this.dialog = dialog;
    this.video = /** @type {HTMLVideoElement} */ (find(dialog, "video"));
    const lobbyWords = words("call-words");
    const start = find(dialog, "[data-act=start] span");
    if (start && isJoining) start.textContent = lobbyWords.join ?? "";
    const heading = find(dialog, "h2");
    if (heading) heading.textContent = (media === "video" ? lobbyWords.video : lobbyWords.voice) ?? "";
    this.menu = new DeviceMenu(find(dialog, "[data-part=devices]"), (kind) => this.#reopen(kind));
    dialog.addEventListener("close", () => this.#release());
    dialog.addEventListener("click", (event) => this.#handleClick(event));
    document.body.append(dialog);
    dialog.showModal();
    this.#start();
  }

  async #start() {
    const obstacle = findObstacle();
    if (obstacle) return this.#showProblem(obstacle, true);
    await this.#reopen("audio");
    if (this.camera) await this.#reopen("video");
    this.#render();
  }

  /** @param {Kind | "speaker"} kind */
  async #reopen(kind) {
    if (kind === "speaker") return;
    this.#tracks[kind]?.stop();
    this.#tracks[kind] = null;
    try {
      const track = await openDevice(kind);
      if (this.#isClosed) return track.stop();
      this.#tracks[kind] = track;
      this.#hideProblem(kind);
      if (kind === "audio") this.#measure(track);
    } catch (error) {
      this.#problems.add(kind);
      this.#showProblem(`${kind}-${describeProblem(error)}`);
    }
    this.#render();
  }

  #render() {
    if (this.#isClosed) return;
    const { video } = this.#tracks;
    this.video.srcObject = video ? new MediaStream([video]) : null;
    this.dialog.classList.toggle("has-picture", video !== null);
    const button = find(this.dialog, "[data-act=camera]");
    button?.setAttribute("aria-pressed", String(this.camera));
    this.menu.render().catch(() => {});
  }

  /** @param {MediaStreamTrack} track */
  #measure(track) {
    this.#meter?.close();
    const meter = (this.#meter = new LevelMeter(track));
    const element = /** @type {HTMLMeterElement | null} */ (find(this.dialog, "meter"));
    const draw = () => {
      if (this.#meter !== meter || !element) return;
      element.value = meter.level;
      this.#frame = requestAnimationFrame(draw);
    };
    cancelAnimationFrame(this.#frame);
    draw();
  }

  /** @param {string} problem @param {boolean} [isFatal] no call is possible */
  #showProblem(problem, isFatal = false) {
    for (const notice of findAll(this.dialog, "[data-problem]")) {
      if (notice.dataset.problem === problem) notice.hidden = false;
    }
    if (isFatal) find(this.dialog, "[data-act=start]")?.setAttribute("disabled", "");
  }

  /** @param {Kind} kind */
  #hideProblem(kind) {
    this.#problems.delete(kind);
    for (const notice of findAll(this.dialog, `[data-problem^="${kind}-"]`)) notice.hidden = true;
  }

  /** @param {Event} event */
  async #handleClick(event) {
    const act = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-act]"))?.dataset.act;
    if (act === "close" || event.target === this.dialog) this.close();
    if (act === "camera") {
      this.camera = !this.camera;
      if (this.camera) return this.#reopen("video");
      this.#tracks.video?.stop();
      this.#tracks.video = null;
      this.#hideProblem("video");
      this.#render();
    }
    if (act === "start") {
      // The call takes over the open devices: some browsers would ask the user again. It opens those that are missing.
      const tracks = this.#tracks;
      this.#tracks = { audio: null, video: null };
      const choice = { mic: !this.#problems.has("audio"), camera: this.camera && !this.#problems.has("video"), tracks };
      this.close();
      this.onReady(choice);
    }
  }

  close() {
    this.dialog.close();
  }

  #release() {
    this.#isClosed = true;
    this.#meter?.close();
    this.#meter = null;
    for (const track of Object.values(this.#tracks)) track?.stop();
    this.dialog.remove();
    this.onClose();
  }
}
