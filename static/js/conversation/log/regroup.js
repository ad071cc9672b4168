/** Updates the groups of messages, the separators and the receipt marks of the log after a change. */
import { createDaySeparator, createTimeSeparator, updateDaySeparator, updateTimeSeparator } from "./date-separators.js";
import { groupMessages } from "./grouping.js";
import { setClasses } from "../message/message-classes.js";
import { getDateFormatter, words } from "../../lib/dom.js";
import { renderReceiptMark } from "../receipts/receipt-view.js";

/**
 * @typedef {{li: HTMLElement, at: Date, day: HTMLElement | null, pause: HTMLElement | null, unread: HTMLElement | null}} LogItem an item and the separators directly above it
 */

/**
 * Updates all items from `fromSeq` on, or only those up to the end of the group of `lastItem`.
 * @param {HTMLElement} list
 * @param {number} fromSeq lowest seq affected by the change; Infinity: only pending messages
 * @param {import("../receipts/receipts.js").Receipts} receipts
 * @param {boolean} inGroup in groups the number of readers is displayed
 * @param {HTMLElement} [lastItem] default: the last one
 */
export function regroup(list, fromSeq, receipts, inGroup, lastItem) {
  const now = new Date();
  const formatter = getDateFormatter();
  const { group, separator } = words("grouping-gaps");
  const { items, contextCount } = collectItems(lastItem ? findGroupEnd(lastItem) : list.lastElementChild, fromSeq);
  const layouts = groupMessages(
    items.map(({ li, at: createdAt, unread }) => ({
      sender: Number(li.dataset.sender),
      at: createdAt.getTime(),
      day: formatter.dayKey(createdAt),
      text: li.classList.contains("msg"),
      unreadBefore: unread !== null,
    })),
    { group: Number(group), separator: Number(separator) },
  );
  items.forEach(({ li, at: createdAt, day, pause, unread }, index) => {
    const { first, last, dayBefore, pauseBefore } = layouts[index];
    if (li.classList.contains("msg")) setClasses(li, { first, last });
    if (index < contextCount) return; // the separators above it have not changed
    if (!dayBefore) day?.remove();
    else if (day) updateDaySeparator(day, createdAt, now);
    else (unread ?? li).before(createDaySeparator(createdAt, now) ?? "");
    if (!pauseBefore) pause?.remove();
    else if (pause) updateTimeSeparator(pause, li.dataset.at ?? "");
    else (unread ?? li).before(createTimeSeparator(li.dataset.at ?? "") ?? "");
  });
  renderMarks(items, receipts, inGroup);
}

/**
 * Returns the affected items with the separators above each. The first `contextCount` items are not affected
 * themselves: they are included because the group of the first affected item begins there.
 * @param {Element | null} lastItem
 * @param {number} fromSeq
 */
function collectItems(lastItem, fromSeq) {
  /** @type {LogItem[]} */
  const items = [];
  let contextCount = 0;
  /** @type {LogItem | undefined} */
  let itemBelow;
  for (let li = /** @type {HTMLElement | null} */ (lastItem), previousElement; li; li = previousElement) {
    previousElement = /** @type {HTMLElement | null} */ (li.previousElementSibling);
    if (li.matches(".unread-line")) {
      if (itemBelow) itemBelow.unread = li;
    } else if (li.matches(".day, .pause")) {
      const kind = li.matches(".day") ? "day" : "pause";
      if (itemBelow && !itemBelow[kind]) itemBelow[kind] = li;
      else li.remove(); // its message was removed
    } else if (li.dataset.at) {
      if (contextCount && items[0].li.matches(".first, .system")) break;
      itemBelow = { li, at: new Date(li.dataset.at), day: null, pause: null, unread: null };
      items.unshift(itemBelow);
      if (li.dataset.seq && Number(li.dataset.seq) < fromSeq) contextCount += 1;
    }
  }
  return { items, contextCount };
}

/** Returns the last item of the group of an item, as it is displayed. @param {HTMLElement} item */
function findGroupEnd(item) {
  let last = item;
  for (let next = item.nextElementSibling; next?.matches(".msg:not(.first)"); next = next.nextElementSibling) {
    last = /** @type {HTMLElement} */ (next);
  }
  return last;
}

/**
 * Updates the receipt marks of the user's own messages.
 * @param {LogItem[]} items complete groups
 * @param {import("../receipts/receipts.js").Receipts} receipts
 * @param {boolean} inGroup
 */
function renderMarks(items, receipts, inGroup) {
  const ownItems = items.map(({ li }) => li).filter((li) => li.dataset.seq && li.matches(".mine:not(.deleted)"));
  const displayedMarks = receipts.selectDisplayedMarks(
    ownItems.map((li) => ({ seq: Number(li.dataset.seq), first: li.classList.contains("first") })),
  );
  for (const li of ownItems) renderReceiptMark(li, displayedMarks.get(Number(li.dataset.seq)), inGroup);
}
