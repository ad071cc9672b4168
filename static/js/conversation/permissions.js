/**
 * Tells what the current user may do in the open conversation. It reads `data-*` attributes of `<message-log>`: the
 * server sets them (chat/view_models/allowed_actions.py), and events update them.
 */
import { find } from "../lib/dom.js";

/**
 * Returns what the current user may do in the open conversation. In a direct conversation both users may pin and see
 * revisions.
 * @param {HTMLElement | null} log `<message-log data-kind data-role data-allows>`
 */
export function getPermissions(log) {
  const { kind = "", role = "", allows = "" } = log?.dataset ?? {};
  const isGroup = kind === "group";
  const isAdmin = isGroup && (role === "owner" || role === "admin");
  const isAllowed = (/** @type {string} */ action) => !isGroup || isAdmin || allows.split(" ").includes(action);
  return { isGroup, isAdmin, canAdd: isGroup && isAllowed("add"), canPin: isAllowed("pin"), canSeeRevisions: isAllowed("revisions") };
}

/** Updates the permissions and the controls that depend on them when the group's settings or the user's role change. */
export function watchPermissions() {
  onLiveEvent("conversation.updated", ({ conversation_id, conversation }) => {
    const log = findLog(conversation_id);
    if (!log) return;
    const { members_may_add, members_may_pin, revisions_visible } = conversation;
    const allowed = { add: members_may_add, pin: members_may_pin, revisions: revisions_visible };
    log.dataset.allows = Object.entries(allowed).filter(([, isOn]) => isOn).map(([action]) => action).join(" ");
    updateControls(log);
  });
  onLiveEvent("mine.updated", ({ conversation_id, mine }) => {
    const log = findLog(conversation_id);
    if (!log || log.dataset.role === mine.role) return;
    log.dataset.role = mine.role;
    updateControls(log);
  });
}

/** Updates the controls that depend on permissions. @param {HTMLElement} log */
function updateControls(log) {
  const add = find(document, "member-panel [data-part=add]");
  if (add) add.hidden = !getPermissions(log).canAdd;
  const leave = find(document, ".conversation-menu [data-act=leave]");
  if (leave) leave.dataset.role = log.dataset.role;
}

/** @param {number} id */
const findLog = (id) => find(document, `message-log[data-conversation-id="${id}"]`);

/** @param {string} type @param {(detail: any) => void} handler */
function onLiveEvent(type, handler) {
  document.addEventListener(`live:${type}`, (event) => handler(/** @type {CustomEvent} */ (event).detail));
}
