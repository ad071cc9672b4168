/**
 * Menu of a conversation: favourite, mute, notification level, archive, mark as read, and leave. It opens from the list
 * and from the header of the conversation. Without scripts, the same entries work as forms.
 */
import { api } from "../realtime/api.js";
import { unreadTotals } from "./unread-badges.js";
import { liveUpdates } from "../realtime/events.js";
import { find, findAll } from "../lib/dom.js";
import { isAllowedIn } from "../conversation/permissions.js";
import { addMenuKeys, onLongPress, openMenu } from "../ui/popup-menu.js";
import { showToast, showErrorToast } from "../ui/toast-stack.js";

/** @typedef {import("./unread-totals.js").ConversationState} ConversationState */

export function watchConversationMenu() {
  const menu = document.getElementById("row-menu");
  document.addEventListener("click", onClick);
  document.addEventListener("page:unread-changed", () => updateHeaderMenu());
  document.addEventListener("page:navigated", () => updateHeaderMenu());
  updateHeaderMenu();
  if (!menu?.showPopover) return;
  addMenuKeys(menu);
  /** @type {HTMLElement | null} */
  let openedRow = null;
  const open = (/** @type {HTMLElement} */ link, /** @type {{x: number, y: number} | null} */ position, isHeld = false) => {
    if (!liveUpdates.enabled || !prepareMenu(menu, link)) return;
    openedRow = link;
    link.classList.add("menu-open");
    openMenu(menu, link, position, isHeld);
  };
  const neverAborted = new AbortController().signal;
  onLongPress(document.body, "conversation-list .conversation-row", (link) => open(link, null, true), neverAborted);
  document.addEventListener("contextmenu", (event) => {
    const link = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("conversation-list .conversation-row"));
    if (!link || !liveUpdates.enabled) return;
    event.preventDefault();
    if (menu.matches(":popover-open")) return; // a long press has opened it already
    // Events from the keyboard have no pointer position.
    const fromKeyboard = event.button !== 2 || (event.clientX === 0 && event.clientY === 0);
    open(link, fromKeyboard ? null : { x: event.clientX, y: event.clientY });
  });
  document.addEventListener("keydown", (event) => {
    const link = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest?.("conversation-list .conversation-row"));
    if (!link || !(event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey))) return;
    event.preventDefault();
    open(link, null);
  });
  document.addEventListener("pointerdown", (event) => {
    const menuElement = /** @type {Element} */ (event.target).closest("#row-menu");
    if (!menuElement && menu.matches(":popover-open")) menu.hidePopover();
  });
  addEventListener("resize", () => menu.matches(":popover-open") && menu.hidePopover());
  menu.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== "closed") return;
    openedRow?.classList.remove("menu-open");
    const isFocusLost = document.activeElement === document.body || menu.contains(document.activeElement);
    if (openedRow?.isConnected && isFocusLost) openedRow.focus({ preventScroll: true });
    openedRow = null;
  });
}

/**
 * Prepares the menu for a row of the list.
 * @param {HTMLElement} menu
 * @param {HTMLElement} link the row
 * @returns whether the state of the conversation is known
 */
