/**
 * `<message-composer>`: the next line of the page. What is sent goes to the outbox; without a socket the form posts by
 * itself. What is not sent yet is kept: here at once, on the server after a pause.
 */
import { api } from "./api.js";
import { Draft } from "./draft.js";
import { format } from "./formatting.js";
import { LiveElement, command, later, live, say, tell } from "./live.js";
import { MentionPicker } from "./mention-picker.js";
import { clone, find, uuid } from "./page.js";
import { toast, toastRefusal } from "./toast-stack.js";

/** @typedef {import("./protocol.js").Reply} Reply */
/** @typedef {import("./protocol.js").Message} Message */

const TYPING = 3_000; // ms between two words of it

export class MessageComposer extends LiveElement {
  conversationId = 0;
  /** @type {HTMLFormElement} */
  form = later();
  /** @type {HTMLTextAreaElement} */
  field = later();
  /** @type {Draft} */
  draft = later();
  /** @type {MentionPicker} */
  #picker = later();
  /** What is being answered. @type {Reply | null} */
  #reply = null;
  /** What is being edited, and what stood in the field before. @type {{message: Message, before: string} | null} */
  #edit = null;
  /** When typing was told last; 0: it was not, or its end was. */
  #typed = 0;

  start() {
    const form = this.querySelector("form");
    const field = this.querySelector("textarea");
    if (!form || !field) return;
    Object.assign(this, { conversationId: Number(this.dataset.conversationId), form, field });
    this.#reply = this.#drawnReply();
    this.draft = new Draft({
      key: `messenger.draft.${find(document, "live-socket")?.dataset.userId}.${this.conversationId}`,
      stored: field.value,
      store: (text, leaving) =>
        api("PATCH", `conversations/${this.conversationId}/mine/`, { draft: text }, { keepalive: leaving }),
    });
    if (this.draft.text !== field.value) this.#write(this.draft.text);
    this.#picker = new MentionPicker(this);
    this.listen(form, "submit", (event) => this.#submitted(event));
    this.listen(field, "keydown", (event) => this.#key(event));
    this.listen(field, "input", () => this.#typing());
    this.listen(form, "click", (event) => this.#clicked(event));
    this.listen(document, "compose:reply", ({ detail }) => this.#answer(detail.reply));
    this.listen(document, "compose:edit", ({ detail }) => this.#change(detail.message));
    this.listen(window, "pagehide", () => this.draft.leave());
    this.hear("mine.updated", (payload) => payload.conversation_id === this.conversationId && this.#mine(payload.mine));
    const tools = find(form, ".composer-tools");
    if (tools) tools.hidden = false;
  }

  stop() {
    this.#stopTyping();
    this.#picker?.close();
    this.draft?.leave();
  }

  /** The page may have come with an answer begun without scripts. @returns {Reply | null} */
  #drawnReply() {
    const note = find(this.form, "[data-note=reply]");
    const id = Number(this.#hidden("reply_to_id")?.value);
    if (!note || !id) return null;
    const name = find(note, "b")?.textContent ?? "";
    const sender = { id: 0, username: "", name, avatar_url: null };
    return { id, seq: 0, sender, excerpt: find(note, ".clip")?.textContent ?? "", deleted: false };
  }

  /** @param {string} name @returns {HTMLInputElement | null} */
  #hidden(name) {
    return this.form.querySelector(`input[name="${name}"]`);
  }

  /** @param {SubmitEvent} event */
  #submitted(event) {
    if (!live.on) return;
    event.preventDefault();
    const text = this.field.value.replace(/\s+$/, "");
    if (!text) return;
    const isLong = [...text].length > Number(this.field.dataset.limit ?? 4000);
    this.field.toggleAttribute("aria-invalid", isLong);
    if (isLong) toast("tooLarge");
    else if (this.#edit) this.#saveEdit(this.#edit.message, text);
    else this.#send(text);
  }

  /** @param {string} text */
  async #send(text) {
    const reply = this.#reply;
    const clientId = this.#hidden("client_id");
    const queued = {
      client_id: clientId?.value || uuid(),
      conversation_id: this.conversationId,
      body: text,
      reply_to_id: reply?.id ?? null,
      forward_id: null,
      reply_to: reply,
      written_at: new Date().toISOString(),
    };
    if (clientId) clientId.value = uuid();
    find(this.form, ".error")?.remove();
    this.#clearNote();
    this.#write("");
    this.#stopTyping();
    tell("compose:sent", {});
    try {
      await command("message.send", queued);
      this.draft.sent();
    } catch (refusal) {
      // It could not even be kept: give it back.
      if (!this.field.value) this.#write(text);
      toastRefusal(refusal);
    }
  }

  /** @param {Message} message @param {string} text */
  async #saveEdit(message, text) {
    try {
      if (text !== message.body) await command("message.edit", { message_id: message.id, body: text });
      if (this.#edit?.message === message) this.#stopEdit();
    } catch (refusal) {
      toastRefusal(refusal);
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    // While an input method composes, Enter chooses a word. 229 is what some browsers say instead of isComposing.
    if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      this.form.requestSubmit();
    } else if (event.key === "Escape" && (this.#edit || this.#reply)) {
      event.preventDefault();
      this.#cancel();
    } else if (event.key === "ArrowUp" && !this.field.value && !this.#edit) {
      event.preventDefault();
      tell("compose:edit-last", {});
    }
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const target = /** @type {Element} */ (event.target).closest("[data-act]");
    if (!(target instanceof HTMLElement)) return;
    const act = target.dataset.act ?? "";
    if (act === "cancel") {
      event.preventDefault();
      this.#cancel();
    } else if (format(this.field, act)) {
      this.field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }

  #typing() {
    this.#fit();
    if (this.#edit) return;
    this.draft.write(this.field.value);
    if (!this.field.value.trim()) return this.#stopTyping();
    const now = Date.now();
    if (now - this.#typed < TYPING) return;
    this.#typed = now;
    say("typing", { conversation_id: this.conversationId, active: true });
  }

  #stopTyping() {
    if (!this.#typed) return;
    this.#typed = 0;
    say("typing", { conversation_id: this.conversationId, active: false });
  }

  /** Written on another device. @param {import("./protocol.js").Mine} mine */
  #mine({ draft }) {
    if (!this.draft.adopt(draft) || this.#edit || document.activeElement === this.field) return;
    this.#write(draft);
  }

  // ── Answering and editing ────────────────────────────────────────────────────────────────────────────────────────
  /** @param {Reply} reply */
  #answer(reply) {
    if (this.#edit) this.#stopEdit();
    this.#reply = reply;
    const note = clone("reply-note-template");
    const [name, text] = [find(note, "b"), find(note, ".clip")];
    if (name) name.textContent = reply.sender.name;
    if (text) text.textContent = reply.excerpt;
    this.#note(note);
    this.field.focus();
  }

  /** @param {Message} message */
  #change(message) {
    const before = this.#edit?.before ?? this.field.value;
    this.#reply = null;
    this.#edit = { message, before };
    this.#note(clone("edit-note-template"));
    this.#write(message.body);
    this.field.focus();
    this.field.setSelectionRange(message.body.length, message.body.length);
  }

  #cancel() {
    if (this.#edit) this.#stopEdit();
    else this.#clearNote();
    this.field.focus();
  }

  #stopEdit() {
    const before = this.#edit?.before ?? "";
    this.#edit = null;
    this.#clearNote();
    this.#write(before);
  }

  #clearNote() {
    this.#reply = null;
    this.#note(null);
  }

  /** @param {HTMLElement | null} note */
  #note(note) {
    find(this.form, ".composer-note")?.remove();
    const id = this.#hidden("reply_to_id");
    if (id) id.value = this.#reply ? String(this.#reply.id) : "";
    this.form.classList.toggle("has-note", note !== null);
    if (note) find(this.form, ".avatar")?.before(note);
  }

  /** @param {string} text */
  #write(text) {
    this.field.value = text;
    this.#fit();
  }

  /** Grows with its text where style alone cannot do it. */
  #fit() {
    if (CSS.supports("field-sizing", "content")) return;
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }
}
