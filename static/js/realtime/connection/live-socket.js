/**
 * `<live-socket data-url data-user-id data-me-version>`: connects the page to the server. It owns the connection, the
 * sync state (which changes are received) and the outbox (the messages to send). No other part of the page uses the
 * socket. The element stays when the user navigates to another page.
 */
import { api } from "../api.js";
import { renderedVersions } from "../../conversation-list/unread-badges.js";
import { Connection } from "./connection.js";
import { LiveElement, liveUpdates, emit } from "../events.js";
import { openStore } from "../outbox/outbox-store.js";
import { ACK_TIMEOUT, Outbox } from "../outbox/outbox.js";
import { sendOverHttp } from "./http-commands.js";
import { find, findAll } from "../../lib/dom.js";
import { Polling } from "./polling.js";
import { ApiError } from "../api-error.js";
import { SyncState } from "../state/sync-state.js";
import { LeaderTab } from "./leader-tab.js";

/** @typedef {import("../protocol.js").Welcome} Welcome */
/** @typedef {import("../protocol.js").Queued} Queued */
/**
 * @typedef {{type: string, payload: any, resolve: (result?: any) => void, reject: (error: ApiError) => void, handled:
 *   boolean}} CommandRequest
 */

const UNANSWERED_COMMANDS = new Set(["typing", "view", "received"]); // commands that have no answer
const RELOADED_KEY = "messenger.reloaded";
const FORM_TIMEOUT = 10_000; // ms to wait for the response to a form

let formSentAt = -Infinity; // when a form of this page was submitted; its response will be the next page
document.addEventListener("submit", (event) => {
  setTimeout(() => {
    if (!event.defaultPrevented) formSentAt = performance.now();
  });
});

/**
 * Whether the server has refused a command because the user of this page is no longer signed in. `sync` is allowed to
 * everybody who is signed in: it is forbidden only if the CSRF token of the page belongs to an earlier sign-in.
 * @param {string} type
 * @param {ApiError} error
 */
function endsSignIn(type, { code }) {
  return code === "unauthenticated" || (code === "forbidden" && type === "sync");
}

export class LiveSocket extends LiveElement {
  userId = 0;
  /** @type {Connection} */
  connection = /** @type {any} */ (undefined);
  /** @type {SyncState} */
  syncState = /** @type {any} */ (undefined);
  /** @type {Polling} */
  polling = /** @type {any} */ (undefined);
  /** @type {LeaderTab | undefined} */
  leaderTab;
  /** Epoch of the first connection of this page. @type {string | undefined} */
  #epoch;
  /** Resolves when the store of the outbox is open. @type {Promise<Outbox>} */
  #outbox = /** @type {any} */ (undefined);

  start() {
    liveUpdates.enabled = true;
    this.userId = Number(this.dataset.userId);
    const url = new URL(this.dataset.url ?? "/ws/v1/", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    this.connection = new Connection({
      url: url.href,
      onState: (status) => this.#handleStatus(status),
      onWelcome: (welcome) => this.#handleWelcome(welcome),
      onEvent: (type, payload) => this.syncState.receive(type, payload),
    });
    this.syncState = new SyncState({
      sync: (cursors, me) => this.#sync(cursors, me),
      emit: (type, payload) => this.#dispatch(type, payload),
    });
    this.polling = new Polling({
      poll: () => this.syncState.poll(),
      sendHeartbeat: () => api("POST", "presence/beat/", { view: this.#openConversationId() }).catch(() => {}),
      onChange: () => this.#handleStatus(this.connection.status),
    });
    this.#registerRendered();
    this.#outbox = this.#openOutbox();
    this.onLive("command", (request) => this.#handleCommand(request));
    this.onLive("rendered", ({ conversation_id, version }) => this.syncState.setRenderedVersion(conversation_id, version));
    this.on(window, "online", () => this.connection.networkRestored());
    this.on(window, "offline", () => this.connection.networkLost());
    this.on(window, "pageshow", (event) => event.persisted && this.#handleVisible());
    this.on(window, "focus", () => this.leaderTab?.takeLeadership());
    this.on(document, "visibilitychange", () => document.visibilityState === "visible" && this.#handleVisible());
    this.on(document, "resume", () => this.connection.wake());
    this.connection.connect();
  }

  stop() {
    liveUpdates.enabled = false;
    this.connection.close();
    this.syncState.handleDisconnect();
    this.leaderTab?.close();
  }

  /** Tells the sync state which version of each conversation the page shows. */
  #registerRendered() {
    for (const [id, version] of renderedVersions) this.syncState.setRenderedVersion(id, version);
    for (const log of findAll(document, "message-log[data-version]")) {
      this.syncState.setRenderedVersion(Number(log.dataset.conversationId), Number(log.dataset.version));
    }
    this.syncState.setRenderedMeVersion(Number(this.dataset.meVersion ?? 0));
  }

  async #openOutbox() {
    const store = await openStore(this.userId);
    const outbox = new Outbox({
      store,
      send: ({ conversation_id, client_id, body, reply_to_id, forward_id, attachment_ids }) =>
        this.#request("message.send", { conversation_id, client_id, body, reply_to_id, forward_id, attachment_ids }, ACK_TIMEOUT),
      onChange: (queued) => emit("live:outbox", { queued }),
      onSent: (message) => emit("live:message.current", { conversation_id: message.conversation_id, message }),
      announce: () => this.leaderTab?.announce(),
    });
    for (const eventName of ["rendered", "outbox.request"]) {
      this.onLive(eventName, () => emit("live:outbox", { queued: outbox.queued }));
    }
    await outbox.load();
    if (store.isShared) {
      this.leaderTab = new LeaderTab({
        name: `messenger.outbox.${this.userId}`,
        onLeaderChange: (isLeader) => outbox.setLeader(isLeader),
        onAnnouncement: () => outbox.load(),
      });
      if (document.visibilityState === "visible") this.leaderTab.takeLeadership();
      else this.leaderTab.waitForLeadership();
    } else {
      outbox.setLeader(true);
    }
    outbox.setOnline(this.#canSend);
    return outbox;
  }

  #handleVisible() {
    this.leaderTab?.takeLeadership();
    this.connection.wake();
    this.polling.pollNow();
  }

  /** @param {import("./connection.js").Status} status */
  #handleStatus(status) {
    const { attempts, retryAt, code } = status;
    if (!this.connection.isOpen && !this.polling.isWorking) this.syncState.handleDisconnect();
    this.polling.handleSocketStatus(status);
    const state = this.polling.isWorking ? "polling" : status.state;
    this.#outbox.then((outbox) => outbox.setOnline(this.#canSend), () => {});
    const retryIn = retryAt === null ? null : Math.max(0, retryAt - this.connection.clock.now());
    this.dataset.state = state; // read by tests
    emit("live:state", { state, attempts, retryAt: retryIn === null ? null : Date.now() + retryIn });
    // The user is signed out or suspended. After a reload, the page explains it. Reload only once.
    if (code === 4401 || code === 4403) this.#reload();
  }

  /** Whether commands can be sent, by socket or over HTTP. */
  get #canSend() {
    return this.connection.isOpen || this.polling.isWorking;
  }

  /** @param {string} type @param {object} payload @param {number} [timeout] in ms @returns {Promise<any>} */
  #request(type, payload, timeout) {
    return this.connection.isOpen ? this.connection.request(type, payload, timeout) : this.#requestOverHttp(type, payload);
  }

  /** @param {string} type @param {object} payload @returns {Promise<any>} */
  async #requestOverHttp(type, payload) {
    try {
      return await sendOverHttp(type, payload);
    } catch (error) {
      if (error instanceof ApiError && endsSignIn(type, error)) this.connection.signedOut();
      throw error;
    }
  }

