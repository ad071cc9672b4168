/**
 * Knows all calls in progress in the conversations of the user, and shows them: a ring, the bar in the conversation,
 * the lobby before a call, and the panel of the call in which this page takes part.
 */
import { ApiError } from "../realtime/api-error.js";
import { sendCommand } from "../realtime/events.js";
import { clone, cloneAll, createAvatar, fillSlot, find, findAll, words } from "../lib/dom.js";
import { parsePage } from "../lib/trusted-html.js";
import { showErrorToast, showTextToast } from "../ui/toast-stack.js";
import { CallPanel } from "./call-panel.js";
import { CallSession, STORAGE_KEY } from "./call-session.js";
import { CallLobby } from "./call-lobby.js";
import { findObstacle } from "./media-devices.js";
import { startRinging } from "./ringtone.js";

/** @typedef {import("../realtime/protocol.js").Call} Call */

const REJOIN_TIME = 20_000; // ms after which the server has given up a device
const LOCK = "messenger.call"; // held by the tab that takes part in a call

/** Returns the words for the kind of a call. @param {"audio" | "video"} media */
const kindWords = (media) => (media === "video" ? "video" : "voice");

export class CallCenter {
  /** Calls in progress by id. @type {Map<number, Call>} */
  calls = new Map();
  /** Versions of calls that have ended, so that a late event does not bring them back. @type {Map<number, number>} */
  #endedVersions = new Map();
  /** @type {CallSession | null} */
  session = null;
  /** @type {CallPanel | null} */
  panel = null;
  /** @type {CallLobby | null} */
  #lobby = null;
  /** The ring on the screen. @type {{callId: number, element: HTMLElement, stop: () => void} | null} */
  #ring = null;
  /** Ends the hold of `LOCK`. */
  #releaseLock = () => {};
  #hasTriedToReturn = false;

  /** Loads the templates and style sheets of calls first. */
  static async create() {
    if (!document.getElementById("call-panel-template")) {
      const response = await fetch("/calls/templates/");
      if (!response.ok) throw new ApiError({ code: "unavailable", detail: "" });
      const templates = parsePage(await response.text()).querySelectorAll("template");
      document.head.append(...[...templates].map((template) => document.importNode(template, true)));
    }
    const links = /** @type {HTMLLinkElement[]} */ ([...cloneAll("call-styles").querySelectorAll("link")]);
    const loaded = links.map((link) => new Promise((resolve) => (link.onload = link.onerror = resolve)));
    document.head.append(...links);
    await Promise.all(loaded);
    return new CallCenter();
  }

  constructor() {
    this.userId = Number(find(document, "live-socket")?.dataset.userId);
  }

  // ── Calls in progress ───
  /** @param {Call[]} calls all calls in progress */
  setCalls(calls) {
    for (const id of [...this.calls.keys()]) if (!calls.some((call) => call.id === id)) this.calls.delete(id);
    for (const call of calls) this.calls.set(call.id, call);
    this.#update();
    this.#returnToCall();
  }

  /** @param {Call} call */
  receive(call) {
    const knownVersion = this.calls.get(call.id)?.version ?? this.#endedVersions.get(call.id) ?? 0;
    if (call.version <= knownVersion) return;
    if (call.state === "ended") {
      this.calls.delete(call.id);
      this.#endedVersions.set(call.id, call.version);
    } else {
      this.calls.set(call.id, call);
    }
    if (this.session?.call?.id === call.id) this.session.update(call);
    this.#update(call);
  }

