/**
 * Keeps the scroll position of the log. If the log is scrolled to the end, it stays there when messages arrive.
 * Otherwise the message that is being read does not move when messages above it change, appear or disappear. The scroll
 * anchoring of browsers is turned off, because browsers differ.
 */

const END_DISTANCE = 48; // px: a smaller distance counts as being at the end
const LOAD_AHEAD_SCREENS = 6; // screens: closer to an edge the next page of history is loaded
const MAX_LOAD_AHEAD = 4_000; // px; 150 messages of one line
export const JUMP_OFFSET = 0.3; // part of the window above the target of a jump; the same as `:target` in conversation.css
const WELL_IN_VIEW = 0.7; // part of the screen
const MAX_ANCHORS = 5; // anchors, because some may be removed by a change

/** @typedef {{item: HTMLElement, top: number}} Anchor an item and its offset (px) from the top of the scrolled content */

export class ScrollKeeper {
  #isAtEnd = true;
  #scrollTop = 0;
  /** @type {Anchor[]} */
  #anchors = [];
  /** Scroll position when the anchors were saved. */
  #anchorScrollTop = 0;
  /** Fraction of a pixel that the browser rounded away. */
  #subpixels = 0;

  /**
   * Starts observing sizes.
   * @param {HTMLElement} view the scrolling element
   * @param {HTMLElement} list the list of messages
   * @param {AbortSignal} signal
   * @param {() => boolean} isEndLoaded whether the newest message is loaded; only then the log sticks to the end
   */
  constructor(view, list, signal, isEndLoaded) {
    this.isEndLoaded = isEndLoaded;
    this.view = view;
    this.list = list;
    view.style.overflowAnchor = "none";
    // Runs after layout and before paint: loaded pictures, a growing composer, another width, a virtual keyboard.
    const observer = new ResizeObserver(() => this.restoreAnchors());
    observer.observe(view);
    observer.observe(list);
    signal.addEventListener("abort", () => observer.disconnect());
  }

