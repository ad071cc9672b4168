/** `<member-panel>`: who is in this group, those who are here first; opened and closed without a new page. */
import { LiveElement } from "./live.js";
import { avatar, clone, find, findAll, words } from "./page.js";
import { presenceOf } from "./presence-book.js";

/** @typedef {import("./protocol.js").Member} Member */

export class MemberPanel extends LiveElement {
  #me = 0;

  start() {
    this.#me = Number(find(document, "live-socket")?.dataset.userId ?? 0);
    this.listen(document, "page:presence", () => this.#sort());
    this.listen(document, "click", (event) => this.#clicked(event));
    this.hear("member.updated", (payload) => {
      if (payload.conversation_id === Number(this.dataset.conversationId)) this.#member(payload.member);
    });
    document.dispatchEvent(new CustomEvent("page:people"));
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const link = /** @type {Element} */ (event.target).closest("a[data-act=panel]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const panel = find(this, ".panel");
    if (!panel) return;
    panel.hidden = !panel.hidden;
    find(document, ".shell")?.classList.toggle("with-panel", !panel.hidden);
    const opener = find(document, ".talk-head a[data-act=panel]");
    opener?.setAttribute("aria-expanded", String(!panel.hidden));
    if (panel.hidden) opener?.focus();
    else find(panel, ".panel-head a")?.focus();
  }

  /** @param {Member} member */
  #member({ user, role, left_at }) {
    const old = find(this, `.member[data-user-id="${user.id}"]`)?.closest("li");
    if (left_at) {
      old?.remove();
    } else {
      const li = old ?? clone("member-template");
      const button = /** @type {HTMLButtonElement | null} */ (find(li, ".member"));
      if (!li || !button) return;
      const said = words("role-words");
      const isMe = user.id === this.#me;
      Object.assign(button.dataset, { userId: String(user.id), role, username: user.username });
      button.value = String(user.id);
      button.disabled = isMe;
      find(button, ".avatar")?.replaceWith(avatar(user, "s", true));
      const [name, word] = [find(button, ".clip"), find(button, "[data-part=role]")];
      if (name) name.textContent = user.name;
      if (word) word.textContent = isMe ? said.you ?? "" : said[role] ?? "";
      if (!old) find(this, "[data-part=elsewhere]")?.append(li);
    }
    document.dispatchEvent(new CustomEvent("page:people"));
    this.#sort();
  }

  /** Here now, and elsewhere; within each as the server orders them. */
  #sort() {
    const members = findAll(this, ".member[data-user-id]");
    if (!members.length) return;
    members.forEach((member) => (member.dataset.place ??= String(members.indexOf(member))));
    members.sort((a, b) => Number(a.dataset.place) - Number(b.dataset.place));
    for (const [part, here] of /** @type {const} */ ([["here", true], ["elsewhere", false]])) {
      const list = find(this, `ul[data-part=${part}]`);
      const mine = members.filter((member) => (presenceOf(Number(member.dataset.userId))?.online ?? false) === here);
      const items = mine.map((member) => /** @type {HTMLElement} */ (member.closest("li")));
      if (list && !same([...list.children], items)) list.replaceChildren(...items);
      for (const member of mine) member.classList.toggle("off", !here);
      const head = find(this, `[data-part=${part}-head]`);
      if (head) head.hidden = !items.length;
      const number = find(head, ".num");
      if (number) number.textContent = String(items.length);
    }
  }
}

/** @param {Element[]} a @param {Element[]} b */
function same(a, b) {
  return a.length === b.length && a.every((each, index) => each === b[index]);
}
