/**
 * `<message-log>`: the messages of the open conversation, sorted by `seq`. Messages of the outbox (not sent yet) are at
 * the end. Live updates produce the same content as a reload.
 */
import { beforeNextFrame } from "../../lib/schedule.js";
import { api } from "../../realtime/api.js";
import { regroup } from "./regroup.js";
import { onDayChange } from "./date-separators.js";
import { LogNavigation } from "./jump-to-message.js";
import { LiveElement, emit } from "../../realtime/events.js";
import { HistoryLoader } from "./history-loader.js";
import { MessageTriggers } from "../message/message-triggers.js";
import { setClasses } from "../message/message-classes.js";
import { updateRole } from "../message/member-roles.js";
import { renderMessage, renderReply, renderSender, findUnknownUserIds, markQuoteDeleted } from "../message/message-view.js";
import { find, findAll } from "../../lib/dom.js";
import { cacheUser, loadUsers, getUserName } from "../../realtime/state/user-cache.js";
import { PendingMessages } from "./pending-messages.js";
import { ReadMarker } from "../receipts/read-marker.js";
import { Receipts, watchReceipts } from "../receipts/receipts.js";
import { updateUserName } from "../renames.js";
import { ScrollKeeper } from "./scroll-keeper.js";
import { UnreadCounter } from "../../conversation-list/unread-counter.js";
import { UnreadSeparator } from "./unread-separator.js";
import { Viewers } from "../header/viewers.js";
import { navigate } from "../../ui/page-navigation.js";
import { isWritten } from "../../lib/message-kinds.js";

/** @typedef {import("../../realtime/protocol.js").Message} Message */
/** @typedef {import("../../realtime/protocol.js").Member} Member */

const MAX_CACHED_MESSAGES = 500; // messages whose data is cached
const MAX_COUNT = 999; // a higher number of unread messages is displayed as "999+"

export class MessageLog extends LiveElement {
  conversationId = 0;
  me = 0;
  /** @type {HTMLElement} */
  list = /** @type {any} */ (undefined);
  /** Rendered items (`<li>`), by seq. @type {Map<number, HTMLElement>} */
  items = new Map();
  /** @type {ScrollKeeper} */
  scrollKeeper = /** @type {any} */ (undefined);
  /** @type {Receipts} */
  receipts = /** @type {any} */ (undefined);
  /** @type {ReadMarker} */
  readMarker = /** @type {any} */ (undefined);
  /** @type {PendingMessages} */
  pendingMessages = /** @type {any} */ (undefined);
  /** @type {HistoryLoader} */
  historyLoader = /** @type {any} */ (undefined);
  /** @type {UnreadCounter} */
  unreadCounter = /** @type {any} */ (undefined);
  /** @type {UnreadSeparator} */
  unreadSeparator = /** @type {any} */ (undefined);
  /** @type {Viewers} */
  viewers = /** @type {any} */ (undefined);
  /** @type {LogNavigation} */
  navigation = /** @type {any} */ (undefined);
  /** Newest received version of each message, by id. @type {Map<number, Message>} */
  #messages = new Map();
  /** Lowest seq affected by the changes of the current update; null: no update is running. @type {number | null} */
  #changedFrom = null;
  /** All messages up to this seq were removed by age. */
  #removedSeq = 0;
  /** Highest seq whose group is affected by these changes. */
  #changedUntil = 0;

