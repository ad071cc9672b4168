/** Puts a log right after a change: which lines begin and end groups, days and pauses, and who has got and read mine. */
import { drawDay, drawPause, redrawDay, redrawPause } from "./date-separators.js";
import { grouped } from "./grouping.js";
import { setClasses } from "../message/message-classes.js";
import { getDateFormatter } from "../../lib/dom.js";
import { drawMark } from "../receipts/receipt-view.js";

/** @typedef {{li: HTMLElement, at: Date, day: HTMLElement | null, pause: HTMLElement | null, unread: HTMLElement | null}} Line */

/**
 * @param {HTMLElement} list
 * @param {number} from the lowest seq that the change touched; Infinity: only what is on its way out
 * @param {import("../receipts/receipts.js").Receipts} receipts
 * @param {boolean} inGroup how many have read is said
 */
export function arrange(list, from, receipts, inGroup) {
  const now = new Date();
  const times = getDateFormatter();
  const { lines, context } = linesFrom(list, from);
  const places = grouped(
    lines.map(({ li, at, unread }) => ({
      sender: Number(li.dataset.sender),
      at: at.getTime(),
      day: times.dayKey(at),
      text: li.classList.contains("msg"),
      unreadBefore: unread !== null,
    })),
  );
  lines.forEach(({ li, at, day, pause, unread }, index) => {
    const { first, last, dayBefore, pauseBefore } = places[index];
    if (li.classList.contains("msg")) setClasses(li, { first, last });
    if (index < context) return; // what stands above it has not changed
    if (!dayBefore) day?.remove();
    else if (day) redrawDay(day, at, now);
    else (unread ?? li).before(drawDay(at, now) ?? "");
    if (!pauseBefore) pause?.remove();
    else if (pause) redrawPause(pause, li.dataset.at ?? "");
    else (unread ?? li).before(drawPause(li.dataset.at ?? "") ?? "");
  });
  drawMarks(lines, receipts, inGroup);
}

/**
 * The lines to look at, with the day line, the pause and the unread line right above each. `context`: how many of them, at the
 * beginning, are only there for what follows: back to where their group begins.
 * @param {HTMLElement} list
 * @param {number} from
 */
function linesFrom(list, from) {
  /** @type {Line[]} */
  const lines = [];
  let context = 0;
  /** @type {Line | undefined} */
  let below;
  for (let li = /** @type {HTMLElement | null} */ (list.lastElementChild), above; li; li = above) {
    above = /** @type {HTMLElement | null} */ (li.previousElementSibling);
    if (li.matches(".unread-line")) {
      if (below) below.unread = li;
    } else if (li.matches(".day, .pause")) {
      const kind = li.matches(".day") ? "day" : "pause";
      if (below && !below[kind]) below[kind] = li;
      else li.remove(); // what it stood above has gone
    } else if (li.dataset.at) {
      if (context && lines[0].li.matches(".first, .system")) break;
      below = { li, at: new Date(li.dataset.at), day: null, pause: null, unread: null };
      lines.unshift(below);
      if (li.dataset.seq && Number(li.dataset.seq) < from) context += 1;
    }
  }
  return { lines, context };
}

/**
 * @param {Line[]} lines in whole groups
 * @param {import("../receipts/receipts.js").Receipts} receipts
 * @param {boolean} inGroup
 */
function drawMarks(lines, receipts, inGroup) {
  const mine = lines.map(({ li }) => li).filter((li) => li.dataset.seq && li.matches(".mine:not(.deleted)"));
  const drawn = receipts.drawn(
    mine.map((li) => ({ seq: Number(li.dataset.seq), first: li.classList.contains("first") })),
  );
  for (const li of mine) drawMark(li, drawn.get(Number(li.dataset.seq)), inGroup);
}
