/** Tells the server up to which `seq` this device has received the messages, at most once per second. */
import { throttle } from "../clock.js";
import { sendAndForget } from "../events.js";
import { find, findAll } from "../../lib/dom.js";
import { isWritten } from "../../lib/message-kinds.js";

/** Collects received messages and reports them to the server while connected. */
export function watchDeliveries() {
  const me = Number(find(document, "live-socket")?.dataset.userId ?? 0);
  /** Acknowledged `seq` by conversation. @type {Map<number, number>} */
  const acknowledged = new Map();
  /** `seq` to acknowledge by conversation. @type {Map<number, number>} */
  const pending = new Map();
  let isOpen = false;

  const send = throttle(1_000, () => {
    if (!isOpen) return;
    const marks = Object.fromEntries([...pending].filter(([id, seq]) => seq > (acknowledged.get(id) ?? 0)));
    if (!Object.keys(marks).length) return;
    for (const [id, seq] of pending) acknowledged.set(id, seq);
    pending.clear();
    sendAndForget("received", { marks });
  });

  /** @param {number} id @param {number} seq */
  const add = (id, seq) => {
    if (seq > (acknowledged.get(id) ?? 0)) pending.set(id, Math.max(seq, pending.get(id) ?? 0));
  };

  // Report the unread messages of the rendered list: the server does not know yet that this device has received them.
  for (const { dataset } of findAll(document, ".conversation-row.unread[data-last-seq]")) add(Number(dataset.id), Number(dataset.lastSeq));

  for (const type of ["live:message.created", "live:message.updated"]) {
    document.addEventListener(type, (event) => {
      const { message } = /** @type {CustomEvent} */ (event).detail;
      if (message.sender.id === me || !isWritten(message)) return;
      add(message.conversation_id, message.seq);
      send();
    });
  }
  document.addEventListener("live:state", (event) => {
    isOpen = /** @type {CustomEvent} */ (event).detail.state === "open";
    if (isOpen) send();
  });
}