  start() {
    const { dataset } = this;
    const log = find(this, ".log");
    const list = find(log, "ol");
    if (!log || !list) return;
    this.conversationId = Number(dataset.conversationId);
    this.me = Number(dataset.me);
    this.list = list;
    this.navigation = new LogNavigation(this);
    // Measure only if needed, because it forces a layout of all items.
    const paintedPosition = this.navigation.opensAtMessage ? getPaintedPosition(log, list) : null;
    dataset.live = ""; // from now on this script, and no longer CSS, sets the scroll position
    this.items = new Map(findAll(list, ":scope > [data-seq]").map((item) => [Number(item.dataset.seq), item]));
    this.scrollKeeper = new ScrollKeeper(log, list, this.signal, () => !this.hasAfter);
    this.receipts = new Receipts(this.me);
    this.receipts.replace(JSON.parse(dataset.receipts || "[]"));
    this.readMarker = new ReadMarker(this, Number(dataset.readSeq ?? 0));
    this.pendingMessages = new PendingMessages(this);
    this.historyLoader = new HistoryLoader(this);
    this.unreadCounter = new UnreadCounter({
      me: this.me,
      lastSeq: Number(dataset.lastSeq ?? 0),
      readSeq: this.readMarker.seq,
      count: Number(dataset.unread ?? 0),
      mentions: 0,
    });
    this.unreadSeparator = new UnreadSeparator(this);
    watchReceipts(this);
    this.viewers = new Viewers(this);
    new MessageTriggers(this);
    this.#addListeners();
    this.on(log, "scroll", () => this.#onScroll(), { passive: true });
    this.on(document, "compose:sent", () => (this.hasAfter ? this.navigation.jumpToNewest() : this.scrollKeeper.stickToEnd()));
    regroup(list, 0, this.receipts, this.#isGroup);
    this.navigation.setInitialPosition(paintedPosition);
    onDayChange(() => this.update(0, () => {}), this.signal);
    emit("live:rendered", { conversation_id: this.conversationId, version: Number(dataset.version) });
    this.onViewChanged();
  }

  #addListeners() {
    /** @type {(handler: (payload: any) => void) => (payload: any) => void} */
    const onlyHere = (handler) => (payload) => payload.conversation_id === this.conversationId && handler(payload);
    for (const type of ["message.created", "message.updated", "message.current"]) {
      this.onLive(type, onlyHere(({ message }) => this.applyMessage(message)));
    }
    this.onLive("mine.updated", onlyHere(({ mine }) => this.#onMemberState(mine)));
    this.onLive("conversation.updated", onlyHere(({ conversation }) => this.#removeUntil(conversation.removed_seq)));
    this.onLive("member.updated", onlyHere(({ member }) => this.#onMember(member)));
    this.onLive("conversation.removed", onlyHere(() => navigate("/", { replace: true, toastKey: "removed" })));
    this.onLive("stale", onlyHere(() => navigate(location.pathname, { replace: true })));
  }

  get #isGroup() {
    return this.dataset.kind === "group";
  }

  get hasBefore() {
    return this.dataset.hasBefore === "1";
  }

  /** Whether the newest messages are not loaded. */
  get hasAfter() {
    return this.dataset.hasAfter === "1";
  }

  /** Seq of the first loaded message; 0: there is none. */
  get firstSeq() {
    return this.items.size ? Math.min(...this.items.keys()) : 0;
  }

  get lastSeq() {
    return Math.max(0, ...this.items.keys());
  }

  /** Items of the messages of the user that are not deleted, oldest first. */
  get myMessages() {
    return findAll(this.list, ":scope > .msg.mine[data-seq]:not(.deleted)");
  }

  /**
   * Returns the message of an item, including the Markdown source of its text.
   * @param {HTMLElement} item
   * @returns {Promise<Message>}
   */
  async loadMessage(item) {
    const id = Number(item.dataset.id);
    return this.#messages.get(id) ?? (await api("GET", `messages/${id}/`));
  }

  /**
   * Applies a created or changed message: renders it if its position is in the loaded range.
   * @param {Message} message
   */
  applyMessage(message) {
    const { id, seq, version, sender } = message;
    const oldItem = this.items.get(seq);
    if (seq <= this.#removedSeq || (oldItem && Number(oldItem.dataset.version) >= version)) return;
    this.#messages.delete(id);
    this.#messages.set(id, message);
    if (this.#messages.size > MAX_CACHED_MESSAGES) this.#messages.delete(/** @type {number} */ (this.#messages.keys().next().value));
    cacheUser(sender);
    this.update(seq, () => {
      if (oldItem) this.#rerenderWithNames(oldItem, message);
      else if ((this.hasBefore && seq < this.firstSeq) || (this.hasAfter && seq > this.lastSeq)) this.historyLoader.keepForLater(message);
      else this.#insertMessage(message);
      this.unreadCounter.applyMessage(message);
      this.#updateQuotes(message);
    }, beforeNextFrame);
  }

  /**
   * Applies the user's own state after the read marker has moved, here or on another device. Marking messages as unread
   * moves it back.
   * @param {import("../../realtime/protocol.js").Mine} mine
   */
  #onMemberState(mine) {
    const isMovedBack = mine.read_seq < this.readMarker.seq;
    this.readMarker.applyServerPosition(mine.read_seq);
    this.update(Infinity, () => {
      this.unreadCounter.applyMemberState(mine);
      if (isMovedBack || (!this.unreadCounter.count && !this.readMarker.isActive)) this.unreadSeparator.reset();
    });
  }

  /** @param {Message} message */
  #insertMessage(message) {
    const { seq, sender, client_id } = message;
    let hadFocus = false;
    if (sender.id === this.me && isWritten(message)) { // the user's system messages do not move the read marker, as on the server
      hadFocus = this.pendingMessages.remove(client_id);
      if (seq > this.readMarker.seq) this.unreadSeparator.reset();
      this.readMarker.onSent(seq);
    }
    this.addItem(message);
    if (hadFocus) this.items.get(seq)?.focus({ preventScroll: true });
  }

  /** Renders the newest known version of a message and inserts it at its position. @param {Message} message */
  addItem(message) {
    const cachedMessage = this.#messages.get(message.id);
    const newestMessage = cachedMessage && cachedMessage.version > message.version ? cachedMessage : message;
    const item = renderMessage(newestMessage, this.me);
    if (!item) return;
    this.#insertItem(item, message.seq);
    this.items.set(message.seq, item);
    this.#loadMissingNames(item, newestMessage);
  }

  /**
   * Loads names that are not cached yet and renders the item again.
   * @param {HTMLElement} item
   * @param {Message} message
   */
  #loadMissingNames(item, message) {
    const unknownIds = findUnknownUserIds(message, this.me);
    if (!unknownIds.length) return;
    loadUsers(this.conversationId, unknownIds).then(() => {
      if (unknownIds.some((id) => getUserName(id) === undefined)) return; // could not be loaded
      if (item.isConnected && Number(item.dataset.version) === message.version) this.update(message.seq, () => this.#rerender(item, message));
    });
  }

  /** @param {HTMLElement} oldItem @param {Message} message */
  #rerenderWithNames(oldItem, message) {
    this.#rerender(oldItem, message);
    this.#loadMissingNames(oldItem, message);
  }

  /**
   * Renders an item again in place, so that it keeps the keyboard focus.
   * @param {HTMLElement} oldItem
   * @param {Message} message
   */
  #rerender(oldItem, message) {
    const item = renderMessage(message, this.me);
    if (!item) return;
    setClasses(item, { first: oldItem.classList.contains("first"), last: oldItem.classList.contains("last") });
    const temporaryClasses = [...oldItem.classList].filter((name) => name === "open" || name === "jumped");
    for (const { name, value } of [...item.attributes]) oldItem.setAttribute(name, value);
    if (item.dataset.excerpt === undefined) delete oldItem.dataset.excerpt; // the message was deleted
    oldItem.classList.add(...temporaryClasses);
    const actionButtons = message.deleted_at === null ? findAll(oldItem, ":scope > .acts") : [];
    for (const toggle of findAll(item, ".unfold input, .unblock input")) {
      const oldToggle = /** @type {HTMLInputElement | null} */ (find(oldItem, `.${toggle.parentElement?.className} input`));
      /** @type {HTMLInputElement} */ (toggle).checked = oldToggle?.checked ?? false;
    }
    oldItem.replaceChildren(...item.childNodes, ...actionButtons);
  }

  /** Inserts an item by seq, before the messages of the outbox. @param {HTMLElement} item @param {number} seq */
  #insertItem(item, seq) {
    const itemBefore = this.items.get(seq - 1); // usual, and much faster for a page of messages above the others
    if (itemBefore?.parentElement === this.list) return itemBefore.after(item);
    const isEarlier = (/** @type {Element} */ element) => {
      const elementSeq = /** @type {HTMLElement} */ (element).dataset.seq;
      return elementSeq !== undefined && Number(elementSeq) < seq;
    };
    const first = find(this.list, ":scope > [data-seq]");
    let previous = first && seq < Number(first.dataset.seq) ? null : this.list.lastElementChild;
    while (previous && !isEarlier(previous)) previous = previous.previousElementSibling;
    previous ??= find(this.list, ":scope > :is(.older-line:has(.older), .beginning):first-child");
    if (previous) previous.after(item);
    else this.list.prepend(item);
  }

  /** Updates the quotes of a message in replies. @param {Message} message */
  #updateQuotes({ id, seq, sender, excerpt, deleted_at }) {
    const reply = { id, seq, sender, excerpt, deleted: deleted_at !== null };
    for (const quote of findAll(this.list, `.reply[data-id="${id}"]`)) renderReply(quote, reply);
  }

  /** Removes the messages that were removed by age, and shows quotes of them as deleted. @param {number} removedSeq */
  #removeUntil(removedSeq) {
    if (removedSeq <= this.#removedSeq) return;
    this.#removedSeq = removedSeq;
    for (const [id, { seq }] of this.#messages) if (seq <= removedSeq) this.#messages.delete(id);
    this.update(0, () => {
      this.historyLoader.removeUntil(removedSeq);
      for (const quote of findAll(this.list, ".reply")) if (Number(quote.dataset.seq) <= removedSeq) markQuoteDeleted(quote);
    });
  }

  /** @param {Member} member */
  #onMember(member) {
    const { user, left_at } = member;
    cacheUser(user);
    updateRole(member);
    this.update(0, () => {
      if (left_at) this.receipts.remove(user.id);
      for (const item of findAll(this.list, `.msg[data-sender="${user.id}"]`)) renderSender(item, user, user.id === this.me);
      updateUserName(this.list, user, this.me);
    });
  }

  /**
   * Runs a change of the log. Several changes in the same microtask or frame are one update: groups, separators and
   * marks are updated once, and the scroll position is kept.
   * @param {number} fromSeq lowest seq affected by the change; Infinity: only messages of the outbox
   * @param {() => void} change
   * @param {(run: () => void) => void} [schedule] when the update ends; `beforeNextFrame` for what comes many times a
   *   second
   * @param {number} [untilSeq] highest seq whose group is affected
   */
  update(fromSeq, change, schedule = queueMicrotask, untilSeq = Infinity) {
    const isFirst = this.#changedFrom === null;
    if (isFirst) this.scrollKeeper.saveAnchors();
    if (isFirst || schedule === queueMicrotask) schedule(() => this.#onUpdated());
    this.#changedFrom = Math.min(this.#changedFrom ?? Infinity, fromSeq);
    this.#changedUntil = Math.max(this.#changedUntil, untilSeq);
    change();
  }

  #onUpdated() {
    if (this.#changedFrom === null) return;
    const [fromSeq, untilSeq] = [this.#changedFrom, this.#changedUntil];
    [this.#changedFrom, this.#changedUntil] = [null, 0];
    if (!this.isConnected) return;
    // First all changes, then measuring, which makes the browser lay out the log.
    regroup(this.list, fromSeq, this.receipts, this.#isGroup, this.items.get(untilSeq));
    this.scrollKeeper.restoreAnchors();
    const isTrimmed = this.historyLoader.trim();
    if (isTrimmed) this.scrollKeeper.restoreAnchors();
    this.readMarker.checkSeen();
    // The separator splits or joins a group.
    if (this.unreadSeparator.update(this.readMarker.seenSeq, this.unreadCounter.count) || isTrimmed) {
      regroup(this.list, 0, this.receipts, this.#isGroup);
      this.scrollKeeper.restoreAnchors();
    }
    this.#updateJumpButton();
    this.viewers.render();
    this.historyLoader.loadIfNearEdge();
  }

  #onScroll() {
    this.#onUpdated(); // the anchors are those from before the change
    this.scrollKeeper.onScroll();
    this.onViewChanged();
  }

  /** Handles a change of the visible part of the log. */
  onViewChanged() {
    this.#updateJumpButton();
    this.readMarker.checkSeen();
    this.historyLoader.loadIfNearEdge();
  }

  /** Updates the button that jumps to the newest message and shows the number of unread messages. */
  #updateJumpButton() {
    // Not a search in the whole log, because this runs with each scroll event.
    const button = /** @type {HTMLElement | undefined} */ ([...this.children].find((child) => child.matches(".latest")));
    const count = this.unreadCounter.count;
    const { isAtEnd, isCloseToEnd } = this.scrollKeeper;
    if (button) button.hidden = !this.hasAfter && (isAtEnd || (isCloseToEnd && !count));
    const number = find(button, ".num");
    const text = count > MAX_COUNT ? `${MAX_COUNT}+` : String(count || "");
    if (number && number.textContent !== text) number.textContent = text;
  }
}

/**
 * Returns the first item that is completely in view, and its offset (px), as the browser painted it before this script
 * ran.
 * @param {HTMLElement} log
 * @param {HTMLElement} list
 */
function getPaintedPosition(log, list) {
  const { top } = log.getBoundingClientRect();
  const element = findAll(list, ":scope > [data-seq]").find((item) => item.getBoundingClientRect().top >= top);
  return element ? { item: element, offset: element.getBoundingClientRect().top - top } : null;
}
