/**
 * `<live-socket data-url data-user-id data-me-version>`: connection, replica and outbox put together. The only part of a
 * page that knows the socket; it outlives moving between conversations.
 */
import { api } from "../api.js";
import { versions } from "../../conversation-list/unread-badges.js";
import { Connection } from "./connection.js";
import { LiveElement, later, live, tell } from "../events.js";
import { openStore } from "../outbox/outbox-store.js";
import { ACK, Outbox } from "../outbox/outbox.js";
import { overHttp } from "./http-commands.js";
import { find, findAll } from "../../lib/dom.js";
import { Polling } from "./polling.js";
import { Refusal } from "../api-error.js";
import { Replica } from "../state/sync-state.js";
import { Tabs } from "./leader-tab.js";

/** @typedef {import("../protocol.js").Welcome} Welcome */
/** @typedef {import("../protocol.js").Queued} Queued */
/** @typedef {{type: string, payload: any, resolve: (answer?: any) => void, reject: (refusal: Refusal) => void, taken: boolean}} Asked */

const SAID = new Set(["typing", "view", "received"]); // commands without an answer
const RELOADED = "messenger.reloaded";
const ANSWERED = 10_000; // ms that a form's answer is waited for

let sentAt = -Infinity; // when a form of this page was sent, whose answer is the next page
document.addEventListener("submit", (event) => {
  setTimeout(() => {
    if (!event.defaultPrevented) sentAt = performance.now();
  });
});

export class LiveSocket extends LiveElement {
  userId = 0;
  /** @type {Connection} */
  connection = later();
  /** @type {Replica} */
  replica = later();
  /** @type {Polling} */
  polling = later();
  /** @type {Tabs | undefined} */
  tabs;
  /** The outbox once its store is open. @type {Promise<Outbox>} */
  #ready = later();

