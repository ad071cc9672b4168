/** Short hands for the page: finding, cloning templates, words, avatars. All words come from templates. */
import { face, hue } from "./initials.js";
import { Times } from "./times.js";

/** @typedef {import("../realtime/protocol.js").User} User */
/** @typedef {import("../realtime/protocol.js").Conversation} Conversation */

/**
 * @param {ParentNode | null | undefined} root
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export function find(root, selector) {
  return root?.querySelector(selector) ?? null;
}

/**
 * @param {ParentNode | null | undefined} root
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
export function findAll(root, selector) {
  return root ? /** @type {HTMLElement[]} */ ([...root.querySelectorAll(selector)]) : [];
}

/**
 * A copy of what is in `<template id>`.
 * @param {string} id
 * @returns {HTMLElement | null} null where the page has no such template
 */
export function clone(id) {
  const template = document.getElementById(id);
  if (!(template instanceof HTMLTemplateElement)) return null;
  const element = template.content.firstElementChild;
  return element && /** @type {HTMLElement} */ (document.importNode(element, true));
}

/** The same, with all that stands beside its first element. @param {string} id */
export function cloneAll(id) {
  const template = document.getElementById(id);
  return document.importNode(
    template instanceof HTMLTemplateElement ? template.content : document.createDocumentFragment(),
    true,
  );
}

/** The words in the data attributes of `<template id>`. @param {string} id @returns {Record<string, string | undefined>} */
export function words(id) {
  return document.getElementById(id)?.dataset ?? {};
}

/** @type {Times | undefined} */
let times;

/** Times in this page's words. */
export function pageTimes() {
  times ??= new Times({ ...words("time-words") }, document.documentElement.dataset.timeZone);
  return times;
}

/** @param {ParentNode} root @param {string} slot @param {string} text */
export function fillSlot(root, slot, text) {
  for (const element of findAll(root, `[data-slot="${slot}"]`)) element.textContent = text;
}

/** In templates the number 0 stands for an id, in every address. @param {HTMLElement} root @param {number} id */
export function addresses(root, id) {
  for (const name of ["href", "formaction"]) {
    for (const element of [root, ...findAll(root, `[${name}]`)]) {
      const address = element.getAttribute(name);
      if (address) element.setAttribute(name, address.replace("/0/", `/${id}/`));
    }
  }
}

/**
 * As `templates/elements/avatar.html` draws it.
 * @param {User | Conversation} who
 * @param {string} [size] class
 * @param {boolean} [dot] with a place for the dot of who is here
 */
export function avatar(who, size = "", dot = false) {
  const room = "kind" in who && who.kind === "group";
  const person = "kind" in who ? (room ? null : who.peer) : who;
  const name = room ? who.title : person?.name ?? "";
  const id = room ? who.id : person?.id ?? 0;
  const url = room ? who.avatar_url : person?.avatar_url;
  const { initial, second, lang } = face(name);
  const element = document.createElement("span");
  element.className = ["avatar", size, room && "room"].filter(Boolean).join(" ");
  element.dataset.hue = String(hue(id, room));
  element.lang = lang;
  if (person) element.dataset.userId = String(id);
  element.setAttribute("aria-hidden", "true");
  if (url) {
    const image = document.createElement("img");
    image.src = url;
    image.width = image.height = 72;
    image.alt = "";
    image.loading = "lazy";
    element.append(image);
  } else {
    const letters = child(element, "letters", initial);
    if (second) child(letters, "second", second);
  }
  if (dot && !room) {
    const here = document.createElement("i");
    here.className = "here";
    here.hidden = true;
    element.append(here);
  }
  return element;
}

/** @param {HTMLElement} parent @param {string} name @param {string} text */
function child(parent, name, text) {
  const span = document.createElement("span");
  span.className = name;
  span.append(text);
  parent.append(span);
  return span;
}

/** Once what is drawn by now is on the screen. @param {() => void} run */
export function afterPaint(run) {
  requestAnimationFrame(() => setTimeout(run));
}

/** A name for something new. Also where the page is not served safely and `randomUUID` is missing. */
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** The browser's own small memory, or nothing where that is forbidden. */
export const memory = {
  /** @param {string} key @returns {any} */
  get(key) {
    try {
      return JSON.parse(localStorage.getItem(key) ?? "null");
    } catch {
      return null;
    }
  },
  /** @param {string} key @param {any} value null: forget */
  set(key, value) {
    try {
      if (value === null) localStorage.removeItem(key);
      else localStorage.setItem(key, JSON.stringify(value));
    } catch {
      // Full or forbidden: what is kept here is a convenience.
    }
  },
};