  /** @param {boolean} [always] even if the page was reloaded a moment ago */
  #reload(always = false) {
    // A form for signing out or deleting the account was submitted: its response will be the next page, and a reload
    // now would cancel it.
    const delay = formSentAt + FORM_TIMEOUT - performance.now();
    if (delay > 0) return void setTimeout(() => this.#reload(always), delay);
    try {
      if (!always && Date.now() - Number(sessionStorage.getItem(RELOADED_KEY)) < 30_000) return;
      sessionStorage.setItem(RELOADED_KEY, String(Date.now()));
    } catch {
      if (!always) return;
    }
    location.reload();
  }

  /** @param {Welcome} welcome */
  #handleWelcome(welcome) {
    if (welcome.user_id !== this.userId) {
      // Another user has signed in with this browser: nothing from this page may be sent in the name of that user.
      this.connection.close();
      this.#reload();
      return;
    }
    this.#epoch ??= welcome.epoch;
    if (welcome.epoch !== this.#epoch || this.syncState.isAheadOf(welcome.versions, welcome.me_version)) {
      // The database was restored from a backup: what the page shows may not exist any more. Messages that are not sent
      // yet are in the outbox, which survives the reload.
      this.connection.close();
      this.#reload(true); // a new page knows no other epoch, so this cannot repeat itself
      return;
    }
    this.syncState.handleWelcome(welcome.versions, welcome.me_version, this.#openConversationId() !== null);
    this.#outbox.then((outbox) => outbox.setOnline(this.#canSend), () => {});
  }

  /** Id of the conversation on the page. @returns {number | null} */
  #openConversationId() {
    const log = find(document, "message-log");
    return log ? Number(log.dataset.conversationId) : null;
  }

  /**
   * @param {Record<string, number>} cursors
   * @param {number} me
   */
  async #sync(cursors, me) {
    const open = this.#openConversationId();
    return { ...(await this.#request("sync", { cursors, me, open })), open };
  }

  /** @param {string} type @param {any} payload */
  #dispatch(type, payload) {
    emit(`live:${type}`, payload);
    const message = payload?.message;
    if (message?.client_id && message.sender?.id === this.userId) {
      this.#outbox.then((outbox) => outbox.confirm(message.client_id), () => {});
    }
  }

  /** @param {CommandRequest} request */
  async #handleCommand(request) {
    request.handled = true;
    const { type, payload } = request;
    try {
      if (UNANSWERED_COMMANDS.has(type)) {
        if (this.connection.isOpen) this.connection.sendAndForget(type, payload);
        else if (type === "typing" && this.polling.isWorking) sendOverHttp(type, payload).catch(() => {});
        request.resolve();
      } else if (type === "connection.retry") {
        this.connection.retryNow();
        request.resolve();
      } else if (type === "message.send") {
        await (await this.#outbox).add(payload);
        request.resolve();
      } else if (type === "outbox.retry" || type === "outbox.discard") {
        const outbox = await this.#outbox;
        await (type === "outbox.retry" ? outbox.retry(payload.client_id) : outbox.discard(payload.client_id));
        request.resolve();
      } else {
        const result = await this.#request(type, payload);
        const message = result?.message;
        if (message) emit("live:message.current", { conversation_id: message.conversation_id, message });
        request.resolve(result);
      }
    } catch (error) {
      request.reject(error instanceof ApiError ? error : new ApiError({ code: "unavailable" }));
    }
  }
}
