/**
 * Keys in the log, which is one stop of the Tab key: arrows move between messages, letters do what the menu does.
 * What is inside a line is reached by Tab from that line, and the next Tab leaves the log.
 */
import { find, findAll } from "../../lib/dom.js";

/** @typedef {import("./message-log.js").MessageLog} MessageLog */

const ACTS = new Map(Object.entries({
  r: "reply", e: "edit", f: "forward", c: "copy", l: "link", u: "unread", p: "pin", i: "details", h: "revisions",
  "+": "any-emoji", Delete: "delete",
}));
const MENU = new Set(["Enter", " ", "ContextMenu"]);
const STEPS = new Map([["ArrowUp", -1], ["ArrowDown", 1], ["k", -1], ["j", 1], ["Home", -Infinity], ["End", Infinity]]);
const INSIDE = "a[href], button:not([disabled]), input:not([type=hidden]), [tabindex='0']";

export class LogKeys {
  /** The line that has the focus, or had it last. @type {HTMLElement | null} */
  #current = null;
  #backwards = false;

  /**
   * @param {MessageLog} log
   * @param {import("../message/message-commands.js").Deeds} deeds
   * @param {import("../message/message-menu.js").MessageMenu} menu
   */
  constructor(log, deeds, menu) {
    this.log = log;
    this.deeds = deeds;
    this.menu = menu;
    this.view = /** @type {HTMLElement} */ (find(log, ".log"));
    log.on(this.view, "keydown", (event) => this.#key(event));
    log.on(this.view, "focusin", (event) => this.#came(event));
    log.on(document, "keydown", (event) => (this.#backwards = event.key === "Tab" && event.shiftKey), { capture: true });
    log.on(document, "pointerdown", () => (this.#backwards = false), { capture: true });
  }

  /** Whoever comes back from below with Shift+Tab comes to a line, not to the last thing inside one. @param {FocusEvent} event */
  #came(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const from = /** @type {Node | null} */ (event.relatedTarget);
    if (this.#backwards && from && !this.view.contains(from) && target !== this.view) {
      const line = this.#current?.isConnected ? this.#current : this.#lines().at(-1);
      this.#backwards = false;
      if (line && line !== target) return line.focus();
    }
    this.#current = target.closest("li[tabindex]") ?? this.#current;
  }

  #lines() {
    return findAll(this.log.list, ":scope > li[tabindex]");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = /** @type {HTMLElement} */ (event.target);
    const line = /** @type {HTMLElement | null} */ (target.closest("li[tabindex]"));
    if (event.key === "Tab") return this.#tab(event, target, line);
    if (event.key === "Escape") {
      event.preventDefault();
      if (line && target !== line) line.focus({ preventScroll: true });
      else find(document, "message-composer textarea")?.focus();
      return;
    }
    const step = STEPS.get(event.key);
    if (step !== undefined && (target === line || target === this.view)) {
      event.preventDefault();
      this.#move(line, step);
    } else if (line && target === line && line.matches(".msg[data-seq]:not(.deleted)")) {
      this.#act(event, line);
    }
  }

  /** @param {KeyboardEvent} event @param {HTMLElement} line */
  #act(event, line) {
    const isMenu = MENU.has(event.key) || (event.key === "F10" && event.shiftKey);
    let act = ACTS.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (act === "pin" && !this.deeds.offers("pin", line)) act = "unpin";
    if (!isMenu && !(act && this.deeds.offers(act, line))) return;
    event.preventDefault();
    if (isMenu) this.menu.open(line, line);
    else if (act) this.deeds.do(act, line);
  }

  /** @param {HTMLElement | null} from @param {number} step */
  #move(from, step) {
    const lines = this.#lines();
    const at = from ? lines.indexOf(from) + step : step < 0 ? lines.length - 1 : 0;
    const to = Number.isFinite(step) ? Math.min(Math.max(at, 0), lines.length - 1) : step < 0 ? 0 : lines.length - 1;
    lines[to]?.focus();
  }

  /** @param {KeyboardEvent} event @param {HTMLElement} target @param {HTMLElement | null} line */
  #tab(event, target, line) {
    const inside = line ? findAll(line, INSIDE).filter((each) => each.checkVisibility() && each.tabIndex >= 0) : [];
    const at = inside.indexOf(target);
    const next = event.shiftKey ? (at > 0 ? inside[at - 1] : at === 0 ? line : this.view) : inside[at + 1];
    if (next && !(event.shiftKey && target === this.view)) {
      event.preventDefault();
      next.focus();
    } else if (!event.shiftKey) {
      const after = this.#after();
      if (!after) return;
      event.preventDefault();
      after.focus();
    }
  }

  /** What follows the log on the page. */
  #after() {
    const all = findAll(document, `${INSIDE}, textarea`).filter((each) => each.checkVisibility() && each.tabIndex >= 0);
    return all.find((each) => this.view.compareDocumentPosition(each) === Node.DOCUMENT_POSITION_FOLLOWING);
  }
}
