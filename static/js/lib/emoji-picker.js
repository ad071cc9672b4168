/**
 * The emoji picker, in the top layer beside whatever opened it; on a phone a sheet. The focus stays in the search field: arrows
 * move through the grid, Enter chooses, with Shift it stays open for more.
 */
import { chooseTone, emojiHabits, learnChinese } from "./emoji.js";
import { clone, find, findAll, words } from "./dom.js";

/** @typedef {import("./emoji-table.js").EmojiTable} EmojiTable */

const HAN = /\p{Script=Han}/u;
const GAP = 6; // px between it and what it belongs to

/** @type {EmojiPicker | undefined} */
let picker;

/**
 * @param {Element} beside
 * @param {EmojiTable} table
 * @param {(emoji: string) => void} [onEach]
 * @returns {Promise<string | null>} the last that was chosen, once it is closed
 */
export async function openPicker(beside, table, onEach) {
  picker ??= new EmojiPicker(table);
  await picker.styled;
  return picker.open(beside, onEach);
}

class EmojiPicker {
  /** Its style sheet is there. @type {Promise<unknown>} */
  styled;
  /** @type {HTMLElement[]} */
  #options = [];
  #active = -1;
  #tone = 0;
  /** @type {string | null} */
  #chosen = null;
  /** @type {Element | null} */
  #beside = null;
  /** @type {(emoji: string) => void} */
  #onEach = () => {};
  #done = (/** @type {string | null} */ _emoji) => {};

