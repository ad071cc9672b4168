/** Which conversations stand in the list, and in which order: the same rules as `chat/view_models/conversation_list.py`. */

/**
 * @typedef {object} Item
 * @property {number} id
 * @property {string} kind
 * @property {number} unread
 * @property {number} mentions
 * @property {boolean} favourite
 * @property {boolean} archived
 * @property {string} activeAt
 *
 * @typedef {object} View
 * @property {string} show the filter
 * @property {number | null} open the conversation on the page, which stays until it is left
 * @property {((id: number) => boolean) | null} found whether it is called what is looked for; null: nothing is
 * @property {{activeAt: string, id: number} | null} edge the last one loaded, where there are more
 */

/** @param {Item} item @param {View} view */
export function fits(item, { show, open, found, edge }) {
  if (found && !found(item.id)) return false;
  if (!found && item.id === open) return true;
  if (edge && !isOnTop(item, show) && after(item, edge)) return false; // it comes with the next page
  if (show === "mentions") return item.mentions > 0;
  if (item.archived !== (show === "archived")) return found !== null && show === "all";
  if (show === "unread") return item.unread > 0;
  if (show === "people") return item.kind === "direct";
  if (show === "groups") return item.kind === "group";
  return true;
}

/** Favourites stand above the others. @param {Item} item @param {string} show */
export function isOnTop(item, show) {
  return item.favourite && show !== "archived";
}

/** For sorting: favourites, then the newest text, then the newer one. @param {Item} a @param {Item} b @param {string} show */
export function order(a, b, show) {
  const top = Number(isOnTop(b, show)) - Number(isOnTop(a, show));
  return top || (after(a, b) ? 1 : after(b, a) ? -1 : 0);
}

/** @param {{activeAt: string, id: number}} a @param {{activeAt: string, id: number}} b whether a stands below b by time */
function after(a, b) {
  return a.activeAt < b.activeAt || (a.activeAt === b.activeAt && a.id < b.id);
}
