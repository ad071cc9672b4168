/** Filters and sorts the conversation list. chat/view_models/conversation_list.py has the same rules. */

/**
 * @typedef {object} ListItem
 * @property {number} id
 * @property {string} kind
 * @property {number} unread
 * @property {number} mentions
 * @property {boolean} favourite
 * @property {boolean} added somebody has added the user to this group, and the user has not opened it
 * @property {boolean} archived
 * @property {string} activeAt
 * @typedef {object} ListView
 * @property {string} show the filter
 * @property {number | null} open id of the open conversation, which stays in the list until the user leaves it
 * @property {((id: number) => boolean) | null} matchesSearch whether a conversation matches the search; null: there is no search
 * @property {{activeAt: string, id: number} | null} edge the last loaded conversation, if there are more
 */

/** Returns whether a conversation is displayed with the filter. @param {ListItem} item @param {ListView} view */
export function matchesFilter(item, { show, open, matchesSearch, edge }) {
  if (matchesSearch && !matchesSearch(item.id)) return false;
  if (!matchesSearch && item.id === open) return true;
  if (edge && !isPinnedOnTop(item, show) && isBelow(item, edge)) return false; // it will be loaded with the next page
  if (show === "mentions") return item.mentions > 0;
  if (item.archived !== (show === "archived")) return matchesSearch !== null && show === "all";
  if (show === "unread") return item.unread > 0 || item.added;
  if (show === "people") return item.kind === "direct";
  if (show === "groups") return item.kind === "group";
  return true;
}

/**
 * Returns whether a conversation is displayed above the others: a favourite, or a group that the user has not opened.
 * @param {ListItem} item
 * @param {string} show
 */
export function isPinnedOnTop(item, show) {
  return (item.favourite || item.added) && show !== "archived";
}

/**
 * Comparison function for sorting: conversations on top, then by newest message, then by id.
 * @param {ListItem} a
 * @param {ListItem} b
 * @param {string} show
 */
export function compareRows(a, b, show) {
  const pinned = Number(isPinnedOnTop(b, show)) - Number(isPinnedOnTop(a, show));
  return pinned || (isBelow(a, b) ? 1 : isBelow(b, a) ? -1 : 0);
}

/**
 * Returns whether `a` is below `b` in the list, because its newest message is older.
 * @param {{activeAt: string, id: number}} a
 * @param {{activeAt: string, id: number}} b
 */
function isBelow(a, b) {
  return a.activeAt < b.activeAt || (a.activeAt === b.activeAt && a.id < b.id);
}
