/**
 * Marks the matches of a search in the message log. They are highlights of the browser (CSS Custom Highlight API): they
 * change no element, so nothing is styled or laid out again. Browsers without them only show the message itself.
 */
import { findAll } from "../../lib/dom.js";
import { findMatchSpans } from "./match-spans.js";

const MATCHES = "search-match";
const CURRENT = "search-current";
const MARKED_PARTS = ".msg-text > .body, .doc-name, .sound .clip"; // texts and file names

/**
 * Shows the matches of some messages, and no others.
 * @param {{item: HTMLElement, texts: string[], isCurrent: boolean}[]} messages items of the log and their matched texts
 */
export function showHighlights(messages) {
  if (!globalThis.CSS?.highlights) return;
  const matches = new Highlight();
  const current = new Highlight();
  for (const { item, texts, isCurrent } of messages) {
    for (const range of createRanges(item, texts)) (isCurrent ? current : matches).add(range);
  }
  CSS.highlights.set(MATCHES, matches);
  CSS.highlights.set(CURRENT, current);
}

export function clearHighlights() {
  globalThis.CSS?.highlights?.delete(MATCHES);
  globalThis.CSS?.highlights?.delete(CURRENT);
}

/**
 * Returns the matches in the displayed text of a message and in the displayed names of its files.
 * @param {HTMLElement} item
 * @param {string[]} texts
 * @returns {Range[]}
 */
export function createRanges(item, texts) {
  return texts.length ? findAll(item, MARKED_PARTS).flatMap((part) => createRangesInElement(part, texts)) : [];
}

/** @param {HTMLElement} element @param {string[]} texts */
function createRangesInElement(element, texts) {
  /** @type {{node: Text, start: number}[]} */
  const nodes = [];
  let text = "";
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = /** @type {Text} */ (walker.currentNode);
    nodes.push({ node, start: text.length });
    text += node.data;
  }
  return findMatchSpans(text, texts).map(([start, end]) => {
    const range = new Range();
    const first = nodes.findLast((entry) => entry.start <= start);
    const last = nodes.findLast((entry) => entry.start < end);
    if (first) range.setStart(first.node, start - first.start);
    if (last) range.setEnd(last.node, end - last.start);
    return range;
  });
}
