/**
 * Which part of a picture people see: moved by finger, mouse and arrow keys, larger by wheel, pinch, a slider and keys. What
 * is chosen is drawn here, so that a photo of any size fits and what it says about its place never leaves this machine.
 */
import { clone, find } from "../lib/dom.js";

const SIDE = 512; // px of what is sent: twice what the server keeps
const MOST = 4;
const STEP = 0.05; // of what is shown, for an arrow key

/**
 * @param {File} file
 * @param {boolean} isRound people are round, groups square
 * @returns {Promise<File | null | undefined>} null: not this one; undefined: it cannot be shown here, the server may know it
 */
export async function crop(file, isRound) {
  const dialog = clone("crop-template");
  const picture = await createImageBitmap(file).catch(() => null);
  if (!picture || !(dialog instanceof HTMLDialogElement)) return undefined;
  return new Promise((resolve) => new Crop(dialog, picture, isRound, file.name, resolve));
}

class Crop {
  #zoom = 1;
  /** The middle of what is shown, in px of the picture. */
  #x = 0;
  #y = 0;
  #gone = new AbortController();
  /** @type {Map<number, {x: number, y: number}>} */
  #down = new Map();

  /** @param {HTMLDialogElement} dialog @param {ImageBitmap} picture @param {boolean} isRound @param {string} name @param {(file: File | null) => void} done */
  constructor(dialog, picture, isRound, name, done) {
    this.dialog = dialog;
    this.picture = picture;
    this.stage = /** @type {HTMLElement} */ (find(dialog, ".crop-stage"));
    this.canvas = /** @type {HTMLCanvasElement} */ (find(dialog, "canvas"));
    this.range = /** @type {HTMLInputElement} */ (find(dialog, "input"));
    this.stage.classList.toggle("round", isRound);
    [this.#x, this.#y] = [picture.width / 2, picture.height / 2];
    // Drawn before it closes: "Save", pressed as soon as it can be reached again, must not send the whole picture.
    dialog.addEventListener("submit", async (event) => {
      if (/** @type {HTMLButtonElement | null} */ (event.submitter)?.value !== "use") return;
      event.preventDefault();
      done(await this.#drawn(name));
      dialog.close("use");
    });
    dialog.addEventListener("close", () => {
      this.#gone.abort();
      dialog.remove();
      picture.close();
      done(null); // where nothing was chosen before
    });
    this.range.addEventListener("input", () => this.#show(Number(this.range.value) / 100));
    this.stage.addEventListener("keydown", (event) => this.#key(event));
    this.stage.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.stage.addEventListener("pointerdown", (event) => {
      this.stage.setPointerCapture(event.pointerId);
      this.#down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    });
    this.stage.addEventListener("pointermove", (event) => this.#moved(event));
    for (const type of ["pointerup", "pointercancel"]) {
      this.stage.addEventListener(type, (event) => this.#down.delete(/** @type {PointerEvent} */ (event).pointerId));
    }
    document.addEventListener("page:visited", () => dialog.close(), { signal: this.#gone.signal });
    document.body.append(dialog);
    dialog.showModal();
    this.stage.focus();
    this.#show(1);
  }

  /** Px of the picture that are shown across. */
  get #side() {
    return Math.min(this.picture.width, this.picture.height) / this.#zoom;
  }

  /** @param {number} zoom */
  #show(zoom) {
    this.#zoom = Math.min(Math.max(zoom, 1), MOST);
    const half = this.#side / 2;
    this.#x = Math.min(Math.max(this.#x, half), this.picture.width - half);
    this.#y = Math.min(Math.max(this.#y, half), this.picture.height - half);
    this.range.value = String(Math.round(this.#zoom * 100));
    this.#draw(this.canvas);
  }

  /** @param {HTMLCanvasElement} canvas */
  #draw(canvas) {
    const brush = canvas.getContext("2d");
    const side = this.#side;
    if (!brush) return;
    brush.imageSmoothingQuality = "high";
    brush.clearRect(0, 0, canvas.width, canvas.height);
    brush.drawImage(this.picture, this.#x - side / 2, this.#y - side / 2, side, side, 0, 0, canvas.width, canvas.height);
  }

  /** @param {string} name @returns {Promise<File | null>} */
  #drawn(name) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SIDE;
    this.#draw(canvas);
    return new Promise((resolve) =>
      // What knows no WebP writes PNG.
      canvas.toBlob((blob) => resolve(blob && new File([blob], name, { type: blob.type })), "image/webp", 0.92),
    );
  }

  /** @param {number} dx @param {number} dy parts of what is shown */
  #move(dx, dy) {
    this.#x += dx * this.#side;
    this.#y += dy * this.#side;
    this.#show(this.#zoom);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowLeft: () => this.#move(-STEP, 0), ArrowRight: () => this.#move(STEP, 0), ArrowUp: () => this.#move(0, -STEP), ArrowDown: () => this.#move(0, STEP),
      "+": () => this.#show(this.#zoom * 1.1), "=": () => this.#show(this.#zoom * 1.1), "-": () => this.#show(this.#zoom / 1.1),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    this.#show(this.#zoom * Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)));
  }

  /** @param {PointerEvent} event */
  #moved({ pointerId, clientX, clientY }) {
    const before = this.#down.get(pointerId);
    if (!before) return;
    const other = [...this.#down].find(([id]) => id !== pointerId)?.[1];
    this.#down.set(pointerId, { x: clientX, y: clientY });
    const across = this.stage.clientWidth;
    if (other) {
      const was = Math.max(Math.hypot(before.x - other.x, before.y - other.y), 1);
      this.#show((this.#zoom * Math.hypot(clientX - other.x, clientY - other.y)) / was);
    } else {
      this.#move((before.x - clientX) / across, (before.y - clientY) / across);
    }
  }
}
