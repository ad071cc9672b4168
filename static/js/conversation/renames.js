/** Somebody has another name: it changes in every place of the log that says it. */
import { formatNameList } from "../lib/wording.js";
import { fillSlot, find, findAll, words } from "../lib/dom.js";
import { getUserName } from "../realtime/state/user-cache.js";
import { reactors } from "./message/reactions-view.js";

/**
 * @param {HTMLElement} list
 * @param {import("../realtime/protocol.js").User} user as they are called now
 * @param {number} me
 */
export function rename(list, { id, name }, me) {
  for (const said of findAll(list, `:is(.reply, .forwarded)[data-sender="${id}"] b`)) said.textContent = name;
  const log = list.closest("message-log"); // it keeps what stands at its beginning
  const kept = log?.querySelector("template[data-part=beginning]");
  for (const place of [list, kept instanceof HTMLTemplateElement ? kept.content : null]) {
    for (const begun of findAll(place, `.beginning[data-user-id="${id}"] b`)) begun.textContent = name;
  }
  const said = words("name-words");
  for (const line of findAll(list, `.system:is([data-actor="${id}"], [data-users~="${id}"])`)) {
    const actor = Number(line.dataset.actor);
    if (actor !== me) fillSlot(line, "actor", getUserName(actor) ?? find(line, "[data-slot=actor]")?.textContent ?? "");
    const users = (line.dataset.users ?? "").split(" ").filter(Boolean).map(Number);
    fillSlot(line, "users", formatNameList(users.map((each) => (each === me ? said.youObject ?? "" : getUserName(each) ?? "…")), said));
  }
  for (const button of findAll(list, `.reaction[data-users~="${id}"]`)) {
    const named = (button.dataset.users ?? "").split(" ").map(Number);
    const others = Number(find(button, ".num")?.textContent) - named.length;
    button.title = reactors([...named, ...Array(Math.max(others, 0)).fill(0)], me); // of those only the number is said
  }
}
