/** The log as a window on a long history: reads older and newer pages near its edges, forgets what is far away. */
import { api } from "./api.js";
import { tell } from "./live.js";
import { find } from "./page.js";

/** @typedef {import("./message-log.js").MessageLog} MessageLog */
/** @typedef {import("./protocol.js").Message} Message */
/** @typedef {import("./protocol.js").History} History */

const MOST = 3_000; // lines
const KEPT = 2_000; // of them, when there are more and the newest are looked at
const AGAIN = 1_000; // ms after a page that could not be read

export class LogPages {
  /** What was told about messages outside the window while a page was under way. @type {Message[] | null} */
  #told = null;

  /** @param {MessageLog} log */
  constructor(log) {
    this.log = log;
  }

  /** Told about a message that has no place here now. @param {Message} message */
  passOver(message) {
    this.#told?.push(message);
  }

  /** Reads on where the reader comes near an edge. */
  near() {
    const { log } = this;
    if (log.scroller.nearStart && log.hasBefore) this.read("before");
    else if (log.scroller.nearEnd && log.hasAfter) this.read("after");
  }

  /** @param {"before" | "after"} where */
  async read(where) {
    if (this.#told) return;
    this.#told = [];
    const { log } = this;
    const path = `conversations/${log.conversationId}/messages/?${where}=${where === "before" ? log.first : log.last}`;
    try {
      /** @type {History} */
      const history = await api("GET", path, undefined, { signal: log.gone });
      const told = this.#told;
      this.#told = null;
      log.redraw(0, () => {
        for (const message of history.results) if (!log.lines.has(message.seq)) log.draw(message);
        if (where === "before") this.#before(history.has_before);
        else this.#after(history.has_after);
      });
      // Changes that came while the page was on its way, and may be newer than it.
      for (const message of told) log.put(message);
    } catch {
      // The links in the log still lead there; scrolling tries again.
      setTimeout(() => (this.#told = null), AGAIN);
    }
  }

  /** Far above what is looked at. @returns {boolean} whether there was anything to forget */
  forget() {
    const { log } = this;
    if (log.lines.size <= MOST || log.hasAfter) return false;
    const seqs = [...log.lines.keys()].sort((a, b) => a - b);
    for (const seq of seqs.slice(0, -KEPT)) {
      log.lines.get(seq)?.remove();
      log.lines.delete(seq);
    }
    this.#before(true);
    return true;
  }

  /** @param {boolean} has */
  #before(has) {
    const { log } = this;
    log.dataset.hasBefore = has ? "1" : "0";
    this.#link(".older", has ? `?before=${log.first}` : null);
  }

  /** @param {boolean} has */
  #after(has) {
    const { log } = this;
    log.dataset.hasAfter = has ? "1" : "0";
    this.#link(".newer", has ? `?after=${log.last}` : null);
    if (!has) tell("live:outbox.ask", {}); // texts on their way out stand at the end, which is here now
  }

  /** The link for whoever comes without scripts. @param {string} selector @param {string | null} address */
  #link(selector, address) {
    const link = find(this.log.list, `:scope > .older-line ${selector}`);
    if (address) link?.setAttribute("href", address);
    else link?.closest("li")?.remove();
  }
}
