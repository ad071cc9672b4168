/** Draws who got and read a text of mine, after its last word, as `templates/chat/message/_receipt_mark.html` does. */
import { fillPlaceholders } from "../../lib/wording.js";
import { replaceIdInUrls, clone, find } from "../../lib/dom.js";

/**
 * @param {HTMLElement} li
 * @param {import("./receipts.js").Mark | undefined} mark
 * @param {boolean} inGroup the count is said
 */
export function drawMark(li, mark, inGroup) {
  const old = find(li, ".tail > [data-part=mark]");
  const said = mark ? `${mark.state} ${mark.count} ${mark.total}` : "";
  if (old?.dataset.said === said || (!old && !said)) return;
  const kind = mark?.state === "read" && inGroup ? "read-group" : mark?.state;
  const element = mark && clone(`mark-${kind}`);
  if (!element || !mark) return old?.remove();
  element.dataset.said = said;
  replaceIdInUrls(element, Number(li.dataset.id));
  if (kind === "read-group") {
    const words = fillPlaceholders(element.title, { a: mark.count, b: mark.total });
    element.title = words;
    say(element, ".visually-hidden", words);
    say(element, ".num", String(mark.count));
  }
  if (old) old.replaceWith(element);
  else find(li, ".tail")?.append(element);
}

/** @param {HTMLElement} root @param {string} selector @param {string} text */
function say(root, selector, text) {
  const element = find(root, selector);
  if (element) element.textContent = text;
}
