/** The log as a window on a long history: reads older and newer pages before its edges are reached, forgets what is far. */
import { api } from "../../realtime/api.js";
import { emit } from "../../realtime/events.js";
import { afterPaint, find } from "../../lib/dom.js";

/** @typedef {import("./message-log.js").MessageLog} MessageLog */
/** @typedef {import("../../realtime/protocol.js").Message} Message */
/** @typedef {import("../../realtime/protocol.js").History} History */
/** @typedef {"before" | "after"} Side */

const MOST = 500; // lines on the page
const KEPT = 400; // of them, when there are more: those around what is looked at
const AGAIN = 1_000; // ms after a page that could not be read

/**
 * How many lines to forget at either end of a window.
 * @param {number} count
 * @param {number} at index of the line that is looked at
 * @returns {[number, number]} at the beginning, at the end: wherever more stand, so that the reader keeps the middle
 */
export function tooMany(count, at) {
  if (count <= MOST) return [0, 0];
  const extra = count - KEPT;
  const above = at;
  const below = count - at - 1;
  const first = Math.min(Math.max(0, Math.round((above - below + extra) / 2)), extra, above);
  return [first, Math.min(extra - first, below)];
}

export class LogPages {
  /** What was told about messages outside the window while a page was under way. @type {Message[] | null} */
  #told = null;
  #readsAhead = false;

  /** @param {MessageLog} log */
  constructor(log) {
    this.log = log;
    afterPaint(() => this.#begin());
  }

  /** What one came for is on the screen now. */
  #begin() {
    if (this.log.signal.aborted) return;
    this.#readsAhead = true;
    this.near();
  }

  /** Told about a message that has no place here now. @param {Message} message */
  passOver(message) {
    this.#told?.push(message);
  }

  /** Reads on where the reader comes near an edge. */
  near() {
    const { log } = this;
    if (!this.#readsAhead) return;
    if (log.scroller.nearStart && log.hasBefore) this.read("before");
    else if (log.scroller.nearEnd && log.hasAfter) this.read("after");
  }

  /** @param {Side} side */
  async read(side) {
    if (this.#told) return;
    this.#told = [];
    const { log } = this;
    const path = `conversations/${log.conversationId}/messages/?${side}=${side === "before" ? log.first : log.last}`;
    try {
      /** @type {History} */
      const history = await api("GET", path, undefined, { signal: log.signal });
      const told = this.#told;
      this.#told = null;
      log.redraw(0, () => {
        for (const message of history.results) if (!log.lines.has(message.seq)) log.draw(message);
        this.#edge(side, side === "before" ? history.has_before : history.has_after);
      });
      // Changes that came while the page was on its way, and may be newer than it.
      for (const message of told) log.put(message);
    } catch {
      // The links in the log still lead there; scrolling tries again.
      setTimeout(() => (this.#told = null), AGAIN);
    }
  }

  /** Far from what is looked at. @returns {boolean} whether there was anything to forget */
  forget() {
    const { log } = this;
    if (log.lines.size <= MOST || this.#told) return false; // a page on its way joins where the window ends now
    const seqs = [...log.lines.keys()].sort((a, b) => a - b);
    const looked = log.scroller.atEnd ? seqs.length - 1 : seqs.indexOf(Number(log.scroller.linesInView()[0]?.dataset.seq));
    const [first, last] = tooMany(seqs.length, looked < 0 ? seqs.length - 1 : looked);
    for (const seq of seqs.slice(0, first)) this.#drop(seq);
    for (const seq of seqs.slice(seqs.length - last)) this.#drop(seq);
    if (first) this.#edge("before", true);
    if (last) this.#edge("after", true);
    return true;
  }

  /** A line, and what is said above it. @param {number} seq */
  #drop(seq) {
    const { log } = this;
    const li = log.lines.get(seq);
    while (li?.previousElementSibling?.matches(".day, .pause, .unread-line")) li.previousElementSibling.remove();
    li?.remove();
    log.lines.delete(seq);
  }

  /**
   * What stands at an end of the window: a link for where scrolling does not lead there by itself, or the beginning.
   * @param {Side} side
   * @param {boolean} more
   */
  #edge(side, more) {
    const { log } = this;
    const isStart = side === "before";
    const had = isStart ? log.hasBefore : log.hasAfter;
    log.dataset[isStart ? "hasBefore" : "hasAfter"] = more ? "1" : "0";
    const name = isStart ? "older" : "newer";
    const line = find(log.list, `:scope > .older-line:has(.${name})`);
    if (more) {
      const shown = line ?? part(log, name);
      find(shown, "a")?.setAttribute("href", `?${side}=${isStart ? log.first : log.last}`);
      if (!shown?.isConnected) isStart ? log.list.prepend(shown ?? "") : log.list.append(shown ?? "");
      if (isStart) find(log.list, ":scope > .beginning")?.remove();
    } else {
      line?.remove();
      if (isStart && !find(log.list, ":scope > .beginning")) log.list.prepend(part(log, "beginning") ?? "");
    }
    // Texts on their way out stand at the end: is that here?
    if (!isStart && had !== more) emit("live:outbox.request", {});
  }
}

/** What the page keeps for the ends of this log. @param {HTMLElement} log @param {string} name */
function part(log, name) {
  const template = find(log, `:scope > template[data-part="${name}"]`);
  const element = template instanceof HTMLTemplateElement ? template.content.firstElementChild : null;
  return element && /** @type {HTMLElement} */ (document.importNode(element, true));
}
