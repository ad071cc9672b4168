/** Formats when a user was last seen. */
import { fillPlaceholders } from "./wording.js";

const MINUTE = 60_000;

/**
 * Returns a text such as "online", "last seen 5 min ago", "last seen 14:02" or "last seen Thu"; empty if it is
 * hidden.
 * @param {{online: boolean, last_seen: string | null}} presence
 * @param {Date} now
 * @param {import("./times.js").DateFormatter} dateFormatter
 * @param {Record<string, string | undefined>} words of `<template id="list-words">`
 */
export function formatLastSeen({ online, last_seen }, now, dateFormatter, words) {
  if (online) return words.hereNow ?? "";
  if (!last_seen) return "";
  const lastSeen = new Date(last_seen);
  const minutes = Math.floor((now.getTime() - lastSeen.getTime()) / MINUTE);
  if (minutes < 1) return words.lastNow ?? "";
  if (minutes < 60) return fillPlaceholders(words.lastMinutes, { n: minutes });
  return fillPlaceholders(words.lastHere, { t: dateFormatter.formatShort(lastSeen, now) });
}
