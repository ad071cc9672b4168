/**
 * Times in words, in the reader's zone and language, as `chat/view_models/times.py` says them: formats and names come from the page
 * (`<template id="time-words">`), in Django's date letters.
 */

/**
 * @typedef {Record<string, string | undefined>} Words data attributes: time, day, dayYear, short, shortYear, weekday, today,
 *   yesterday, weekdays, weekdaysShort, months, monthsShort (names divided by |, weeks from Monday)
 *
 * @typedef {object} Parts
 * @property {number} year
 * @property {number} month from 1
 * @property {number} day
 * @property {number} hour
 * @property {number} minute
 * @property {number} weekday from 0, Monday
 */

const DAY = 24 * 60 * 60 * 1000;
const QUARTER = 15 * 60 * 1000; // no zone's midnight falls within one

export class Times {
  /** @type {Map<number, string>} */
  #days = new Map();

  /**
   * @param {Words} words
   * @param {string | undefined} zone an unknown one is this machine's
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

  /** @param {Date} moment @returns {Parts} */
  parts(moment) {
    /** @type {any} */
    const parts = {};
    for (const { type, value } of this.format.formatToParts(moment)) parts[type] = Number(value);
    parts.weekday = (new Date(Date.UTC(parts.year, parts.month - 1, parts.day)).getUTCDay() + 6) % 7;
    return parts;
  }

  /** `2026-11-20`: the day in the reader's zone. @param {Date} moment */
  dayKey(moment) {
    const quarter = Math.floor(moment.getTime() / QUARTER);
    let day = this.#days.get(quarter);
    if (day === undefined) {
      day = key(this.parts(moment));
      this.#days.set(quarter, day);
    }
    return day;
  }

  /** The time of a message: `16:02`. @param {Date} moment */
  clock(moment) {
    return this.#word(this.parts(moment), "time");
  }

  /** Above the first message of a day. @param {Date} moment @param {Date} now */
  dayLabel(moment, now) {
    const then = this.parts(moment);
    const today = this.parts(now);
    const days = daysBetween(then, today);
    if (days === 0) return this.words.today ?? "";
    if (days === 1) return this.words.yesterday ?? "";
    return this.#word(then, then.year === today.year ? "day" : "dayYear");
  }

  /** In a narrow place: the time if today, the weekday within six days, else the date. @param {Date} moment @param {Date} now */
  brief(moment, now) {
    const then = this.parts(moment);
    const today = this.parts(now);
    const days = daysBetween(then, today);
    if (days <= 0) return this.#word(then, "time");
    if (days < 7) return this.#word(then, "weekday");
    return this.#word(then, then.year === today.year ? "short" : "shortYear");
  }

  /** @param {Parts} parts @param {string} format */
  #word(parts, format) {
    return worded(this.words[format] ?? "", parts, this.words);
  }
}

/**
 * One moment in Django's date letters; a backslash keeps the next letter as it is.
 * @param {string} format
 * @param {Parts} parts
 * @param {Words} words
 */
export function worded(format, parts, words) {
  /** @type {(names: string | undefined, index: number) => string} */
  const name = (names, index) => names?.split("|")[index] ?? "";
  /** @type {Record<string, () => string>} */
  const letters = {
    l: () => name(words.weekdays, parts.weekday),
    D: () => name(words.weekdaysShort, parts.weekday),
    j: () => String(parts.day),
    d: () => two(parts.day),
    n: () => String(parts.month),
    m: () => two(parts.month),
    F: () => name(words.months, parts.month - 1),
    M: () => name(words.monthsShort, parts.month - 1),
    Y: () => String(parts.year),
    y: () => two(parts.year % 100),
    H: () => two(parts.hour),
    i: () => two(parts.minute),
  };
  return format.replace(/\\(.)|[a-zA-Z]/gu, (letter, kept) => kept ?? letters[letter]?.() ?? letter);
}

/** @param {number} value */
function two(value) {
  return String(value).padStart(2, "0");
}

/** @param {Parts} parts */
function key({ year, month, day }) {
  return `${year}-${two(month)}-${two(day)}`;
}

/** Whole days by the calendar, whatever the clock did in between. @param {Parts} a @param {Parts} b */
function daysBetween(a, b) {
  return Math.round((Date.UTC(b.year, b.month - 1, b.day) - Date.UTC(a.year, a.month - 1, a.day)) / DAY);
}
