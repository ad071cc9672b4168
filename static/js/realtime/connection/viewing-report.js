/** Tells which conversation is being looked at: the one on the page, while the page is visible. */
import { say } from "../events.js";
import { find } from "../../lib/dom.js";

export function watchView() {
  /** @type {number | null | undefined} */
  let told;
  const look = () => {
    const log = document.visibilityState === "visible" ? find(document, "message-log") : null;
    const id = log ? Number(log.dataset.conversationId) : null;
    if (id === told) return;
    told = id;
    say("view", { conversation_id: id });
  };
  document.addEventListener("visibilitychange", look);
  document.addEventListener("page:visited", look);
  document.addEventListener("live:state", (event) => {
    if (/** @type {CustomEvent} */ (event).detail.state !== "open") return;
    told = null; // a new connection looks at nothing yet
    look();
  });
}
