/**
 * Renders attachments of messages from the same templates as templates/chat/message/_attachment.html.
 * chat/view_models/attachments.py computes the same sizes and labels; both are tested with shared cases.
 */
import { clone, find, words } from "../../lib/dom.js";
import { formatDuration } from "../../lib/wording.js";

/** @typedef {import("../../realtime/protocol.js").Attachment & { local?: Blob }} Attachment `local`: of a message that waits to be sent */

const MAX_SIZE = [360, 320]; // px: width and height of a single picture or video
const GALLERY_SIZE = 176; // px: width and height of each picture if a message has several
const MIN_SIDE = 48; // px
const LONG_RATIO = 2.5; // of a high picture with more height for its width, only the upper part is shown
const LONG_SIZE = [180, 320]; // px: size of this part
const UNITS = ["B", "KB", "MB", "GB", "TB"];

/**
 * Replaces the content of an `.attachments` container; removes the container if there are no files.
 * @param {HTMLElement | null} container
 * @param {Attachment[]} files
 */
export function renderAttachments(container, files) {
  if (!container) return;
  if (!files.length) return container.remove();
  const isGallery = files.filter(({ kind }) => kind === "image").length > 1;
  container.classList.toggle("several", isGallery);
  container.replaceChildren(...files.map((file) => renderAttachment(file, isGallery)).filter((element) => element !== null));
}

/**
 * Renders one attachment. Returns null if the page has no template for attachments.
 * @param {Attachment} file
 * @param {boolean} isGallery whether the message has several pictures
 */
function renderAttachment(file, isGallery) {
  const element = clone(`file-${file.kind}-template`) ?? clone("file-file-template");
  if (!element) return null;
  element.dataset.id = String(file.id);
  const [width, height] = getDisplaySize(file, isGallery);
  if (file.kind === "image") {
    element.setAttribute("href", file.url);
    element.dataset.preview = file.preview_url ?? "";
    element.classList.toggle("long-picture", getLongSize(file) !== null);
    if (!getLongSize(file)) find(element, ".long-sign")?.remove();
    const [image, placeholder] = [find(element, "img"), find(element, "canvas")];
    for (const media of [image, placeholder]) setSize(media, width, height);
    image?.setAttribute("alt", file.alt || file.name);
    placeholder?.setAttribute("aria-label", file.alt || file.name);
    const source = file.local ? createLocalUrl(file.local, image) : file.thumbnail_url;
    if (source) image?.setAttribute("src", source);
    (source ? placeholder : image)?.remove();
  } else if (file.kind === "video") {
    element.classList.toggle("waits", !file.ready);
    for (const [name, attribute] of [["controls", ""], ["preload", "metadata"], ["src", file.url]]) {
      if (file.ready) element.setAttribute(name, attribute);
      else element.removeAttribute(name);
    }
    element.setAttribute("aria-label", file.name);
    setSize(element, width, height);
  } else if (file.kind === "audio") {
    element.dataset.size = String(file.size);
    element.dataset.seconds = file.duration === null ? "" : String(file.duration);
    element.classList.toggle("waits", !file.ready);
    const audio = find(element, "audio");
    if (file.ready) audio?.setAttribute("src", file.url);
    else audio?.removeAttribute("src");
    const isVoice = file.is_voice_note;
    audio?.setAttribute("aria-label", isVoice ? words("list-words").voice ?? "" : file.name);
    if (isVoice) find(element, "p")?.remove();
    setText(element, ".clip", file.name);
    setText(element, ".num", formatDuration(file.duration));
  } else {
    element.setAttribute("href", `${file.url}?download`);
    find(element, ".doc-name")?.setAttribute("title", file.name);
    setText(element, ".doc-mark", getExtensionLabel(file.name));
    setText(element, ".doc-name", file.name);
    setText(element, ".num", formatFileSize(file.size));
  }
  return element;
}

/** Returns a URL of a local file, which is released when the picture is loaded. @param {Blob} file @param {HTMLElement | null} image */
function createLocalUrl(file, image) {
  const url = URL.createObjectURL(file);
  image?.removeAttribute("loading"); // a later load would find the URL released
  for (const type of ["load", "error"]) image?.addEventListener(type, () => URL.revokeObjectURL(url), { once: true });
  return url;
}

/** @param {HTMLElement | null} element @param {number} width @param {number} height */
function setSize(element, width, height) {
  element?.setAttribute("width", String(width));
  element?.setAttribute("height", String(height));
}

/** @param {HTMLElement} element @param {string} selector @param {string} text */
function setText(element, selector, text) {
  const part = find(element, selector);
  if (part) part.textContent = text;
}

/**
 * Returns the display size of a picture or video, so that its space is reserved before it is loaded.
 * @param {{kind: string, width: number | null, height: number | null}} file width and height in pixels
 * @param {boolean} isGallery whether the message has several pictures
 * @returns {number[]} width and height in CSS pixels
 */
export function getDisplaySize({ kind, width, height }, isGallery) {
  if (isGallery && kind === "image") return [GALLERY_SIZE, GALLERY_SIZE];
  const longSize = getLongSize({ kind, width, height });
  if (longSize) return longSize;
  const [w, h] = [width || MAX_SIZE[0], height || Math.floor((MAX_SIZE[0] * 9) / 16)];
  const scale = Math.min(MAX_SIZE[0] / w, MAX_SIZE[1] / h, 1);
  return [Math.max(Math.floor(w * scale + 0.5), MIN_SIDE), Math.max(Math.floor(h * scale + 0.5), MIN_SIDE)];
}

/**
 * Returns the display size of a picture that would be too thin if all of it were shown, otherwise null.
 * @param {{kind: string, width: number | null, height: number | null}} file
 * @returns {number[] | null}
 */
function getLongSize({ kind, width, height }) {
  const [w, h] = [width ?? 0, height ?? 0];
  if (kind !== "image" || !w || !h) return null;
  const shownWidth = Math.max(Math.min(w, LONG_SIZE[0]), MIN_SIDE);
  if (h > w * LONG_RATIO && h * shownWidth > w * LONG_SIZE[1]) return [shownWidth, LONG_SIZE[1]];
  if (w * MIN_SIDE > h * MAX_SIZE[0] && w > MAX_SIZE[0]) return [MAX_SIZE[0], MIN_SIDE];
  return null;
}

/**
 * Returns the extension of a file name as a label, e.g. "PDF"; empty if it is longer than 4 characters or not ASCII.
 * @param {string} name
 */
export function getExtensionLabel(name) {
  const dot = name.lastIndexOf(".");
  const extension = dot > 0 ? name.slice(dot + 1).toLowerCase() : "";
  return /^[a-z0-9]{1,4}$/.test(extension) ? extension.toUpperCase() : "";
}

/** Formats a file size, e.g. "1.5 MB" (1 KB is 1024 bytes). @param {number} count bytes */
export function formatFileSize(count) {
  let [amount, unit] = [count, 0];
  while (amount >= 999.5 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  const rounded = unit === 0 || amount >= 9.95 ? Math.floor(amount + 0.5) : Math.floor(amount * 10 + 0.5) / 10;
  return `${rounded} ${UNITS[unit]}`;
}
