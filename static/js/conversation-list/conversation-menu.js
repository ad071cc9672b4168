/**
 * What is one's own about a conversation: favourite, muted, level, archived, read, and leaving it. From the list's menu
 * and from the conversation's head; without scripts the same entries are forms.
 */
import { api } from "../realtime/api.js";
import { tally } from "./unread-badges.js";
import { liveUpdates } from "../realtime/events.js";
import { find, findAll } from "../lib/dom.js";
import { addMenuKeys, onLongPress, openMenu } from "../ui/popup-menu.js";
import { showToast, showErrorToast } from "../ui/toast-stack.js";

/** @typedef {import("./unread-totals.js").Standing} Standing */

export function watchMine() {
  const menu = document.getElementById("row-menu");
  document.addEventListener("click", clicked);
  document.addEventListener("page:unread-changed", () => drawHead());
  document.addEventListener("page:navigated", () => drawHead());
  drawHead();
  if (!menu?.showPopover) return;
  addMenuKeys(menu);
  /** @type {HTMLElement | null} */
  let from = null;
  const open = (/** @type {HTMLElement} */ link, /** @type {{x: number, y: number} | null} */ at, held = false) => {
    if (!liveUpdates.enabled || !fill(menu, link)) return;
    from = link;
    link.classList.add("menu-open");
    openMenu(menu, link, at, held);
  };
  const never = new AbortController().signal;
  onLongPress(document.body, "conversation-list .conversation-row", (link) => open(link, null, true), never);
  document.addEventListener("contextmenu", (event) => {
    const link = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("conversation-list .conversation-row"));
    if (!link || !liveUpdates.enabled) return;
    event.preventDefault();
    if (menu.matches(":popover-open")) return; // press and hold was first
    // From the keyboard the event comes without a place of its own.
    const isKey = event.button !== 2 || (event.clientX === 0 && event.clientY === 0);
    open(link, isKey ? null : { x: event.clientX, y: event.clientY });
  });
  document.addEventListener("keydown", (event) => {
    const link = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest?.("conversation-list .conversation-row"));
    if (!link || !(event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey))) return;
    event.preventDefault();
    open(link, null);
  });
  document.addEventListener("pointerdown", (event) => {
    const inside = /** @type {Element} */ (event.target).closest("#row-menu");
    if (!inside && menu.matches(":popover-open")) menu.hidePopover();
  });
  addEventListener("resize", () => menu.matches(":popover-open") && menu.hidePopover());
  menu.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== "closed") return;
    from?.classList.remove("menu-open");
    const lost = document.activeElement === document.body || menu.contains(document.activeElement);
    if (from?.isConnected && lost) from.focus({ preventScroll: true });
    from = null;
  });
}

/** The list's menu, for the conversation of this row. @param {HTMLElement} menu @param {HTMLElement} link */
function fill(menu, link) {
  const id = Number(link.dataset.id);
  const standing = tally.of(id);
  const form = /** @type {HTMLFormElement | null} */ (find(menu, "form"));
  if (!standing || !form) return false;
  form.dataset.id = String(id);
  const title = find(menu, ".menu-title");
  if (title) title.textContent = link.title;
  draw(form, standing);
  const group = find(menu, "[data-part=group]");
  if (group) group.hidden = link.dataset.kind !== "group";
  for (const entry of findAll(menu, "a[href]")) {
    entry.setAttribute("href", entry.getAttribute("href")?.replace(/\/c\/\d+\//, `/c/${id}/`) ?? "");
    Object.assign(entry.dataset, { id: String(id), role: link.dataset.role ?? "member" });
  }
  return true;
}

/** Shows of each pair of opposites the one that changes something. @param {HTMLElement} form @param {Standing} standing */
function draw(form, { unread, favourite, muted, archived, level }) {
  const on = { read: unread.count === 0, favourite, muted, archived };
  for (const [name, is] of Object.entries(on)) {
    for (const entry of findAll(form, `[name=${name}]`)) entry.hidden = (entry.getAttribute("value") === "on") === is;
  }
  for (const entry of findAll(form, "[name=level]")) {
    entry.setAttribute("aria-checked", String(entry.getAttribute("value") === level));
  }
}

/** The menu in the head of the open conversation. */
function drawHead() {
  const form = find(document, "#conversation-menu .mine-menu");
  const standing = tally.of(Number(form?.dataset.id));
  if (!form || !standing) return;
  draw(form, standing);
  const menu = /** @type {HTMLElement} */ (form.closest(".menu"));
  if (menu.dataset.keys) return;
  menu.dataset.keys = "on";
  addMenuKeys(menu);
}

/** @param {MouseEvent} event */
async function clicked(event) {
  const target = /** @type {Element} */ (event.target);
  const entry = target.closest(".mine-menu button[name]");
  const leave = /** @type {HTMLElement | null} */ (target.closest("a[data-act=leave][data-id]"));
  if (event.defaultPrevented || !liveUpdates.enabled || !(entry ?? leave)) return;
  if (leave?.dataset.role === "owner" || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const menu = /** @type {HTMLElement | null} */ (target.closest("[popover]"));
  const id = Number(leave?.dataset.id ?? /** @type {HTMLElement} */ (entry?.closest("form")).dataset.id);
  menu?.hidePopover();
  try {
    if (leave) await leaveGroup(id);
    else if (entry) await change(id, entry.getAttribute("name") ?? "", entry.getAttribute("value") ?? "");
  } catch (refusal) {
    showErrorToast(refusal);
  }
}

/** @param {number} id @param {string} name @param {string} value */
async function change(id, name, value) {
  if (name !== "read") {
    const on = value === "on";
    await api("PATCH", `conversations/${id}/mine/`, { [name]: name === "level" ? value : on });
    // It may leave the list that one looks at.
    if (name === "archived") showToast(on ? "archived" : "unarchived", () => api("PATCH", `conversations/${id}/mine/`, { archived: !on }));
  } else if (value === "off") {
    await api("POST", `conversations/${id}/read/`, { back: true });
  } else {
    const seq = tally.of(id)?.unread.lastSeq ?? 0;
    if (seq) await api("POST", `conversations/${id}/read/`, { seq });
  }
}

/** @param {number} id */
async function leaveGroup(id) {
  const dialog = document.getElementById("leave-dialog");
  if (!(dialog instanceof HTMLDialogElement)) return;
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "yes") return;
  await api("DELETE", `conversations/${id}/members/${tally.me}/`);
}
