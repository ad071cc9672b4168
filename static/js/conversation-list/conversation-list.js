/**
 * `<conversation-list>`: keeps the list up to date with events, so that it always looks as after a reload. Rows that do
 * not match the filter are hidden, but stay in memory. Missing rows are rendered by the server (`/list/`).
 */
import { ConversationRow } from "./conversation-row.js";
import { reloadConversation, unreadTotals } from "./unread-badges.js";
import { ListFilter } from "./list-filter.js";
import { ListKeyboard } from "./list-keyboard.js";
import { matchesFilter, compareRows } from "./list-order.js";
import { TYPING_TIMEOUT } from "../conversation/header/typing-indicator.js";
import { LiveElement, emit } from "../realtime/events.js";
import { summarizeText } from "../lib/wording.js";
import { find, findAll } from "../lib/dom.js";
import { cacheUser } from "../realtime/state/user-cache.js";
import { isActivity } from "../lib/message-kinds.js";

/** @typedef {import("../realtime/protocol.js").Conversation} Conversation */
/** @typedef {import("../realtime/protocol.js").Message} Message */
/** @typedef {import("../realtime/protocol.js").Queued} Queued */
/** @typedef {import("./list-order.js").ListView} ListView */

export class ConversationList extends LiveElement {
  me = 0;
  /** @type {HTMLElement} */
  list = /** @type {any} */ (undefined);
  /** @type {ListView} */
  view = { show: "all", open: null, matchesSearch: null, edge: null };
  /** @type {Map<number, ConversationRow>} */
  rows = new Map();
  /** Conversations that are being loaded, with the messages received meanwhile. @type {Map<number, Message[]>} */
  #pendingLoads = new Map();
  /** @type {Map<string, any>} */
  #typingTimers = new Map();
  /** @type {any} */
  #minuteTimer;
  /** @type {ListFilter} */
  #filter = /** @type {any} */ (undefined);

