/** Shows new notices of the moderators on an open page, and the end of a mute. */
import { find } from "../lib/dom.js";
import { parsePage } from "../lib/trusted-html.js";

/** @param {HTMLElement} notices */
export async function showNotices(notices) {
  const mutedUntil = notices.dataset.mutedUntil;
  const response = await fetch("/notices/").catch(() => null); // the next page shows them
  if (!response?.ok) return;
  const fresh = find(parsePage(await response.text()), "moderation-notices");
  if (!fresh) return;
  // The composer says until when the user is muted. What is being written is kept as a draft.
  if (fresh.dataset.mutedUntil !== mutedUntil && find(document, "message-log")) location.reload();
  else notices.replaceWith(fresh);
}
