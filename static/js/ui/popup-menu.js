/** A menu in the top layer: where it opens, how keys move in it, and where the focus goes afterwards. */
import { findAll } from "../lib/dom.js";

const HOLD = 450; // ms of a finger

/** @param {HTMLElement} menu */
function items(menu) {
  return findAll(menu, "[role^=menuitem]").filter((item) => item.checkVisibility());
}

/**
 * Opens it at a point, or below an element; on a phone it is a sheet.
 * @param {HTMLElement} menu a popover
 * @param {HTMLElement} beside has the focus again afterwards
 * @param {{x: number, y: number} | null} at
 * @param {boolean} [held] a finger opened it, which is still down
 */
export function openMenu(menu, beside, at, held = false) {
  const isSheet = matchMedia("(pointer: coarse)").matches || innerWidth < 640;
  menu.classList.toggle("sheet", isSheet);
  if (menu.matches(":popover-open")) menu.hidePopover();
  menu.showPopover();
  const { style } = menu;
  style.position = "fixed";
  style.margin = "0";
  style.inset = isSheet ? "auto 0 0 0" : "auto";
  if (!isSheet) {
    const { left, bottom } = beside.getBoundingClientRect();
    const { offsetWidth, offsetHeight } = menu;
    style.left = `${Math.max(8, Math.min(at?.x ?? left + 16, innerWidth - offsetWidth - 8))}px`;
    style.top = `${Math.max(8, Math.min(at?.y ?? bottom, innerHeight - offsetHeight - 8))}px`;
  }
  if (held) menu.focus();
  else items(menu)[0]?.focus();
}

/**
 * Keys of all menus that this page has, once: arrows, Home, End; Tab and Escape close.
 * @param {HTMLElement} menu
 * @param {AbortSignal} [signal]
 */
export function menuKeys(menu, signal) {
  menu.addEventListener("keydown", (event) => {
    const all = items(menu);
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? -1 : at - 1, Home: 0, End: -1 }[event.key];
    if (to !== undefined && all.length) {
      event.preventDefault();
      event.stopPropagation();
      all.at(to % all.length)?.focus();
    } else if (event.key === "Tab" || event.key === "Escape") {
      if (event.key === "Escape") event.preventDefault();
      event.stopPropagation();
      menu.hidePopover();
    }
  }, { signal });
}

/**
 * Press and hold, as a right click: `run` gets the element, and the click that lifting the finger makes is swallowed.
 * @param {HTMLElement} root
 * @param {string} selector
 * @param {(element: HTMLElement) => void} run
 * @param {AbortSignal} signal
 */
export function onHold(root, selector, run, signal) {
  /** @type {any} */
  let timer;
  let held = false;
  root.addEventListener("pointerdown", (event) => {
    clearTimeout(timer);
    held = false;
    const element = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest(selector));
    if (event.pointerType !== "touch" || !element) return;
    timer = setTimeout(() => {
      held = true;
      run(element);
    }, HOLD);
  }, { signal });
  for (const end of ["pointerup", "pointercancel", "pointermove", "scroll"]) {
    root.addEventListener(end, () => clearTimeout(timer), { signal, capture: true, passive: true });
  }
  document.addEventListener("click", (event) => {
    if (!held) return;
    held = false;
    event.preventDefault();
    event.stopPropagation();
  }, { signal, capture: true });
}
