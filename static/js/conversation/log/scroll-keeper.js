/**
 * Keeps a log where its reader is: at the end as it grows, or at the line being read whatever comes, goes or changes its
 * height above. Done here and not by the browser's own scroll anchoring, so that it is alike in all of them.
 */

const NEAR_END = 48; // px: this close counts as being at the end
const AHEAD = 6; // screens from an edge at which the next page of history is read
const AHEAD_MOST = 5_000; // px
export const ABOVE = 0.3; // of the window stands above a line that is gone to; so has `:target` in talk.css
const WELL = 0.7; // of the screen
const HELD = 5; // lines: of those some may go

/** @typedef {{line: HTMLElement, place: number}} Held a line and where it stands in what scrolls, wherever that is scrolled to */

export class Scroller {
  #stuck = true;
  #top = 0;
  /** @type {Held[]} */
  #held = [];
  /** Where it was scrolled to then. */
  #heldTop = 0;
  /** Parts of a pixel that the browser rounded away. */
  #owed = 0;

  /**
   * @param {HTMLElement} log what scrolls
   * @param {HTMLElement} list what grows
   * @param {AbortSignal} gone
   * @param {() => boolean} isWhole its last line is the newest of all: only there one stays at the end
   */
  constructor(log, list, gone, isWhole) {
    this.isWhole = isWhole;
    this.log = log;
    this.list = list;
    log.style.overflowAnchor = "none";
    // Told after layout and before it is painted: pictures, a growing composer, another width, a keyboard.
    const sizes = new ResizeObserver(() => this.settle());
    sizes.observe(log);
    sizes.observe(list);
    gone.addEventListener("abort", () => sizes.disconnect());
  }

