/**
 * Filters and searches the conversation list and loads more rows. It filters the loaded rows at once; then the server
 * adds matching rows that are not loaded.
 */
import { find, findAll } from "../lib/dom.js";
import { parsePage } from "../lib/trusted-html.js";

/** @typedef {import("./conversation-list.js").ConversationList} ConversationList */

const SEARCH_DELAY = 200; // ms after the last input until the server is asked

export class ListFilter {
  #searchText = "";
  /** Ids found by the server, which also searches pinyin and conversations that are not loaded. @type {Set<number>} */
  #foundIds = new Set();
  /** @type {any} */
  #searchTimer;
  /** @type {AbortController | undefined} */
  #abortController;
  #observer;

  /** @param {ConversationList} list */
  constructor(list) {
    this.list = list;
    this.section = list.closest(".list");
    this.#updateEdge();
    this.input = /** @type {HTMLInputElement | null} */ (find(this.section, "input[name=find]"));
    this.#observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && this.#loadMore(), {
      root: find(list, ".list-scroll"),
      rootMargin: "400px",
    });
    list.signal.addEventListener("abort", () => this.#stop());
    this.#observeMoreLink();
    list.on(find(this.section, ".tabs"), "click", (event) => this.#onTabClick(event));
    list.on(this.input, "input", () => this.#onInput());
    list.on(this.input?.form, "submit", (event) => this.#onSubmit(event));
    list.on(this.input, "keydown", (event) => this.#onKeydown(event));
    list.on(list, "click", (event) => this.#onClick(event));
    if (this.input?.value) {
      // The page was rendered with a search: its rows are the results.
      this.#searchText = this.input.value;
      this.#foundIds = new Set(findAll(list, ".conversation-row").map((link) => Number(link.dataset.id)));
      this.#updateView();
    }
  }

  /** @param {MouseEvent} event */
  #onTabClick(event) {
    const tab = /** @type {Element} */ (event.target).closest("a");
    const filter = tab && new URL(tab.href).searchParams.get("show");
    if (!filter || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    this.setFilter(filter);
  }

  /** @param {string} filter */
  setFilter(filter) {
    const { list, section } = this;
    if (list.view.show !== filter) {
      list.dataset.show = list.view.show = filter;
      list.view.edge = null;
      for (const tab of findAll(section, ".tabs a")) {
        const isCurrent = new URL(/** @type {HTMLAnchorElement} */ (tab).href).searchParams.get("show") === filter;
        if (isCurrent) tab.setAttribute("aria-current", "true");
        else tab.removeAttribute("aria-current");
      }
      for (const row of list.rows.values()) row.setFilter(filter);
      const url = new URL(location.href);
      if (filter === "all") url.searchParams.delete("show");
      else url.searchParams.set("show", filter);
      history.replaceState(history.state, "", url);
      find(list, ".list-scroll")?.scrollTo(0, 0);
    }
    list.sortRows();
    this.#load({});
  }

  #onInput() {
    this.#searchText = this.input?.value.trim() ?? "";
    this.#foundIds.clear();
    this.#updateView();
    this.list.sortRows();
    clearTimeout(this.#searchTimer);
    this.#searchTimer = setTimeout(() => this.#load({}), SEARCH_DELAY);
  }

  /** Updates the search of the list's view. */
  #updateView() {
    const searchText = this.#searchText.toLowerCase();
    const { rows, view } = this.list;
    view.matchesSearch = searchText
      ? (id) => this.#foundIds.has(id) || (rows.get(id)?.title.toLowerCase().includes(searchText) ?? false)
      : null;
  }

  /** @param {Event} event */
  #onSubmit(event) {
    event.preventDefault();
    (this.#listVisibleRows()[0] ?? this.#messageSearchLink())?.click();
  }

  /** @param {KeyboardEvent} event */
  #onKeydown(event) {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") {
      event.preventDefault();
      this.#listVisibleRows()[0]?.focus();
    } else if (event.key === "Escape" && this.input?.value) {
      event.preventDefault();
      this.input.value = "";
      this.#onInput();
    }
  }

  #listVisibleRows() {
    return findAll(this.list, "li:not([hidden]) > .conversation-row");
  }

  // ── Requests ─────────────────────────────────────────────────────────────────────────────────────────────────────
  /**
   * Loads rows for the current filter and search.
   * @param {{older?: string}} options `older`: cursor of the next page
   */
  async #load({ older = "" }) {
    const { list } = this;
    clearTimeout(this.#searchTimer);
    this.#abortController?.abort();
    const controller = (this.#abortController = new AbortController());
    const query = new URLSearchParams({ show: list.view.show });
    if (this.#searchText) query.set("find", this.#searchText);
    if (list.view.open) query.set("here", String(list.view.open));
    if (older) query.set("older", older);
    try {
      const response = await fetch(`/list/?${query}`, { headers: { Accept: "text/html" }, signal: controller.signal });
      if (!response.ok || response.redirected) return;
      const page = parsePage(await response.text());
      if (controller.signal.aborted || !list.isConnected) return;
      const ids = list.addRenderedRows(page);
      for (const id of ids) {
        this.#foundIds.add(id);
        list.rows.get(id)?.setFilter(list.view.show);
      }
      find(list, ".list-more")?.remove();
      const more = find(page, ".list-more");
      if (more) find(list, ".list-scroll")?.append(document.adoptNode(more));
      this.#updateEdge();
      list.sortRows();
      this.#observeMoreLink();
      document.dispatchEvent(new CustomEvent("page:content-added"));
    } catch {
      // Loading failed: the loaded rows stay, and the user can try again with the link at the end.
    }
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    if (!(/** @type {Element} */ (event.target).closest(".list-more"))) return;
    event.preventDefault();
    this.#loadMore();
  }

  #loadMore() {
    const link = /** @type {HTMLAnchorElement | null} */ (find(this.list, ".list-more"));
    const older = link && new URL(link.href).searchParams.get("older");
    if (!older || link?.ariaBusy) return;
    link.ariaBusy = "true";
    this.#observer.disconnect();
    this.#load({ older });
  }

  #observeMoreLink() {
    this.#observer.disconnect();
    const link = find(this.list, ".list-more");
    if (link) this.#observer.observe(link);
  }

  /** Stores the last loaded conversation (the cursor of the next page), if the server has more. */
  #updateEdge() {
    const link = /** @type {HTMLAnchorElement | null} */ (find(this.list, ".list-more"));
    const [at, id] = (link && new URL(link.href).searchParams.get("older")?.split("~")) ?? [];
    this.list.view.edge = at && id ? { activeAt: new Date(at).toISOString(), id: Number(id) } : null;
  }

  // ── Empty states ─────────────────────────────────────────────────────────────────────────────────────────────────
  /** Displays the text for an empty list. */
  updateEmptyState() {
    const { list } = this;
    const isEmpty = !find(list, "ul > li:not([hidden])");
    const emptyState = this.#searchText ? "find" : list.view.show;
    const first = find(list, "[data-none=first]");
    for (const element of findAll(list, "[data-none]")) {
      if (element !== first) element.hidden = !isEmpty || element.dataset.none !== emptyState || (first !== null && emptyState === "all");
    }
    const searchTextElement = find(list, "[data-none=find] [data-slot=q]");
    if (searchTextElement) searchTextElement.textContent = this.#searchText;
    const link = this.#messageSearchLink();
    if (!link) return;
    link.hidden = !this.#searchText;
    link.search = new URLSearchParams({ q: this.#searchText }).toString();
    const linkText = find(link, "[data-slot=q]");
    if (linkText) linkText.textContent = this.#searchText;
  }

  /** The link below the results that searches messages for the same words. */
  #messageSearchLink() {
    return /** @type {HTMLAnchorElement | null} */ (find(this.list, ".list-search"));
  }

  #stop() {
    clearTimeout(this.#searchTimer);
    this.#abortController?.abort();
    this.#observer.disconnect();
  }
}
