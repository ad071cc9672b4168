/**
 * Pictures of a log or of a page of files, one at a time over the page: next and before by keys, buttons and swipe, larger
 * by wheel, pinch, keys and double click. What is looked at is read from the page anew with every step, so what was
 * deleted meanwhile is passed over.
 */
import { clone, find, findAll, getDateFormatter } from "../../lib/dom.js";

const SWIPE = 60; // px across after which the next one comes
const AWAY = 120; // px down after which it closes
const LARGEST = 8;
const STEP = 1.5;

/** @param {HTMLElement} shot `.attachment-image` */
export function viewPicture(shot) {
  const dialog = clone("viewer-template");
  if (dialog instanceof HTMLDialogElement) new Viewer(dialog, shot);
  else location.assign(/** @type {HTMLAnchorElement} */ (shot).href);
}

class Viewer {
  #gone = new AbortController();
  #scale = 1;
  #x = 0;
  #y = 0;
  /** Fingers and buttons that are down, by pointer. @type {Map<number, {x: number, y: number}>} */
  #down = new Map();
  /** Where the gesture began. */
  #from = { x: 0, y: 0 };
  #wasPinch = false;

  /** @param {HTMLDialogElement} dialog @param {HTMLElement} shot */
  constructor(dialog, shot) {
    this.dialog = dialog;
    this.opener = shot;
    this.shot = shot;
    this.place = shot.closest("message-log, .files-page") ?? document.body;
    this.stage = /** @type {HTMLElement} */ (find(dialog, ".viewer-stage"));
    this.image = /** @type {HTMLImageElement} */ (find(dialog, ".viewer-stage img"));
    this.#listen();
    document.body.append(dialog);
    dialog.showModal();
    this.#show(shot);
    find(dialog, "[data-act=close]")?.focus();
  }

