/** Whom the reader of this page has blocked, and so has folded. Nothing is withheld: it stands behind a word. */
import { emit } from "../../realtime/events.js";
import { setClasses } from "./message-classes.js";
import { clone, find, findAll } from "../../lib/dom.js";

const socket = () => find(document, "live-socket");

/** @returns {string[]} ids */
const all = () => (socket()?.dataset.blocked ?? "").split(" ").filter(Boolean);

/** @param {number} userId */
export function isBlocked(userId) {
  return all().includes(String(userId));
}

/** A block, or its end, on whichever device: the lines that stand here fold or unfold. Told as `page:block-changed`. */
export function watchBlocked() {
  document.addEventListener("live:contact.updated", (event) => {
    const { user, blocked } = /** @type {CustomEvent} */ (event).detail.contact;
    const here = socket();
    if (!here || blocked === isBlocked(user.id)) return;
    const ids = all().filter((id) => id !== String(user.id));
    here.dataset.blocked = (blocked ? [...ids, String(user.id)] : ids).join(" ");
    for (const line of findAll(document, `message-log .msg[data-sender="${user.id}"]`)) fold(line, blocked);
    emit("page:block-changed", { user_id: user.id, blocked });
  });
}

/** @param {HTMLElement} line @param {boolean} blocked */
function fold(line, blocked) {
  const gone = line.classList.contains("deleted");
  setClasses(line, { blocked: blocked && !gone, "for-me": !blocked && find(line, ".msg-text .mention.me") !== null });
  find(line, ".unblock")?.remove();
  const label = blocked && !gone ? find(clone("message-template"), ".unblock") : null;
  if (label) find(line, ".msg-text")?.before(label);
}
