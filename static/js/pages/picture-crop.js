/**
 * Dialog for cropping a picture. Finger, mouse and arrow keys move the picture; wheel, pinch, slider and keys zoom. The
 * browser renders the result, so photos of any size can be used, and metadata such as the location is not uploaded.
 */
import { clone, find } from "../lib/dom.js";

const OUTPUT_SIZE = 512; // px; twice the size that the server stores
const MAX_ZOOM = 4;
const STEP = 0.05; // of the visible part, per arrow key

/**
 * Opens the dialog.
 * @param {File} file
 * @param {boolean} isRound users have round avatars, groups square ones
 * @returns {Promise<File | null | undefined>} null: cancelled; undefined: the browser cannot display it, the server may
 *   be able to
 */
export async function cropPicture(file, isRound) {
  const dialog = clone("crop-template");
  const picture = await createImageBitmap(file).catch(() => null);
  if (!picture || !(dialog instanceof HTMLDialogElement)) return undefined;
  return new Promise((resolve) => new CropDialog(dialog, picture, isRound, file.name, resolve));
}

class CropDialog {
  #zoom = 1;
  /** Centre of the visible part, in px of the picture. */
  #centerX = 0;
  #centerY = 0;
  #abortController = new AbortController();
  /** @type {Map<number, {x: number, y: number}>} */
  #pointers = new Map();

  /**
   * @param {HTMLDialogElement} dialog
   * @param {ImageBitmap} picture
   * @param {boolean} isRound
   * @param {string} name
   * @param {(file: File | null) => void} resolve
   */
  constructor(dialog, picture, isRound, name, resolve) {
    this.dialog = dialog;
    this.picture = picture;
    this.stage = /** @type {HTMLElement} */ (find(dialog, ".crop-stage"));
    this.canvas = /** @type {HTMLCanvasElement} */ (find(dialog, "canvas"));
    this.range = /** @type {HTMLInputElement} */ (find(dialog, "input"));
    this.stage.classList.toggle("round", isRound);
    [this.#centerX, this.#centerY] = [picture.width / 2, picture.height / 2];
    // Resolve before the dialog is closed: "Save", pressed right after that, must not send the uncropped picture.
    dialog.addEventListener("submit", async (event) => {
      if (/** @type {HTMLButtonElement | null} */ (event.submitter)?.value !== "use") return;
      event.preventDefault();
      resolve(await this.#renderFile(name));
      dialog.close("use");
    });
    dialog.addEventListener("close", () => {
      this.#abortController.abort();
      dialog.remove();
      picture.close();
      resolve(null); // has no effect if it was resolved before
    });
    this.range.addEventListener("input", () => this.#setZoom(Number(this.range.value) / 100));
    this.stage.addEventListener("keydown", (event) => this.#handleKey(event));
    this.stage.addEventListener("wheel", (event) => this.#handleWheel(event), { passive: false });
    this.stage.addEventListener("pointerdown", (event) => {
      this.stage.setPointerCapture(event.pointerId);
      this.#pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    });
    this.stage.addEventListener("pointermove", (event) => this.#handlePointerMove(event));
    for (const type of ["pointerup", "pointercancel"]) {
      this.stage.addEventListener(type, (event) => this.#pointers.delete(/** @type {PointerEvent} */ (event).pointerId));
    }
    document.addEventListener("page:navigated", () => dialog.close(), { signal: this.#abortController.signal });
    document.body.append(dialog);
    dialog.showModal();
    this.stage.focus();
    this.#setZoom(1);
  }

  /** Width and height of the visible part, in px of the picture. */
  get #visibleSize() {
    return Math.min(this.picture.width, this.picture.height) / this.#zoom;
  }

  /** @param {number} zoom */
  #setZoom(zoom) {
    this.#zoom = Math.min(Math.max(zoom, 1), MAX_ZOOM);
    const half = this.#visibleSize / 2;
    this.#centerX = Math.min(Math.max(this.#centerX, half), this.picture.width - half);
    this.#centerY = Math.min(Math.max(this.#centerY, half), this.picture.height - half);
    this.range.value = String(Math.round(this.#zoom * 100));
    this.#render(this.canvas);
  }

  /** @param {HTMLCanvasElement} canvas */
  #render(canvas) {
    const context = canvas.getContext("2d");
    const size = this.#visibleSize;
    if (!context) return;
    context.imageSmoothingQuality = "high";
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(this.picture, this.#centerX - size / 2, this.#centerY - size / 2, size, size, 0, 0, canvas.width, canvas.height);
  }

  /** @param {string} name @returns {Promise<File | null>} */
  #renderFile(name) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = OUTPUT_SIZE;
    this.#render(canvas);
    return new Promise((resolve) =>
      // a browser without WebP writes PNG
      canvas.toBlob((blob) => resolve(blob && new File([blob], name, { type: blob.type })), "image/webp", 0.92),
    );
  }

  /** @param {number} dx @param {number} dy fractions of the visible part */
  #move(dx, dy) {
    this.#centerX += dx * this.#visibleSize;
    this.#centerY += dy * this.#visibleSize;
    this.#setZoom(this.#zoom);
  }

  /** @param {KeyboardEvent} event */
  #handleKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowLeft: () => this.#move(-STEP, 0), ArrowRight: () => this.#move(STEP, 0), ArrowUp: () => this.#move(0, -STEP), ArrowDown: () => this.#move(0, STEP),
      "+": () => this.#setZoom(this.#zoom * 1.1), "=": () => this.#setZoom(this.#zoom * 1.1), "-": () => this.#setZoom(this.#zoom / 1.1),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }

  /** @param {WheelEvent} event */
  #handleWheel(event) {
    event.preventDefault();
    this.#setZoom(this.#zoom * Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)));
  }

  /** @param {PointerEvent} event */
  #handlePointerMove({ pointerId, clientX, clientY }) {
    const previous = this.#pointers.get(pointerId);
    if (!previous) return;
    const otherPointer = [...this.#pointers].find(([id]) => id !== pointerId)?.[1];
    this.#pointers.set(pointerId, { x: clientX, y: clientY });
    const width = this.stage.clientWidth;
    if (otherPointer) {
      const previousDistance = Math.max(Math.hypot(previous.x - otherPointer.x, previous.y - otherPointer.y), 1);
      this.#setZoom((this.#zoom * Math.hypot(clientX - otherPointer.x, clientY - otherPointer.y)) / previousDistance);
    } else {
      this.#move((previous.x - clientX) / width, (previous.y - clientY) / width);
    }
  }
}
