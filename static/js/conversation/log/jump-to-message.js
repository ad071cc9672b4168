/**
 * Where in a log its reader is: where it opens, jumps to a line, to the newest, and the browser's way back to where one
 * was before.
 */
import { find } from "../../lib/dom.js";
import { ABOVE } from "./scroll-keeper.js";
import { navigate, takeReturnPosition, pushUrl } from "../../ui/page-navigation.js";

/** @typedef {import("./message-log.js").MessageLog} MessageLog */

export class Jumps {
  /** @param {MessageLog} log */
  constructor(log) {
    this.log = log;
    log.on(document, "page:leaving", ({ detail }) => (detail.position = log.scroller.place));
    log.on(document, "page:history-back", ({ detail }) => (detail.handled = this.#back(detail.position)));
    log.on(window, "hashchange", () => this.#hash());
    log.on(find(log, ".latest"), "click", (event) => plain(event) && this.toNewest());
    log.on(log.list, "click", (event) => this.#clicked(event));
  }

  /** Not simply at its end: what the browser shows of it before the script takes over may be right already. */
  get opensInside() {
    return this.#asked() > 0 || find(this.log, ".log.at-start, .log > ol > .unread-line") !== null;
  }

  /**
   * Where one begins to read: where one was, the place asked for, the first unread, or the end.
   * @param {{line: HTMLElement, offset: number} | null} painted what the browser shows already: if that is right, nothing moves
   */
  open(painted) {
    const { log } = this;
    const { scroller } = log;
    const place = takeReturnPosition();
    const was = place && log.lines.get(place.seq);
    const asked = this.#asked();
    const line = asked ? log.lines.get(asked) : undefined;
    const unread = find(log.list, ":scope > .unread-line");
    if (was) return scroller.toLine(was, place.offset);
    const wanted = line ?? unread;
    if (wanted) {
      if (painted) scroller.toLine(painted.line, painted.offset);
      if (!painted || !scroller.isWellInView(wanted)) scroller.toLine(wanted, innerHeight * ABOVE);
      if (line) scroller.flash(line);
    } else if (painted && scroller.log.classList.contains("at-start")) {
      scroller.toLine(painted.line, painted.offset);
    } else {
      scroller.toEnd();
    }
  }

  /** The seq that the address asks for. */
  #asked() {
    return Number(new URL(location.href).searchParams.get("at") ?? /^#m-(\d+)$/.exec(location.hash)?.[1] ?? 0);
  }

  toNewest() {
    const { log } = this;
    if (log.hasAfter) navigate(`/c/${log.conversationId}/?newest=1`);
    else log.scroller.toEnd();
    log.moved();
  }

  /** @param {number} seq */
  to(seq) {
    const { log } = this;
    const line = log.lines.get(seq);
    const address = `/c/${log.conversationId}/?at=${seq}#m-${seq}`;
    if (!line) return void navigate(address);
    if (!log.scroller.isInView(line)) pushUrl(address);
    log.scroller.show(line);
    log.moved();
  }

  /** @param {{seq: number, offset: number} | null} place null: the end @returns {boolean} whether it is on this page */
  #back(place) {
    const { log } = this;
    const line = place && log.lines.get(place.seq);
    if (place ? !line : log.hasAfter) return false;
    if (line) log.scroller.toLine(line, place.offset);
    else log.scroller.toEnd();
    log.moved();
    return true;
  }

  #hash() {
    const seq = Number(/^#m-(\d+)$/.exec(location.hash)?.[1] ?? 0);
    if (seq) this.to(seq);
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const target = /** @type {Element} */ (event.target);
    const day = target.closest(".day time");
    if (day && !event.defaultPrevented) return this.#chooseDay(day.getAttribute("datetime") ?? "");
    const link = /** @type {HTMLElement | null} */ (target.closest(".older, .newer, .reply[data-seq]"));
    if (!link || !plain(event)) return;
    if (link.dataset.seq) this.to(Number(link.dataset.seq));
    else this.log.pages.read(link.matches(".older") ? "before" : "after");
  }

  /** @param {string} day */
  #chooseDay(day) {
    const form = document.getElementById("date-jump");
    const field = /** @type {HTMLInputElement | null} */ (find(form, "input[type=date]"));
    if (!form?.showPopover || !field || form.matches(":popover-open")) return;
    field.value = day;
    form.showPopover();
    field.focus();
  }
}

/** A click that means this page, taken over. @param {MouseEvent} event */
function plain(event) {
  const ours = !(event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  if (ours) event.preventDefault();
  return ours;
}
