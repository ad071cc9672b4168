/**
 * Formats dates and times in the time zone and language of the user, like `chat/view_models/times.py`. Formats and
 * names come from the page (`<template id="time-words">`) and use Django's date format letters.
 */

/**
 * @typedef {Record<string, string | undefined>} Words data attributes: time, day, dayYear, short, shortYear, weekday,
 *   today, yesterday, weekdays, weekdaysShort, months, monthsShort (names separated by |, weeks start on Monday)
 *
 * @typedef {object} Parts
 * @property {number} year
 * @property {number} month from 1
 * @property {number} day
 * @property {number} hour
 * @property {number} minute
 * @property {number} weekday from 0, Monday
 */

const DAY_MS = 24 * 60 * 60 * 1000;
const QUARTER_HOUR_MS = 15 * 60 * 1000; // a quarter of an hour: in every time zone, midnight is at such a time in UTC

export class DateFormatter {
  /** @type {Map<number, string>} */
  #dayKeys = new Map();

  /**
   * @param {Words} words
   * @param {string | undefined} zone an unknown zone is replaced by that of the computer
   */
  constructor(words, zone) {
    this.words = words;
    const fields = /** @type {const} */ ({
      year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", hourCycle: "h23",
    });
    try {
      this.format = new Intl.DateTimeFormat("en-US", { ...fields, timeZone: zone });
    } catch {
      this.format = new Intl.DateTimeFormat("en-US", fields);
    }
  }

  /** @param {Date} date @returns {Parts} */
  parts(date) {
    /** @type {any} */
    const parts = {};
    for (const { type, value } of this.format.formatToParts(date)) parts[type] = Number(value);
    parts.weekday = (new Date(Date.UTC(parts.year, parts.month - 1, parts.day)).getUTCDay() + 6) % 7;
    return parts;
  }

  /** Returns the day in the user's time zone, for example `2026-11-20`. @param {Date} date */
  dayKey(date) {
    const quarter = Math.floor(date.getTime() / QUARTER_HOUR_MS);
    let day = this.#dayKeys.get(quarter);
    if (day === undefined) {
      day = formatKey(this.parts(date));
      this.#dayKeys.set(quarter, day);
    }
    return day;
  }

  /** Returns the time of a message, for example `16:02`. @param {Date} date */
  formatTime(date) {
    return this.#formatWith(this.parts(date), "time");
  }

  /** Returns the label of a date separator. @param {Date} date @param {Date} now */
  formatDayLabel(date, now) {
    const dateParts = this.parts(date);
    const today = this.parts(now);
    const days = daysBetween(dateParts, today);
    if (days === 0) return this.words.today ?? "";
    if (days === 1) return this.words.yesterday ?? "";
    return this.#formatWith(dateParts, dateParts.year === today.year ? "day" : "dayYear");
  }

  /**
   * Returns a short form: the time if today, the weekday within six days, otherwise the date.
   * @param {Date} date
   * @param {Date} now
   */
  formatShort(date, now) {
    const dateParts = this.parts(date);
    const today = this.parts(now);
    const days = daysBetween(dateParts, today);
    if (days <= 0) return this.#formatWith(dateParts, "time");
    if (days < 7) return this.#formatWith(dateParts, "weekday");
    return this.#formatWith(dateParts, dateParts.year === today.year ? "short" : "shortYear");
  }

  /** @param {Parts} parts @param {string} format */
  #formatWith(parts, format) {
    return formatDate(this.words[format] ?? "", parts, this.words);
  }
}

/**
 * Formats a date with Django's format letters; a backslash escapes the next letter.
 * @param {string} format
 * @param {Parts} parts
 * @param {Words} words
 */
function formatDate(format, parts, words) {
  /** @type {(names: string | undefined, index: number) => string} */
  const name = (names, index) => names?.split("|")[index] ?? "";
  /** @type {Record<string, () => string>} */
  const letters = {
    l: () => name(words.weekdays, parts.weekday),
    D: () => name(words.weekdaysShort, parts.weekday),
    j: () => String(parts.day),
    d: () => padTwo(parts.day),
    n: () => String(parts.month),
    m: () => padTwo(parts.month),
    F: () => name(words.months, parts.month - 1),
    M: () => name(words.monthsShort, parts.month - 1),
    Y: () => String(parts.year),
    y: () => padTwo(parts.year % 100),
    H: () => padTwo(parts.hour),
    i: () => padTwo(parts.minute),
  };
  return format.replace(/\\(.)|[a-zA-Z]/gu, (code, escaped) => escaped ?? letters[code]?.() ?? code);
}

/** @param {number} value */
function padTwo(value) {
  return String(value).padStart(2, "0");
}

/** @param {Parts} parts */
function formatKey({ year, month, day }) {
  return `${year}-${padTwo(month)}-${padTwo(day)}`;
}

/**
 * Returns the number of calendar days between two dates, regardless of daylight saving time.
 * @param {Parts} a
 * @param {Parts} b
 */
function daysBetween(a, b) {
  return Math.round((Date.UTC(b.year, b.month - 1, b.day) - Date.UTC(a.year, a.month - 1, a.day)) / DAY_MS);
}