function prepareMenu(menu, link) {
  const id = Number(link.dataset.id);
  const state = unreadTotals.get(id);
  const form = /** @type {HTMLFormElement | null} */ (find(menu, "form"));
  if (!state || !form) return false;
  form.dataset.id = String(id);
  const title = find(menu, ".menu-title");
  if (title) title.textContent = link.title;
  updateEntries(form, state);
  const groupPart = find(menu, "[data-part=group]");
  if (groupPart) groupPart.hidden = link.dataset.kind !== "group";
  for (const entry of findAll(menu, "a[href]")) {
    entry.setAttribute("href", entry.getAttribute("href")?.replace(/\/c\/\d+\//, `/c/${id}/`) ?? "");
    Object.assign(entry.dataset, { id: String(id), role: link.dataset.role ?? "member" });
  }
  return true;
}

/**
 * Shows one entry of each pair of opposite entries, for example "Mute" or "Unmute": the one that changes something.
 * @param {HTMLElement} form
 * @param {ConversationState} state
 */
function updateEntries(form, { unread, added, favourite, muted, archived, level }) {
  const values = { read: unread.count === 0 && !added, favourite, muted, archived };
  for (const [name, isActive] of Object.entries(values)) {
    for (const entry of findAll(form, `[name=${name}]`)) entry.hidden = (entry.getAttribute("value") === "on") === isActive;
  }
  for (const entry of findAll(form, "[name=level]")) {
    entry.setAttribute("aria-checked", String(entry.getAttribute("value") === level));
  }
}

/** Updates the menu in the header of the open conversation. */
function updateHeaderMenu() {
  const form = find(document, "#conversation-menu .mine-menu");
  const bell = find(document, ".conversation-head .mute-tool");
  const state = unreadTotals.get(Number(form?.dataset.id));
  if (!form || !state) return;
  updateEntries(form, state);
  if (bell) updateBell(bell, state);
  const menu = /** @type {HTMLElement} */ (form.closest(".menu"));
  if (menu.dataset.keys) return;
  menu.dataset.keys = "on";
  addMenuKeys(menu);
}

/** Shows whether the conversation is muted, and keeps the focus on the button. @param {HTMLElement} bell @param {ConversationState} state */
function updateBell(bell, state) {
  const hadFocus = bell.contains(document.activeElement);
  updateEntries(bell, state);
  if (hadFocus) find(bell, "button:not([hidden])")?.focus();
}

/** @param {MouseEvent} event */
async function onClick(event) {
  const target = /** @type {Element} */ (event.target);
  const entry = target.closest(".mine-menu button[name]");
  const leaveLink = /** @type {HTMLElement | null} */ (target.closest("a[data-act=leave][data-id]"));
  if (event.defaultPrevented || !liveUpdates.enabled || !(entry ?? leaveLink)) return;
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  // The page behind the link says what an owner has to do first.
  if (leaveLink && !isAllowedIn({ kind: "group", role: leaveLink.dataset.role }, "leave")) return;
  event.preventDefault();
  const menu = /** @type {HTMLElement | null} */ (target.closest("[popover]"));
  const id = Number(leaveLink?.dataset.id ?? /** @type {HTMLElement} */ (entry?.closest("form")).dataset.id);
  menu?.hidePopover();
  try {
    if (leaveLink) await leaveGroup(id);
    else if (entry) await changeState(id, entry.getAttribute("name") ?? "", entry.getAttribute("value") ?? "");
  } catch (error) {
    showErrorToast(error);
  }
}

/** Changes one field of the user's own state. @param {number} id @param {string} name @param {string} value */
async function changeState(id, name, value) {
  if (name !== "read") {
    const isOn = value === "on";
    await api("PATCH", `conversations/${id}/mine/`, { [name]: name === "level" ? value : isOn });
    // The conversation may disappear from the displayed list, so the toast offers to undo it.
    if (name === "archived") showToast(isOn ? "archived" : "unarchived", () => api("PATCH", `conversations/${id}/mine/`, { archived: !isOn }));
  } else if (value === "off") {
    await api("POST", `conversations/${id}/read/`, { back: true });
  } else {
    const state = unreadTotals.get(id);
    const seq = state?.unread.lastSeq ?? 0;
    if (seq || state?.added) await api("POST", `conversations/${id}/read/`, { seq });
  }
}

/** Asks for confirmation and leaves the group. @param {number} id */
async function leaveGroup(id) {
  const dialog = document.getElementById("leave-dialog");
  if (!(dialog instanceof HTMLDialogElement)) return;
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "yes") return;
  await api("DELETE", `conversations/${id}/members/${unreadTotals.me}/`);
}
