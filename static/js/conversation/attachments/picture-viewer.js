/**
 * Picture viewer: shows the pictures of a message log or of a page of files one at a time in a dialog. Keys, buttons
 * and swipes go to the next or previous picture; wheel, pinch, keys and double click zoom. The list of pictures is read
 * from the page at each step, so deleted pictures are skipped.
 */
import { clone, find, findAll, getDateFormatter } from "../../lib/dom.js";

const SWIPE_DISTANCE = 60; // px of horizontal movement that go to the next picture
const CLOSE_DISTANCE = 120; // px of downward movement that close the viewer
const MAX_SCALE = 8;
const LONG_RATIO = 2.5; // a picture that is higher for its width is shown from its top, and not as a whole
const ZOOM_STEP = 1.5;

/**
 * Opens the viewer; follows the link if the page has no template for it.
 * @param {HTMLElement} imageLink `.attachment-image`
 */
export function openPictureViewer(imageLink) {
  const dialog = clone("viewer-template");
  if (dialog instanceof HTMLDialogElement) new PictureViewer(dialog, imageLink);
  else location.assign(/** @type {HTMLAnchorElement} */ (imageLink).href);
}

class PictureViewer {
  #abortController = new AbortController();
  #scale = 1;
  #x = 0;
  #y = 0;
  /** Pointers that are pressed, by pointer id. @type {Map<number, {x: number, y: number}>} */
  #pointers = new Map();
  /** Position where the gesture started. */
  #gestureStart = { x: 0, y: 0 };
  #wasPinch = false;

  /** @param {HTMLDialogElement} dialog @param {HTMLElement} imageLink */
  constructor(dialog, imageLink) {
    this.dialog = dialog;
    this.opener = imageLink;
    this.imageLink = imageLink;
    this.gallery = imageLink.closest("message-log, .files-page") ?? document.body;
    this.stage = /** @type {HTMLElement} */ (find(dialog, ".viewer-stage"));
    this.image = /** @type {HTMLImageElement} */ (find(dialog, ".viewer-stage img"));
    this.#addListeners();
    document.body.append(dialog);
    dialog.showModal();
    this.#showPicture(imageLink);
    find(dialog, "[data-act=close]")?.focus();
  }

