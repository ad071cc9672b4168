/**
 * `<group-settings>`: the page of a group follows what others change. What one is typing is kept: where somebody else
 * changed the same, the page says so.
 */
import { copy } from "../ui/clipboard.js";
import { LiveElement } from "../realtime/events.js";
import { find, findAll } from "../lib/dom.js";
import { toast, toastRefusal } from "../ui/toast-stack.js";
import { parsePage } from "../lib/trusted-html.js";

const PAUSE = 250; // ms: changes that come together are read once

export class GroupSettings extends LiveElement {
  /** @type {any} */
  #timer;

  start() {
    const id = Number(this.dataset.conversationId);
    for (const type of ["conversation.updated", "member.updated"]) {
      this.hear(type, (payload) => payload.conversation_id === id && this.#soon());
    }
    this.hear("mine.updated", (payload) => payload.conversation_id === id && this.#soon());
    this.hear("conversation.removed", (payload) => payload.conversation_id === id && location.assign("/"));
    this.listen(this, "click", (event) => {
      const button = /** @type {HTMLElement | null} */ (event.target.closest("[data-act=copy-link]"));
      if (button) copy(button.dataset.text ?? "").then(() => toast("linkCopied"), toastRefusal);
    });
    this.listen(this, "focusin", (event) => {
      if (event.target instanceof HTMLInputElement && event.target.matches(".link-text")) event.target.select();
    });
    this.#copies();
  }

  stop() {
    clearTimeout(this.#timer);
  }

  #copies() {
    for (const button of findAll(this, "[data-act=copy-link]")) button.hidden = false;
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#read(), PAUSE);
  }

  async #read() {
    let page;
    try {
      const response = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" }, signal: this.gone });
      if (!response.ok) return;
      page = parsePage(await response.text());
    } catch {
      return; // with the next change, or a reload
    }
    for (const part of ["members", "about", "links", "face"]) {
      const [old, fresh] = [find(this, `[data-part=${part}]`), find(page, `[data-part=${part}]`)];
      if (!old || !fresh || old.contains(document.activeElement) && part === "links") continue;
      const at = findAll(old, "a, button, input").indexOf(/** @type {HTMLElement} */ (document.activeElement));
      old.replaceChildren(...document.adoptNode(fresh).childNodes);
      if (at >= 0) findAll(old, "a, button, input")[at]?.focus();
    }
    this.#copies();
    const heading = find(page, ".page-head h1");
    if (heading) find(document, ".page-head h1")?.replaceChildren(...document.adoptNode(heading).childNodes);
    this.#fields(page);
  }

  /** What was not touched is as it is now. @param {Document} page */
  #fields(page) {
    const form = find(this, "[data-part=form]");
    const other = find(page, "[data-part=form]");
    const stale = find(this, "[data-part=stale]");
    if (!form !== !other) return location.reload(); // one's own role is another
    for (const field of /** @type {(HTMLInputElement | HTMLTextAreaElement)[]} */ (
      findAll(form, "input[name]:not([type=hidden], [type=file]), textarea[name]")
    )) {
      const fresh = /** @type {HTMLInputElement | HTMLTextAreaElement | null} */ (find(other, `[name="${field.name}"]`));
      if (!fresh) continue;
      if (field instanceof HTMLInputElement && field.type === "checkbox" && fresh instanceof HTMLInputElement) {
        const touched = field.checked !== field.defaultChecked;
        const moved = fresh.defaultChecked !== field.defaultChecked;
        field.defaultChecked = fresh.defaultChecked;
        if (!touched) field.checked = fresh.defaultChecked;
        else if (moved && stale) stale.hidden = false;
      } else {
        const touched = field.value !== field.defaultValue;
        const moved = fresh.defaultValue !== field.defaultValue;
        const typed = field.value;
        field.defaultValue = fresh.defaultValue;
        field.value = touched ? typed : fresh.defaultValue;
        if (touched && moved && stale) stale.hidden = false;
      }
    }
  }
}
