/** Whose messages the reader of this page has folded. Nothing is withheld: it stands behind a word. */
import { tell } from "./live.js";
import { clone, find, findAll } from "./page.js";

/** @returns {string[]} ids */
const all = () => (find(document, "message-log")?.dataset.blocked ?? "").split(" ").filter(Boolean);

/** @param {number} userId */
export function isBlocked(userId) {
  return all().includes(String(userId));
}

/** A block, or its end, on whichever device: the lines that stand here fold or unfold. Told as `page:blocked`. */
export function watchBlocked() {
  document.addEventListener("live:contact.updated", (event) => {
    const { user, blocked } = /** @type {CustomEvent} */ (event).detail.contact;
    const log = find(document, "message-log");
    if (!log || blocked === isBlocked(user.id)) return;
    const ids = all().filter((id) => id !== String(user.id));
    log.dataset.blocked = (blocked ? [...ids, String(user.id)] : ids).join(" ");
    for (const line of findAll(log, `.msg[data-sender="${user.id}"]:not(.gone)`)) fold(line, blocked);
    tell("page:blocked", { user_id: user.id, blocked });
  });
}

/** @param {HTMLElement} line @param {boolean} blocked */
function fold(line, blocked) {
  line.classList.toggle("blocked", blocked);
  find(line, ".unblock")?.remove();
  const label = blocked ? find(clone("message-template"), ".unblock") : null;
  if (label) find(line, ".msg-text")?.before(label);
}