  get #imageLinks() {
    return findAll(this.gallery, ".attachment-image:has(img)");
  }

  #addListeners() {
    const { signal } = this.#abortController;
    const { dialog, stage } = this;
    dialog.addEventListener("click", (event) => this.#onClick(event));
    dialog.addEventListener("keydown", (event) => this.#onKeydown(event));
    dialog.addEventListener("close", () => {
      this.#abortController.abort();
      dialog.remove();
      if (this.opener.isConnected) this.opener.focus({ preventScroll: true });
    });
    stage.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    stage.addEventListener("dblclick", (event) => this.#zoomTo(this.#scale > 1 ? 1 : 2.5, event.clientX, event.clientY));
    stage.addEventListener("pointerdown", (event) => this.#onPointerDown(event));
    stage.addEventListener("pointermove", (event) => this.#onPointerMove(event));
    for (const type of ["pointerup", "pointercancel"]) {
      stage.addEventListener(type, (event) => this.#onPointerUp(/** @type {PointerEvent} */ (event)));
    }
    this.image.addEventListener("load", () => this.#onLoad());
    this.image.addEventListener("error", () => dialog.classList.remove("waits"));
    document.addEventListener("page:navigated", () => dialog.close(), { signal });
    document.addEventListener("live:message.updated", () => queueMicrotask(() => this.#checkIsPresent()), { signal });
  }

  /** Shows a long picture from its top, as wide as it is; it is read by moving it. */
  #onLoad() {
    const { dialog, image, stage } = this;
    if (!dialog.classList.contains("waits")) return; // the original of a picture that is zoomed already
    dialog.classList.remove("waits");
    if (image.clientHeight > image.clientWidth * LONG_RATIO) {
      const scale = Math.min(Math.min(stage.clientWidth, image.naturalWidth) / image.clientWidth, MAX_SCALE);
      if (scale > 1) this.#transform(scale, 0, Infinity);
    }
  }

  /** If the message of the current picture was deleted, shows another picture or closes the viewer. */
  #checkIsPresent() {
    if (this.#findCurrentLink()) return;
    const next = this.#imageLinks[0];
    if (next) this.#showPicture(next);
    else this.dialog.close();
  }

  /**
   * Returns the current picture's link on the page, which may have been rendered again since it was opened.
   * @returns {HTMLElement | undefined}
   */
  #findCurrentLink() {
    return this.#imageLinks.find(({ dataset }) => dataset.id === this.imageLink.dataset.id);
  }

  /** Shows the picture `offset` steps further; ±Infinity: the last or first one. @param {number} offset */
  #step(offset) {
    const imageLinks = this.#imageLinks;
    const index = imageLinks.findIndex(({ dataset }) => dataset.id === this.imageLink.dataset.id);
    const next = imageLinks[offset === Infinity ? imageLinks.length - 1 : offset === -Infinity ? 0 : index + offset];
    if (next && next !== this.imageLink) this.#showPicture(next);
  }

  /** @param {HTMLElement} imageLink */
  #showPicture(imageLink) {
    this.imageLink = imageLink;
    const { dialog, image } = this;
    const link = /** @type {HTMLAnchorElement} */ (imageLink);
    const thumbnail = /** @type {HTMLImageElement} */ (find(imageLink, "img"));
    const name = decodeURIComponent(new URL(link.href).pathname.split("/").pop() ?? "");
    this.#transform(1, 0, 0);
    dialog.classList.add("waits");
    image.alt = thumbnail.alt;
    // Previews of animated pictures are still images.
    image.src = /\.(gif|webp)$/i.test(name) ? link.href : imageLink.dataset.preview || link.href;
    const item = imageLink.closest("[data-sender], [data-message-id]");
    setText(dialog, "b", find(item, ".msg-by b, .file-by b")?.textContent ?? "");
    const time = find(dialog, "time");
    const datetime = find(item, ".msg-by time, .file-by time")?.getAttribute("datetime") ?? "";
    if (time && datetime) {
      time.setAttribute("datetime", datetime);
      const moment = new Date(datetime);
      const [day, clock] = [getDateFormatter().formatShort(moment, new Date()), getDateFormatter().formatTime(moment)];
      time.textContent = day === clock ? clock : `${day} ${clock}`;
    }
    setText(dialog, ".viewer-alt", thumbnail.alt === name ? "" : thumbnail.alt);
    const imageLinks = this.#imageLinks;
    const [index, count] = [imageLinks.indexOf(imageLink), imageLinks.length];
    setText(dialog, ".viewer-count", count > 1 ? `${index + 1} / ${count}` : "");
    getButton(dialog, "before").disabled = index <= 0;
    getButton(dialog, "next").disabled = index >= count - 1;
    const download = find(dialog, "[data-act=download]");
    download?.setAttribute("href", `${link.href}?download`);
    const messageId = /** @type {HTMLElement | null} */ (item)?.dataset.messageId ?? /** @type {HTMLElement | null} */ (item)?.dataset.id;
    find(dialog, "[data-act=jump]")?.setAttribute("href", `/m/${messageId}/`);
    for (const neighbour of [imageLinks[index + 1], imageLinks[index - 1]]) {
      if (neighbour?.dataset.preview) new Image().src = neighbour.dataset.preview;
    }
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const act = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-act]"))?.dataset.act;
    if (act === "close") this.dialog.close();
    else if (act === "before") this.#step(-1);
    else if (act === "next") this.#step(1);
    else if (act === "zoom") this.#zoomTo(this.#scale > 1 ? 1 : 2.5);
    else if (act === "jump") this.#jump(event);
  }

  /**
   * Goes to the message of the picture: within the page if it is loaded, else by following the link.
   * @param {Event} event
   */
  #jump(event) {
    const item = this.#findCurrentLink()?.closest("message-log li.msg");
    this.opener = this.imageLink;
    this.dialog.close();
    if (!(item instanceof HTMLElement)) return;
    event.preventDefault();
    if (location.hash === `#${item.id}`) item.scrollIntoView({ block: "center" });
    else location.hash = item.id;
    item.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  #onKeydown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const rtl = getComputedStyle(this.dialog).direction === "rtl" ? -1 : 1;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowLeft: () => this.#step(-rtl), ArrowRight: () => this.#step(rtl), Home: () => this.#step(-Infinity), End: () => this.#step(Infinity),
      "+": () => this.#zoomTo(this.#scale * ZOOM_STEP), "=": () => this.#zoomTo(this.#scale * ZOOM_STEP),
      "-": () => this.#zoomTo(this.#scale / ZOOM_STEP), 0: () => this.#zoomTo(1),
    };
    event.stopPropagation(); // shortcuts of the page below the dialog must not run
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }

  // ── Zoom ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {WheelEvent} event */
  #onWheel(event) {
    event.preventDefault();
    this.#zoomTo(this.#scale * Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)), event.clientX, event.clientY);
  }

  /**
   * Zooms so that the given point of the window stays in place (default: the centre).
   * @param {number} scale
   * @param {number} [atX]
   * @param {number} [atY]
   */
  #zoomTo(scale, atX, atY) {
    const newScale = Math.min(Math.max(scale, 1), MAX_SCALE);
    const stageBox = this.stage.getBoundingClientRect();
    const [middleX, middleY] = [stageBox.left + stageBox.width / 2, stageBox.top + stageBox.height / 2];
    const [dx, dy] = [(atX ?? middleX) - middleX, (atY ?? middleY) - middleY];
    const ratio = newScale / this.#scale;
    this.#transform(newScale, dx - (dx - this.#x) * ratio, dy - (dy - this.#y) * ratio);
    if (newScale > 1 && !this.image.src.startsWith(/** @type {HTMLAnchorElement} */ (this.imageLink).href)) this.#loadOriginal();
  }

  /** Replaces the preview by the original picture, for zooming in. */
  #loadOriginal() {
    const { imageLink } = this;
    const original = new Image();
    original.onload = () => {
      if (this.imageLink === imageLink) this.image.src = original.src;
    };
    original.src = /** @type {HTMLAnchorElement} */ (imageLink).href;
  }

  /**
   * Sets scale and translation (px), limited so that the picture covers the stage.
   * @param {number} scale
   * @param {number} x
   * @param {number} y
   */
  #transform(scale, x, y) {
    const [maxX, maxY] = [(this.image.clientWidth * (scale - 1)) / 2, (this.image.clientHeight * (scale - 1)) / 2];
    this.#scale = scale;
    this.#x = Math.min(Math.max(x, -maxX), maxX);
    this.#y = Math.min(Math.max(y, -maxY), maxY);
    this.image.style.transform = scale === 1 ? "" : `translate(${this.#x}px, ${this.#y}px) scale(${scale})`;
    this.dialog.classList.toggle("zoomed", scale > 1);
    getButton(this.dialog, "zoom").setAttribute("aria-pressed", String(scale > 1));
  }

  // ── Pointers ─────────────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {PointerEvent} event */
  #onPointerDown(event) {
    if (event.button) return;
    this.stage.setPointerCapture(event.pointerId);
    if (!this.#pointers.size) [this.#gestureStart, this.#wasPinch] = [{ x: event.clientX, y: event.clientY }, false];
    this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.#pointers.size > 1) this.#wasPinch = true;
  }

  /** @param {PointerEvent} event */
  #onPointerMove({ pointerId, clientX, clientY }) {
    const previous = this.#pointers.get(pointerId);
    if (!previous) return;
    const otherPointer = [...this.#pointers].find(([id]) => id !== pointerId)?.[1];
    this.#pointers.set(pointerId, { x: clientX, y: clientY });
    if (otherPointer) {
      const previousDistance = Math.hypot(previous.x - otherPointer.x, previous.y - otherPointer.y);
      const ratio = Math.hypot(clientX - otherPointer.x, clientY - otherPointer.y) / Math.max(previousDistance, 1);
      this.#zoomTo(this.#scale * ratio, (clientX + otherPointer.x) / 2, (clientY + otherPointer.y) / 2);
    } else if (this.#scale > 1) {
      this.#transform(this.#scale, this.#x + clientX - previous.x, this.#y + clientY - previous.y);
    }
  }

  /** @param {PointerEvent} event */
  #onPointerUp({ type, pointerId, clientX, clientY }) {
    if (!this.#pointers.delete(pointerId) || this.#pointers.size) return;
    if (type === "pointercancel" || this.#wasPinch) return;
    const [dx, dy] = [clientX - this.#gestureStart.x, clientY - this.#gestureStart.y];
    const fitsWidth = this.image.clientWidth * this.#scale <= this.stage.clientWidth + 1; // also a long picture from its top
    if (fitsWidth && Math.abs(dx) > SWIPE_DISTANCE && Math.abs(dx) > Math.abs(dy)) this.#step(dx < 0 ? 1 : -1);
    else if (this.#scale === 1 && dy > CLOSE_DISTANCE && dy > 2 * Math.abs(dx)) this.dialog.close();
  }
}

/** @param {HTMLElement} dialog @param {string} act */
function getButton(dialog, act) {
  return /** @type {HTMLButtonElement} */ (find(dialog, `[data-act=${act}]`));
}

/** @param {HTMLElement} dialog @param {string} selector @param {string} text */
function setText(dialog, selector, text) {
  const element = find(dialog, selector);
  if (element) element.textContent = text;
}
