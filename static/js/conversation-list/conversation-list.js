/**
 * `<conversation-list>`: the list moves with what is told; a reload shows the same. Rows that are known stay known while
 * a filter hides them; what is missing for a filter, a search or further down, the server draws (`/list/`).
 */
import { ConversationRow } from "./conversation-row.js";
import { readAfresh, tally } from "./unread-badges.js";
import { ListFilter } from "./list-filter.js";
import { ListKeys } from "./list-keyboard.js";
import { fits, order } from "./list-order.js";
import { LiveElement, emit } from "../realtime/events.js";
import { makeExcerpt } from "../lib/wording.js";
import { find, findAll } from "../lib/dom.js";
import { cacheUser } from "../realtime/state/user-cache.js";

/** @typedef {import("../realtime/protocol.js").Conversation} Conversation */
/** @typedef {import("../realtime/protocol.js").Message} Message */
/** @typedef {import("../realtime/protocol.js").Queued} Queued */
/** @typedef {import("./list-order.js").View} View */

const TYPING = 5_000; // it ends by itself

export class ConversationList extends LiveElement {
  me = 0;
  /** @type {HTMLElement} */
  list = /** @type {any} */ (undefined);
  /** @type {View} */
  view = { show: "all", open: null, found: null, edge: null };
  /** @type {Map<number, ConversationRow>} */
  rows = new Map();
  /** Read just now, with what is told about them meanwhile. @type {Map<number, Message[]>} */
  #asked = new Map();
  /** @type {Map<string, any>} */
  #typing = new Map();
  /** @type {any} */
  #minute;
  /** @type {ListFilter} */
  #filter = /** @type {any} */ (undefined);

