/** Tells the server which conversation the user is viewing: the one on the page, while the page is visible. */
import { sendAndForget } from "../events.js";
import { find } from "../../lib/dom.js";

/** Sends the command `view` whenever the viewed conversation changes. */
export function watchViewing() {
  /** @type {number | null | undefined} */
  let reportedId;
  const report = () => {
    const log = document.visibilityState === "visible" ? find(document, "message-log") : null;
    const id = log ? Number(log.dataset.conversationId) : null;
    if (id === reportedId) return;
    reportedId = id;
    sendAndForget("view", { conversation_id: id });
  };
  document.addEventListener("visibilitychange", report);
  document.addEventListener("page:navigated", report);
  document.addEventListener("live:state", (event) => {
    if (/** @type {CustomEvent} */ (event).detail.state !== "open") return;
    reportedId = null; // a new connection has no viewed conversation yet
    report();
  });
}
