/** Updates the displayed name of a user everywhere in the message log after the user was renamed. */
import { formatNameList } from "../lib/wording.js";
import { fillSlot, find, findAll, words } from "../lib/dom.js";
import { getUserName } from "../realtime/state/user-cache.js";
import { formatReactors } from "./message/reactions-view.js";

/**
 * @param {HTMLElement} list the `<ol>` of the log
 * @param {import("../realtime/protocol.js").User} user with the new name
 * @param {number} currentUserId
 */
export function updateUserName(list, { id, name }, currentUserId) {
  for (const nameElement of findAll(list, `:is(.reply, .forwarded)[data-sender="${id}"] b`)) nameElement.textContent = name;
  // The template of the log holds the introduction while older messages are not loaded.
  const messageLog = list.closest("message-log");
  const savedBeginning = messageLog?.querySelector("template[data-part=beginning]");
  for (const root of [list, savedBeginning instanceof HTMLTemplateElement ? savedBeginning.content : null]) {
    for (const nameElement of findAll(root, `.beginning[data-user-id="${id}"] b`)) nameElement.textContent = name;
  }
  const nameWords = words("name-words");
  for (const item of findAll(list, `.system:is([data-actor="${id}"], [data-users~="${id}"])`)) {
    const actorId = Number(item.dataset.actor);
    if (actorId !== currentUserId) fillSlot(item, "actor", getUserName(actorId) ?? find(item, "[data-slot=actor]")?.textContent ?? "");
    const userIds = (item.dataset.users ?? "").split(" ").filter(Boolean).map(Number);
    const names = userIds.map((userId) => (userId === currentUserId ? nameWords.youObject ?? "" : getUserName(userId) ?? "…"));
    fillSlot(item, "users", formatNameList(names, nameWords));
  }
  for (const button of findAll(list, `.reaction[data-users~="${id}"]`)) {
    const reactorIds = (button.dataset.users ?? "").split(" ").map(Number);
    const unnamedCount = Number(find(button, ".num")?.textContent) - reactorIds.length;
    // 0 stands for a user whose name the server did not send. Only the number of such users is displayed.
    button.title = formatReactors([...reactorIds, ...Array(Math.max(unnamedCount, 0)).fill(0)], currentUserId);
  }
}
