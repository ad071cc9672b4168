/** After an `@` in the composer: the members whose name goes on like that. */
import { api } from "./api.js";
import { avatar, clone, find, findAll } from "./page.js";

/** @typedef {import("./message-composer.js").MessageComposer} MessageComposer */
/** @typedef {import("./protocol.js").User} User */

const SHOWN = 8;
const ASK = 150; // ms after the last key

export class MentionPicker {
  /** Where the `@` stands. */
  #at = -1;
  /** @type {User[]} */
  #people = [];
  #chosen = 0;
  /** The name stands there in full already: Enter sends, unless one is chosen by the arrows. */
  #isWhole = false;
  /** @type {any} */
  #timer;

  /** @param {MessageComposer} composer */
  constructor(composer) {
    this.composer = composer;
    this.field = composer.field;
    this.box = document.getElementById("complete");
    composer.listen(this.field, "input", () => this.#look());
    composer.listen(this.field, "click", () => this.#look());
    composer.listen(this.field, "blur", () => setTimeout(() => this.close(), 150));
    // Before the composer hears the key: Enter chooses here.
    composer.listen(this.field, "keydown", (event) => this.#key(event), { capture: true });
    composer.listen(this.box, "mousedown", (event) => {
      event.preventDefault();
      const option = event.target.closest("[role=option]");
      if (option) this.#take(findAll(this.box, "[role=option]").indexOf(option));
    });
  }

  close() {
    clearTimeout(this.#timer);
    this.#people = [];
    if (this.box && !this.box.hidden) {
      this.box.hidden = true;
      document.body.append(this.box); // it outlives this composer
    }
    this.field.removeAttribute("aria-activedescendant");
  }

  #look() {
    const before = this.field.value.slice(0, this.field.selectionStart);
    const found = /(?<![\p{L}\p{N}_@/.])@([\p{L}\p{N}_.-]{0,30})$/u.exec(before);
    if (!found || !this.box) return this.close();
    this.#at = found.index;
    const q = found[1];
    const here = this.#members(q);
    this.#draw(here);
    clearTimeout(this.#timer);
    // The server also knows initials, and members beyond those that the panel names.
    if (q && here.length < SHOWN) this.#timer = setTimeout(() => this.#ask(q, here), ASK);
  }

  /** @param {string} q @returns {User[]} of those on the page */
  #members(q) {
    const wanted = q.toLowerCase();
    return findAll(document, "member-panel .member[data-username]")
      .map((member) => ({
        id: Number(member.dataset.userId),
        username: member.dataset.username ?? "",
        name: find(member, ".clip")?.textContent ?? "",
        avatar_url: find(member, ".avatar img")?.getAttribute("src") ?? null,
      }))
      .filter(({ username, name }) => username.toLowerCase().startsWith(wanted) || name.toLowerCase().includes(wanted))
      .slice(0, SHOWN);
  }

  /** @param {string} q @param {User[]} here */
  async #ask(q, here) {
    const query = new URLSearchParams({ q, conversation: String(this.composer.conversationId) });
    const answer = await api("GET", `users/?${query}`).catch(() => ({ results: [] }));
    if (!this.field.isConnected || this.#at < 0 || !this.field.value.startsWith(`@${q}`, this.#at)) return;
    const known = new Set(here.map(({ id }) => id));
    const more = /** @type {User[]} */ (answer.results).filter(({ id }) => !known.has(id));
    if (more.length) this.#draw([...here, ...more].slice(0, SHOWN));
  }

  /** @param {User[]} people */
  #draw(people) {
    if (!people.length || !this.box) return this.close();
    this.#people = people;
    this.#chosen = 0;
    const typed = this.field.value.slice(this.#at + 1, this.field.selectionStart).toLowerCase();
    this.#isWhole = people.some(({ username }) => username.toLowerCase() === typed);
    this.box.replaceChildren(
      ...people.flatMap((user, index) => {
        const option = clone("option-template");
        if (!option) return [];
        option.id = `complete-${index}`;
        find(option, ".avatar")?.replaceWith(avatar(user, "s"));
        const [name, username] = [find(option, "b"), find(option, "small")];
        if (name) name.textContent = user.name;
        if (username) username.textContent = `@${user.username}`;
        return [option];
      }),
    );
    this.composer.form.append(this.box);
    this.box.hidden = false;
    this.#mark();
  }

  #mark() {
    findAll(this.box, "[role=option]").forEach((option, index) => {
      option.setAttribute("aria-selected", String(index === this.#chosen));
      if (index === this.#chosen) option.scrollIntoView({ block: "nearest" });
    });
    this.field.setAttribute("aria-controls", "complete");
    this.field.setAttribute("aria-activedescendant", `complete-${this.#chosen}`);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!this.#people.length || event.isComposing || event.keyCode === 229) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      this.#chosen = (this.#chosen + step + this.#people.length) % this.#people.length;
      this.#isWhole = false;
      this.#mark();
    } else if (event.key === "Enter" && (event.shiftKey || this.#isWhole)) {
      return this.close();
    } else if (event.key === "Enter" || event.key === "Tab") {
      this.#take(this.#chosen);
    } else if (event.key === "Escape") {
      this.close();
    } else {
      return;
    }
    event.preventDefault();
  }

  /** @param {number} index */
  #take(index) {
    const user = this.#people[index];
    if (!user) return;
    this.field.setRangeText(`@${user.username} `, this.#at, this.field.selectionStart, "end");
    this.close();
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}
