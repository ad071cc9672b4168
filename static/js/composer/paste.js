/**
 * What a paste becomes, where that is more than its words: code from an editor stays code, an address over a selection
 * links it. Files are taken by others: `MessageComposer.pasters` is asked in order.
 */
import { fenced, isInCode, link } from "./markdown-editing.js";

/** @typedef {import("./text-edit.js").Change} Change */

/**
 * @typedef {object} Clip what the clipboard holds
 * @property {string} text
 * @property {string} [html]
 * @property {string} [editor] `vscode-editor-data`
 */

const ADDRESS = /^(?:https?:\/\/|mailto:)[^\s<>"]+$/i;
// As editors write it: VS Code and those made of it in a div that keeps spaces, JetBrains and web pages in <pre>.
const EDITED = /<pre[\s>]|style="[^"]*font-family:[^"]*(?:mono|consolas|menlo|courier)[^"]*white-space:\s*pre/i;
const ONLY_CODE = /^(?:\s|<meta[^>]*>|<\/?(?:html|body)>|<!--\w+-->)*<code[\s>](?:(?!<code[\s>])[\s\S])*<\/code>(?:\s|<br[^>]*>|<\/?(?:html|body)>|<!--\w+-->)*$/i;
const LANGUAGES = new Map([["plaintext", ""], ["typescriptreact", "tsx"], ["javascriptreact", "jsx"], ["shellscript", "sh"], ["django-html", "html"]]);

/**
 * @param {string} value the whole text
 * @param {number} start of what is selected
 * @param {number} end of it
 * @param {Clip} clip
 * @returns {Change | null} null: the browser pastes the words
 */
export function pasted(value, start, end, { text, html = "", editor = "" }) {
  const words = text.replace(/\r\n?/g, "\n");
  if (isInCode(value, start)) return null;
  const chosen = value.slice(start, end);
  const address = words.trim();
  if (ADDRESS.test(address)) {
    const links = chosen.trim() && !chosen.includes("\n") && !ADDRESS.test(chosen.trim()) && !/\]\([^)]*$/.test(value.slice(0, start));
    return links ? link(value, start, end, address) : null;
  }
  const isLines = /\n[^\n]*\S/.test(words);
  if (/^[ \t]*(?:```|~~~)/.test(words)) return null; // it brings its own fence
  if (isLines && (editor || EDITED.test(html) || ONLY_CODE.test(html) || looksLikeCode(words))) {
    return fenced(value, start, end, words, languageOf(editor));
  }
  if (!isLines && ONLY_CODE.test(html) && words.trim() && !words.includes("`")) {
    return { from: start, to: end, text: `\`${words.trim()}\`` };
  }
  return null;
}

/** @param {string} editor */
function languageOf(editor) {
  try {
    const { mode } = JSON.parse(editor);
    const name = LANGUAGES.get(mode) ?? String(mode ?? "");
    return /^[\w+#.-]{1,30}$/.test(name) ? name : "";
  } catch {
    return "";
  }
}

/** Words alone, from a terminal for example: lines set in, and the signs of code at most of their ends. @param {string} words */
function looksLikeCode(words) {
  const lines = words.split("\n").filter((line) => line.trim());
  const isSetIn = lines.some((line, index) => /^(?:\t| {2,})(?![-*+•] |\d+[.)] )/.test(line) && index > 0);
  const withSigns = lines.filter((line) => /[{}()[\];:,=>]$|^\s*(?:[})\]]|#!?|\/\/|<\/?\w)|\w\(.*\)|\s[=!<>+-]?=\s/.test(line.trim())).length;
  return isSetIn && lines.length >= 2 && withSigns >= 2 && withSigns * 2 >= lines.length;
}