  /** @param {EmojiTable} table */
  constructor(table) {
    this.table = table;
    const root = clone("emoji-template");
    if (!root) throw new Error("no template");
    this.root = root;
    this.list = /** @type {HTMLElement} */ (find(root, ".emoji-list"));
    this.field = /** @type {HTMLInputElement} */ (find(root, "input"));
    this.tones = /** @type {HTMLElement} */ (find(root, ".emoji-tones"));
    const sheet = find(root, "link");
    this.styled = new Promise((resolve) => {
      for (const end of ["load", "error"]) sheet?.addEventListener(end, resolve, { once: true });
    });
    document.body.append(root);
    this.field.addEventListener("input", () => this.#search());
    this.field.addEventListener("keydown", (event) => this.#key(event));
    this.list.addEventListener("click", (event) => this.#clicked(event));
    this.list.addEventListener("mousedown", (event) => event.preventDefault()); // the search field keeps the focus
    this.list.addEventListener("pointermove", (event) => event.pointerType === "mouse" && this.#mark(this.#optionOf(event), false));
    this.list.addEventListener("scroll", () => this.#showGroup(), { passive: true });
    find(root, ".emoji-tabs")?.addEventListener("click", (event) => this.#toGroup(event));
    find(root, "[data-act=tones]")?.addEventListener("click", () => this.#openTones(this.tones.hidden === true));
    this.tones.addEventListener("click", (event) => this.#tonesClicked(event));
    root.addEventListener("toggle", (event) => /** @type {ToggleEvent} */ (event).newState === "closed" && this.#closed());
    document.addEventListener("page:visited", () => this.root.hidePopover());
  }

  /** @param {Element} beside @param {(emoji: string) => void} [onEach] @returns {Promise<string | null>} */
  open(beside, onEach = () => {}) {
    if (this.root.matches(":popover-open")) this.root.hidePopover();
    this.#done(this.#chosen); // whoever asked before
    this.#beside = beside;
    this.#onEach = onEach;
    this.#chosen = null;
    this.#tone = emojiHabits().tone;
    this.field.value = "";
    this.#openTones(false);
    this.#drawAll();
    this.root.showPopover();
    this.#place();
    this.list.scrollTop = 0;
    this.#showGroup();
    // A finger that looks for a face needs no keyboard over it.
    if (matchMedia("(pointer: coarse)").matches) {
      this.list.focus();
    } else {
      this.field.focus();
      this.#mark(0, false);
    }
    return new Promise((resolve) => (this.#done = resolve));
  }

  #closed() {
    const done = this.#done;
    this.#done = () => {};
    const beside = this.#beside;
    if (beside instanceof HTMLElement && beside.isConnected && (document.activeElement === document.body || this.root.contains(document.activeElement))) {
      beside.focus({ preventScroll: true });
    }
    done(this.#chosen);
  }

  #place() {
    const { style } = this.root;
    const isSheet = innerWidth < 640;
    this.root.classList.toggle("sheet", isSheet);
    Object.assign(style, { left: "", top: "" });
    if (isSheet || !this.#beside) return;
    const { left, top, bottom } = this.#beside.getBoundingClientRect();
    const { offsetWidth, offsetHeight } = this.root;
    const isAbove = top - GAP - offsetHeight >= 8 || top > innerHeight - bottom;
    const at = isAbove ? top - GAP - offsetHeight : bottom + GAP;
    style.left = `${Math.max(8, Math.min(left - 12, innerWidth - offsetWidth - 8))}px`;
    style.top = `${Math.max(8, Math.min(at, innerHeight - offsetHeight - 8))}px`;
  }

  // ── Drawing ──────────────────────────────────────────────────────────────────────────────────────────────────────
  #drawAll() {
    const { table } = this;
    const first = (words("emoji-words").first ?? "").split(" ");
    const { recent } = emojiHabits();
    const used = [...recent, ...first.filter((emoji) => !recent.includes(emoji))].slice(0, Math.max(9, recent.length));
    this.list.replaceChildren(
      this.#group("recent", used.flatMap((emoji) => this.#exactly(emoji))),
      ...table.groups.map(({ name, members }) => this.#group(name, members.map((at) => this.#option(at)))),
    );
    this.#drawn(-1);
  }

  /** As it was used, with its tone of then. @param {string} emoji @returns {HTMLElement[]} */
  #exactly(emoji) {
    const at = this.table.place(emoji);
    if (at === undefined) return [];
    const option = this.#option(at);
    option.textContent = emoji;
    return [option];
  }

  /** @param {string} name @param {HTMLElement[]} options */
  #group(name, options) {
    const group = document.createElement("div");
    const label = find(this.root, `.emoji-tabs [data-group="${name}"]`)?.title ?? "";
    const head = document.createElement("p");
    head.textContent = label;
    head.setAttribute("aria-hidden", "true");
    const grid = document.createElement("div");
    grid.className = "emoji-grid";
    grid.append(...options);
    group.className = "emoji-group";
    group.dataset.group = name;
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", label);
    group.style.setProperty("--rows", String(Math.ceil(options.length / 9)));
    group.append(head, grid);
    return group;
  }

  /** @param {number} at */
  #option(at) {
    const option = document.createElement("div");
    option.className = "emoji-one";
    option.textContent = this.table.emoji(at, this.#tone);
    option.dataset.at = String(at);
    option.setAttribute("role", "option");
    option.setAttribute("aria-label", this.table.name(at));
    option.setAttribute("aria-selected", "false");
    return option;
  }

  /** @param {number} active */
  #drawn(active) {
    this.#options = findAll(this.list, ".emoji-one");
    this.#options.forEach((option, index) => (option.id = `emoji-${index}`));
    this.#active = -1;
    this.#mark(active, true);
    const none = find(this.root, ".emoji-none");
    if (none) none.hidden = this.#options.length > 0;
    for (const face of findAll(this.root, "[data-act=tones] .face")) face.textContent = find(this.tones, `[data-tone="${this.#tone}"]`)?.textContent ?? "";
    for (const each of findAll(this.tones, "button")) each.setAttribute("aria-pressed", String(Number(each.dataset.tone) === this.#tone));
  }

  async #search() {
    const q = this.field.value.trim();
    if (!q) {
      this.#drawAll();
      this.list.scrollTop = 0;
      return this.#showGroup();
    }
    if (HAN.test(q)) await learnChinese(this.table);
    if (q !== this.field.value.trim()) return;
    const recent = emojiHabits().recent.flatMap((emoji) => this.table.place(emoji) ?? []);
    const found = this.table.find(q.replace(/^:|:$/g, ""), 90, recent);
    const grid = document.createElement("div");
    grid.className = "emoji-grid found";
    grid.append(...found.map((at) => this.#option(at)));
    this.list.replaceChildren(grid);
    this.list.scrollTop = 0;
    this.#drawn(0);
  }

  /** The tab of what is on the screen. */
  #showGroup() {
    const top = this.list.getBoundingClientRect().top + 40;
    const groups = findAll(this.list, ".emoji-group");
    const here = groups.findLast((group) => group.getBoundingClientRect().top <= top) ?? groups[0];
    for (const tab of findAll(this.root, ".emoji-tabs [data-group]")) {
      tab.setAttribute("aria-pressed", String(tab.dataset.group === here?.dataset.group));
    }
  }

  /** @param {Event} event */
  #toGroup(event) {
    const name = /** @type {Element} */ (event.target).closest("[data-group]")?.getAttribute("data-group");
    if (!name) return;
    if (this.field.value) {
      this.field.value = "";
      this.#drawAll();
    }
    // Twice: what was never on the screen only then has its true height.
    const group = find(this.list, `[data-group="${name}"]`);
    group?.scrollIntoView({ block: "start" });
    requestAnimationFrame(() => group?.scrollIntoView({ block: "start" }));
  }

  // ── Choosing ─────────────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {Event} event */
  #optionOf(event) {
    const option = /** @type {Element} */ (event.target).closest(".emoji-one");
    return option ? this.#options.indexOf(/** @type {HTMLElement} */ (option)) : this.#active;
  }

  /** @param {number} index @param {boolean} scroll */
  #mark(index, scroll) {
    if (index === this.#active && index >= 0) return;
    this.#options[this.#active]?.setAttribute("aria-selected", "false");
    this.#active = index;
    const option = this.#options[index];
    option?.setAttribute("aria-selected", "true");
    if (option) this.field.setAttribute("aria-activedescendant", option.id);
    else this.field.removeAttribute("aria-activedescendant");
    if (scroll) option?.scrollIntoView({ block: "nearest" });
    const at = Number(option?.dataset.at);
    const [face, name, code] = [find(this.root, ".emoji-foot .face"), find(this.root, ".emoji-foot b"), find(this.root, ".emoji-foot small")];
    if (face) face.textContent = option?.textContent ?? "";
    if (name) name.textContent = option ? this.table.name(at) : "";
    if (code) code.textContent = option ? `:${this.table.code(at)}:` : "";
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing || event.keyCode === 229) return;
    const to = this.#step(event.key);
    if (to !== null) {
      event.preventDefault();
      this.#mark(Math.min(Math.max(to, 0), this.#options.length - 1), true);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#take(this.#options[this.#active], event.shiftKey);
    }
  }

  /** Where a key leads; null: it belongs to the text. @param {string} key @returns {number | null} */
  #step(key) {
    const at = this.#active;
    const isText = this.field.value !== "" && this.field.selectionStart !== this.field.value.length;
    if (key === "ArrowDown") return at < 0 ? 0 : this.#below(1);
    if (key === "ArrowUp") return at < 0 ? null : this.#below(-1);
    if (at < 0 || isText) return null;
    return { ArrowRight: at + 1, ArrowLeft: at - 1 }[key] ?? null;
  }

  /** The one in the next row that stands nearest; groups have rows of their own. @param {1 | -1} way */
  #below(way) {
    const here = this.#options[this.#active];
    const [left, top] = [here.offsetLeft, here.offsetTop];
    /** @type {number | null} */
    let row = null;
    let best = this.#active;
    for (let at = this.#active + way; at >= 0 && at < this.#options.length; at += way) {
      const { offsetTop, offsetLeft } = this.#options[at];
      if (offsetTop === top) continue;
      row ??= offsetTop;
      if (offsetTop !== row) break;
      if (best === this.#active || Math.abs(offsetLeft - left) < Math.abs(this.#options[best].offsetLeft - left)) best = at;
    }
    return best;
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const option = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest(".emoji-one"));
    if (option) this.#take(option, event.shiftKey);
  }

  /** @param {HTMLElement | undefined} option @param {boolean} more */
  #take(option, more) {
    const emoji = option?.textContent;
    if (!emoji) return;
    this.#chosen = emoji;
    if (!more) this.root.hidePopover();
    this.#onEach(emoji);
    if (more) this.field.focus();
  }

  // ── Skin tones ───────────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {boolean} on */
  #openTones(on) {
    this.tones.hidden = !on;
    find(this.root, "[data-act=tones]")?.setAttribute("aria-expanded", String(on));
    if (on) find(this.tones, "[aria-pressed=true]")?.focus();
  }

  /** @param {Event} event */
  #tonesClicked(event) {
    const tone = /** @type {Element} */ (event.target).closest("[data-tone]")?.getAttribute("data-tone");
    if (tone === null || tone === undefined) return;
    this.#tone = Number(tone);
    chooseTone(this.#tone);
    for (const option of this.#options) {
      const at = Number(option.dataset.at);
      if (this.table.takesTone(at)) option.textContent = this.table.emoji(at, this.#tone);
    }
    this.#openTones(false);
    this.#drawn(this.#active);
    this.field.focus();
  }
}
