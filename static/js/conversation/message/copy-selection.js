/**
 * Adds the numbers and bullets of lists and the markers of quotes to text that the user copies from the log. They are seen,
 * but browsers leave them out of the copied text.
 */
import { findAll } from "../../lib/dom.js";

/** @param {import("../log/message-log.js").MessageLog} log */
export function watchCopying(log) {
  log.on(log.list, "copy", (event) => {
    const selection = getSelection();
    const text = selection?.rangeCount === 1 ? getTextWithMarkers(log.list, selection) : null;
    if (text === null) return;
    event.preventDefault();
    /** @type {ClipboardEvent} */ (event).clipboardData?.setData("text/plain", text);
  });
}

/**
 * Returns the selected text with the markers of the list items and quoted lines whose beginning is selected; null if there
 * are none. The markers are in the page only while the browser computes the text, so they are never painted.
 * @param {HTMLElement} list
 * @param {Selection} selection
 */
function getTextWithMarkers(list, selection) {
  const range = selection.getRangeAt(0);
  const { startContainer, startOffset } = range;
  const isBeginningSelected = (/** @type {HTMLElement} */ block) =>
    selection.containsNode(block, true) && !hasTextBefore(block, range);
  const items = findAll(list, ".msg-text li").filter(isBeginningSelected);
  const quoted = findAll(list, ".msg-text blockquote :is(p, li:not(:has(> p)))").filter(isBeginningSelected);
  const breaks = findAll(list, ".msg-text blockquote br").filter(
    (each) => selection.containsNode(each, true) || isLineBegun(each, range),
  );
  const markers = items.map(insertMarker);
  for (const block of quoted) markers.push(insertQuoteMarker(block, block.firstChild));
  for (const each of breaks) markers.push(insertQuoteMarker(each, each.nextSibling));
  if (!markers.length) return null;
  for (const marker of markers) if (range.comparePoint(marker, 0) < 0) range.setStartBefore(marker);
  const text = selection.toString();
  for (const marker of markers) marker.remove();
  range.setStart(startContainer, startOffset);
  return text;
}

/** Returns whether the range begins behind a text of the item. @param {HTMLElement} item @param {Range} range */
function hasTextBefore(item, { startContainer, startOffset }) {
  if (!item.contains(startContainer)) return false;
  const before = document.createRange();
  before.setStart(item, 0);
  before.setEnd(startContainer, startOffset);
  return before.toString().trim() !== "";
}

/**
 * Inserts the markers of the quotes around an element as text.
 * @param {HTMLElement} element a quoted block, or a line break in one
 * @param {ChildNode | null} next the marker is inserted before it; null: at the end
 * @returns {Text}
 */
function insertQuoteMarker(element, next) {
  let markers = "";
  for (let each = element.parentElement?.closest("blockquote"); each; each = each.parentElement?.closest("blockquote")) markers += "> ";
  const marker = document.createTextNode(markers);
  (element.localName === "br" ? element.parentElement : element)?.insertBefore(marker, next);
  return marker;
}

/** Returns whether the range begins with the line behind a line break. @param {Node} lineBreak @param {Range} range */
function isLineBegun(lineBreak, { startContainer, startOffset }) {
  const isBehind = lineBreak.compareDocumentPosition(startContainer) & Node.DOCUMENT_POSITION_FOLLOWING;
  if (!isBehind || !lineBreak.parentElement?.contains(startContainer)) return false;
  const before = document.createRange();
  before.setStartAfter(lineBreak);
  before.setEnd(startContainer, startOffset);
  return before.toString().trim() === "";
}

/** Inserts the marker of a list item as text. @param {HTMLElement} item @returns {Text} */
function insertMarker(item) {
  const siblings = [...(item.parentElement?.children ?? [])];
  const start = Number(item.parentElement?.getAttribute("start") ?? 1);
  let number = start - 1;
  for (const each of siblings.slice(0, siblings.indexOf(item) + 1)) number = Number(each.getAttribute("value") ?? number + 1);
  const marker = document.createTextNode(item.parentElement?.localName === "ol" ? `${number}. ` : "- ");
  const firstBlock = item.firstElementChild?.localName === "p" && !item.firstChild?.textContent?.trim() ? item.firstElementChild : item;
  firstBlock.prepend(marker);
  return marker;
}
