/** Tells what has got to this device: cumulative, at most once a second. */
import { atMostEvery } from "../clock.js";
import { say } from "../events.js";
import { find, findAll } from "../../lib/dom.js";

export function watchReceived() {
  const me = Number(find(document, "live-socket")?.dataset.userId ?? 0);
  /** Told already, and to be told. @type {Map<number, number>} */
  const told = new Map();
  /** @type {Map<number, number>} */
  const got = new Map();
  let isOpen = false;

  const tellNow = atMostEvery(1_000, () => {
    if (!isOpen) return;
    const marks = Object.fromEntries([...got].filter(([id, seq]) => seq > (told.get(id) ?? 0)));
    if (!Object.keys(marks).length) return;
    for (const [id, seq] of got) told.set(id, seq);
    got.clear();
    say("received", { marks });
  });

  /** @param {number} id @param {number} seq */
  const add = (id, seq) => {
    if (seq > (told.get(id) ?? 0)) got.set(id, Math.max(seq, got.get(id) ?? 0));
  };

  // What the page came with: unread rows, of which the server cannot know yet that they got here.
  for (const { dataset } of findAll(document, ".conversation-row.unread[data-last-seq]")) add(Number(dataset.id), Number(dataset.lastSeq));

  for (const type of ["live:message.created", "live:message.updated"]) {
    document.addEventListener(type, (event) => {
      const { message } = /** @type {CustomEvent} */ (event).detail;
      if (message.sender.id === me || message.kind !== "text") return;
      add(message.conversation_id, message.seq);
      tellNow();
    });
  }
  document.addEventListener("live:state", (event) => {
    isOpen = /** @type {CustomEvent} */ (event).detail.state === "open";
    if (isOpen) tellNow();
  });
}
