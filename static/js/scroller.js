/** Keeps a log where its reader is: at the end as it grows, or at the line being read whatever comes above. */

const NEAR_END = 48; // px: this close counts as being at the end
const NEAR = 600; // px from an edge at which the next page of history is read

export class Scroller {
  #stuck = true;
  #top = 0;
  /** The line that must not move, and where it was. @type {{line: Element, top: number} | null} */
  #anchor = null;

  /**
   * @param {HTMLElement} log what scrolls
   * @param {HTMLElement} list what grows
   * @param {AbortSignal} gone
   */
  constructor(log, list, gone) {
    this.log = log;
    this.list = list;
    log.style.overflowAnchor = "none"; // done here, alike in all browsers
    const sizes = new ResizeObserver(() => {
      if (this.#stuck) this.#jump();
    });
    sizes.observe(log);
    sizes.observe(list);
    gone.addEventListener("abort", () => sizes.disconnect());
  }

  get #left() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight;
  }

  /** The newest line is on the screen. */
  get atEnd() {
    return this.#stuck;
  }

  get nearEnd() {
    return this.#left < NEAR;
  }

  get nearStart() {
    return this.log.scrollTop < NEAR;
  }

  /** Only a reader moves up. What comes below, or a log that becomes lower, leaves one who is at the end there. */
  scrolled() {
    const up = this.log.scrollTop < this.#top;
    this.#top = this.log.scrollTop;
    if (this.#left < NEAR_END) this.#stuck = true;
    else if (up) this.#stuck = false;
  }

  /** Before a change: remembers what must not move. */
  hold() {
    this.#anchor = null;
    if (this.#stuck) return;
    const top = this.log.getBoundingClientRect().top;
    for (const line of this.list.children) {
      const box = line.getBoundingClientRect();
      if (box.bottom <= top || line.matches(".older-line, .day")) continue;
      this.#anchor = { line, top: box.top };
      return;
    }
  }

  /** After it: puts that back where it was. */
  settle() {
    if (this.#stuck) this.#jump();
    else if (this.#anchor?.line.isConnected) {
      this.log.scrollTop += this.#anchor.line.getBoundingClientRect().top - this.#anchor.top;
    }
    this.#anchor = null;
  }

  /** From now on at the end. */
  stick() {
    this.#stuck = true;
  }

  toEnd() {
    this.#stuck = true;
    this.#jump();
  }

  #jump() {
    this.log.scrollTop = this.log.scrollHeight;
  }

  /** With a line a quarter down the screen. @param {HTMLElement} line */
  toLine(line) {
    this.#stuck = false;
    const offset = line.getBoundingClientRect().top - this.log.getBoundingClientRect().top;
    this.log.scrollTop += offset - this.log.clientHeight / 4;
    this.scrolled();
  }

  /** Leads the eye to a line. @param {HTMLElement} line @param {boolean} [smoothly] */
  show(line, smoothly = true) {
    this.#stuck = false;
    const calm = !smoothly || matchMedia("(prefers-reduced-motion: reduce)").matches;
    line.scrollIntoView({ block: "center", behavior: calm ? "instant" : "smooth" });
    line.classList.remove("jumped");
    void line.offsetWidth; // so that the animation begins anew
    line.classList.add("jumped");
    setTimeout(() => line.classList.remove("jumped"), 2_000);
    line.focus({ preventScroll: true });
    this.scrolled();
  }

  /** Wholly on the screen, or its end. @param {Element} line */
  isSeen(line) {
    const view = this.log.getBoundingClientRect();
    const box = line.getBoundingClientRect();
    return box.bottom <= view.bottom + 8 && box.bottom > view.top;
  }
}
