/**
 * Collapses the messages of blocked users in the log, and hides their words in quotes. The user can expand each message,
 * but no quote: it leads to the message. The ids of blocked users are in `data-blocked` of `<live-socket>`.
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
    for (const item of findAll(document, `message-log .msg[data-sender="${user.id}"]`)) setFolded(item, blocked);
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
