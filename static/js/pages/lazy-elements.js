/**
 * Loads rarely used custom elements when the first of their kind appears on a page. Until then, and if loading fails,
 * the forms and links inside them work without scripts.
 */
import { find } from "../lib/dom.js";

/** @type {[string, () => Promise<CustomElementConstructor>][]} */
const LAZY_ELEMENTS = [
  ["people-picker", async () => (await import("./people-picker.js")).PeoplePicker],
  ["people-page", async () => (await import("./people-page.js")).PeoplePage],
  ["group-settings", async () => (await import("./group-settings.js")).GroupSettings],
  ["forward-form", async () => (await import("./forward-form.js")).ForwardForm],
  ["search-page", async () => (await import("./search-page.js")).SearchPage],
  ["push-settings", async () => (await import("../notifications/push-settings.js")).PushSettings],
  ["mention-list", async () => (await import("./mention-list.js")).MentionList],
];
const undefinedElements = new Map(LAZY_ELEMENTS);

/** Loads the custom elements of this page, and of each page that is opened later. */
export function watchLazyElements() {
  defineElements();
  // After navigation, or in a dialog.
  for (const type of ["page:navigated", "page:content-added"]) document.addEventListener(type, defineElements);
}

function defineElements() {
  if (find(document, "form[data-sign-out]")) import("./sign-out.js").then(({ watchSignOut }) => watchSignOut());
  for (const [name, load] of undefinedElements) {
    if (!find(document, name)) continue;
    undefinedElements.delete(name);
    load().then(
      (element) => customElements.define(name, element),
      () => undefinedElements.set(name, load), // try again on the next page
    );
  }
}
