/** Markdown signs around what is selected or before its lines, and what a new line begins with. Only text: no page. */

/** @typedef {import("./text-edit.js").Change} Change */

/** Where the line of a place begins. @param {string} value @param {number} at */
const lineStart = (value, at) => (at ? value.lastIndexOf("\n", at - 1) + 1 : 0);

const AROUND = new Map([["bold", "**"], ["italic", "*"], ["code", "`"], ["strike", "~~"]]);
const BEFORE = new Map([["list", "- "], ["quote", "> "], ["numbers", "1. "]]);
const MARKER = /^(?:[-*+] |\d{1,9}[.)] |> )/;
const ADDRESS = /^(?:https?:\/\/|mailto:)\S+$/i;

/**
 * @param {string} value the whole text
 * @param {number} start of what is selected
 * @param {number} end of it
 * @param {string} act
 * @returns {Change | null} null for what is not known
 */
export function format(value, start, end, act) {
  const sign = AROUND.get(act);
  const marker = BEFORE.get(act);
  const chosen = value.slice(start, end);
  if (act === "code" && chosen.includes("\n")) return fence(value, start, end);
  if (sign) return around(value, start, end, sign);
  if (marker) return before(value, start, end, marker);
  if (act === "link") return link(value, start, end, ADDRESS.test(chosen) ? chosen : "");
  if (act === "mention" || act === "emoji-name") {
    const at = act === "mention" ? "@" : ":";
    return { from: start, to: end, text: /[A-Za-z0-9]$/.test(value.slice(0, start)) ? ` ${at}` : at };
  }
  return null;
}

/**
 * Puts signs around it; where they are there already, takes them away.
 * @param {string} value @param {number} start @param {number} end @param {string} sign
 * @returns {Change}
 */
function around(value, start, end, sign) {
  // Signs stand at words: space that was selected along stays outside.
  const chosen = value.slice(start, end);
  if (chosen.trim()) {
    start += chosen.length - chosen.trimStart().length;
    end -= chosen.length - chosen.trimEnd().length;
  }
  const text = value.slice(start, end);
  const length = sign.length;
  const outside = run(value.slice(0, start), sign, true) === length && run(value.slice(end), sign, false) === length;
  if (outside) return { from: start - length, to: end + length, text, select: [start - length, end - length] };
  if (text.length > 2 * length && run(text, sign, false) === length && run(text, sign, true) === length) {
    const inner = text.slice(length, -length);
    return { from: start, to: end, text: inner, select: [start, start + inner.length] };
  }
  return { from: start, to: end, text: sign + text + sign, select: [start + length, start + length + text.length] };
}

/** How many of the sign's character stand there at one end: `**` is no `*`. @param {string} text @param {string} sign @param {boolean} atEnd */
function run(text, sign, atEnd) {
  const char = sign[0] === "*" ? "\\*" : sign[0];
  return (new RegExp(atEnd ? `${char}*$` : `^${char}*`).exec(text)?.[0] ?? "").length;
}

/**
 * The lines that are touched get the marker; if all of them have it, they lose it.
 * @param {string} value @param {number} start @param {number} end @param {string} marker
 * @returns {Change}
 */
function before(value, start, end, marker) {
  const from = lineStart(value, start);
  const lines = value.slice(from, end).split("\n");
  const isQuote = marker === "> ";
  const same = marker === "1. " ? /^\d{1,9}[.)] / : isQuote ? /^> / : /^[-*+] /;
  const have = lines.every((line) => same.test(line));
  const text = lines
    .map((line, index) => {
      if (have) return line.replace(same, "");
      const bare = isQuote ? line : line.replace(/^(?:[-*+] |\d{1,9}[.)] )/, "");
      return (marker === "1. " ? `${index + 1}. ` : marker) + bare;
    })
    .join("\n");
  return { from, to: end, text };
}

/** @param {string} value @param {number} start @param {number} end @returns {Change} */
function fence(value, start, end) {
  return fenced(value, start, end, value.slice(start, end), "");
}

/**
 * Code as a block of its own, whatever stands before and after it.
 * @param {string} value @param {number} start @param {number} end @param {string} code @param {string} language
 * @returns {Change}
 */
export function fenced(value, start, end, code, language) {
  const inside = code.replace(/^\n+|\s+$/g, "");
  const longest = Math.max(2, ...[...inside.matchAll(/`{3,}/g)].map(([ticks]) => ticks.length));
  const ticks = "`".repeat(longest + 1);
  const lead = start && value[start - 1] !== "\n" ? "\n" : "";
  return { from: start, to: end, text: `${lead}${ticks}${language}\n${inside}\n${ticks}${value[end] === "\n" ? "" : "\n"}` };
}

/**
 * @param {string} value @param {number} start @param {number} end
 * @param {string} url "": to be written
 * @returns {Change}
 */
export function link(value, start, end, url) {
  const chosen = value.slice(start, end);
  if (url && url === chosen) return { from: start, to: end, text: `[](${target(url)})`, select: [start + 1, start + 1] };
  const label = chosen.replace(/[[\]]/g, "\\$&");
  const text = `[${label}](${target(url)})`;
  const at = start + label.length + (chosen ? 3 : 1);
  return { from: start, to: end, text, select: url ? undefined : [at, at] };
}

/** An address with brackets or spaces would end too early. @param {string} url */
function target(url) {
  return /[()\s<>]/.test(url) ? `<${url.replace(/[<>]/g, encodeURIComponent)}>` : url;
}

/**
 * A new line at a place: goes on with the list or quote of the line that ends there; an empty item ends it.
 * @param {string} value @param {number} start @param {number} end of what is selected
 * @returns {Change}
 */
export function nextLine(value, start, end) {
  const from = lineStart(value, start);
  const line = value.slice(from, start);
  if (isInFence(value, start)) {
    return { from: start, to: end, text: `\n${/^[ \t]*/.exec(line)?.[0] ?? ""}` };
  }
  const indent = /^[ \t]*/.exec(line)?.[0] ?? "";
  const rest = line.slice(indent.length);
  const marker = MARKER.exec(rest)?.[0];
  if (!marker) return { from: start, to: end, text: "\n" };
  if (rest === marker) return { from, to: end, text: "" };
  const number = /^(\d+)([.)] )/.exec(marker);
  return { from: start, to: end, text: `\n${indent}${number ? Number(number[1]) + 1 + number[2] : marker}` };
}

/** Whether a place stands in a block of code that is open there. @param {string} value @param {number} at */
export function isInFence(value, at) {
  let open = "";
  for (const line of value.slice(0, lineStart(value, at)).split("\n")) {
    const ticks = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (!ticks) continue;
    if (!open) open = ticks;
    else if (ticks[0] === open[0] && ticks.length >= open.length && /^\s*[`~]+\s*$/.test(line)) open = "";
  }
  return open !== "";
}

/** Whether a place stands in code of any kind: what is typed there means itself. @param {string} value @param {number} at */
export function isInCode(value, at) {
  if (isInFence(value, at)) return true;
  const line = value.slice(lineStart(value, at), at);
  return (line.match(/`/g)?.length ?? 0) % 2 === 1;
}
