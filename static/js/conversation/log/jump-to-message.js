/**
 * Navigation within the log: the initial position, jumps to a message or to the newest one, and the browser's Back
 * button.
 */
import { find } from "../../lib/dom.js";
import { liveUpdates } from "../../realtime/events.js";
import { JUMP_OFFSET } from "./scroll-keeper.js";
import { navigate, takeReturnPosition, pushUrl, replaceUrl } from "../../ui/page-navigation.js";

/** @typedef {import("./message-log.js").MessageLog} MessageLog */

export class LogNavigation {
  /** @param {MessageLog} log */
  constructor(log) {
    this.log = log;
    log.on(document, "page:leaving", ({ detail }) => (detail.position = log.scrollKeeper.position));
    log.on(document, "page:history-back", ({ detail }) => (detail.handled = this.#restorePosition(detail.position)));
    log.on(window, "hashchange", (event) => this.#onHashChange(event));
    log.on(find(log, ".latest"), "click", (event) => handlePlainClick(event) && this.jumpToNewest());
    log.on(log.list, "click", (event) => this.#onClick(event));
    log.on(document.getElementById("date-jump"), "submit", (event) => this.#jumpToDate(event));
  }

  /**
   * Whether the log opens at a message and not at its end. Only in this case the browser may have painted the correct
   * position before this script ran.
   */
  get opensAtMessage() {
    return this.#getRequestedSeq() > 0 || find(this.log, ".log.at-start, .log > ol > .unread-line") !== null;
  }

  /**
   * Sets the initial position: the saved position of an earlier visit, the requested message, the first unread message,
   * or the end.
   * @param {{item: HTMLElement, offset: number} | null} paintedPosition position painted by the browser; if it is correct, nothing moves
   */
  setInitialPosition(paintedPosition) {
    const { log } = this;
    const { scrollKeeper } = log;
    find(log.list, ":scope > .opens-here")?.remove(); // sets the position until this script runs
    const position = takeReturnPosition();
    const savedItem = position && log.items.get(position.seq);
    const requestedSeq = this.#getRequestedSeq();
    const item = requestedSeq ? log.items.get(requestedSeq) : undefined;
    const unreadSeparator = find(log.list, ":scope > .unread-line");
    if (savedItem) return scrollKeeper.scrollToItem(savedItem, position.offset);
    const target = item ?? unreadSeparator;
    if (target) {
      if (paintedPosition) scrollKeeper.scrollToItem(paintedPosition.item, paintedPosition.offset);
      if (!paintedPosition || !scrollKeeper.isWellInView(target)) scrollKeeper.scrollToItem(target, innerHeight * JUMP_OFFSET);
      if (item) scrollKeeper.highlight(item);
    } else if (paintedPosition && scrollKeeper.view.classList.contains("at-start")) {
      scrollKeeper.scrollToItem(paintedPosition.item, paintedPosition.offset);
    } else {
      scrollKeeper.scrollToEnd();
    }
  }

  /** Returns the seq requested by the URL; 0: none. */
  #getRequestedSeq() {
    return Number(new URL(location.href).searchParams.get("at") ?? /^#m-(\d+)$/.exec(location.hash)?.[1] ?? 0);
  }

  jumpToNewest() {
    const { log } = this;
    if (log.hasAfter) navigate(`/c/${log.conversationId}/?newest=1`);
    else log.scrollKeeper.scrollToEnd();
    log.onViewChanged();
  }

  /** Jumps to a message; if it is not loaded, loads the page of the conversation around it. @param {number} seq */
  jumpTo(seq) {
    const { log } = this;
    const item = log.items.get(seq);
    const url = `/c/${log.conversationId}/?at=${seq}#m-${seq}`;
    if (!item) return void navigate(url);
    if (!log.scrollKeeper.isInView(item)) pushUrl(url);
    log.scrollKeeper.jumpToItem(item);
    log.onViewChanged();
  }

  /**
   * Jumps to a message that a search in this conversation has found. The focus stays where it is. All steps of a search
   * are one entry of the browser history, so that Back leads to where the search began.
   * @param {number} seq
   * @param {string} q the search, which stays in the address
   */
  async jumpToMatch(seq, q) {
    const { log } = this;
    const item = log.items.get(seq);
    const url = `/c/${log.conversationId}/?${new URLSearchParams({ at: String(seq), q })}#m-${seq}`;
    const isNextStep = new URL(location.href).searchParams.has("q");
    if (!item) return navigate(url, { replace: isNextStep });
    (isNextStep ? replaceUrl : pushUrl)(url);
    if (!log.scrollKeeper.isWellInView(item)) log.scrollKeeper.scrollToItem(item, innerHeight * JUMP_OFFSET);
    log.scrollKeeper.flash(item);
    log.onViewChanged();
  }

  /**
   * Restores a position saved in the browser history.
   * @param {{seq: number, offset: number} | null} position null: the end
   * @returns {boolean} whether it is on this page
   */
  #restorePosition(position) {
    const { log } = this;
    const item = position && log.items.get(position.seq);
    if (position ? !item : log.hasAfter) return false;
    if (item) log.scrollKeeper.scrollToItem(item, position.offset);
    else log.scrollKeeper.scrollToEnd();
    log.onViewChanged();
    return true;
  }

  /**
   * Jumps to the message of a link such as `#m-12`. If more than the hash has changed, the browser went back or forward:
   * then the hash may belong to another conversation.
   * @param {HashChangeEvent} event
   */
  #onHashChange({ oldURL, newURL }) {
    if (oldURL.replace(/#.*/, "") !== newURL.replace(/#.*/, "")) return;
    const seq = Number(/^#m-(\d+)$/.exec(location.hash)?.[1] ?? 0);
    if (seq) this.jumpTo(seq);
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const target = /** @type {Element} */ (event.target);
    const day = target.closest(".day time");
    if (day && !event.defaultPrevented) return this.#openDatePicker(day.getAttribute("datetime") ?? "");
    const link = /** @type {HTMLElement | null} */ (target.closest(".older, .newer, .reply[data-seq]"));
    if (!link || !handlePlainClick(event)) return;
    if (link.dataset.seq) this.jumpTo(Number(link.dataset.seq));
    else this.log.historyLoader.load(link.matches(".older") ? "before" : "after");
  }

  /** Jumps to a date without a page load. @param {SubmitEvent} event of the date picker */
  #jumpToDate(event) {
    const form = /** @type {HTMLFormElement} */ (event.target);
    const field = /** @type {HTMLInputElement | null} */ (find(form, "input[type=date]"));
    if (!field?.value || !liveUpdates.enabled) return;
    event.preventDefault();
    form.hidePopover?.();
    navigate(`${form.action}?on=${field.value}`);
  }

  /** Opens the date picker of the conversation. @param {string} day ISO 8601 */
  #openDatePicker(day) {
    const form = document.getElementById("date-jump");
    const field = /** @type {HTMLInputElement | null} */ (find(form, "input[type=date]"));
    if (!form?.showPopover || !field || form.matches(":popover-open")) return;
    field.value = day;
    form.showPopover();
    field.focus();
  }
}

/**
 * Prevents the default of a plain click (no modifier key, primary button).
 * @param {MouseEvent} event
 * @returns {boolean} whether it was one
 */
function handlePlainClick(event) {
  const isPlain = !(event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  if (isPlain) event.preventDefault();
  return isPlain;
}
