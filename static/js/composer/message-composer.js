/**
 * `<message-composer>`: the next line of the page. What is sent goes to the outbox; without a socket the form posts by
 * itself. What is not sent yet is kept: here at once, on the server after a pause.
 */
import { api } from "../realtime/api.js";
import { Completion } from "./completion/completion.js";
import { actOfKey, ComposerTools } from "./composer-toolbar.js";
import { Draft } from "./draft.js";
import { draftKey } from "./unsynced-drafts.js";
import { EmojiNames } from "./completion/emoji-completion.js";
import { isInFence, nextLine } from "./markdown-editing.js";
import { apply } from "./text-edit.js";
import { LiveElement, command, later, live, say, tell } from "../realtime/events.js";
import { MentionPicker } from "./completion/mention-completion.js";
import { clone, find, uuid } from "../lib/dom.js";
import { pasted } from "./paste.js";
import { toast, toastRefusal } from "../ui/toast-stack.js";
import { Refusal } from "../realtime/api-error.js";

/** @typedef {import("../realtime/protocol.js").Reply} Reply */
/** @typedef {import("../realtime/protocol.js").Message} Message */
/** @typedef {import("../realtime/protocol.js").Queued} Queued */
/** @typedef {{message?: Message, queued?: Queued, text: string, reply: Reply | null}} Edit `text` and `reply` stood there before */
/** @typedef {(clip: DataTransfer, composer: MessageComposer) => boolean} Paster whether it took what was pasted or dropped */

const TYPING = 3_000; // ms between two words of it
const WRITING = 10_000; // ms after a key in which nothing from another device takes the place of what stands here
const NEAR = 200; // code points before the limit from which on those that are left are counted

/** A keyboard on glass has no Shift Enter: there Enter makes a new line, and the button sends. */
const onGlass = () => matchMedia("(hover: none) and (pointer: coarse)").matches;

export class MessageComposer extends LiveElement {
  conversationId = 0;
  /** @type {HTMLFormElement} */
  form = later();
  /** @type {HTMLTextAreaElement} */
  field = later();
  /** @type {Draft} */
  draft = later();
  /** Asked in order about what is pasted, before it is text. @type {Paster[]} */
  pasters = [];
  /** @type {Completion} */
  #completion = later();
  /** @type {ComposerTools} */
  #tools = later();
  /** What is being answered. @type {Reply | null} */
  #reply = null;
  /** What is being edited. @type {Edit | null} */
  #edit = null;
  /** When typing was told last; 0: it was not, or its end was. */
  #typed = 0;
  #lastKey = -Infinity;
  #isComposing = false;

