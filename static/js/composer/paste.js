/**
 * Converts pasted content: code from an editor becomes a code block, a URL pasted over selected text becomes a link.
 */
import { makeCodeBlock, isInCode, makeLink } from "./markdown-editing.js";

/** @typedef {import("./text-edit.js").Change} Change */

/**
 * @typedef {object} Clip content of the clipboard
 * @property {string} text
 * @property {string} [html]
 * @property {string} [editor] `vscode-editor-data`
 */

const URL_PATTERN = /^(?:https?:\/\/|mailto:)[^\s<>"]+$/i;
// HTML of editors: VS Code and its derivatives use a div with `white-space: pre`, JetBrains and web pages <pre>.
const EDITOR_HTML = /<pre[\s>]|style="[^"]*font-family:[^"]*(?:mono|consolas|menlo|courier)[^"]*white-space:\s*pre/i;
const ONLY_CODE = /^(?:\s|<meta[^>]*>|<\/?(?:html|body)>|<!--\w+-->)*<code[\s>](?:(?!<code[\s>])[\s\S])*<\/code>(?:\s|<br[^>]*>|<\/?(?:html|body)>|<!--\w+-->)*$/i;
const LANGUAGES = new Map([["plaintext", ""], ["typescriptreact", "tsx"], ["javascriptreact", "jsx"], ["shellscript", "sh"], ["django-html", "html"]]);

/**
 * Returns the change that pasting this content should make.
 * @param {string} value the whole text
 * @param {number} start of the selection
 * @param {number} end of the selection
 * @param {Clip} clip
 * @returns {(Change & {plain?: string}) | null} null: let the browser paste the text. `plain` is the pasted text if the
 *   change adds signs around it; undoing the signs gives it back
 */
export function convertPaste(value, start, end, { text, html = "", editor = "" }) {
  const plainText = text.replace(/\r\n?/g, "\n");
  if (isInCode(value, start)) return null;
  const selected = value.slice(start, end);
  const url = plainText.trim();
  if (URL_PATTERN.test(url)) {
    const canLink = selected.trim() && !selected.includes("\n") && !URL_PATTERN.test(selected.trim()) && !/\]\([^)]*$/.test(value.slice(0, start));
    return canLink ? makeLink(value, start, end, url) : null;
  }
  const isMultiline = /\n[^\n]*\S/.test(plainText);
  if (/^[ \t]*(?:```|~~~)/.test(plainText)) return null; // the text already begins with a code fence
  if (isMultiline && (editor || EDITOR_HTML.test(html) || ONLY_CODE.test(html) || looksLikeCode(plainText))) {
    return { ...makeCodeBlock(value, start, end, plainText, detectLanguage(editor)), plain: plainText };
  }
  if (!isMultiline && ONLY_CODE.test(html) && plainText.trim() && !plainText.includes("`")) {
    return { from: start, to: end, text: `\`${plainText.trim()}\``, plain: plainText };
  }
  return null;
}

/** @param {string} editor */
function detectLanguage(editor) {
  try {
    const { mode } = JSON.parse(editor);
    const name = LANGUAGES.get(mode) ?? String(mode ?? "");
    return /^[\w+#.-]{1,30}$/.test(name) ? name : "";
  } catch {
    return "";
  }
}

/**
 * Signs of code that prose does not have: braces and empty calls at the end of a line, brackets alone on a line,
 * comparisons, closing tags. Prose also ends lines with `;`, `:`, `,` and `)`, and has indented lines.
 */
const CODE_LINE = new RegExp(
  [
    String.raw`[{}][;,)\]]*$`,
    String.raw`^[})\]]+[;,]*$`,
    String.raw`[A-Za-z_]\(\)[;:,]?$`,
    String.raw`\w\s*(?:===?|!==?|[<>+*/-]=|:=|&&|\|\|)\s*[\w"'({]`,
    String.raw`^#(?:!\/|include\b)`,
    String.raw`</\w+>$`,
  ].join("|"),
);

/** A line of Python that an indented block follows. Prose has no such line, although it also ends lines with `:`. */
const PYTHON_BLOCK = new RegExp(
  String.raw`^\s*(?:(?:async )?def \w+\(.*|class [A-Z]\w*(?:\(.*\))?|(?:async )?for [\w, ]+ in .*\(.*\)|while .*[()=<>].*|(?:async )?with .+\) as \w+|except [A-Z]\w*|else|try|finally):$`,
);

/**
 * Whether plain text, for example from a terminal, looks like code: indented lines, and signs of code in most lines or
 * a line of Python before an indented one.
 * @param {string} plainText
 */
function looksLikeCode(plainText) {
  const lines = plainText.split("\n").filter((line) => line.trim());
  const indentOf = (/** @type {string} */ line) => line.length - line.trimStart().length;
  const beginsBlock = (/** @type {string} */ line, /** @type {number} */ index) => PYTHON_BLOCK.test(line.trimEnd()) && indentOf(lines[index + 1] ?? "") > indentOf(line);
  if (lines.some(beginsBlock)) return true;
  const hasIndent = lines.some((line, index) => index > 0 && /^(?:\t| {2,})/.test(line));
  const codeLines = lines.filter((line) => CODE_LINE.test(line.trim())).length;
  return hasIndent && codeLines >= 2 && codeLines * 2 >= lines.length;
}
