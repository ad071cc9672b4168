/** What stands above a line to say when it was: the day, or the time after a long pause. As `_day.html`, `_pause.html`. */
import { clone, find, getDateFormatter } from "../../lib/dom.js";

/** @param {Date} at @param {Date} now */
export function drawDay(at, now) {
  const li = clone("day-template");
  if (li) redrawDay(li, at, now);
  return li;
}

/** "Today" becomes "Yesterday". @param {HTMLElement} li @param {Date} at @param {Date} now */
export function redrawDay(li, at, now) {
  fill(li, getDateFormatter().dayKey(at), getDateFormatter().formatDayLabel(at, now));
}

/** @param {string} at as the message says it */
export function drawPause(at) {
  const li = clone("pause-template");
  if (li) redrawPause(li, at);
  return li;
}

/** @param {HTMLElement} li @param {string} at */
export function redrawPause(li, at) {
  fill(li, at, getDateFormatter().formatTime(new Date(at)));
}

/** @param {HTMLElement} li @param {string} machine @param {string} human */
function fill(li, machine, human) {
  const time = find(li, "time");
  if (!time || (time.getAttribute("datetime") === machine && time.textContent === human)) return;
  time.setAttribute("datetime", machine);
  time.textContent = human;
}

const QUARTER = 15 * 60 * 1000; // no zone's midnight falls within one

/**
 * Calls when a new day begins in the reader's zone, which may be another than this machine's.
 * @param {() => void} run
 * @param {AbortSignal} gone
 */
export function atMidnight(run, gone) {
  let day = getDateFormatter().dayKey(new Date());
  /** @type {any} */
  let timer;
  const look = () => {
    const today = getDateFormatter().dayKey(new Date());
    if (today !== day) {
      day = today;
      run();
    }
    timer = setTimeout(look, QUARTER - (Date.now() % QUARTER) + 50);
  };
  look();
  // A sleeping machine's timers come late.
  document.addEventListener("visibilitychange", () => { clearTimeout(timer); look(); }, { signal: gone });
  gone.addEventListener("abort", () => clearTimeout(timer));
}
