/** Above and below the list: filters, finding by name, more at the end. What is known shows at once; the server adds. */
import { find, findAll } from "../lib/dom.js";
import { parsePage } from "../lib/trusted-html.js";

/** @typedef {import("./conversation-list.js").ConversationList} ConversationList */

const PAUSE = 200; // ms after a key, until the server is asked

export class ListFilter {
  #find = "";
  /** Found by the server, which also reads pinyin and looks further down. @type {Set<number>} */
  #found = new Set();
  /** @type {any} */
  #soon;
  /** @type {AbortController | undefined} */
  #asking;
  #watch;

  /** @param {ConversationList} list */
  constructor(list) {
    this.list = list;
    this.section = list.closest(".list");
    this.#edge();
    this.input = /** @type {HTMLInputElement | null} */ (find(this.section, "input[name=find]"));
    this.#watch = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && this.#more(), {
      root: find(list, ".list-scroll"),
      rootMargin: "400px",
    });
    list.signal.addEventListener("abort", () => this.#end());
    this.#watchMore();
    list.on(find(this.section, ".tabs"), "click", (event) => this.#tab(event));
    list.on(this.input, "input", () => this.#typed());
    list.on(this.input?.form, "submit", (event) => this.#submitted(event));
    list.on(this.input, "keydown", (event) => this.#key(event));
    list.on(list, "click", (event) => this.#clicked(event));
    if (this.input?.value) {
      // A page that came with a search: what it shows was found.
      this.#find = this.input.value;
      this.#found = new Set(findAll(list, ".conversation-row").map((link) => Number(link.dataset.id)));
      this.#view();
    }
  }

  /** @param {MouseEvent} event */
  #tab(event) {
    const tab = /** @type {Element} */ (event.target).closest("a");
    const show = tab && new URL(tab.href).searchParams.get("show");
    if (!show || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    this.show(show);
  }

  /** @param {string} show */
  show(show) {
    const { list, section } = this;
    if (list.view.show !== show) {
      list.dataset.show = list.view.show = show;
      list.view.edge = null;
      for (const tab of findAll(section, ".tabs a")) {
        const is = new URL(/** @type {HTMLAnchorElement} */ (tab).href).searchParams.get("show") === show;
        if (is) tab.setAttribute("aria-current", "true");
        else tab.removeAttribute("aria-current");
      }
      for (const row of list.rows.values()) row.address(show);
      const here = new URL(location.href);
      if (show === "all") here.searchParams.delete("show");
      else here.searchParams.set("show", show);
      history.replaceState(history.state, "", here);
      find(list, ".list-scroll")?.scrollTo(0, 0);
    }
    list.arrange();
    this.#ask({});
  }

  #typed() {
    this.#find = this.input?.value.trim() ?? "";
    this.#found.clear();
    this.#view();
    this.list.arrange();
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => this.#ask({}), PAUSE);
  }

  /** What is looked for, as the list shows it. */
  #view() {
    const wanted = this.#find.toLowerCase();
    const { rows, view } = this.list;
    view.found = wanted
      ? (id) => this.#found.has(id) || (rows.get(id)?.title.toLowerCase().includes(wanted) ?? false)
      : null;
  }

  /** @param {Event} event */
  #submitted(event) {
    event.preventDefault();
    this.#shown()[0]?.click();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") {
      event.preventDefault();
      this.#shown()[0]?.focus();
    } else if (event.key === "Escape" && this.input?.value) {
      event.preventDefault();
      this.input.value = "";
      this.#typed();
    }
  }

  #shown() {
    return findAll(this.list, "li:not([hidden]) > .conversation-row");
  }

  // ── Asking the server ────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {{older?: string}} where */
  async #ask({ older = "" }) {
    const { list } = this;
    clearTimeout(this.#soon);
    this.#asking?.abort();
    const here = (this.#asking = new AbortController());
    const query = new URLSearchParams({ show: list.view.show });
    if (this.#find) query.set("find", this.#find);
    if (list.view.open) query.set("here", String(list.view.open));
    if (older) query.set("older", older);
    try {
      const answer = await fetch(`/list/?${query}`, { headers: { Accept: "text/html" }, signal: here.signal });
      if (!answer.ok || answer.redirected) return;
      const page = parsePage(await answer.text());
      if (here.signal.aborted || !list.isConnected) return;
      const ids = list.take(page);
      for (const id of ids) {
        this.#found.add(id);
        list.rows.get(id)?.address(list.view.show);
      }
      find(list, ".list-more")?.remove();
      const more = find(page, ".list-more");
      if (more) find(list, ".list-scroll")?.append(document.adoptNode(more));
      this.#edge();
      list.arrange();
      this.#watchMore();
      document.dispatchEvent(new CustomEvent("page:content-added"));
    } catch {
      // What is known is shown; the link at the end is there to try again.
    }
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    if (!(/** @type {Element} */ (event.target).closest(".list-more"))) return;
    event.preventDefault();
    this.#more();
  }

  #more() {
    const link = /** @type {HTMLAnchorElement | null} */ (find(this.list, ".list-more"));
    const older = link && new URL(link.href).searchParams.get("older");
    if (!older || link?.ariaBusy) return;
    link.ariaBusy = "true";
    this.#watch.disconnect();
    this.#ask({ older });
  }

  #watchMore() {
    this.#watch.disconnect();
    const link = find(this.list, ".list-more");
    if (link) this.#watch.observe(link);
  }

  /** How far down the list is known, while there is more: the place from which on the next page is asked for. */
  #edge() {
    const link = /** @type {HTMLAnchorElement | null} */ (find(this.list, ".list-more"));
    const [at, id] = (link && new URL(link.href).searchParams.get("older")?.split("~")) ?? [];
    this.list.view.edge = at && id ? { activeAt: new Date(at).toISOString(), id: Number(id) } : null;
  }

  // ── Nothing ──────────────────────────────────────────────────────────────────────────────────────────────────────
  /** Says what stands where nothing does. */
  none() {
    const { list } = this;
    const isEmpty = !find(list, "ul > li:not([hidden])");
    const which = this.#find ? "find" : list.view.show;
    const first = find(list, "[data-none=first]");
    for (const none of findAll(list, "[data-none]")) {
      if (none !== first) none.hidden = !isEmpty || none.dataset.none !== which || (first !== null && which === "all");
    }
    const said = find(list, "[data-none=find] [data-slot=q]");
    if (said) said.textContent = this.#find;
  }

  #end() {
    clearTimeout(this.#soon);
    this.#asking?.abort();
    this.#watch.disconnect();
  }
}
