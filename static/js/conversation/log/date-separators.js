/**
 * Creates date separators between messages: the day, or the time after a long pause. They are copies of the templates
 * `_day.html` and `_pause.html`.
 */
import { clone, find, getDateFormatter } from "../../lib/dom.js";

/** @param {Date} date @param {Date} now */
export function createDaySeparator(date, now) {
  const separator = clone("day-template");
  if (separator) updateDaySeparator(separator, date, now);
  return separator;
}

/**
 * Updates the label of a day separator, e.g. after midnight from "Today" to "Yesterday".
 * @param {HTMLElement} separator
 * @param {Date} date
 * @param {Date} now
 */
export function updateDaySeparator(separator, date, now) {
  setTime(separator, getDateFormatter().dayKey(date), getDateFormatter().formatDayLabel(date, now));
}

/** Creates a separator with the time of a message. @param {string} createdAt ISO 8601 */
export function createTimeSeparator(createdAt) {
  const separator = clone("pause-template");
  if (separator) updateTimeSeparator(separator, createdAt);
  return separator;
}

/** Updates the time of a separator. @param {HTMLElement} separator @param {string} createdAt ISO 8601 */
export function updateTimeSeparator(separator, createdAt) {
  setTime(separator, createdAt, getDateFormatter().formatTime(new Date(createdAt)));
}

/** @param {HTMLElement} separator @param {string} datetime @param {string} label */
function setTime(separator, datetime, label) {
  const time = find(separator, "time");
  if (!time || (time.getAttribute("datetime") === datetime && time.textContent === label)) return;
  time.setAttribute("datetime", datetime);
  time.textContent = label;
}

const CHECK_INTERVAL = 15 * 60 * 1000; // ms: in every time zone, midnight is at a full quarter of an hour in UTC

/**
 * Calls `callback` when a new day begins in the user's time zone, which may differ from the zone of the device.
 * @param {() => void} callback
 * @param {AbortSignal} signal
 */
export function onDayChange(callback, signal) {
  let currentDay = getDateFormatter().dayKey(new Date());
  /** @type {any} */
  let timer;
  const checkDay = () => {
    const today = getDateFormatter().dayKey(new Date());
    if (today !== currentDay) {
      currentDay = today;
      callback();
    }
    timer = setTimeout(checkDay, CHECK_INTERVAL - (Date.now() % CHECK_INTERVAL) + 50);
  };
  checkDay();
  // Timers are late after the device was asleep.
  document.addEventListener("visibilitychange", () => { clearTimeout(timer); checkDay(); }, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
}
