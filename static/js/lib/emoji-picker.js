/**
 * The emoji picker. It opens next to the element that was clicked, on a phone at the bottom of the screen. The search
 * field keeps the focus: arrow keys move through the grid, Enter picks, Shift+Enter picks and keeps the picker open.
 */
import { saveSkinTone, getEmojiPreferences, loadChineseNames } from "./emoji.js";
import { clone, find, findAll, words } from "./dom.js";

/** @typedef {import("./emoji-table.js").EmojiTable} EmojiTable */

const HAN = /\p{Script=Han}/u;
const GAP = 6; // px between the picker and the anchor

/** @type {EmojiPicker | undefined} */
let picker;

/**
 * Opens the picker.
 * @param {Element} anchor
 * @param {EmojiTable} table
 * @param {(emoji: string) => void} [onPick]
 * @returns {Promise<string | null>} resolves when it is closed, to the last picked emoji
 */
export async function openPicker(anchor, table, onPick) {
  picker ??= new EmojiPicker(table);
  await picker.styleLoaded;
  return picker.open(anchor, onPick);
}

class EmojiPicker {
  /** Resolves when its style sheet is loaded. @type {Promise<unknown>} */
  styleLoaded;
  /** @type {HTMLElement[]} */
  #options = [];
  #activeIndex = -1;
  #tone = 0;
  /** @type {string | null} */
  #chosen = null;
  /** @type {Element | null} */
  #anchor = null;
  /** @type {(emoji: string) => void} */
  #onPick = () => {};
  #resolve = (/** @type {string | null} */ _emoji) => {};

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
    this.styleLoaded = new Promise((resolve) => {
      for (const end of ["load", "error"]) sheet?.addEventListener(end, resolve, { once: true });
    });
    document.body.append(root);
    this.field.addEventListener("input", () => this.#search());
    this.field.addEventListener("keydown", (event) => this.#handleKey(event));
    this.list.addEventListener("click", (event) => this.#handleClick(event));
    this.list.addEventListener("mousedown", (event) => event.preventDefault()); // the search field keeps the focus
    this.list.addEventListener("pointermove", (event) => event.pointerType === "mouse" && this.#setActive(this.#indexOfOption(event), false));
    this.list.addEventListener("scroll", () => this.#markVisibleGroup(), { passive: true });
    find(root, ".emoji-tabs")?.addEventListener("click", (event) => this.#scrollToGroup(event));
    find(root, "[data-act=tones]")?.addEventListener("click", () => this.#toggleTones(this.tones.hidden === true));
    this.tones.addEventListener("click", (event) => this.#handleToneClick(event));
    root.addEventListener("toggle", (event) => /** @type {ToggleEvent} */ (event).newState === "closed" && this.#handleClose());
    document.addEventListener("page:navigated", () => this.root.hidePopover());
  }

  /** @param {Element} anchor @param {(emoji: string) => void} [onPick] @returns {Promise<string | null>} */
  open(anchor, onPick = () => {}) {
    if (this.root.matches(":popover-open")) this.root.hidePopover();
    this.#resolve(this.#chosen); // resolve the promise of the previous call
    this.#anchor = anchor;
    this.#onPick = onPick;
    this.#chosen = null;
    this.#tone = getEmojiPreferences().tone;
    this.field.value = "";
    this.#toggleTones(false);
    this.#renderAll();
    this.root.showPopover();
    this.#position();
    this.list.scrollTop = 0;
    this.#markVisibleGroup();
    // On a touch screen the keyboard would cover the picker.
    if (matchMedia("(pointer: coarse)").matches) {
      this.list.focus();
    } else {
      this.field.focus();
      this.#setActive(0, false);
    }
    return new Promise((resolve) => (this.#resolve = resolve));
  }

  #handleClose() {
    const done = this.#resolve;
    this.#resolve = () => {};
    const anchor = this.#anchor;
    if (anchor instanceof HTMLElement && anchor.isConnected && (document.activeElement === document.body || this.root.contains(document.activeElement))) {
      anchor.focus({ preventScroll: true });
    }
    done(this.#chosen);
  }

  #position() {
    const { style } = this.root;
    const isSheet = innerWidth < 640;
    this.root.classList.toggle("sheet", isSheet);
    Object.assign(style, { left: "", top: "" });
    if (isSheet || !this.#anchor) return;
    const { left, top, bottom } = this.#anchor.getBoundingClientRect();
    const { offsetWidth, offsetHeight } = this.root;
    const isAbove = top - GAP - offsetHeight >= 8 || top > innerHeight - bottom;
    const wantedTop = isAbove ? top - GAP - offsetHeight : bottom + GAP;
    style.left = `${Math.max(8, Math.min(left - 12, innerWidth - offsetWidth - 8))}px`;
    style.top = `${Math.max(8, Math.min(wantedTop, innerHeight - offsetHeight - 8))}px`;
  }

  // ── Rendering ────────────────────────────────────────────────────────────────────────────────────────────────────
  #renderAll() {
    const { table } = this;
    const defaults = (words("emoji-words").first ?? "").split(" ");
    const { recent } = getEmojiPreferences();
    const shown = [...recent, ...defaults.filter((emoji) => !recent.includes(emoji))].slice(0, Math.max(9, recent.length));
    this.list.replaceChildren(
      this.#renderGroup("recent", shown.flatMap((emoji) => this.#renderRecent(emoji))),
      ...table.groups.map(({ name, members }) => this.#renderGroup(name, members.map((emojiIndex) => this.#renderOption(emojiIndex)))),
    );
    this.#updateOptions(-1);
  }

  /**
   * Returns the option for a recent emoji, with the skin tone it had.
   * @param {string} emoji
   * @returns {HTMLElement[]}
   */
  #renderRecent(emoji) {
    const emojiIndex = this.table.findIndex(emoji);
    if (emojiIndex === undefined) return [];
    const option = this.#renderOption(emojiIndex);
    option.textContent = emoji;
    return [option];
  }

  /** @param {string} name @param {HTMLElement[]} options */
  #renderGroup(name, options) {
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

  /** @param {number} emojiIndex */
  #renderOption(emojiIndex) {
    const option = document.createElement("div");
    option.className = "emoji-one";
    option.textContent = this.table.getEmoji(emojiIndex, this.#tone);
    option.dataset.at = String(emojiIndex);
    option.setAttribute("role", "option");
    option.setAttribute("aria-label", this.table.getName(emojiIndex));
    option.setAttribute("aria-selected", "false");
    return option;
  }

  /** @param {number} active */
  #updateOptions(active) {
    this.#options = findAll(this.list, ".emoji-one");
    this.#options.forEach((option, index) => (option.id = `emoji-${index}`));
    this.#activeIndex = -1;
    this.#setActive(active, true);
    const none = find(this.root, ".emoji-none");
    if (none) none.hidden = this.#options.length > 0;
    for (const element of findAll(this.root, "[data-act=tones] .face")) element.textContent = find(this.tones, `[data-tone="${this.#tone}"]`)?.textContent ?? "";
    for (const button of findAll(this.tones, "button")) button.setAttribute("aria-pressed", String(Number(button.dataset.tone) === this.#tone));
  }

  async #search() {
    const query = this.field.value.trim();
    if (!query) {
      this.#renderAll();
      this.list.scrollTop = 0;
      return this.#markVisibleGroup();
    }
    if (HAN.test(query)) await loadChineseNames(this.table);
    if (query !== this.field.value.trim()) return;
    const recent = getEmojiPreferences().recent.flatMap((emoji) => this.table.findIndex(emoji) ?? []);
    const results = this.table.find(query.replace(/^:|:$/g, ""), 90, recent);
    const grid = document.createElement("div");
    grid.className = "emoji-grid found";
    grid.append(...results.map((emojiIndex) => this.#renderOption(emojiIndex)));
    this.list.replaceChildren(grid);
    this.list.scrollTop = 0;
    this.#updateOptions(0);
  }

  /** Highlights the tab of the visible group. */
  #markVisibleGroup() {
    const top = this.list.getBoundingClientRect().top + 40;
    const groups = findAll(this.list, ".emoji-group");
    const current = groups.findLast((group) => group.getBoundingClientRect().top <= top) ?? groups[0];
    for (const tab of findAll(this.root, ".emoji-tabs [data-group]")) {
      tab.setAttribute("aria-pressed", String(tab.dataset.group === current?.dataset.group));
    }
  }

  /** @param {Event} event */
  #scrollToGroup(event) {
    const name = /** @type {Element} */ (event.target).closest("[data-group]")?.getAttribute("data-group");
    if (!name) return;
    if (this.field.value) {
      this.field.value = "";
      this.#renderAll();
    }
    // Scroll twice, because a group gets its real height only when it has been on the screen.
    const group = find(this.list, `[data-group="${name}"]`);
    group?.scrollIntoView({ block: "start" });
    requestAnimationFrame(() => group?.scrollIntoView({ block: "start" }));
  }

  // ── Picking ──────────────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {Event} event */
  #indexOfOption(event) {
    const option = /** @type {Element} */ (event.target).closest(".emoji-one");
    return option ? this.#options.indexOf(/** @type {HTMLElement} */ (option)) : this.#activeIndex;
  }

  /** @param {number} index @param {boolean} scroll */
  #setActive(index, scroll) {
    if (index === this.#activeIndex && index >= 0) return;
    this.#options[this.#activeIndex]?.setAttribute("aria-selected", "false");
    this.#activeIndex = index;
    const option = this.#options[index];
    option?.setAttribute("aria-selected", "true");
    if (option) this.field.setAttribute("aria-activedescendant", option.id);
    else this.field.removeAttribute("aria-activedescendant");
    if (scroll) option?.scrollIntoView({ block: "nearest" });
    const emojiIndex = Number(option?.dataset.at);
    const [element, name, code] = [find(this.root, ".emoji-foot .face"), find(this.root, ".emoji-foot b"), find(this.root, ".emoji-foot small")];
    if (element) element.textContent = option?.textContent ?? "";
    if (name) name.textContent = option ? this.table.getName(emojiIndex) : "";
    if (code) code.textContent = option ? `:${this.table.getCode(emojiIndex)}:` : "";
  }

  /** @param {KeyboardEvent} event */
  #handleKey(event) {
    if (event.isComposing || event.keyCode === 229) return;
    const to = this.#targetIndex(event.key);
    if (to !== null) {
      event.preventDefault();
      this.#setActive(Math.min(Math.max(to, 0), this.#options.length - 1), true);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#pick(this.#options[this.#activeIndex], event.shiftKey);
    }
  }

  /**
   * Returns the index a key moves to, or null if the key belongs to the text field.
   * @param {string} key
   * @returns {number | null}
   */
  #targetIndex(key) {
    const index = this.#activeIndex;
    const isText = this.field.value !== "" && this.field.selectionStart !== this.field.value.length;
    if (key === "ArrowDown") return index < 0 ? 0 : this.#nextRowIndex(1);
    if (key === "ArrowUp") return index < 0 ? null : this.#nextRowIndex(-1);
    if (index < 0 || isText) return null;
    return { ArrowRight: index + 1, ArrowLeft: index - 1 }[key] ?? null;
  }

  /**
   * Returns the index of the horizontally nearest option in the next row. Each group starts a new row.
   * @param {1 | -1} direction
   */
  #nextRowIndex(direction) {
    const current = this.#options[this.#activeIndex];
    const [left, top] = [current.offsetLeft, current.offsetTop];
    /** @type {number | null} */
    let rowTop = null;
    let nearest = this.#activeIndex;
    for (let index = this.#activeIndex + direction; index >= 0 && index < this.#options.length; index += direction) {
      const { offsetTop, offsetLeft } = this.#options[index];
      if (offsetTop === top) continue;
      rowTop ??= offsetTop;
      if (offsetTop !== rowTop) break;
      if (nearest === this.#activeIndex || Math.abs(offsetLeft - left) < Math.abs(this.#options[nearest].offsetLeft - left)) nearest = index;
    }
    return nearest;
  }

  /** @param {MouseEvent} event */
  #handleClick(event) {
    const option = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest(".emoji-one"));
    if (option) this.#pick(option, event.shiftKey);
  }

  /** @param {HTMLElement | undefined} option @param {boolean} staysOpen */
  #pick(option, staysOpen) {
    const emoji = option?.textContent;
    if (!emoji) return;
    this.#chosen = emoji;
    if (!staysOpen) this.root.hidePopover();
    this.#onPick(emoji);
    if (staysOpen) this.field.focus();
  }

  // ── Skin tones ───────────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {boolean} isOpen */
  #toggleTones(isOpen) {
    this.tones.hidden = !isOpen;
    find(this.root, "[data-act=tones]")?.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) find(this.tones, "[aria-pressed=true]")?.focus();
  }

  /** @param {Event} event */
  #handleToneClick(event) {
    const tone = /** @type {Element} */ (event.target).closest("[data-tone]")?.getAttribute("data-tone");
    if (tone === null || tone === undefined) return;
    this.#tone = Number(tone);
    saveSkinTone(this.#tone);
    for (const option of this.#options) {
      const emojiIndex = Number(option.dataset.at);
      if (this.table.hasSkinTones(emojiIndex)) option.textContent = this.table.getEmoji(emojiIndex, this.#tone);
    }
    this.#toggleTones(false);
    this.#updateOptions(this.#activeIndex);
    this.field.focus();
  }
}
