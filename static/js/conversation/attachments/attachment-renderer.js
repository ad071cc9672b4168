/** Draws files of messages as `templates/chat/message/_attachment.html` does, from the same file, cloned. See chat/view_models/attachments.py. */
import { clone, find } from "../../lib/dom.js";

/** @typedef {import("../../realtime/protocol.js").Attachment} Attachment */

const ALONE = [360, 320];
const TOGETHER = 176;
const UNITS = ["B", "KB", "MB", "GB", "TB"];

/** @param {HTMLElement | null} holder `.attachments` @param {Attachment[]} files */
export function drawFiles(holder, files) {
  if (!holder) return;
  if (!files.length) return holder.remove();
  const several = files.filter(({ kind }) => kind === "image").length > 1;
  holder.classList.toggle("several", several);
  holder.replaceChildren(...files.map((file) => drawFile(file, several)).filter((each) => each !== null));
}

/** @param {Attachment} file @param {boolean} several */
function drawFile(file, several) {
  const element = clone(`file-${file.kind}-template`) ?? clone("file-file-template");
  if (!element) return null;
  element.dataset.id = String(file.id);
  const [width, height] = box(file, several);
  if (file.kind === "image") {
    element.setAttribute("href", file.url);
    element.dataset.preview = file.preview_url ?? "";
    const [image, blank] = [find(element, "img"), find(element, "canvas")];
    for (const each of [image, blank]) size(each, width, height);
    image?.setAttribute("alt", file.alt || file.name);
    blank?.setAttribute("aria-label", file.alt || file.name);
    if (file.thumbnail_url) image?.setAttribute("src", file.thumbnail_url);
    (file.thumbnail_url ? blank : image)?.remove();
  } else if (file.kind === "video") {
    element.classList.toggle("waits", !file.ready);
    for (const [name, value] of [["controls", ""], ["preload", "metadata"], ["src", file.url]]) {
      if (file.ready) element.setAttribute(name, value);
      else element.removeAttribute(name);
    }
    element.setAttribute("aria-label", file.name);
    size(element, width, height);
  } else if (file.kind === "audio") {
    element.dataset.size = String(file.size);
    element.dataset.seconds = file.duration === null ? "" : String(file.duration);
    element.classList.toggle("waits", !file.ready);
    const audio = find(element, "audio");
    if (file.ready) audio?.setAttribute("src", file.url);
    else audio?.removeAttribute("src");
    audio?.setAttribute("aria-label", file.name);
    fill(element, ".clip", file.name);
    fill(element, ".num", lasts(file.duration));
  } else {
    element.setAttribute("href", `${file.url}?download`);
    find(element, ".doc-name")?.setAttribute("title", file.name);
    fill(element, ".doc-mark", markOf(file.name));
    fill(element, ".doc-name", file.name);
    fill(element, ".num", sizeOf(file.size));
  }
  return element;
}

/** @param {HTMLElement | null} element @param {number} width @param {number} height */
function size(element, width, height) {
  element?.setAttribute("width", String(width));
  element?.setAttribute("height", String(height));
}

/** @param {HTMLElement} element @param {string} selector @param {string} text */
function fill(element, selector, text) {
  const part = find(element, selector);
  if (part) part.textContent = text;
}

/** Its place in the log, known before it is loaded. @param {{kind: string, width: number | null, height: number | null}} file @param {boolean} several */
export function box({ kind, width, height }, several) {
  if (several && kind === "image") return [TOGETHER, TOGETHER];
  const [w, h] = [width || ALONE[0], height || Math.floor((ALONE[0] * 9) / 16)];
  const scale = Math.min(ALONE[0] / w, ALONE[1] / h, 1);
  return [Math.max(Math.floor(w * scale + 0.5), 48), Math.max(Math.floor(h * scale + 0.5), 48)];
}

/** @param {string} name */
export function markOf(name) {
  const dot = name.lastIndexOf(".");
  const mark = dot > 0 ? name.slice(dot + 1).toLowerCase() : "";
  return /^[a-z0-9]{1,4}$/.test(mark) ? mark.toUpperCase() : "";
}

/** @param {number} count of bytes */
export function sizeOf(count) {
  let [value, unit] = [count, 0];
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const rounded = unit === 0 || value >= 9.95 ? Math.floor(value + 0.5) : Math.floor(value * 10 + 0.5) / 10;
  return `${rounded} ${UNITS[unit]}`;
}

/** @param {number | null} seconds */
export function lasts(seconds) {
  if (!seconds) return "";
  const whole = Math.max(Math.floor(seconds + 0.5), 1);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
