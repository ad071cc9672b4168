/** What the reader may do in the open conversation, as `chat/view_models/allowed_actions.py` says it, and as it changes. */
import { find } from "../lib/dom.js";

/** @param {HTMLElement | null} log `<message-log data-kind data-role data-allows>` */
export function rights(log) {
  const { kind = "", role = "", allows = "" } = log?.dataset ?? {};
  const isGroup = kind === "group";
  const leads = isGroup && (role === "owner" || role === "admin");
  const may = (/** @type {string} */ what) => !isGroup || leads || allows.split(" ").includes(what);
  return { leads, add: isGroup && may("add"), pin: may("pin"), revisions: may("revisions") };
}

export function watchRights() {
  hear("conversation.updated", ({ conversation_id, conversation }) => {
    const log = logOf(conversation_id);
    if (!log) return;
    const { members_may_add, members_may_pin, revisions_visible } = conversation;
    const allowed = { add: members_may_add, pin: members_may_pin, revisions: revisions_visible };
    log.dataset.allows = Object.entries(allowed).filter(([, on]) => on).map(([what]) => what).join(" ");
    draw(log);
  });
  hear("mine.updated", ({ conversation_id, mine }) => {
    const log = logOf(conversation_id);
    if (!log || log.dataset.role === mine.role) return;
    log.dataset.role = mine.role;
    draw(log);
  });
}

/** @param {HTMLElement} log */
function draw(log) {
  const add = find(document, "member-panel [data-part=add]");
  if (add) add.hidden = !rights(log).add;
  const leave = find(document, ".conversation-menu [data-act=leave]");
  if (leave) leave.dataset.role = log.dataset.role;
}

/** @param {number} id */
const logOf = (id) => find(document, `message-log[data-conversation-id="${id}"]`);

/** @param {string} type @param {(detail: any) => void} run */
function hear(type, run) {
  document.addEventListener(`live:${type}`, (event) => run(/** @type {CustomEvent} */ (event).detail));
}
