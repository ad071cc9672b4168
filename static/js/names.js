/** Lists of names, as `chat/lines.py` makes them, with the words of `<template id="name-words">`. */

/**
 * `bob`, `bob and carol`, `bob, carol and dave`, `bob, carol, dave and 7 more`.
 * @param {string[]} names
 * @param {Record<string, string | undefined>} words
 */
export function nameList(names, words) {
  const full = Number(words.inFull ?? 4);
  if (names.length > full) {
    const shown = full - 1;
    names = [...names.slice(0, shown), fill(words.more, { n: names.length - shown })];
  }
  if (names.length < 2) return names.join("");
  const head = names.slice(0, -1).join(words.comma ?? ", ");
  return fill(words.and, { a: head, b: names[names.length - 1] });
}

/**
 * Puts values where the words have %n, %a, %b or %t.
 * @param {string | undefined} words
 * @param {Record<string, string | number>} values
 */
export function fill(words, values) {
  return (words ?? "").replace(/%([abnt])/g, (place, key) => String(values[key] ?? place));
}

/** A line of a longer text, cut as the server cuts it. @param {string} body */
export function excerpt(body) {
  const chars = [...body.split(/\s+/u).filter(Boolean).join(" ")];
  return chars.length <= 120 ? chars.join("") : `${chars.slice(0, 119).join("")}…`;
}
