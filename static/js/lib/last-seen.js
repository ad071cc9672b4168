/** When somebody was here, in the words of the page. */
import { fill } from "./wording.js";

const MINUTE = 60_000;

/**
 * `here now`, `last here 5 min ago`, `last here 14:02`, `last here Thu`; nothing where nothing may be seen.
 * @param {{online: boolean, last_seen: string | null}} presence
 * @param {Date} now
 * @param {import("./times.js").Times} times
 * @param {Record<string, string | undefined>} words of `<template id="list-words">`
 */
export function whenHere({ online, last_seen }, now, times, words) {
  if (online) return words.hereNow ?? "";
  if (!last_seen) return "";
  const seen = new Date(last_seen);
  const minutes = Math.floor((now.getTime() - seen.getTime()) / MINUTE);
  if (minutes < 1) return words.lastNow ?? "";
  if (minutes < 60) return fill(words.lastMinutes, { n: minutes });
  return fill(words.lastHere, { t: times.brief(seen, now) });
}
