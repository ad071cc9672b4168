/**
 * Tells what the current user may do in a conversation. The rules are those of the server (chat/permissions.py), which
 * the page carries as data; this module only evaluates them with facts about the user, the conversation and a message.
 */
import { find, words } from "../lib/dom.js";
import { hasAction } from "../lib/message-kinds.js";
import { isRuleMet } from "../lib/rules.js";

/**
 * Returns whether the user may do something in the open conversation.
 * @param {string} action a name in chat/permissions.py
 * @param {Iterable<string>} [facts] further facts
 */
export function isAllowed(action, facts = []) {
  return isAllowedIn(find(document, "message-log")?.dataset ?? {}, action, [...facts, ...listPageFacts()]);
}

/**
 * Returns whether the user may do something in a conversation.
 * @param {{kind?: string, role?: string, settings?: string}} conversation data attributes of the log or of a row
 * @param {string} action
 * @param {Iterable<string>} [facts] further facts
 */
export function isAllowedIn({ kind = "", role = "", settings = "" }, action, facts = []) {
  const rule = words("permission-rules")[action];
  return rule !== undefined && isRuleMet(rule, new Set([kind, kind === "group" ? role : "", ...settings.split(" "), ...facts]));
}

/**
 * Returns whether the user may do something with a message in the open conversation.
 * @param {string} action
 * @param {HTMLElement} item
 */
export function isAllowedWith(action, item) {
  const facts = {
    own: item.classList.contains("mine"),
    deleted: item.classList.contains("deleted"),
    forwarded: find(item, ".forwarded") !== null,
  };
  return hasAction(item.dataset.kind, action) && isAllowed(action, Object.entries(facts).filter(([, holds]) => holds).map(([name]) => name));
}

/**
 * Without a composer, the other user cannot be written to: a block, or the account is deleted. It is looked for beside
 * the log, because a search in the document would walk through all messages, and this is asked often while scrolling.
 */
function listPageFacts() {
  const parts = find(document, "message-log")?.parentElement?.children ?? [];
  return [...parts].some(({ localName }) => localName === "message-composer") ? ["writable"] : [];
}

/** Updates the permissions and the controls that depend on them when the group's settings or the user's role change. */
export function watchPermissions() {
  onLiveEvent("conversation.updated", ({ conversation_id, conversation }) => {
    const log = findLog(conversation_id);
    if (!log) return;
    log.dataset.settings = Object.keys(conversation).filter((name) => conversation[name] === true).join(" ");
    find(document, ".conversation-head [data-part=join-request-count]")?.replaceChildren(String(conversation.join_request_count));
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
  if (add) add.hidden = !isAllowed("add_people");
  const requests = find(document, ".conversation-head [data-part=join-requests]");
  if (requests) requests.hidden = !isAllowed("decide_joins") || find(requests, "[data-part=join-request-count]")?.textContent === "0";
  const leave = find(document, ".conversation-menu [data-act=leave]");
  if (leave) leave.dataset.role = log.dataset.role;
}

/** @param {number} id */
const findLog = (id) => find(document, `message-log[data-conversation-id="${id}"]`);

/** @param {string} type @param {(detail: any) => void} handler */
function onLiveEvent(type, handler) {
  document.addEventListener(`live:${type}`, (event) => handler(/** @type {CustomEvent} */ (event).detail));
}