  start() {
    const form = this.querySelector("form");
    const field = this.querySelector("textarea");
    if (!form || !field) return;
    Object.assign(this, { conversationId: Number(this.dataset.conversationId), form, field });
    // Refused words came back with the page: they are newer than any draft.
    const isRefused = find(form, ".error") !== null;
    this.#reply = this.#drawnReply();
    this.draft = this.#makeDraft(isRefused ? "" : field.value);
    if (isRefused) this.draft.write(field.value);
    else if (this.draft.text !== field.value) this.#write(this.draft.text);
    if (this.#reply) this.draft.answer(this.#reply);
    else if (this.draft.reply) this.#answer(this.draft.reply, false);
    this.#completion = new Completion(this, [new MentionPicker(this), new EmojiNames(this)]);
    this.#tools = new ComposerTools(this);
    field.enterKeyHint = onGlass() ? "enter" : "send";
    this.#listenAll();
    this.#fit();
    this.#count();
  }

  stop() {
    this.#stopTyping();
    this.#completion?.close();
    this.draft?.leave();
  }

  /** @param {string} stored */
  #makeDraft(stored) {
    return new Draft({
      key: draftKey(find(document, "live-socket")?.dataset.userId ?? 0, this.conversationId),
      stored,
      version: Number(this.dataset.meVersion ?? 0),
      limit: this.#limit,
      store: (text, leaving) =>
        api("PATCH", `conversations/${this.conversationId}/mine/`, { draft: text }, { keepalive: leaving }),
      onTheirs: (text) => (this.#edit ? (this.#edit.text = text) : this.#write(text)),
      isBusy: () =>
        this.#isComposing ||
        (document.activeElement === this.field && this.field.value !== "" && performance.now() - this.#lastKey < WRITING),
    });
  }

  #listenAll() {
    const { form, field } = this;
    this.listen(form, "submit", (event) => this.#submitted(event));
    this.listen(field, "keydown", (event) => this.#key(event));
    this.listen(field, "input", () => this.#typing());
    this.listen(field, "paste", (event) => this.#pasted(event));
    this.listen(field, "compositionstart", () => (this.#isComposing = true));
    this.listen(field, "compositionend", () => (this.#isComposing = false));
    this.listen(form, "click", (event) => {
      if (!event.target.closest("[data-act=cancel]")) return;
      event.preventDefault();
      this.#cancel();
    });
    this.listen(document, "compose:reply", ({ detail }) => this.#answer(detail.reply));
    this.listen(document, "compose:edit", ({ detail }) => this.#change({ message: detail.message }));
    this.listen(document, "compose:edit-queued", ({ detail }) => this.#change({ queued: detail.queued }));
    this.listen(document, "visibilitychange", () => document.visibilityState === "hidden" && this.draft.leave());
    this.listen(window, "pagehide", () => this.draft.leave());
    this.hear("state", ({ state }) => state === "open" && this.draft.retry());
    this.hear("mine.updated", ({ conversation_id, mine }) => conversation_id === this.conversationId && this.draft.adopt(mine));
    this.hear("message.updated", ({ message }) => {
      if (message.id !== this.#edit?.message?.id || message.deleted_at === null) return;
      this.#stopEdit();
      toast("notFound");
    });
  }

  /** Something that is read when it is first asked for could not be had. */
  unavailable() {
    toastRefusal(new Refusal({ code: "unavailable" }));
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

  /** Files that go with what is written. @returns {import("./files/file-tray.js").FileTray | null} */
  get #tray() {
    return this.form.querySelector("file-tray");
  }

  get #limit() {
    return Number(this.field.dataset.limit ?? 4000);
  }

  // ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {SubmitEvent} event */
  #submitted(event) {
    if (!live.on) return;
    event.preventDefault();
    const text = this.field.value.replace(/\s+$/, "");
    const tray = this.#edit ? null : this.#tray;
    if (!text.trim() && (tray?.isEmpty ?? true) && !this.#edit?.message?.attachments.length) return;
    if (tray?.holds) return; // it sends the form when its files are there
    const isLong = [...text].length > this.#limit;
    this.field.toggleAttribute("aria-invalid", isLong);
    if (isLong) toast("tooLarge");
    else if (this.#edit?.message) this.#saveEdit(this.#edit.message, text);
    else this.#send(text);
    this.field.focus({ preventScroll: true });
  }

  /** @param {string} text */
  async #send(text) {
    const again = this.#edit?.queued;
    const reply = again ? again.reply_to ?? null : this.#reply;
    const clientId = this.#hidden("client_id");
    const queued = {
      client_id: (again ? "" : clientId?.value) || uuid(),
      conversation_id: this.conversationId,
      body: text,
      reply_to_id: again ? again.reply_to_id : reply?.id ?? null,
      forward_id: again?.forward_id ?? null,
      reply_to: reply,
      attachment_ids: again ? again.attachment_ids : this.#tray?.whole.map(({ id }) => id),
      attachments: again ? again.attachments : this.#tray?.whole,
      written_at: new Date().toISOString(),
    };
    if (clientId) clientId.value = uuid();
    find(this.form, ".error")?.remove();
    if (again) {
      this.#stopEdit();
    } else {
      this.#clearNote();
      this.#write("");
      this.#tray?.clear();
    }
    this.#stopTyping();
    tell("compose:sent", {});
    try {
      await command("message.send", queued);
      if (again) say("outbox.discard", { client_id: again.client_id });
      else this.draft.sent(this.#edit ? this.#edit.text : this.field.value);
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

  // ── Keys and the clipboard ───────────────────────────────────────────────────────────────────────────────────────
  /** @param {KeyboardEvent} event */
  #key(event) {
    // While an input method composes, Enter chooses a word. Safari tells of it after the word is there, as key 229.
    if (event.defaultPrevented || event.isComposing || this.#isComposing || event.keyCode === 229) return;
    const act = actOfKey(event);
    if (event.key === "Enter" && !event.altKey) {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey || !this.#isNewLine(event)) this.form.requestSubmit();
      else this.#newLine();
    } else if (event.key === "Escape" && (this.#edit || this.#reply)) {
      event.preventDefault();
      this.#cancel();
    } else if (event.key === "ArrowUp" && !this.field.value && !this.#edit && !event.shiftKey) {
      event.preventDefault();
      tell("compose:edit-last", {});
    } else if (act && this.#tools.do(act)) {
      event.preventDefault();
    }
  }

  /** @param {KeyboardEvent} event of Enter */
  #isNewLine({ shiftKey }) {
    return shiftKey || onGlass() || isInFence(this.field.value, this.field.selectionStart);
  }

  #newLine() {
    const { value, selectionStart, selectionEnd } = this.field;
    apply(this.field, nextLine(value, selectionStart, selectionEnd));
    if (this.field.selectionEnd === this.field.value.length) this.field.scrollTop = this.field.scrollHeight;
  }

  /** @param {ClipboardEvent} event */
  #pasted(event) {
    const clip = event.clipboardData;
    if (!clip) return;
    if (!this.#edit && this.#tray?.take(clip)) return event.preventDefault();
    if (this.pasters.some((take) => take(clip, this))) return event.preventDefault();
    const { value, selectionStart, selectionEnd } = this.field;
    const change = pasted(value, selectionStart, selectionEnd, {
      text: clip.getData("text/plain"),
      html: clip.getData("text/html"),
      editor: clip.getData("vscode-editor-data"),
    });
    if (!change) return;
    event.preventDefault();
    apply(this.field, change);
  }

  #typing() {
    this.#lastKey = performance.now();
    this.#fit();
    this.#count();
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

  // ── Answering and editing ────────────────────────────────────────────────────────────────────────────────────────
  /** @param {Reply} reply @param {boolean} [asked] just now, by a person */
  #answer(reply, asked = true) {
    if (this.#edit) this.#stopEdit();
    this.#reply = reply;
    const note = clone("reply-note-template");
    const [name, text] = [find(note, "b"), find(note, ".clip")];
    if (name) name.textContent = reply.sender.name;
    if (text) text.textContent = reply.excerpt;
    this.#note(note);
    if (!asked) return;
    this.draft.answer(reply);
    this.field.focus();
  }

  /** A message of mine, or one that could not be sent. @param {{message?: Message, queued?: Queued}} what */
  #change({ message, queued }) {
    const { text, reply } = this.#edit ?? { text: this.field.value, reply: this.#reply };
    const body = (message ?? queued)?.body ?? "";
    this.#reply = null;
    this.#edit = { message, queued, text, reply };
    this.#note(clone("edit-note-template"));
    this.#write(body);
    this.field.focus();
    this.field.setSelectionRange(body.length, body.length);
  }

  #cancel() {
    if (this.#edit) this.#stopEdit();
    else this.#clearNote();
    this.field.focus();
  }

  /** What stood there before comes back. */
  #stopEdit() {
    const { text, reply } = this.#edit ?? { text: "", reply: null };
    this.#edit = null;
    this.field.removeAttribute("aria-invalid");
    this.#note(null);
    this.#write(text);
    if (reply) this.#answer(reply, false);
  }

  #clearNote() {
    this.#reply = null;
    this.draft.answer(null);
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

  // ── The field ────────────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {string} text */
  #write(text) {
    if (this.field.value !== text) this.field.value = text;
    this.#fit();
    this.#count();
  }

  /** Grows with its text where style alone cannot do it. */
  #fit() {
    if (CSS.supports("field-sizing", "content")) return;
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }

  /** How many more fit, once that begins to matter. */
  #count() {
    const { value } = this.field;
    const room = find(this.form, ".count");
    if (!room) return;
    const limit = this.#limit;
    const left = value.length < limit - NEAR ? Infinity : limit - [...value.trimEnd()].length;
    const said = left > NEAR ? "" : (left < 0 ? room.dataset.over : room.dataset.left)?.replace("%n", String(Math.abs(left))) ?? "";
    if (room.textContent !== said) room.textContent = said;
    room.classList.toggle("over", left < 0);
    if (left >= 0) this.field.removeAttribute("aria-invalid");
  }
}