  start() {
    const list = find(this, "ul");
    if (!list) return;
    this.list = list;
    this.me = Number(find(document, "live-socket")?.dataset.userId ?? 0);
    this.rows.clear();
    this.view = { show: this.dataset.show ?? "all", open: openNow(), found: null, edge: null };
    this.#filter = new ListFilter(this);
    this.take(this);
    new ListKeys(this);
    this.onLive("message.created", ({ message }) => this.#message(message, true));
    for (const type of ["message.updated", "message.current"]) this.onLive(type, ({ message }) => this.#message(message));
    this.onLive("mine.updated", ({ conversation_id, mine }) => this.#change(conversation_id, (row) => row.mine(mine), true));
    this.onLive("conversation.added", ({ conversation }) => this.#whole(conversation));
    this.onLive("conversation.updated", ({ conversation }) => this.#change(conversation.id, (row) => row.shared(conversation)));
    this.onLive("conversation.removed", ({ conversation_id }) => this.#remove(conversation_id));
    this.onLive("member.updated", ({ member }) => this.#renamed(member.user));
    this.onLive("typing", ({ conversation_id, user_id, active }) => this.#isTyping(conversation_id, user_id, active));
    this.onLive("outbox", ({ queued }) => this.#outbox(queued));
    this.on(document, "page:conversation", ({ detail }) => this.#whole(detail.conversation));
    this.on(document, "page:unread-changed", ({ detail }) => this.#counts(detail.ids));
    this.on(document, "page:block-changed", ({ detail }) => this.#blocked(detail.user_id));
    this.on(document, "page:navigated", () => this.#opened());
    this.#minute = setInterval(() => this.rows.forEach((row) => row.time()), 60_000);
  }

  stop() {
    clearInterval(this.#minute);
    for (const timer of this.#typing.values()) clearTimeout(timer);
    this.#typing.clear();
  }

  /**
   * Rows that the server drew. One that is here already is newer: it has heard what was told since.
   * @param {ParentNode} drawn with a list in it
   * @returns {number[]} their ids
   */
  take(drawn) {
    const ids = [];
    for (const li of findAll(drawn, "ul > li:has(> .conversation-row)")) {
      const id = Number(find(li, ".conversation-row")?.dataset.id);
      ids.push(id);
      if (this.rows.has(id)) continue;
      const row = new ConversationRow(li, this.me);
      this.rows.set(id, row);
      row.time();
      if (drawn === this) continue;
      this.list.append(li);
      row.count(); // the tally is as live as the other rows
      emit("live:rendered", { conversation_id: id, version: Number(row.link.dataset.version) });
    }
    return ids;
  }

  /** All rows in their places, and out of sight what the filter leaves out. */
  arrange() {
    const rows = [...this.rows.values()].sort((a, b) => order(a, b, this.view.show));
    const focused = /** @type {HTMLElement | null} */ (this.contains(document.activeElement) ? document.activeElement : null);
    let at = this.list.firstElementChild;
    for (const row of rows) {
      row.li.hidden = !fits(row, this.view);
      if (row.li === at) at = at.nextElementSibling;
      else this.list.insertBefore(row.li, at);
    }
    if (focused && focused !== document.activeElement) focused.focus({ preventScroll: true });
    this.#filter.none();
  }

  /** @param {Message} message @param {boolean} [isNew] it makes its conversation the first */
  #message(message, isNew = false) {
    cacheUser(message.sender);
    const id = message.conversation_id;
    const asked = this.#asked.get(id);
    if (asked) asked.push(message);
    const row = this.rows.get(id);
    if (row) {
      if (row.message(message)) this.#place(row);
    } else if (!asked && isNew && message.kind === "text") {
      this.read(id);
    }
  }

  /** @param {number} id @param {(row: ConversationRow) => void} change @param {boolean} [own] */
  #change(id, change, own = false) {
    const row = this.rows.get(id);
    if (!row) {
      if (own) this.read(id); // it may belong into the filter now, or on top
      return;
    }
    change(row);
    if (!row.isWhole) this.read(id);
  }

  /** A conversation that this page does not know, or not well enough. @param {number} id */
  async read(id) {
    if (this.#asked.has(id)) return;
    this.#asked.set(id, []);
    await readAfresh(id, this.signal);
    const told = this.#asked.get(id) ?? [];
    this.#asked.delete(id);
    if (this.rows.has(id)) told.forEach((message) => this.#message(message));
  }

  /** @param {Conversation} conversation */
  #whole(conversation) {
    let row = this.rows.get(conversation.id);
    if (row) {
      row.whole(conversation);
    } else {
      const made = ConversationRow.make(conversation, this.me);
      if (!made) return;
      row = made;
      this.rows.set(row.id, row);
    }
    row.count();
    row.address(this.view.show);
    find(this, "[data-none=first]")?.remove();
    for (const beside of findAll(document, "main > [data-beside]")) beside.hidden = beside.dataset.beside === "none";
    this.#place(row);
    this.#opened();
    document.dispatchEvent(new CustomEvent("page:content-added"));
  }

  /** One row to its place. @param {ConversationRow} row */
  #place(row) {
    const { li } = row;
    const { show } = this.view;
    li.hidden = !fits(row, this.view);
    const next = [...this.list.children].find((other) => {
      const known = other !== li && this.rows.get(Number(find(other, ".conversation-row")?.dataset.id));
      return known && order(row, known, show) < 0;
    });
    if (!li.isConnected || li.nextElementSibling !== (next ?? null)) {
      const focused = li.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
      this.list.insertBefore(li, next ?? null);
      focused?.focus({ preventScroll: true });
    }
    this.#filter.none();
  }

  /** @param {Set<number>} ids */
  #counts(ids) {
    for (const id of ids) {
      const row = this.rows.get(id);
      if (!row) continue;
      row.count();
      this.#place(row);
    }
  }

  /** @param {number} id */
  #remove(id) {
    this.rows.get(id)?.li.remove();
    this.rows.delete(id);
    this.#filter.none();
  }

  /** Another name or picture of somebody. @param {import("../realtime/protocol.js").User} user */
  #renamed(user) {
    for (const row of this.rows.values()) {
      if (row.link.dataset.peerId === String(user.id)) row.peer(user);
      row.renamed(user);
    }
  }

  /** @param {number} id @param {number} userId @param {boolean} active */
  #isTyping(id, userId, active) {
    const key = `${id}/${userId}`;
    clearTimeout(this.#typing.get(key));
    this.#typing.delete(key);
    this.rows.get(id)?.typing(userId, active);
    if (active) this.#typing.set(key, setTimeout(() => this.#isTyping(id, userId, false), TYPING));
  }

  /** Blocked, or no more: what they said last is folded, or stands there again. @param {number} userId */
  #blocked(userId) {
    for (const row of this.rows.values()) {
      if (row.folded(userId)) this.read(row.id);
    }
  }

  /** @param {Queued[]} queued */
  #outbox(queued) {
    /** @type {Map<number, string>} */
    const failed = new Map();
    for (const { failed: why, conversation_id, body, attachments } of queued) {
      if (why) failed.set(conversation_id, makeExcerpt(body, attachments));
    }
    for (const row of this.rows.values()) row.failed(failed.get(row.id) ?? null);
  }

  /** Marks the row of the conversation on the page; the one that was left may leave the filter too. */
  #opened() {
    const open = openNow();
    const moved = open !== this.view.open;
    this.view.open = open;
    for (const { link, id } of this.rows.values()) {
      if (id === open) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (!moved) return;
    if (open !== null && !this.rows.has(open) && tally.of(open)) this.read(open);
    this.arrange();
    const row = open === null ? undefined : this.rows.get(open);
    row?.li.scrollIntoView({ block: "nearest" });
  }
}

function openNow() {
  const id = find(document, "message-log")?.dataset.conversationId;
  return id ? Number(id) : null;
}
