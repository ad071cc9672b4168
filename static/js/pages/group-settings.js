/**
 * `<group-settings>`: updates the settings page of a group when other members change something. Unsaved input stays. If
 * another member has changed the same field, the page shows a note.
 */
import { copyText } from "../ui/clipboard.js";
import { LiveElement } from "../realtime/events.js";
import { find, findAll } from "../lib/dom.js";
import { showToast, showErrorToast } from "../ui/toast-stack.js";
import { parsePage } from "../lib/trusted-html.js";

const DELAY = 250; // ms; changes within this time are loaded once

export class GroupSettings extends LiveElement {
  /** @type {any} */
  #timer;

  start() {
    const id = Number(this.dataset.conversationId);
    for (const type of ["conversation.updated", "member.updated"]) {
      this.onLive(type, (payload) => payload.conversation_id === id && this.#scheduleReload());
    }
    this.onLive("mine.updated", (payload) => payload.conversation_id === id && this.#scheduleReload());
    this.onLive("conversation.removed", (payload) => payload.conversation_id === id && location.assign("/"));
    this.on(this, "click", (event) => {
      const button = /** @type {HTMLElement | null} */ (event.target.closest("[data-act=copy-link]"));
      if (button) copyText(button.dataset.text ?? "").then(() => showToast("linkCopied"), showErrorToast);
    });
    this.on(this, "focusin", (event) => {
      if (event.target instanceof HTMLInputElement && event.target.matches(".link-text")) event.target.select();
    });
    this.#showCopyButtons();
  }

  stop() {
    clearTimeout(this.#timer);
  }

  #showCopyButtons() {
    for (const button of findAll(this, "[data-act=copy-link]")) button.hidden = false;
  }

  #scheduleReload() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#reload(), DELAY);
  }

  async #reload() {
    let page;
    try {
      const response = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" }, signal: this.signal });
      if (!response.ok) return;
      page = parsePage(await response.text());
    } catch {
      return; // the next change tries again
    }
    for (const part of ["members", "about", "links", "face", "requests"]) {
      const [outdated, current] = [find(this, `[data-part=${part}]`), find(page, `[data-part=${part}]`)];
      if (!outdated || !current || outdated.contains(document.activeElement) && part === "links") continue;
      const focusedIndex = findAll(outdated, "a, button, input").indexOf(/** @type {HTMLElement} */ (document.activeElement));
      outdated.replaceChildren(...document.adoptNode(current).childNodes);
      if (focusedIndex >= 0) findAll(outdated, "a, button, input")[focusedIndex]?.focus();
    }
    this.#showCopyButtons();
    const heading = find(page, ".page-head h1");
    if (heading) find(document, ".page-head h1")?.replaceChildren(...document.adoptNode(heading).childNodes);
    this.#updateFields(page);
  }

  /** Updates the fields that were not edited. @param {Document} page */
  #updateFields(page) {
    const form = find(this, "[data-part=form]");
    const newForm = find(page, "[data-part=form]");
    const stale = find(this, "[data-part=stale]");
    if (!form !== !newForm) return location.reload(); // the role of the current user has changed
    for (const field of /** @type {(HTMLInputElement | HTMLTextAreaElement)[]} */ (
      findAll(form, "input[name]:not([type=hidden], [type=file]), textarea[name]")
    )) {
      const current = /** @type {HTMLInputElement | HTMLTextAreaElement | null} */ (find(newForm, `[name="${field.name}"]`));
      if (!current) continue;
      if (field instanceof HTMLInputElement && field.type === "checkbox" && current instanceof HTMLInputElement) {
        const isEdited = field.checked !== field.defaultChecked;
        const isChangedByOthers = current.defaultChecked !== field.defaultChecked;
        field.defaultChecked = current.defaultChecked;
        if (!isEdited) field.checked = current.defaultChecked;
        else if (isChangedByOthers && stale) stale.hidden = false;
      } else {
        const isEdited = field.value !== field.defaultValue;
        const isChangedByOthers = current.defaultValue !== field.defaultValue;
        const value = field.value;
        field.defaultValue = current.defaultValue;
        field.value = isEdited ? value : current.defaultValue;
        if (isEdited && isChangedByOthers && stale) stale.hidden = false;
      }
    }
  }
}