  get #distanceToEnd() {
    return this.view.scrollHeight - this.view.scrollTop - this.view.clientHeight;
  }

  get #loadDistance() {
    return Math.min(LOAD_AHEAD_SCREENS * this.view.clientHeight, MAX_LOAD_AHEAD);
  }

  /** Whether the log sticks to the newest message. */
  get isAtEnd() {
    return this.#isAtEnd;
  }

  get isNearEnd() {
    return this.#distanceToEnd < this.#loadDistance;
  }

  get isNearStart() {
    return this.view.scrollTop < this.#loadDistance;
  }

  /** Whether the distance to the end is less than a screen. */
  get isCloseToEnd() {
    return this.#distanceToEnd < this.view.clientHeight;
  }

  /**
   * Position of the user, for returning to it: the first whole item and its offset (px) from the upper edge; null at
   * the end.
   */
  get position() {
    if (this.#isAtEnd) return null;
    const item = this.listItemsInView()[0];
    return item ? { seq: Number(item.dataset.seq), offset: this.#getOffset(item) - this.view.scrollTop } : null;
  }

  /**
   * Handles a scroll event. Only scrolling up by the user leaves the end; new messages or a smaller viewport do not.
   */
  onScroll() {
    const isUpwards = this.view.scrollTop < this.#scrollTop;
    this.#scrollTop = this.view.scrollTop;
    if (this.#distanceToEnd < END_DISTANCE && this.isEndLoaded()) this.#isAtEnd = true;
    else if (isUpwards) this.#isAtEnd = false;
    this.saveAnchors();
  }

  /** Saves the position of the items in view before a change. */
  saveAnchors() {
    this.#anchorScrollTop = this.view.scrollTop;
    const items = this.#isAtEnd ? [] : this.listItemsInView();
    // The first loaded item is no anchor: its group and separators change when a page is added above it.
    if (items.length > 1 && !hasItemAbove(items[0])) items.shift();
    this.#anchors = items.map((item) => ({ item, top: this.#getOffset(item) }));
  }

  /** Restores the saved position after a change. */
  restoreAnchors() {
    if (this.#isAtEnd) return this.#scrollToBottom();
    const anchor = this.#anchors.find(({ item }) => item.isConnected);
    const shift = anchor ? this.#getOffset(anchor.item) - anchor.top : 0;
    // If the log became shorter, the browser may have reduced the scroll position.
    const wasPushed = this.view.scrollTop < this.#anchorScrollTop && this.#distanceToEnd < 1;
    if (shift) this.#setScrollTop((wasPushed ? this.#anchorScrollTop : this.view.scrollTop) + shift);
    // Keep the same anchors: groups and separators of the items that are now in view may still change.
    this.#anchors = this.#anchors.filter(({ item }) => item.isConnected).map(({ item }) => ({ item, top: this.#getOffset(item) }));
    this.#anchorScrollTop = this.view.scrollTop;
  }

  /**
   * Returns the first items that are completely in view, or the one item that fills the view.
   * @returns {HTMLElement[]}
   */
  listItemsInView() {
    const items = /** @type {HTMLCollectionOf<HTMLElement>} */ (this.list.children);
    const { top, bottom } = this.view.getBoundingClientRect();
    const first = findFirstIndex(items.length, (index) => items[index].getBoundingClientRect().bottom > top);
    /** @type {HTMLElement[]} */
    const result = [];
    for (let index = first; index < items.length && result.length < MAX_ANCHORS; index += 1) {
      const item = items[index];
      const box = item.getBoundingClientRect();
      if (box.top >= bottom) break;
      if (item.dataset.seq && (box.top >= top || box.bottom >= bottom)) result.push(item);
    }
    if (!result.length && items[first]?.dataset.seq) result.push(items[first]);
    return result;
  }

  /** Returns the last item whose end is in view. @returns {HTMLElement | undefined} */
  findLastInView() {
    const items = /** @type {HTMLCollectionOf<HTMLElement>} */ (this.list.children);
    const { top, bottom } = this.view.getBoundingClientRect();
    const firstBelow = findFirstIndex(items.length, (index) => items[index].getBoundingClientRect().bottom > bottom + 8);
    for (let index = firstBelow - 1; index >= 0; index -= 1) {
      if (items[index].getBoundingClientRect().bottom <= top) return undefined;
      if (items[index].dataset.seq) return items[index];
    }
    return undefined;
  }

  /** Sticks to the end from now on. */
  stickToEnd() {
    this.#isAtEnd = true;
  }

  scrollToEnd() {
    this.#scrollToBottom();
    this.#isAtEnd = this.isEndLoaded();
    this.saveAnchors();
  }

  #scrollToBottom() {
    this.view.scrollTop = this.view.scrollHeight;
    this.#scrollTop = this.view.scrollTop;
    this.#anchors = [];
  }

  /** Scrolls an item to an offset from the upper edge. @param {HTMLElement} item @param {number} offset px */
  scrollToItem(item, offset) {
    this.#isAtEnd = false;
    this.#subpixels = 0;
    this.#setScrollTop(this.#getOffset(item) - offset);
    if (this.#distanceToEnd < 2 && this.isEndLoaded()) this.#isAtEnd = true;
    this.saveAnchors();
  }

  /** Scrolls to an item and highlights it. @param {HTMLElement} item */
  jumpToItem(item) {
    this.scrollToItem(item, innerHeight * JUMP_OFFSET);
    this.highlight(item);
  }

  /** Highlights an item for a moment. @param {HTMLElement} item */
  flash(item) {
    item.classList.remove("jumped");
    void item.offsetWidth; // restarts the animation
    item.classList.add("jumped");
    setTimeout(() => item.classList.remove("jumped"), 2_000);
  }

  /** Highlights an item for a moment, and focuses it. @param {HTMLElement} item */
  highlight(item) {
    this.flash(item);
    // The highlight replaces the focus ring until the user continues with the keyboard.
    item.focus(/** @type {FocusOptions} */ ({ preventScroll: true, focusVisible: false }));
  }

  /** Whether the beginning of an element is in view. @param {Element} item */
  isInView(item) {
    const view = this.view.getBoundingClientRect();
    const box = item.getBoundingClientRect();
    return box.top >= view.top && box.top < view.bottom;
  }

  /** Whether an element is in view with enough space below it to continue reading. @param {Element} item */
  isWellInView(item) {
    const limit = this.view.getBoundingClientRect().top + this.view.clientHeight * WELL_IN_VIEW;
    return this.isInView(item) && item.getBoundingClientRect().top < limit;
  }

  /** @param {HTMLElement} item */
  #getOffset(item) {
    return item.getBoundingClientRect().top - this.view.getBoundingClientRect().top + this.view.scrollTop;
  }

  /** @param {number} top */
  #setScrollTop(top) {
    const newScrollTop = top + this.#subpixels;
    this.view.scrollTop = newScrollTop;
    const rounding = newScrollTop - this.view.scrollTop;
    this.#subpixels = Math.abs(rounding) < 1 ? rounding : 0;
    this.#scrollTop = this.view.scrollTop;
  }
}

/** @param {HTMLElement} item */
function hasItemAbove(item) {
  let previous = /** @type {HTMLElement | null} */ (item.previousElementSibling);
  while (previous && !previous.dataset.seq) previous = /** @type {HTMLElement | null} */ (previous.previousElementSibling);
  return previous !== null;
}

/**
 * Binary search (measuring elements is slow): returns the first index for which `predicate` is true; `count` if there
 * is none.
 * @param {number} count
 * @param {(index: number) => boolean} predicate true for all indexes after the first match
 */
function findFirstIndex(count, predicate) {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (predicate(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
