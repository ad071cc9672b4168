/**
 * Helper functions for the DOM: queries, copies of templates, avatars and browser storage. Scripts take all translated
 * texts from templates.
 */
import { DateFormatter } from "./times.js";

/** @typedef {import("../realtime/protocol.js").User} User */
/** @typedef {import("../realtime/protocol.js").Initials} Initials */

/**
 * Returns the first matching element.
 * @param {ParentNode | null | undefined} root
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export function find(root, selector) {
  return root?.querySelector(selector) ?? null;
}

/**
 * Returns all matching elements.
 * @param {ParentNode | null | undefined} root
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
export function findAll(root, selector) {
  return root ? /** @type {HTMLElement[]} */ ([...root.querySelectorAll(selector)]) : [];
}

/**
 * Returns a copy of the first element in `<template id>`.
 * @param {string} id
 * @returns {HTMLElement | null} null if the page has no such template
 */
export function clone(id) {
  const template = document.getElementById(id);
  if (!(template instanceof HTMLTemplateElement)) return null;
  const element = template.content.firstElementChild;
  return element && /** @type {HTMLElement} */ (document.importNode(element, true));
}

/** Returns a copy of all nodes in `<template id>`. @param {string} id */
export function cloneAll(id) {
  const template = document.getElementById(id);
  return document.importNode(
    template instanceof HTMLTemplateElement ? template.content : document.createDocumentFragment(),
    true,
  );
}

/**
 * Returns the translated texts in the data attributes of `<template id>`.
 * @param {string} id
 * @returns {Record<string, string | undefined>}
 */
export function words(id) {
  return document.getElementById(id)?.dataset ?? {};
}

/** @type {DateFormatter | undefined} */
let dateFormatter;

/** Returns the date formatter with the language and time zone of the page. */
export function getDateFormatter() {
  dateFormatter ??= new DateFormatter({ ...words("time-words") }, document.documentElement.dataset.timeZone);
  return dateFormatter;
}

/**
 * Sets the text of all elements with this `data-slot`.
 * @param {ParentNode} root
 * @param {string} slot
 * @param {string} text
 */
export function fillSlot(root, slot, text) {
  for (const element of findAll(root, `[data-slot="${slot}"]`)) element.textContent = text;
}

/** Replaces the placeholder id 0 in the addresses of a cloned template. @param {HTMLElement} root @param {number} id */
export function replaceIdInUrls(root, id) {
  for (const name of ["href", "formaction"]) {
    for (const element of [root, ...findAll(root, `[${name}]`)]) {
      const address = element.getAttribute(name);
      if (address) element.setAttribute(name, address.replace("/0/", `/${id}/`));
    }
  }
}

/**
 * Returns an avatar like the one rendered by `templates/elements/avatar.html`.
 * @param {User | {kind: string, avatar_url: string | null, initials: Initials | null, peer: User | null}} subject a user, or
 *   a conversation with its title
 * @param {string} [size] class
 * @param {boolean} [hasDot] with a hidden online dot
 */
export function createAvatar(subject, size = "", hasDot = false) {
  const isGroup = "kind" in subject && subject.kind === "group";
  const person = "kind" in subject ? (isGroup ? null : subject.peer) : subject;
  const { avatar_url: url = null, initials } = (isGroup ? subject : person) ?? {};
  const { initial, second, lang, hue } = initials ?? guessInitials(person?.name ?? "");
  const element = document.createElement("span");
  element.className = ["avatar", size, isGroup && "room"].filter(Boolean).join(" ");
  element.dataset.hue = String(hue);
  element.lang = lang;
  if (person) element.dataset.userId = String(person.id);
  element.setAttribute("aria-hidden", "true");
  if (url) {
    const image = document.createElement("img");
    image.src = url;
    image.width = image.height = 72;
    image.alt = "";
    image.loading = "lazy";
    element.append(image);
  } else {
    const letters = appendSpan(element, "letters", initial);
    if (second) appendSpan(letters, "second", second);
  }
  if (hasDot && !isGroup) {
    const onlineDot = document.createElement("i");
    onlineDot.className = "here";
    onlineDot.hidden = true;
    element.append(onlineDot);
  }
  return element;
}

/** Returns picture and initials of an avatar on the page. @param {HTMLElement} avatar */
export function readAvatar(avatar) {
  const letters = find(avatar, ".letters");
  return {
    avatar_url: find(avatar, "img")?.getAttribute("src") ?? null,
    initials: {
      initial: letters?.firstChild?.textContent ?? "",
      second: find(letters, ".second")?.textContent ?? "",
      lang: avatar.lang,
      hue: Number(avatar.dataset.hue),
    },
  };
}

/** Returns initials for a user whose initials the server has not sent. @param {string} name @returns {Initials} */
export function guessInitials(name) {
  return { initial: [...name.trim()][0]?.toUpperCase() ?? "", second: "", lang: "", hue: 0 };
}

/** @param {HTMLElement} parent @param {string} name @param {string} text */
function appendSpan(parent, name, text) {
  const span = document.createElement("span");
  span.className = name;
  span.append(text);
  parent.append(span);
  return span;
}

/** Calls `run` after the next paint. @param {() => void} run */
export function afterPaint(run) {
  requestAnimationFrame(() => setTimeout(run));
}

/** Returns a random UUID, also on pages without TLS, where `crypto.randomUUID` is missing. */
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Reads and writes JSON values in localStorage. If the browser denies access, nothing is stored. */
export const browserStorage = {
  /** @param {string} key @returns {any} */
  get(key) {
    try {
      return JSON.parse(localStorage.getItem(key) ?? "null");
    } catch {
      return null;
    }
  },
  /** @param {string} key @param {any} value null removes the entry */
  set(key, value) {
    try {
      if (value === null) localStorage.removeItem(key);
      else localStorage.setItem(key, JSON.stringify(value));
    } catch {
      // Full or forbidden: values stored here are only a convenience.
    }
  },
};
