/**
 * Collapses the messages of blocked users in the log, also where others forward them, and hides their words in quotes.
 * The user can expand each message, but no quote: it leads to the message. The ids of blocked users are in
 * `data-blocked` of `<live-socket>`.
 */
import { emit } from "../../realtime/events.js";
import { setClasses } from "./message-classes.js";
import { clone, find, findAll } from "../../lib/dom.js";

const findSocket = () => find(document, "live-socket");

/** @returns {string[]} ids of blocked users */
const listBlockedIds = () => (findSocket()?.dataset.blocked ?? "").split(" ").filter(Boolean);

/** @param {number} userId */
export function isBlocked(userId) {
  return listBlockedIds().includes(String(userId));
}

/**
 * Returns whether the user has blocked the sender of a message, or the author of the words that others forward. What the
 * user forwards stays visible.
 * @param {{sender: {id: number}, forwarded_from?: {sender: {id: number}} | null}} message
 * @param {number} currentUserId
 */
export function isHiddenByBlock({ sender, forwarded_from: forwarded }, currentUserId) {
  return isBlocked(sender.id) || (forwarded != null && sender.id !== currentUserId && isBlocked(forwarded.sender.id));
}

/**
 * Handles that the user has blocked or unblocked somebody, on any device: collapses or expands the messages in the log
 * and emits `page:block-changed`.
 */
export function watchBlockedUsers() {
  document.addEventListener("live:contact.updated", (event) => {
    const { user, blocked } = /** @type {CustomEvent} */ (event).detail.contact;
    const socketElement = findSocket();
    if (!socketElement || blocked === isBlocked(user.id)) return;
    const otherIds = listBlockedIds().filter((id) => id !== String(user.id));
    socketElement.dataset.blocked = (blocked ? [...otherIds, String(user.id)] : otherIds).join(" ");
    for (const item of findAll(document, `message-log .msg:is([data-sender="${user.id}"], :has(.forwarded[data-sender="${user.id}"])):not(.mine)`)) {
      const authors = [item.dataset.sender, find(item, ".forwarded")?.dataset.sender];
      setFolded(item, authors.some((id) => isBlocked(Number(id))));
    }
    for (const quote of findAll(document, `message-log .reply[data-sender="${user.id}"]`)) setQuoteFolded(quote, blocked);
    emit("page:block-changed", { user_id: user.id, blocked });
  });
}

/** Hides or shows the words of a quoted message. @param {HTMLElement} quote @param {boolean} blocked */
export function setQuoteFolded(quote, blocked) {
  const isDeleted = quote.classList.contains("deleted");
  quote.classList.toggle("blocked", blocked && !isDeleted);
  quote.title = blocked || isDeleted ? "" : find(quote, ".clip")?.textContent ?? "";
}

/** Collapses or expands a message. @param {HTMLElement} item @param {boolean} blocked */
function setFolded(item, blocked) {
  const isDeleted = item.classList.contains("deleted");
  setClasses(item, { blocked: blocked && !isDeleted, "for-me": !blocked && find(item, ".msg-text .mention.me") !== null });
  find(item, ".unblock")?.remove();
  const unblockToggle = blocked && !isDeleted ? find(clone("message-template"), ".unblock") : null;
  if (unblockToggle) find(item, ".msg-text")?.before(unblockToggle);
}