  start() {
    const list = find(this, "ul");
    if (!list) return;
    this.list = list;
    this.me = Number(find(document, "live-socket")?.dataset.userId ?? 0);
    this.rows.clear();
    this.view = { show: this.dataset.show ?? "all", open: getOpenConversationId(), matchesSearch: null, edge: null };
    this.#filter = new ListFilter(this);
    this.addRenderedRows(this);
    new ListKeyboard(this);
    this.onLive("message.created", ({ message }) => this.#onMessage(message, true));
    for (const type of ["message.updated", "message.current"]) this.onLive(type, ({ message }) => this.#onMessage(message));
    this.onLive("mine.updated", ({ conversation_id, mine }) => this.#updateRow(conversation_id, (row) => row.applyMemberState(mine), true));
    this.onLive("conversation.added", ({ conversation }) => this.#onConversation(conversation));
    this.onLive("conversation.updated", ({ conversation }) => this.#updateRow(conversation.id, (row) => row.applySharedState(conversation)));
    this.onLive("conversation.removed", ({ conversation_id }) => this.#removeRow(conversation_id));
    this.onLive("member.updated", ({ member }) => this.#onUser(member.user));
    this.onLive("receipt", (receipt) => this.#onReceipt(receipt));
    this.onLive("receipts", ({ conversation_id, receipts }) => {
      for (const receipt of receipts) this.#onReceipt({ ...receipt, conversation_id });
    });
    this.onLive("typing", ({ conversation_id, user_id, active }) => this.#setTyping(conversation_id, user_id, active));
    this.onLive("outbox", ({ queued }) => this.#onOutbox(queued));
    this.on(document, "page:conversation", ({ detail }) => this.#onConversation(detail.conversation));
    this.on(document, "page:unread-changed", ({ detail }) => this.#onCountsChanged(detail.ids));
    this.on(document, "page:block-changed", ({ detail }) => this.#onBlockChanged(detail.user_id));
    this.on(document, "page:navigated", () => this.#updateOpenConversation());
    this.#minuteTimer = setInterval(() => this.rows.forEach((row) => row.renderTime()), 60_000);
  }

  stop() {
    clearInterval(this.#minuteTimer);
    for (const timer of this.#typingTimers.values()) clearTimeout(timer);
    this.#typingTimers.clear();
  }

  /**
   * Adds rows that the server rendered. A row that already exists is kept, because newer events have updated it.
   * @param {ParentNode} root contains a list
   * @returns {number[]} ids of the conversations
   */
  addRenderedRows(root) {
    const ids = [];
    for (const li of findAll(root, "ul > li:has(> .conversation-row)")) {
      const id = Number(find(li, ".conversation-row")?.dataset.id);
      ids.push(id);
      if (this.rows.has(id)) continue;
      const row = new ConversationRow(li, this.me);
      this.rows.set(id, row);
      row.renderTime();
      if (root === this) continue;
      this.list.append(li);
      row.renderCounts(); // the server's HTML may be older than the unread totals
      emit("live:rendered", { conversation_id: id, version: Number(row.link.dataset.version) });
    }
    return ids;
  }

  /** Sorts all rows and hides those that do not match the filter. */
  sortRows() {
    const rows = [...this.rows.values()].sort((a, b) => compareRows(a, b, this.view.show));
    const focused = /** @type {HTMLElement | null} */ (this.contains(document.activeElement) ? document.activeElement : null);
    let nextElement = this.list.firstElementChild;
    for (const row of rows) {
      row.li.hidden = !matchesFilter(row, this.view);
      if (row.li === nextElement) nextElement = nextElement.nextElementSibling;
      else this.list.insertBefore(row.li, nextElement);
    }
    if (focused && focused !== document.activeElement) focused.focus({ preventScroll: true });
    this.#filter.updateEmptyState();
  }

  /** @param {{conversation_id: number, user_id: number, delivered_seq: number, read_seq: number}} receipt */
  #onReceipt({ conversation_id, user_id, delivered_seq, read_seq }) {
    if (user_id !== this.me) this.rows.get(conversation_id)?.applyReceipt({ delivered_seq, read_seq });
  }

  /** @param {Message} message @param {boolean} [isNew] a new message moves its conversation to the top */
  #onMessage(message, isNew = false) {
    cacheUser(message.sender);
    const id = message.conversation_id;
    const pendingMessages = this.#pendingLoads.get(id);
    if (pendingMessages) pendingMessages.push(message);
    const row = this.rows.get(id);
    if (row) {
      if (row.applyMessage(message)) this.#placeRow(row);
    } else if (!pendingMessages && isNew && isActivity(message)) {
      this.loadRow(id);
    }
  }

  /** @param {number} id @param {(row: ConversationRow) => void} change @param {boolean} [loadIfMissing] */
  #updateRow(id, change, loadIfMissing = false) {
    const row = this.rows.get(id);
    if (!row) {
      if (loadIfMissing) this.loadRow(id); // it may match the filter now, or move to the top
      return;
    }
    change(row);
    if (!row.isComplete) this.loadRow(id);
  }

  /** Loads a conversation whose row is missing or incomplete. @param {number} id */
  async loadRow(id) {
    if (this.#pendingLoads.has(id)) return;
    this.#pendingLoads.set(id, []);
    await reloadConversation(id, this.signal);
    const missedMessages = this.#pendingLoads.get(id) ?? [];
    this.#pendingLoads.delete(id);
    if (this.rows.has(id)) missedMessages.forEach((message) => this.#onMessage(message));
  }

  /** @param {Conversation} conversation */
  #onConversation(conversation) {
    let row = this.rows.get(conversation.id);
    if (row) {
      row.applyConversation(conversation);
    } else {
      const newRow = ConversationRow.create(conversation, this.me);
      if (!newRow) return;
      row = newRow;
      this.rows.set(row.id, row);
    }
    row.renderCounts();
    row.setFilter(this.view.show);
    find(this, "[data-none=first]")?.remove();
    for (const placeholder of findAll(document, "main > [data-beside]")) placeholder.hidden = placeholder.dataset.beside === "none";
    this.#placeRow(row);
    this.#updateOpenConversation();
    document.dispatchEvent(new CustomEvent("page:content-added"));
  }

  /** Moves a row to its position. @param {ConversationRow} row */
  #placeRow(row) {
    const { li } = row;
    const { show } = this.view;
    li.hidden = !matchesFilter(row, this.view);
    const next = [...this.list.children].find((element) => {
      const otherRow = element !== li && this.rows.get(Number(find(element, ".conversation-row")?.dataset.id));
      return otherRow && compareRows(row, otherRow, show) < 0;
    });
    if (!li.isConnected || li.nextElementSibling !== (next ?? null)) {
      const focused = li.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
      this.list.insertBefore(li, next ?? null);
      focused?.focus({ preventScroll: true });
    }
    this.#filter.updateEmptyState();
  }

  /** @param {Set<number>} ids */
  #onCountsChanged(ids) {
    for (const id of ids) {
      const row = this.rows.get(id);
      if (!row) continue;
      row.renderCounts();
      this.#placeRow(row);
    }
  }

  /** @param {number} id */
  #removeRow(id) {
    this.rows.get(id)?.li.remove();
    this.rows.delete(id);
    this.#filter.updateEmptyState();
  }

  /** Updates name and picture of a user. @param {import("../realtime/protocol.js").User} user */
  #onUser(user) {
    for (const row of this.rows.values()) {
      if (row.link.dataset.peerId === String(user.id)) row.applyPeer(user);
      row.updateSenderName(user);
    }
  }

  /** @param {number} id @param {number} userId @param {boolean} active */
  #setTyping(id, userId, active) {
    const key = `${id}/${userId}`;
    clearTimeout(this.#typingTimers.get(key));
    this.#typingTimers.delete(key);
    this.rows.get(id)?.setTyping(userId, active);
    if (active) this.#typingTimers.set(key, setTimeout(() => this.#setTyping(id, userId, false), TYPING_TIMEOUT));
  }

  /** Updates the previews of messages of a user who was blocked or unblocked. @param {number} userId */
  #onBlockChanged(userId) {
    for (const row of this.rows.values()) {
      if (row.onBlockChanged(userId)) this.loadRow(row.id);
    }
  }

  /** @param {Queued[]} queued */
  #onOutbox(queued) {
    /** @type {Map<number, string>} */
    const failedTexts = new Map();
    /** @type {Map<number, Queued>} */
    const pending = new Map();
    for (const message of queued) {
      const { failed: error, conversation_id, body, attachments } = message;
      if (error) failedTexts.set(conversation_id, summarizeText(body, attachments));
      else pending.set(conversation_id, message);
    }
    for (const row of this.rows.values()) {
      row.setQueued(pending.get(row.id) ?? null);
      row.setFailedText(failedTexts.get(row.id) ?? null);
    }
  }

  /** Marks the row of the open conversation. Filters again, since the row of the previous one may no longer match. */
  #updateOpenConversation() {
    const open = getOpenConversationId();
    const hasChanged = open !== this.view.open;
    this.view.open = open;
    for (const { link, id } of this.rows.values()) {
      if (id === open) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (!hasChanged) return;
    if (open !== null && !this.rows.has(open) && unreadTotals.get(open)) this.loadRow(open);
    this.sortRows();
    const row = open === null ? undefined : this.rows.get(open);
    row?.li.scrollIntoView({ block: "nearest" });
  }
}

function getOpenConversationId() {
  const id = find(document, "message-log")?.dataset.conversationId;
  return id ? Number(id) : null;
}
