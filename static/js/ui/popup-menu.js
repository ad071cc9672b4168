/** Functions for popup menus: opening at a position, keyboard and focus. */
import { findAll } from "../lib/dom.js";

const LONG_PRESS = 450; // ms

/** @param {HTMLElement} menu */
function visibleItems(menu) {
  return findAll(menu, "[role^=menuitem]").filter((item) => item.checkVisibility());
}

/**
 * Opens a menu at a point or below an element. On a phone it opens at the bottom of the screen.
 * @param {HTMLElement} menu a popover
 * @param {HTMLElement} anchor gets the focus back afterwards
 * @param {{x: number, y: number} | null} point
 * @param {boolean} [isLongPress] opened by a finger that is still down
 */
export function openMenu(menu, anchor, point, isLongPress = false) {
  const isSheet = matchMedia("(pointer: coarse)").matches || innerWidth < 640;
  menu.classList.toggle("sheet", isSheet);
  if (menu.matches(":popover-open")) menu.hidePopover();
  menu.showPopover();
  const { style } = menu;
  style.position = "fixed";
  style.margin = "0";
  style.inset = isSheet ? "auto 0 0 0" : "auto";
  if (!isSheet) {
    const { left, bottom } = anchor.getBoundingClientRect();
    const { offsetWidth, offsetHeight } = menu;
    style.left = `${Math.max(8, Math.min(point?.x ?? left + 16, innerWidth - offsetWidth - 8))}px`;
    style.top = `${Math.max(8, Math.min(point?.y ?? bottom, innerHeight - offsetHeight - 8))}px`;
  }
  if (isLongPress) menu.focus();
  else visibleItems(menu)[0]?.focus();
}

/**
 * Adds keyboard handling to a menu: arrows, Home and End move; Tab and Escape close it. Call once per menu.
 * @param {HTMLElement} menu
 * @param {AbortSignal} [signal]
 */
export function addMenuKeys(menu, signal) {
  menu.addEventListener("keydown", (event) => {
    const items = visibleItems(menu);
    const point = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const nextIndex = { ArrowDown: point + 1, ArrowUp: point < 0 ? -1 : point - 1, Home: 0, End: -1 }[event.key];
    if (nextIndex !== undefined && items.length) {
      event.preventDefault();
      event.stopPropagation();
      items.at(nextIndex % items.length)?.focus();
    } else if (event.key === "Tab" || event.key === "Escape") {
      if (event.key === "Escape") event.preventDefault();
      event.stopPropagation();
      menu.hidePopover();
    }
  }, { signal });
}

/**
 * Calls `handler` on a long press by touch. The click that follows when the finger is lifted is suppressed.
 * @param {HTMLElement} root
 * @param {string} selector
 * @param {(element: HTMLElement) => void} handler
 * @param {AbortSignal} signal
 */
export function onLongPress(root, selector, handler, signal) {
  /** @type {any} */
  let timer;
  let isLongPress = false;
  root.addEventListener("pointerdown", (event) => {
    clearTimeout(timer);
    isLongPress = false;
    const element = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest(selector));
    if (event.pointerType !== "touch" || !element) return;
    timer = setTimeout(() => {
      isLongPress = true;
      handler(element);
    }, LONG_PRESS);
  }, { signal });
  for (const type of ["pointerup", "pointercancel", "pointermove", "scroll"]) {
    root.addEventListener(type, () => clearTimeout(timer), { signal, capture: true, passive: true });
  }
  document.addEventListener("click", (event) => {
    if (!isLongPress) return;
    isLongPress = false;
    event.preventDefault();
    event.stopPropagation();
  }, { signal, capture: true });
}