  /** @param {Call} [changed] */
  #update(changed) {
    this.#updateRing(changed);
    this.#updateBar();
  }

  handleNavigation() {
    this.#updateBar();
  }

  /** @param {Call} call */
  #findMe(call) {
    return call.participants.find(({ user }) => user.id === this.userId);
  }

  // ── A ring ───
  /** @param {Call} [changed] */
  #updateRing(changed) {
    const ringing = [...this.calls.values()].find((call) => this.#findMe(call)?.state === "ringing");
    if (this.#ring && ringing?.id !== this.#ring.callId) {
      const { callId } = this.#ring;
      this.#closeRing();
      const answered = changed?.id === callId && this.#findMe(changed)?.state === "joined";
      if (answered && this.session?.call?.id !== callId && !this.session) showTextToast(words("call-words").answeredElsewhere ?? "");
    }
    if (ringing && !this.#ring && !this.session) this.#openRing(ringing);
  }

  /** @param {Call} call */
  #openRing(call) {
    const element = clone("call-ring-template");
    const caller = call.participants.find(({ user }) => user.id === call.caller_id)?.user;
    if (!element || !caller) return;
    find(element, "[data-part=face]")?.replaceChildren(createAvatar(caller, "xl"));
    fillSlot(element, "name", caller.name);
    const callWords = words("call-words");
    const isGroup = call.participants.length > 2 || this.#isGroup(call.conversation_id);
    fillSlot(element, "kind", (isGroup ? callWords[`${kindWords(call.media)}Group`] : callWords[kindWords(call.media)]) ?? "");
    for (const button of findAll(element, "[data-media]")) button.hidden = button.dataset.media === "video" && call.media === "audio";
    element.addEventListener("click", (event) => {
      const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-act]"));
      if (button?.dataset.act === "decline") this.#decline(call.id);
      if (button?.dataset.act === "answer") this.#answer(call.id, button.dataset.media === "video");
      if (button?.dataset.act === "devices") this.#openLobby({ call, media: call.media });
    });
    document.body.append(element);
    const isSilent = this.#findMe(call)?.silent ?? false;
    this.#ring = { callId: call.id, element, stop: isSilent ? () => {} : startRinging() };
    sendCommand("call.ringing", { call_id: call.id }).catch(() => {});
  }

  #closeRing() {
    this.#ring?.stop();
    this.#ring?.element.remove();
    this.#ring = null;
  }

  /** @param {number} callId */
  #decline(callId) {
    this.#closeRing();
    sendCommand("call.decline", { call_id: callId }).then(({ call }) => this.receive(call), showErrorToast);
  }

  /** @param {number} callId @param {boolean} camera */
  #answer(callId, camera) {
    const call = this.calls.get(callId);
    if (!call) return;
    this.#closeRing();
    // Without https or WebRTC, or if a device is refused, the lobby explains it.
    if (findObstacle()) this.#openLobby({ call, media: call.media });
    else this.#enter({ call, media: call.media, mic: true, camera });
  }

  // ── Beginning or joining a call ───
  /** @param {number} conversationId @param {"audio" | "video"} media */
  openLobby(conversationId, media) {
    const call = [...this.calls.values()].find((each) => each.conversation_id === conversationId) ?? null;
    if (this.session) return this.panel?.setSize("large");
    this.#openLobby({ call, media: call?.media ?? media, conversationId });
  }

  /** @param {{call: Call | null, media: "audio" | "video", conversationId?: number}} options */
  #openLobby({ call, media, conversationId = call?.conversation_id ?? 0 }) {
    this.#lobby?.close();
    this.#lobby = new CallLobby({
      media,
      isJoining: call !== null,
      onReady: (choice) => this.#enter({ call, media, conversationId, ...choice }),
      onClose: () => (this.#lobby = null),
    });
  }

  /**
   * @param {object} options
   * @param {Call | null} options.call to answer or join; null: begin one in `conversationId`
   * @param {"audio" | "video"} options.media
   * @param {number} [options.conversationId]
   * @param {boolean} options.mic
   * @param {boolean} options.camera
   * @param {import("./peer.js").Tracks} [options.tracks] that are open already
   */
  async #enter({ call, media, conversationId = call?.conversation_id ?? 0, mic, camera, tracks = { audio: null, video: null } }) {
    if (this.session) {
      for (const track of Object.values(tracks)) track?.stop();
      return;
    }
    this.#closeRing();
    const session = (this.session = new CallSession({ userId: this.userId, onChange: () => this.#handleChange() }));
    this.panel = new CallPanel({ session, media, title: this.#findTitle(conversationId, call), conversationId });
    this.#holdLock();
    try {
      await session.openMedia({ mic, camera }, tracks);
      if (session.hasEnded) return; // the user hung up meanwhile
      await (call ? session.accept(call.id) : session.invite(conversationId, media));
      const current = session.call && this.calls.get(session.call.id);
      if (session.call && !current) this.calls.set(session.call.id, session.call);
      if (current) session.update(current); // an event may have been faster than the answer
      this.#updateBar();
    } catch (error) {
      this.#closeSession();
      // "forbidden" has many reasons, which the server names: the group is full, the person is not called …
      if (error instanceof ApiError && error.code === "forbidden") showTextToast(error.detail, true);
      else showErrorToast(error);
    }
  }

  #handleChange() {
    const { session } = this;
    if (!session) return;
    if (!session.hasEnded) return this.panel?.render();
    const { call, endCause } = session;
    this.#closeSession();
    if (call) {
      // Until the server has confirmed it; if the call goes on, its next version brings it back.
      this.calls.delete(call.id);
      this.#endedVersions.set(call.id, call.version);
    }
    const text = this.#describeEnd(call, endCause);
    if (text) showTextToast(text);
    this.#update();
  }

  #closeSession() {
    this.panel?.close();
    this.panel = this.session = null;
    this.#releaseLock();
  }

  /** @param {Call | null} call @param {string} cause @returns {string} */
  #describeEnd(call, cause) {
    const callWords = words("call-words");
    if (cause) return callWords[cause] ?? "";
    if (!call || call.state !== "ended") return ""; // the user hung up
    /** @type {Record<string, string>} */
    const keys = { completed: "ended", no_answer: "noAnswer", declined: "declined", busy: "busy", cancelled: "ended" };
    return callWords[keys[call.reason] ?? "ended"] ?? "";
  }

  // ── Returning after a reload ───
  #holdLock() {
    const controller = new AbortController();
    const ended = new Promise((resolve) => controller.signal.addEventListener("abort", resolve));
    navigator.locks?.request(LOCK, { signal: controller.signal }, () => ended).catch(() => {});
    this.#releaseLock = () => controller.abort();
  }

  /** Returns to the call that this tab was in before a reload. A copy of the tab does not: the lock is taken. */
  async #returnToCall() {
    if (this.#hasTriedToReturn || this.session) return;
    this.#hasTriedToReturn = true;
    const entry = readStoredCall();
    const call = entry && this.calls.get(entry.callId);
    if (!entry || !call || Date.now() - entry.at > REJOIN_TIME || findObstacle()) return;
    const isFree = await (navigator.locks?.request(LOCK, { ifAvailable: true }, (lock) => lock !== null) ?? true);
    if (isFree) await this.#enter({ call, media: call.media, mic: entry.mic, camera: entry.camera });
  }

  // ── The bar in the conversation ───
  /** Shows in the open conversation that a call goes on, and offers to join it. */
  #updateBar() {
    const main = find(document, "main.conversation");
    const call = [...this.calls.values()].find((each) => String(each.conversation_id) === main?.dataset.id);
    const isElsewhere = call && this.session?.call?.id !== call.id && this.#findMe(call)?.state !== "ringing";
    let bar = find(main, ".call-bar");
    if (!call || !isElsewhere || !this.#isGroupMain(main, call)) return bar?.remove();
    if (!bar) {
      bar = clone("call-bar-template");
      if (!bar) return;
      find(main, ".conversation-head")?.after(bar);
    }
    const count = call.participants.filter(({ state }) => state === "joined").length;
    const callWords = words("call-words");
    fillSlot(bar, "people", ((count === 1 ? callWords.inCallOne : callWords.inCall) ?? "").replace("%n", String(count)));
    const button = /** @type {HTMLButtonElement | null} */ (find(bar, "[data-act=call]"));
    if (button) Object.assign(button.dataset, { id: String(call.conversation_id), media: call.media });
  }

  /** In a direct conversation only a call on another device of the user is shown. @param {HTMLElement | null} main @param {Call} call */
  #isGroupMain(main, call) {
    return main?.dataset.kind === "group" || this.#findMe(call)?.state === "joined";
  }

  /** @param {number} conversationId */
  #isGroup(conversationId) {
    return find(document, `.conversation-row[data-id="${conversationId}"]`)?.dataset.kind === "group";
  }

  /** The title of a conversation; on a page without it, the names of the others. @param {number} conversationId @param {Call | null} call */
  #findTitle(conversationId, call) {
    const row = find(document, `.conversation-row[data-id="${conversationId}"]`);
    const main = find(document, `main.conversation[data-id="${conversationId}"]`);
    const others = call?.participants.filter(({ user }) => user.id !== this.userId) ?? [];
    return row?.title || find(main, "#h-conversation")?.textContent?.trim() || others.map(({ user }) => user.name).join(", ");
  }
}

/** @returns {{callId: number, mic: boolean, camera: boolean, at: number} | null} */
function readStoredCall() {
  try {
    return JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? "null");
  } catch {
    return null;
  }
}