  get #left() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight;
  }

  get #ahead() {
    return Math.min(AHEAD * this.log.clientHeight, AHEAD_MOST);
  }

  /** The newest line is on the screen. */
  get atEnd() {
    return this.#stuck;
  }

  get nearEnd() {
    return this.#left < this.#ahead;
  }

  get nearStart() {
    return this.log.scrollTop < this.#ahead;
  }

  /** Less than a screen from the end. */
  get closeToEnd() {
    return this.#left < this.log.clientHeight;
  }

  /** Where the reader is, for coming back: the first whole line and how far below the edge; null at the end. */
  get place() {
    if (this.#stuck) return null;
    const line = this.linesInView()[0];
    return line ? { seq: Number(line.dataset.seq), offset: this.#place(line) - this.log.scrollTop } : null;
  }

  /** Only a reader moves up. What comes below, or a log that becomes lower, leaves one who is at the end there. */
  scrolled() {
    const up = this.log.scrollTop < this.#top;
    this.#top = this.log.scrollTop;
    if (this.#left < NEAR_END && this.isWhole()) this.#stuck = true;
    else if (up) this.#stuck = false;
    this.hold();
  }

  /** Before a change: remembers what must not move. */
  hold() {
    this.#heldTop = this.log.scrollTop;
    const lines = this.#stuck ? [] : this.linesInView();
    // The first of all gets another head when a page comes above it.
    if (lines.length > 1 && !hasLineAbove(lines[0])) lines.shift();
    this.#held = lines.map((line) => ({ line, place: this.#place(line) }));
  }

  /** After it: puts that back where it was. */
  settle() {
    if (this.#stuck) return this.#jump();
    const held = this.#held.find(({ line }) => line.isConnected);
    const moved = held ? this.#place(held.line) - held.place : 0;
    // A log that became shorter may have been pushed up by the browser meanwhile.
    const pushed = this.log.scrollTop < this.#heldTop && this.#left < 1;
    if (moved) this.#to((pushed ? this.#heldTop : this.log.scrollTop) + moved);
    // The same lines: those that are first on the screen now may be about to change their heads.
    this.#held = this.#held.filter(({ line }) => line.isConnected).map(({ line }) => ({ line, place: this.#place(line) }));
    this.#heldTop = this.log.scrollTop;
  }

  /**
   * The first lines that are wholly on the screen, or where one fills it, that one.
   * @returns {HTMLElement[]}
   */
  linesInView() {
    const lines = /** @type {HTMLCollectionOf<HTMLElement>} */ (this.list.children);
    const { top, bottom } = this.log.getBoundingClientRect();
    const first = firstWhere(lines.length, (index) => lines[index].getBoundingClientRect().bottom > top);
    /** @type {HTMLElement[]} */
    const found = [];
    for (let index = first; index < lines.length && found.length < HELD; index += 1) {
      const line = lines[index];
      const box = line.getBoundingClientRect();
      if (box.top >= bottom) break;
      if (line.dataset.seq && (box.top >= top || box.bottom >= bottom)) found.push(line);
    }
    if (!found.length && lines[first]?.dataset.seq) found.push(lines[first]);
    return found;
  }

  /** The last line that is wholly on the screen, or whose end is. @returns {HTMLElement | undefined} */
  lastInView() {
    const lines = /** @type {HTMLCollectionOf<HTMLElement>} */ (this.list.children);
    const { top, bottom } = this.log.getBoundingClientRect();
    const below = firstWhere(lines.length, (index) => lines[index].getBoundingClientRect().bottom > bottom + 8);
    for (let index = below - 1; index >= 0; index -= 1) {
      if (lines[index].getBoundingClientRect().bottom <= top) return undefined;
      if (lines[index].dataset.seq) return lines[index];
    }
    return undefined;
  }

  /** From now on at the end. */
  stick() {
    this.#stuck = true;
  }

  toEnd() {
    this.#jump();
    this.#stuck = this.isWhole();
    this.hold();
  }

  #jump() {
    this.log.scrollTop = this.log.scrollHeight;
    this.#top = this.log.scrollTop;
    this.#held = [];
  }

  /** With a line so far below the upper edge. @param {HTMLElement} line @param {number} offset px */
  toLine(line, offset) {
    this.#stuck = false;
    this.#owed = 0;
    this.#to(this.#place(line) - offset);
    if (this.#left < 2 && this.isWhole()) this.#stuck = true;
    this.hold();
  }

  /** Leads the eye to a line. @param {HTMLElement} line */
  show(line) {
    this.toLine(line, innerHeight * ABOVE);
    this.flash(line);
  }

  /** @param {HTMLElement} line */
  flash(line) {
    line.classList.remove("jumped");
    void line.offsetWidth; // so that the animation begins anew
    line.classList.add("jumped");
    setTimeout(() => line.classList.remove("jumped"), 2_000);
    // Its wash shows where it is: no ring besides, until somebody moves on by keys.
    line.focus(/** @type {FocusOptions} */ ({ preventScroll: true, focusVisible: false }));
  }

  /** Some of it is on the screen. @param {Element} line */
  isInView(line) {
    const view = this.log.getBoundingClientRect();
    const box = line.getBoundingClientRect();
    return box.top >= view.top && box.top < view.bottom;
  }

  /** With room for reading on below it. @param {Element} line */
  isWellInView(line) {
    return this.isInView(line) && line.getBoundingClientRect().top < this.log.getBoundingClientRect().top + this.log.clientHeight * WELL;
  }

  /** @param {HTMLElement} line */
  #place(line) {
    return line.getBoundingClientRect().top - this.log.getBoundingClientRect().top + this.log.scrollTop;
  }

  /** @param {number} top */
  #to(top) {
    const wanted = top + this.#owed;
    this.log.scrollTop = wanted;
    const off = wanted - this.log.scrollTop;
    this.#owed = Math.abs(off) < 1 ? off : 0;
    this.#top = this.log.scrollTop;
  }
}

/** @param {HTMLElement} line */
function hasLineAbove(line) {
  let above = /** @type {HTMLElement | null} */ (line.previousElementSibling);
  while (above && !above.dataset.seq) above = /** @type {HTMLElement | null} */ (above.previousElementSibling);
  return above !== null;
}

/**
 * The first of `count` for which it holds, where it holds for all that follow; `count` for none. By halving: boxes are
 * costly to ask for.
 * @param {number} count
 * @param {(index: number) => boolean} holds
 */
export function firstWhere(count, holds) {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
