/**
 * Roles (owner, admin) of the members of the open group, which messages show beside the name of the sender. They come
 * from the page and are kept up to date with `member.updated`. Ordinary members have no role here.
 */
import { find } from "../../lib/dom.js";

/** @type {WeakMap<HTMLElement, Map<number, string>>} by message log */
const rolesByLog = new WeakMap();

function getRoles() {
  const log = find(document, "message-log");
  if (!log) return new Map();
  let roles = rolesByLog.get(log);
  if (!roles) {
    roles = new Map(Object.entries(JSON.parse(log.dataset.roles ?? "{}")).map(([id, role]) => [Number(id), role]));
    rolesByLog.set(log, roles);
  }
  return roles;
}

/** Returns "owner", "admin" or "". @param {number} userId */
export const getRole = (userId) => getRoles().get(userId) ?? "";

/** Applies the change of a member. @param {import("../../realtime/protocol.js").Member} member */
export function updateRole({ user, role, left_at }) {
  if (left_at || role === "member") getRoles().delete(user.id);
  else getRoles().set(user.id, role);
}