  start() {
    live.on = true;
    this.userId = Number(this.dataset.userId);
    const url = new URL(this.dataset.url ?? "/ws/v1/", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    this.connection = new Connection({
      url: url.href,
      onState: (status) => this.#stateIs(status),
      onWelcome: (welcome) => this.#welcomed(welcome),
      onEvent: (type, payload) => this.replica.receive(type, payload),
    });
    this.replica = new Replica({
      sync: (cursors, me) => this.#sync(cursors, me),
      emit: (type, payload) => this.#told(type, payload),
    });
    this.polling = new Polling({
      ask: () => this.replica.poll(),
      beat: () => api("POST", "presence/beat/", { view: this.#open() }).catch(() => {}),
      onChange: () => this.#stateIs(this.connection.status),
    });
    this.#seed();
    this.#ready = this.#openOutbox();
    this.hear("command", (asked) => this.#take(asked));
    this.hear("rendered", ({ conversation_id, version }) => this.replica.rendered(conversation_id, version));
    this.listen(window, "online", () => this.connection.networkBack());
    this.listen(window, "offline", () => this.connection.networkGone());
    this.listen(window, "pageshow", (event) => event.persisted && this.#looked());
    this.listen(window, "focus", () => this.tabs?.take());
    this.listen(document, "visibilitychange", () => document.visibilityState === "visible" && this.#looked());
    this.listen(document, "resume", () => this.connection.wake());
    this.connection.connect();
  }

  stop() {
    live.on = false;
    this.connection.end();
    this.replica.lost();
    this.tabs?.close();
  }

  /** What of the page is known as of which version. */
  #seed() {
    for (const [id, version] of versions) this.replica.rendered(id, version);
    for (const log of findAll(document, "message-log[data-version]")) {
      this.replica.rendered(Number(log.dataset.conversationId), Number(log.dataset.version));
    }
    this.replica.renderedMe(Number(this.dataset.meVersion ?? 0));
  }

  async #openOutbox() {
    const store = await openStore(this.userId);
    const outbox = new Outbox({
      store,
      send: ({ conversation_id, client_id, body, reply_to_id, forward_id, attachment_ids }) =>
        this.#ask("message.send", { conversation_id, client_id, body, reply_to_id, forward_id, attachment_ids }, ACK),
      onChange: (queued) => tell("live:outbox", { queued }),
      onSent: (message) => tell("live:message.current", { conversation_id: message.conversation_id, message }),
      announce: () => this.tabs?.tell(),
    });
    for (const asking of ["rendered", "outbox.ask"]) {
      this.hear(asking, () => tell("live:outbox", { queued: outbox.queued }));
    }
    await outbox.load();
    if (store.shared) {
      this.tabs = new Tabs({
        name: `messenger.outbox.${this.userId}`,
        onLead: (leads) => outbox.lead(leads),
        onNews: () => outbox.load(),
      });
      if (document.visibilityState === "visible") this.tabs.take();
      else this.tabs.queue();
    } else {
      outbox.lead(true);
    }
    outbox.line(this.#isUp);
    return outbox;
  }

  #looked() {
    this.tabs?.take();
    this.connection.wake();
    this.polling.now();
  }

  /** @param {import("./connection.js").Status} status */
  #stateIs(status) {
    const { attempts, retryAt, code } = status;
    if (!this.connection.isOpen && !this.polling.works) this.replica.lost();
    this.polling.socketIs(status);
    const state = this.polling.works ? "polling" : status.state;
    this.#ready.then((outbox) => outbox.line(this.#isUp), () => {});
    const retryIn = retryAt === null ? null : Math.max(0, retryAt - this.connection.clock.now());
    this.dataset.state = state; // for whoever looks from outside
    tell("live:state", { state, attempts, retryAt: retryIn === null ? null : Date.now() + retryIn });
    // Signed out or suspended: the page itself says it, once.
    if (code === 4401 || code === 4403) this.#reload();
  }

  /** Commands are obeyed, by whichever way. */
  get #isUp() {
    return this.connection.isOpen || this.polling.works;
  }

  /** @param {string} type @param {object} payload @param {number} [patience] @returns {Promise<any>} */
  #ask(type, payload, patience) {
    return this.connection.isOpen ? this.connection.ask(type, payload, patience) : overHttp(type, payload);
  }

  #reload() {
    // Who signs out or deletes the account by a form here is told by its answer; a reload now would cut that off.
    const wait = sentAt + ANSWERED - performance.now();
    if (wait > 0) return void setTimeout(() => this.#reload(), wait);
    try {
      if (Date.now() - Number(sessionStorage.getItem(RELOADED)) < 30_000) return;
      sessionStorage.setItem(RELOADED, String(Date.now()));
    } catch {
      return;
    }
    location.reload();
  }

  /** @param {Welcome} welcome */
  #welcomed(welcome) {
    if (welcome.user_id !== this.userId) {
      // Somebody else signed in meanwhile: nothing of this page may be sent in their name.
      this.connection.end();
      this.#reload();
      return;
    }
    this.replica.welcome(welcome.versions, welcome.me_version, this.#open() !== null);
    this.#ready.then((outbox) => outbox.line(this.#isUp), () => {});
  }

  /** The conversation on the page. @returns {number | null} */
  #open() {
    const log = find(document, "message-log");
    return log ? Number(log.dataset.conversationId) : null;
  }

  /**
   * @param {Record<string, number>} cursors
   * @param {number} me
   */
  async #sync(cursors, me) {
    const open = this.#open();
    return { ...(await this.#ask("sync", { cursors, me, open })), open };
  }

  /** @param {string} type @param {any} payload */
  #told(type, payload) {
    tell(`live:${type}`, payload);
    const message = payload?.message;
    if (message?.client_id && message.sender?.id === this.userId) {
      this.#ready.then((outbox) => outbox.settle(message.client_id), () => {});
    }
  }

  /** @param {Asked} asked */
  async #take(asked) {
    asked.taken = true;
    const { type, payload } = asked;
    try {
      if (SAID.has(type)) {
        if (this.connection.isOpen) this.connection.say(type, payload);
        else if (type === "typing" && this.polling.works) overHttp(type, payload).catch(() => {});
        asked.resolve();
      } else if (type === "connection.retry") {
        this.connection.tryNow();
        asked.resolve();
      } else if (type === "message.send") {
        await (await this.#ready).put(payload);
        asked.resolve();
      } else if (type === "outbox.retry" || type === "outbox.discard") {
        const outbox = await this.#ready;
        await (type === "outbox.retry" ? outbox.retry(payload.client_id) : outbox.discard(payload.client_id));
        asked.resolve();
      } else {
        const answer = await this.#ask(type, payload);
        const message = answer?.message;
        if (message) tell("live:message.current", { conversation_id: message.conversation_id, message });
        asked.resolve(answer);
      }
    } catch (error) {
      asked.reject(error instanceof Refusal ? error : new Refusal({ code: "unavailable" }));
    }
  }
}
