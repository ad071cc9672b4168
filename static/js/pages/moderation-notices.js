/** Shows new notices of the moderators on an open page, and the end of a mute. */
import { find } from "../lib/dom.js";
import { parsePage } from "../lib/trusted-html.js";

/** Applies `me.updated` events. */
export function watchNotices() {
  document.addEventListener("live:me.updated", (event) => {
    const { user } = /** @type {CustomEvent} */ (event).detail;
    const notices = find(document, "moderation-notices");
    if (!notices || Number(notices.dataset.count) === user.notice_count) return;
    notices.dataset.count = String(user.notice_count);
    showNotices(notices).catch(() => {}); // the next page shows them
  });
}

/** @param {HTMLElement} notices */
async function showNotices(notices) {
  const mutedUntil = notices.dataset.mutedUntil;
  const response = await fetch("/notices/");
  if (!response.ok) return;
  const fresh = find(parsePage(await response.text()), "moderation-notices");
  if (!fresh) return;
  // The composer says until when the user is muted. What is being written is kept as a draft.
  if (fresh.dataset.mutedUntil !== mutedUntil && find(document, "message-log")) location.reload();
  else notices.replaceWith(fresh);
}
