/**
 * Renders the receipt mark (sent, delivered, read) after the text of an own message like
 * templates/chat/message/_receipt_mark.html.
 */
import { fillPlaceholders } from "../../lib/wording.js";
import { replaceIdInUrls, clone, find } from "../../lib/dom.js";

/**
 * Updates the mark of a message; removes it if `mark` is undefined.
 * @param {HTMLElement} item
 * @param {import("./receipts.js").ReceiptMark | undefined} mark
 * @param {boolean} inGroup the number of readers is displayed
 */
export function renderReceiptMark(item, mark, inGroup) {
  const oldElement = find(item, ".tail > [data-part=mark]");
  const stateKey = mark ? `${mark.state} ${mark.count} ${mark.total}` : "";
  if (oldElement?.dataset.said === stateKey || (!oldElement && !stateKey)) return;
  const kind = mark?.state === "read" && inGroup ? "read-group" : mark?.state;
  const element = mark && clone(`mark-${kind}`);
  if (!element || !mark) return oldElement?.remove();
  element.dataset.said = stateKey;
  replaceIdInUrls(element, Number(item.dataset.id));
  if (kind === "read-group") {
    const label = fillPlaceholders(element.title, { a: mark.count, b: mark.total });
    element.title = label;
    setText(element, ".visually-hidden", label);
    setText(element, ".num", String(mark.count));
  }
  if (oldElement) oldElement.replaceWith(element);
  else find(item, ".tail")?.append(element);
}

/** @param {HTMLElement} root @param {string} selector @param {string} text */
function setText(root, selector, text) {
  const element = find(root, selector);
  if (element) element.textContent = text;
}
