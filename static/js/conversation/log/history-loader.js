/**
 * Loads more messages before the user scrolls to the first or last loaded one. Removes messages that are far away from
 * the visible part.
 */
import { api } from "../../realtime/api.js";
import { emit } from "../../realtime/events.js";
import { afterPaint, find } from "../../lib/dom.js";

/** @typedef {import("./message-log.js").MessageLog} MessageLog */
/** @typedef {import("../../realtime/protocol.js").Message} Message */
/** @typedef {import("../../realtime/protocol.js").History} History */
/** @typedef {"before" | "after"} Side */

const MAX_ITEMS = 400; // loaded items
const REMAINING_ITEMS = 320; // items that remain after removing, around the viewport; more than the scroll keeper loads ahead
const RETRY_DELAY = 1_000; // ms after a failed request

/**
 * Returns how many items to remove at each end, so that the viewport is in the middle of the remaining items.
 * @param {number} count
 * @param {number} viewedIndex index of the item in view
 * @returns {[number, number]} at the start, at the end
 */
function countItemsToRemove(count, viewedIndex) {
  if (count <= MAX_ITEMS) return [0, 0];
  const surplus = count - REMAINING_ITEMS;
  const itemsAbove = viewedIndex;
  const itemsBelow = count - viewedIndex - 1;
  const first = Math.min(Math.max(0, Math.round((itemsAbove - itemsBelow + surplus) / 2)), surplus, itemsAbove);
  return [first, Math.min(surplus - first, itemsBelow)];
}

export class HistoryLoader {
  /**
   * Messages outside the loaded range that were received while a page is loading; null: no page is loading.
   * @type {Message[] | null}
   */
  #missedMessages = null;
  #isReady = false;

  /** @param {MessageLog} log */
  constructor(log) {
    this.log = log;
    afterPaint(() => this.#onReady());
  }

  /** Starts loading after the first paint, so that the initial view is displayed first. */
  #onReady() {
    if (this.log.signal.aborted) return;
    this.#isReady = true;
    this.loadIfNearEdge();
  }

  /**
   * Remembers a message outside the loaded range, because a page that is being loaded may contain an older version of
   * it.
   * @param {Message} message
   */
  keepForLater(message) {
    this.#missedMessages?.push(message);
  }

  /** Loads the next page if the user is near an edge of the loaded messages. */
  loadIfNearEdge() {
    const { log } = this;
    if (!this.#isReady) return;
    if (log.scrollKeeper.isNearStart && log.hasBefore) this.load("before");
    else if (log.scrollKeeper.isNearEnd && log.hasAfter) this.load("after");
  }

  /** Loads the page before the first or after the last loaded message. @param {Side} side */
  async load(side) {
    if (this.#missedMessages) return;
    this.#missedMessages = [];
    const { log } = this;
    const path = `conversations/${log.conversationId}/messages/?${side}=${side === "before" ? log.firstSeq : log.lastSeq}`;
    try {
      /** @type {History} */
      const history = await api("GET", path, undefined, { signal: log.signal });
      const missedMessages = this.#missedMessages;
      this.#missedMessages = null;
      const messages = history.results.filter(({ seq }) => !log.items.has(seq));
      const fromSeq = side === "before" ? 0 : log.lastSeq + 1;
      const untilSeq = side === "before" ? log.firstSeq : Infinity; // its group may begin above it now
      const insert = () => {
        for (const message of messages) log.addItem(message);
        this.#updateEdge(side, side === "before" ? history.has_before : history.has_after);
      };
      log.update(fromSeq, insert, queueMicrotask, untilSeq);
      // These changes were received while the page was loading and may be newer than it.
      for (const message of missedMessages) log.applyMessage(message);
    } catch {
      // Loading failed: the links at the edges still work, and scrolling tries again after a delay.
      setTimeout(() => (this.#missedMessages = null), RETRY_DELAY);
    }
  }

  /**
   * Removes items far from the viewport if more than `MAX_ITEMS` are loaded.
   * @returns {boolean} whether items were removed
   */
  trim() {
    const { log } = this;
    if (log.items.size <= MAX_ITEMS || this.#missedMessages) return false; // a page that is being loaded must join the current edge
    const seqs = [...log.items.keys()].sort((a, b) => a - b);
    const viewedIndex = log.scrollKeeper.isAtEnd ? seqs.length - 1 : seqs.indexOf(Number(log.scrollKeeper.listItemsInView()[0]?.dataset.seq));
    const [removedAtStart, removedAtEnd] = countItemsToRemove(seqs.length, viewedIndex < 0 ? seqs.length - 1 : viewedIndex);
    for (const seq of seqs.slice(0, removedAtStart)) this.#removeItem(seq);
    for (const seq of seqs.slice(seqs.length - removedAtEnd)) this.#removeItem(seq);
    if (removedAtStart) this.#updateEdge("before", true);
    if (removedAtEnd) this.#updateEdge("after", true);
    return true;
  }

  /** Removes all messages up to a seq: they do not exist any more. @param {number} removedSeq */
  removeUntil(removedSeq) {
    const { log } = this;
    const seqs = [...log.items.keys()].filter((seq) => seq <= removedSeq);
    for (const seq of seqs) this.#removeItem(seq);
    if (!log.items.size && log.hasAfter) log.navigation.jumpToNewest();
    else if (log.hasBefore && log.firstSeq <= removedSeq + 1) this.#updateEdge("before", false);
  }

  /** Removes an item and the separators above it. @param {number} seq */
  #removeItem(seq) {
    const { log } = this;
    const item = log.items.get(seq);
    while (item?.previousElementSibling?.matches(".day, .pause, .unread-line")) item.previousElementSibling.remove();
    item?.remove();
    log.items.delete(seq);
  }

  /**
   * Displays a link to more messages at an edge of the loaded ones, for keyboard users. At the start of the history, it
   * displays the introduction instead.
   * @param {Side} side
   * @param {boolean} hasMore
   */
  #updateEdge(side, hasMore) {
    const { log } = this;
    const isStart = side === "before";
    const hadMore = isStart ? log.hasBefore : log.hasAfter;
    log.dataset[isStart ? "hasBefore" : "hasAfter"] = hasMore ? "1" : "0";
    const partName = isStart ? "older" : "newer";
    const edgeItem = find(log.list, `:scope > .older-line:has(.${partName})`);
    if (hasMore) {
      const newEdgeItem = edgeItem ?? cloneTemplate(log, partName);
      find(newEdgeItem, "a")?.setAttribute("href", `?${side}=${isStart ? log.firstSeq : log.lastSeq}`);
      if (!newEdgeItem?.isConnected) isStart ? log.list.prepend(newEdgeItem ?? "") : log.list.append(newEdgeItem ?? "");
      if (isStart) find(log.list, ":scope > .beginning")?.remove();
    } else {
      edgeItem?.remove();
      if (isStart && !find(log.list, ":scope > .beginning")) log.list.prepend(cloneTemplate(log, "beginning") ?? "");
    }
    // Pending messages are displayed only at the end of the history, which may be loaded or unloaded now.
    if (!isStart && hadMore !== hasMore) emit("live:outbox.request", {});
  }
}

/** Clones a template inside the log. @param {HTMLElement} log @param {string} partName */
function cloneTemplate(log, partName) {
  const template = find(log, `:scope > template[data-part="${partName}"]`);
  const element = template instanceof HTMLTemplateElement ? template.content.firstElementChild : null;
  return element && /** @type {HTMLElement} */ (document.importNode(element, true));
}