  get #shots() {
    return findAll(this.place, ".attachment-image:has(img)");
  }

  #listen() {
    const { signal } = this.#gone;
    const { dialog, stage } = this;
    dialog.addEventListener("click", (event) => this.#clicked(event));
    dialog.addEventListener("keydown", (event) => this.#key(event));
    dialog.addEventListener("close", () => {
      this.#gone.abort();
      dialog.remove();
      if (this.opener.isConnected) this.opener.focus({ preventScroll: true });
    });
    stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    stage.addEventListener("dblclick", (event) => this.#zoom(this.#scale > 1 ? 1 : 2.5, event.clientX, event.clientY));
    stage.addEventListener("pointerdown", (event) => this.#pressed(event));
    stage.addEventListener("pointermove", (event) => this.#moved(event));
    for (const type of ["pointerup", "pointercancel"]) {
      stage.addEventListener(type, (event) => this.#lifted(/** @type {PointerEvent} */ (event)));
    }
    this.image.addEventListener("load", () => dialog.classList.remove("waits"));
    this.image.addEventListener("error", () => dialog.classList.remove("waits"));
    document.addEventListener("page:navigated", () => dialog.close(), { signal });
    document.addEventListener("live:message.updated", () => queueMicrotask(() => this.#stillThere()), { signal });
  }

  /** A deleted message takes its pictures along. */
  #stillThere() {
    if (this.#same()) return;
    const next = this.#shots[0];
    if (next) this.#show(next);
    else this.dialog.close();
  }

  /** It may have been drawn anew in the meantime. @returns {HTMLElement | undefined} */
  #same() {
    return this.#shots.find(({ dataset }) => dataset.id === this.shot.dataset.id);
  }

  /** @param {number} by */
  #go(by) {
    const shots = this.#shots;
    const at = shots.findIndex(({ dataset }) => dataset.id === this.shot.dataset.id);
    const next = shots[by === Infinity ? shots.length - 1 : by === -Infinity ? 0 : at + by];
    if (next && next !== this.shot) this.#show(next);
  }

  /** @param {HTMLElement} shot */
  #show(shot) {
    this.shot = shot;
    const { dialog, image } = this;
    const link = /** @type {HTMLAnchorElement} */ (shot);
    const small = /** @type {HTMLImageElement} */ (find(shot, "img"));
    const name = decodeURIComponent(new URL(link.href).pathname.split("/").pop() ?? "");
    this.#place(1, 0, 0);
    dialog.classList.add("waits");
    image.alt = small.alt;
    // Moving pictures stand still in their previews.
    image.src = /\.(gif|webp)$/i.test(name) ? link.href : shot.dataset.preview || link.href;
    const line = shot.closest("[data-sender], [data-message-id]");
    fill(dialog, "b", find(line, ".msg-by b, .file-by b")?.textContent ?? "");
    const time = find(dialog, "time");
    const at = find(line, ".msg-by time, .file-by time")?.getAttribute("datetime") ?? "";
    if (time && at) {
      time.setAttribute("datetime", at);
      const moment = new Date(at);
      const [day, clock] = [getDateFormatter().formatShort(moment, new Date()), getDateFormatter().formatTime(moment)];
      time.textContent = day === clock ? clock : `${day} ${clock}`;
    }
    fill(dialog, ".viewer-alt", small.alt === name ? "" : small.alt);
    const shots = this.#shots;
    const [index, count] = [shots.indexOf(shot), shots.length];
    fill(dialog, ".viewer-count", count > 1 ? `${index + 1} / ${count}` : "");
    button(dialog, "before").disabled = index <= 0;
    button(dialog, "next").disabled = index >= count - 1;
    const download = find(dialog, "[data-act=download]");
    download?.setAttribute("href", `${link.href}?download`);
    const messageId = /** @type {HTMLElement | null} */ (line)?.dataset.messageId ?? /** @type {HTMLElement | null} */ (line)?.dataset.id;
    find(dialog, "[data-act=jump]")?.setAttribute("href", `/m/${messageId}/`);
    for (const near of [shots[index + 1], shots[index - 1]]) {
      if (near?.dataset.preview) new Image().src = near.dataset.preview;
    }
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const act = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-act]"))?.dataset.act;
    if (act === "close") this.dialog.close();
    else if (act === "before") this.#go(-1);
    else if (act === "next") this.#go(1);
    else if (act === "zoom") this.#zoom(this.#scale > 1 ? 1 : 2.5);
    else if (act === "jump") this.#jump(event);
  }

  /** In this log a step within the page; elsewhere the link is a link. @param {Event} event */
  #jump(event) {
    const line = this.#same()?.closest("message-log li.msg");
    this.opener = this.shot;
    this.dialog.close();
    if (!(line instanceof HTMLElement)) return;
    event.preventDefault();
    if (location.hash === `#${line.id}`) line.scrollIntoView({ block: "center" });
    else location.hash = line.id;
    line.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const rtl = getComputedStyle(this.dialog).direction === "rtl" ? -1 : 1;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowLeft: () => this.#go(-rtl), ArrowRight: () => this.#go(rtl), Home: () => this.#go(-Infinity), End: () => this.#go(Infinity),
      "+": () => this.#zoom(this.#scale * STEP), "=": () => this.#zoom(this.#scale * STEP),
      "-": () => this.#zoom(this.#scale / STEP), 0: () => this.#zoom(1),
    };
    event.stopPropagation(); // the page below has keys of its own
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }

  // ── Larger ───────────────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    this.#zoom(this.#scale * Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)), event.clientX, event.clientY);
  }

  /** The point of the screen stays where it is; without one, the middle. @param {number} scale @param {number} [atX] @param {number} [atY] */
  #zoom(scale, atX, atY) {
    const to = Math.min(Math.max(scale, 1), LARGEST);
    const box = this.stage.getBoundingClientRect();
    const [middleX, middleY] = [box.left + box.width / 2, box.top + box.height / 2];
    const [dx, dy] = [(atX ?? middleX) - middleX, (atY ?? middleY) - middleY];
    const by = to / this.#scale;
    this.#place(to, dx - (dx - this.#x) * by, dy - (dy - this.#y) * by);
    if (to > 1 && !this.image.src.startsWith(/** @type {HTMLAnchorElement} */ (this.shot).href)) this.#sharpen();
  }

  /** Once it is larger than its preview, the picture itself. */
  #sharpen() {
    const { shot } = this;
    const whole = new Image();
    whole.onload = () => {
      if (this.shot === shot) this.image.src = whole.src;
    };
    whole.src = /** @type {HTMLAnchorElement} */ (shot).href;
  }

  /** @param {number} scale @param {number} x @param {number} y */
  #place(scale, x, y) {
    const [mostX, mostY] = [(this.image.clientWidth * (scale - 1)) / 2, (this.image.clientHeight * (scale - 1)) / 2];
    this.#scale = scale;
    this.#x = Math.min(Math.max(x, -mostX), mostX);
    this.#y = Math.min(Math.max(y, -mostY), mostY);
    this.image.style.transform = scale === 1 ? "" : `translate(${this.#x}px, ${this.#y}px) scale(${scale})`;
    this.dialog.classList.toggle("zoomed", scale > 1);
    button(this.dialog, "zoom").setAttribute("aria-pressed", String(scale > 1));
  }

  // ── Fingers ──────────────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {PointerEvent} event */
  #pressed(event) {
    if (event.button) return;
    this.stage.setPointerCapture(event.pointerId);
    if (!this.#down.size) [this.#from, this.#wasPinch] = [{ x: event.clientX, y: event.clientY }, false];
    this.#down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.#down.size > 1) this.#wasPinch = true;
  }

  /** @param {PointerEvent} event */
  #moved({ pointerId, clientX, clientY }) {
    const before = this.#down.get(pointerId);
    if (!before) return;
    const other = [...this.#down].find(([id]) => id !== pointerId)?.[1];
    this.#down.set(pointerId, { x: clientX, y: clientY });
    if (other) {
      const by = Math.hypot(clientX - other.x, clientY - other.y) / Math.max(Math.hypot(before.x - other.x, before.y - other.y), 1);
      this.#zoom(this.#scale * by, (clientX + other.x) / 2, (clientY + other.y) / 2);
    } else if (this.#scale > 1) {
      this.#place(this.#scale, this.#x + clientX - before.x, this.#y + clientY - before.y);
    }
  }

  /** @param {PointerEvent} event */
  #lifted({ type, pointerId, clientX, clientY }) {
    if (!this.#down.delete(pointerId) || this.#down.size) return;
    if (type === "pointercancel" || this.#wasPinch || this.#scale > 1) return;
    const [dx, dy] = [clientX - this.#from.x, clientY - this.#from.y];
    if (Math.abs(dx) > SWIPE && Math.abs(dx) > Math.abs(dy)) this.#go(dx < 0 ? 1 : -1);
    else if (dy > AWAY && dy > 2 * Math.abs(dx)) this.dialog.close();
  }
}

/** @param {HTMLElement} dialog @param {string} act */
function button(dialog, act) {
  return /** @type {HTMLButtonElement} */ (find(dialog, `[data-act=${act}]`));
}

/** @param {HTMLElement} dialog @param {string} selector @param {string} text */
function fill(dialog, selector, text) {
  const part = find(dialog, selector);
  if (part) part.textContent = text;
}
