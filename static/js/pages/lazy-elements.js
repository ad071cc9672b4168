/**
 * Elements of pages that are seldom open. Each is read when the first of its kind comes onto a page; until then, and
 * where it cannot be read, the forms and links in it do what they do without scripts.
 */
import { find } from "../lib/dom.js";

/** @type {[string, () => Promise<CustomElementConstructor>][]} */
const SELDOM = [
  ["people-picker", async () => (await import("./people-picker.js")).PeoplePicker],
  ["people-page", async () => (await import("./people-page.js")).PeoplePage],
  ["group-settings", async () => (await import("./group-settings.js")).GroupSettings],
  ["mention-list", async () => (await import("./mention-list.js")).MentionList],
];
const later = new Map(SELDOM);

export function watchElements() {
  look();
  for (const type of ["page:visited", "page:people"]) document.addEventListener(type, look); // another page, or a dialog
}

function look() {
  for (const [name, read] of later) {
    if (!find(document, name)) continue;
    later.delete(name);
    read().then(
      (element) => customElements.define(name, element),
      () => later.set(name, read), // the next page tries again
    );
  }
}
