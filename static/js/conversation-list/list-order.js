/**
 * Filters and sorts the conversation list. The rules are those of the server (chat/view_models/conversation_list.py),
 * which the page carries as data.
 */
import { words } from "../lib/dom.js";
import { isRuleMet } from "../lib/rules.js";

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
  return isListRuleMet(show, item, show, matchesSearch !== null);
}

/** @param {string} name @param {ListItem} item @param {string} show @param {boolean} [isSearched] */
function isListRuleMet(name, item, show, isSearched = false) {
  const { unread, mentions, added, archived, favourite } = item;
  const facts = { unread, mentions, added, archived, favourite, searched: isSearched, archive_shown: show === "archived" };
  const held = Object.entries(facts).filter(([, holds]) => holds).map(([fact]) => fact);
  return isRuleMet(words("list-rules")[name] ?? "", new Set([item.kind, ...held]));
}

/**
 * Returns whether a conversation is displayed above the others: a favourite, or a group that the user has not opened.
 * @param {ListItem} item
 * @param {string} show
 */
export function isPinnedOnTop(item, show) {
  return isListRuleMet("top", item, show);
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
