/**
 * `<search-page>`: adds to the search page what needs scripts: recent searches, suggestions of people after `from:` and
 * in the filter for senders, and searches without a page load.
 */
import { Completion } from "../composer/completion/completion.js";
import { MentionCompletion } from "../composer/completion/mention-completion.js";
import { LiveElement, liveUpdates } from "../realtime/events.js";
import { find, findAll } from "../lib/dom.js";
import { fillPlaceholders } from "../lib/wording.js";
import { navigate } from "../ui/page-navigation.js";
import { forgetSearch, listSearches, rememberSearch } from "./recent-searches.js";

const SENDER_AT_END = /(?:^|\s)((?:from|来自|來自|发自|發自)[:：]@?)([^\s"“「]*)$/i;

export class SearchPage extends LiveElement {
  start() {
    this.userId = Number(find(document, "live-socket")?.dataset.userId ?? 0);
    if (this.dataset.q) rememberSearch(this.userId, this.dataset.q);
    this.#showRecentSearches();
    this.on(this, "submit", (event) => this.#onSubmit(event));
    this.on(this, "click", (event) => this.#onClick(event));
    this.on(this, "keydown", (event) => this.#onKeydown(event));
    this.on(document, "pointerdown", (event) => this.#closePickers(event.target));
    for (const picker of this.#pickers) this.on(picker, "toggle", () => picker.open && find(picker, "input:not([type=hidden])")?.focus());
    for (const [name, Source] of /** @type {const} */ ([["q", OperatorCompletion], ["from", SenderCompletion]])) {
      const field = /** @type {HTMLInputElement | null} */ (find(this, `input[name=${name}]:not([type=hidden])`));
      const form = field?.parentElement;
      if (!field || !form) continue;
      const host = { field, form, conversationId: Number(this.dataset.conversationId), on: this.on.bind(this) };
      new Completion(host, [new Source(host)]);
    }
  }

  stop() {
    const box = document.getElementById("complete");
    if (!box || !this.contains(box)) return;
    box.hidden = true; // the next field with suggestions uses it again
    document.body.append(box);
  }

  get #pickers() {
    return /** @type {HTMLDetailsElement[]} */ (findAll(this, "details"));
  }

  /** Searches without a page load. @param {SubmitEvent} event */
  #onSubmit(event) {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!liveUpdates.enabled) return;
    event.preventDefault();
    const parameters = new URLSearchParams(/** @type {any} */ (new FormData(form)));
    parameters.set("q", /** @type {HTMLInputElement | null} */ (find(this, "input[type=search]"))?.value ?? ""); // may not be searched yet
    navigate(`/search/?${parameters}`);
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-act^=forget]"));
    if (!button) return;
    const row = button.closest("li");
    const next = row?.nextElementSibling ?? row?.previousElementSibling;
    const nextText = find(next ?? null, "b")?.textContent;
    forgetSearch(this.userId ?? 0, row ? find(row, "b")?.textContent ?? "" : null);
    this.#showRecentSearches();
    const buttons = findAll(this, "[data-act=forget]");
    const target = buttons.find((each) => find(each.closest("li"), "b")?.textContent === nextText) ?? find(this, "input[name=q]");
    target?.focus();
  }

  /** Escape closes an open picker. @param {KeyboardEvent} event */
  #onKeydown(event) {
    const picker = /** @type {Element} */ (event.target).closest("details");
    if (event.key !== "Escape" || event.isComposing || !picker?.open) return;
    event.preventDefault();
    picker.open = false;
    find(picker, "summary")?.focus();
  }

  /** Closes pickers that do not contain the target. @param {EventTarget | null} target */
  #closePickers(target) {
    for (const picker of this.#pickers) if (!picker.contains(/** @type {Node} */ (target))) picker.open = false;
  }

  #showRecentSearches() {
    const section = find(this, "[data-part=recent]");
    const template = find(section, "template");
    const list = find(section, "ul");
    if (!section || !list || !(template instanceof HTMLTemplateElement)) return;
    const searches = listSearches(this.userId ?? 0);
    section.hidden = !searches.length;
    list.replaceChildren(
      ...searches.map((q) => {
        const row = /** @type {HTMLElement} */ (document.importNode(/** @type {Element} */ (template.content.firstElementChild), true));
        const [link, text, button] = [find(row, "a"), find(row, "b"), find(row, "button")];
        link?.setAttribute("href", `?${new URLSearchParams({ q })}`);
        if (text) text.textContent = q;
        button?.setAttribute("aria-label", fillPlaceholders(button.dataset.label, { a: q }));
        return row;
      }),
    );
  }
}

/** Completes the user name after `from:` in a query. */
class OperatorCompletion extends MentionCompletion {
  /** @param {string} before @returns {import("../composer/completion/completion.js").Query | null} */
  findQuery(before) {
    const match = SENDER_AT_END.exec(before);
    if (!match) return null;
    const [, sign, q] = match;
    return { at: before.length - sign.length - q.length, q, signLength: sign.length };
  }

  /** @param {import("../composer/completion/mention-match.js").Person} user */
  formatUser(user) {
    return `from:${user.username}`;
  }
}

/** Completes the user name in the filter for senders, and adds the filter. */
class SenderCompletion extends MentionCompletion {
  /** @param {import("../composer/completion/completion.js").Host} host */
  constructor(host) {
    super(host);
    this.onAccepted = () => host.field.form?.requestSubmit();
  }

  /** @param {string} before @returns {import("../composer/completion/completion.js").Query} */
  findQuery(before) {
    return { at: 0, q: before.trim().replace(/^@/, ""), signLength: 0 };
  }

  /** @param {import("../composer/completion/mention-match.js").Person} user */
  formatUser(user) {
    return user.username;
  }
}
