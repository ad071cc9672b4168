/** Recent searches of a user. Only this browser knows them, until the user removes them or signs out. */
import { browserStorage } from "../lib/dom.js";

const MAX_SEARCHES = 8;

/** Returns the key in localStorage; signing out deletes it. @param {number} userId */
export const getSearchesKey = (userId) => `messenger.searches.${userId}.recent`;

/** @typedef {{get: (key: string) => any, set: (key: string, value: any) => void}} Memory localStorage */

/** Returns the recent searches, newest first. @param {number} userId @param {Memory} [memory] @returns {string[]} */
export function listSearches(userId, memory = browserStorage) {
  const stored = memory.get(getSearchesKey(userId));
  return Array.isArray(stored) ? stored.filter((q) => typeof q === "string").slice(0, MAX_SEARCHES) : [];
}

/**
 * Adds a search, or moves it to the top. Of a search and its beginning (`minu`, `minutes`) only the later one stays.
 * @param {number} userId
 * @param {string} q
 * @param {Memory} [memory]
 */
export function rememberSearch(userId, q, memory = browserStorage) {
  const [last, ...others] = listSearches(userId, memory);
  const earlier = last !== undefined && q.startsWith(last) ? others : [last, ...others];
  memory.set(getSearchesKey(userId), [q, ...earlier.filter((other) => other && other !== q)].slice(0, MAX_SEARCHES));
}

/** Removes a search, or all. @param {number} userId @param {string | null} q null: all @param {Memory} [memory] */
export function forgetSearch(userId, q, memory = browserStorage) {
  const remaining = q === null ? [] : listSearches(userId, memory).filter((other) => other !== q);
  memory.set(getSearchesKey(userId), remaining.length ? remaining : null);
}
