/**
 * `<message-composer>`: the form for writing messages. A message goes to the outbox (the queue of messages to send).
 * Without `<live-socket>`, the browser submits the form. The draft is stored in the browser at once, and on the server
 * when the user pauses.
 */
import { api } from "../realtime/api.js";
import { Completion } from "./completion/completion.js";
import { getShortcutAction, ComposerToolbar } from "./composer-toolbar.js";
import { Draft } from "./draft.js";
import { getDraftKey } from "./unsynced-drafts.js";
import { KeptEdits, getEditsKey } from "./kept-edits.js";
import { EmojiCompletion } from "./completion/emoji-completion.js";
import { isNewLineInCodeBlock } from "./markdown-editing.js";
import { MessageField } from "./message-field.js";
import { TypingSender } from "./typing-sender.js";
import { LiveElement, sendCommand, liveUpdates, sendAndForget, emit } from "../realtime/events.js";
import { MentionCompletion } from "./completion/mention-completion.js";
import { mentionsEverybody } from "./completion/mention-match.js";
import { isAllowed } from "../conversation/permissions.js";
import { clone, find, uuid } from "../lib/dom.js";
import { openPageDialog } from "../ui/page-dialog.js";
import { showToast, showErrorToast } from "../ui/toast-stack.js";
import { ApiError } from "../realtime/api-error.js";
import { makeUser } from "../realtime/state/user-cache.js";

/** @typedef {import("../realtime/protocol.js").Reply} Reply */
/** @typedef {import("../realtime/protocol.js").Message} Message */
/** @typedef {import("../realtime/protocol.js").Queued} Queued */
/**
 * @typedef {{message?: Message, queued?: Queued, text: string, reply: Reply | null}} Edit `text` and `reply`: the draft
 *   before editing
 */

const BUSY_AFTER_KEY = 10_000; // ms after a key in which a draft of another device does not replace the text

/** Whether there is only an on-screen keyboard. It has no Shift Enter: Enter makes a new line, and the button sends. */
const isTouchKeyboard = () => matchMedia("(hover: none) and (pointer: coarse)").matches;

/** Whether an element that uses keys has the focus. The body and the `main` of a new page do not. */
const hasFocus = () => document.activeElement !== null && !document.activeElement.matches("body, main");

const getUserId = () => find(document, "live-socket")?.dataset.userId ?? 0;

/**
 * Returns the id of the edited message, or the `client_id` of one that could not be sent.
 * @param {Pick<Edit, "message" | "queued">} edit
 */
const getEditId = ({ message, queued }) => message?.id ?? queued?.client_id ?? "";

export class MessageComposer extends LiveElement {
  conversationId = 0;
  /** @type {HTMLFormElement} */
  form = /** @type {any} */ (undefined);
  /** @type {HTMLTextAreaElement} */
  field = /** @type {any} */ (undefined);
  /** @type {MessageField} */
  #messageField = /** @type {any} */ (undefined);
  /** @type {TypingSender | undefined} */
  #typing;
  /** @type {Draft} */
  draft = /** @type {any} */ (undefined);
  /** @type {KeptEdits} */
  #keptEdits = /** @type {any} */ (undefined);
  /** @type {Completion} */
  #completion = /** @type {any} */ (undefined);
  /** @type {ComposerToolbar} */
  #toolbar = /** @type {any} */ (undefined);
  /** The message being replied to. @type {Reply | null} */
  #reply = null;
  /** The message being edited. @type {Edit | null} */
  #edit = null;
  #lastKey = -Infinity;
  #isComposing = false;
  /** Whether the last key was the shortcut for pasting without formatting. */
  #isPlainPaste = false;

  start() {
    const form = this.querySelector("form");
    const field = this.querySelector("textarea");
    if (!form || !field) return;
    Object.assign(this, { conversationId: Number(this.dataset.conversationId), form, field });
    this.#messageField = new MessageField(field, form);
    this.#typing = new TypingSender(this.conversationId);
    // The server returned the text with an error: it is newer than any draft.
    const hasError = find(form, ".error") !== null;
    this.#reply = this.#renderedReply();
    this.draft = this.#makeDraft(hasError ? "" : field.value);
    if (hasError) this.draft.setText(field.value);
    else if (this.draft.text !== field.value) this.#messageField.setText(this.draft.text);
    if (this.#reply) this.draft.setReply(this.#reply);
    else if (this.draft.reply) this.#startReply(this.draft.reply, false);
    this.#completion = new Completion(this, [new MentionCompletion(this), new EmojiCompletion(this)]);
    this.#toolbar = new ComposerToolbar(this);
    field.enterKeyHint = isTouchKeyboard() ? "enter" : "send";
    this.#addListeners();
    this.#keptEdits = new KeptEdits(getEditsKey(getUserId(), this.conversationId));
    if (!hasError) this.#continueEdit();
    // Writing comes next. A link to a message gives the focus to the message.
    if (matchMedia("(pointer: fine)").matches && !hasFocus() && !location.hash) field.focus({ preventScroll: true });
    this.#messageField.update();
  }

  stop() {
    this.#typing?.stop();
    this.#completion?.close();
    this.draft?.flush();
  }

  /** @param {string} stored */
  #makeDraft(stored) {
    return new Draft({
      key: getDraftKey(getUserId(), this.conversationId),
      stored,
      version: Number(this.dataset.meVersion ?? 0),
      limit: this.#messageField.limit,
      store: (text, isLeaving) =>
        api("PATCH", `conversations/${this.conversationId}/mine/`, { draft: text }, { keepalive: isLeaving }),
      onRemoteChange: (text) => (this.#edit ? (this.#edit.text = text) : this.#messageField.setText(text)),
      isBusy: () =>
        this.#isComposing ||
        (document.activeElement === this.field && this.field.value !== "" && performance.now() - this.#lastKey < BUSY_AFTER_KEY),
    });
  }

  #addListeners() {
    const { form, field } = this;
    this.on(form, "submit", (event) => this.#handleSubmit(event));
    this.on(field, "keydown", (event) => this.#handleKey(event));
    this.on(field, "input", () => this.#handleInput());
    this.on(document, "keydown", (event) => this.#handleKeyElsewhere(event));
    this.on(field, "paste", (event) => this.#handlePaste(event));
    this.on(field, "compositionstart", () => (this.#isComposing = true));
    this.on(field, "compositionend", () => (this.#isComposing = false));
    this.on(form, "click", (event) => {
      if (!event.target.closest("[data-act=cancel]")) return;
      event.preventDefault();
      this.#cancel();
    });
    this.on(document, "compose:reply", ({ detail }) => this.#startReply(detail.reply));
    this.on(document, "compose:edit", ({ detail }) => this.#startEdit({ message: detail.message }));
    this.on(document, "compose:edit-queued", ({ detail }) => this.#startEdit({ queued: detail.queued }));
    this.on(document, "visibilitychange", () => document.visibilityState === "hidden" && this.draft.flush());
    this.on(window, "pagehide", () => this.draft.flush());
    this.onLive("state", ({ state }) => state === "open" && this.draft.retry());
    this.onLive("mine.updated", ({ conversation_id, mine }) => conversation_id === this.conversationId && this.draft.handleMemberState(mine));
    this.onLive("message.updated", ({ message }) => {
      if (message.id !== this.#edit?.message?.id || message.deleted_at === null) return;
      this.#finishEdit();
      showToast("notFound");
    });
  }

  /** Tells the user that a script or data could not be loaded. */
  showUnavailable() {
    showErrorToast(new ApiError({ code: "unavailable" }));
  }

  /** Returns the reply rendered by the server, if it was started without scripts. @returns {Reply | null} */
  #renderedReply() {
    const noteElement = find(this.form, "[data-note=reply]");
    const id = Number(this.#hiddenInput("reply_to_id")?.value);
    if (!noteElement || !id) return null;
    const name = find(noteElement, "b")?.textContent ?? "";
    return { id, seq: 0, sender: makeUser(0, name), excerpt: find(noteElement, ".clip")?.textContent ?? "", deleted: false };
  }

  /** @param {string} name @returns {HTMLInputElement | null} */
  #hiddenInput(name) {
    return this.form.querySelector(`input[name="${name}"]`);
  }

  /** The files of the message. @returns {import("./files/file-tray.js").FileTray | null} */
  get #tray() {
    return this.form.querySelector("file-tray");
  }

  // ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {SubmitEvent} event */
  #handleSubmit(event) {
    if (!liveUpdates.enabled) return;
    event.preventDefault();
    if (event.submitter?.hasAttribute("formaction")) {
      void this.#submitElsewhere(/** @type {HTMLButtonElement} */ (event.submitter));
      return;
    }
    const text = this.field.value.replace(/\s+$/, "");
    const tray = this.#edit ? null : this.#tray;
    if (!text.trim() && (tray?.isEmpty ?? true) && !this.#edit?.message?.attachments.length) return;
    if (tray?.waitForUploads()) return; // the tray submits the form when all files are uploaded
    const isLong = [...text].length > this.#messageField.limit;
    this.field.toggleAttribute("aria-invalid", isLong);
    if (isLong) showToast("tooLarge");
    else if (this.#edit?.message) this.#saveEdit(this.#edit.message, text);
    else this.#send(text);
    this.field.focus({ preventScroll: true });
  }

  /**
   * Opens the page to which a button with `formaction` submits the message, for example to choose when it is sent, as a
   * dialog. The message is removed from the composer when the page has accepted it.
   * @param {HTMLButtonElement} button
   */
  async #submitElsewhere(button) {
    if (this.#edit) return;
    const tray = this.#tray;
    if (tray && !tray.isComplete) return showToast("filesWait");
    const body = new FormData(this.form);
    body.delete("files"); // they are uploaded
    for (const { id } of tray?.attachments ?? []) body.append("attachment_ids", String(id));
    body.set("reply_to_id", String(this.#reply?.id ?? ""));
    const dialog = await openPageDialog(button.formAction, null, body);
    dialog?.addEventListener("close", () => {
      if (dialog.returnValue !== "done") return;
      const clientId = this.#hiddenInput("client_id");
      if (clientId) clientId.value = uuid();
      this.#clearReply();
      this.#messageField.setText("");
      tray?.clear();
      this.draft.markSent("");
    });
  }

  /** Tells the user if `@all` in a text will notify nobody. @param {string} text */
  #warnOfIgnoredMention(text) {
    const isGroup = find(document, "message-log")?.dataset.kind === "group";
    if (isGroup && !isAllowed("mention_everybody") && mentionsEverybody(text)) showToast("allIgnored");
  }

  /** @param {string} text */
  async #send(text) {
    const editedQueued = this.#edit?.queued;
    const reply = editedQueued ? editedQueued.reply_to ?? null : this.#reply;
    const clientId = this.#hiddenInput("client_id");
    const queued = {
      client_id: (editedQueued ? "" : clientId?.value) || uuid(),
      conversation_id: this.conversationId,
      body: text,
      reply_to_id: editedQueued ? editedQueued.reply_to_id : reply?.id ?? null,
      forward_id: editedQueued?.forward_id ?? null,
      reply_to: reply,
      attachment_ids: editedQueued ? editedQueued.attachment_ids : this.#tray?.attachments.map(({ id }) => id),
      attachments: editedQueued ? editedQueued.attachments : this.#tray?.attachments,
      written_at: new Date().toISOString(),
    };
    if (clientId) clientId.value = uuid();
    find(this.form, ".error")?.remove();
    if (editedQueued) {
      this.#finishEdit();
    } else {
      this.#clearReply();
      this.#messageField.setText("");
      this.#tray?.clear();
    }
    this.#typing?.stop();
    this.#warnOfIgnoredMention(text);
    emit("compose:sent", {});
    try {
      await sendCommand("message.send", queued);
      if (editedQueued) sendAndForget("outbox.discard", { client_id: editedQueued.client_id });
      else this.draft.markSent(this.#edit ? this.#edit.text : this.field.value);
    } catch (error) {
      this.#restoreUnsent(text);
      showErrorToast(error);
    }
  }

  /**
   * Puts the text of a message that the outbox could not store above what has been written since.
   * @param {string} text
   */
  #restoreUnsent(text) {
    const written = this.#edit ? this.#edit.text : this.field.value;
    const restored = [text, written].filter(Boolean).join("\n\n");
    if (this.#edit) this.#edit.text = restored;
    else this.#messageField.setText(restored);
    this.draft.setText(restored);
  }

  /**
   * Saves an edit. The field is given back at once, for the next message. If the edit is refused, it is kept, and
   * continued if nothing else has been written.
   * @param {Message} message
   * @param {string} text
   */
  async #saveEdit(message, text) {
    if (text === message.body) return this.#finishEdit();
    this.#keptEdits.keep(message.id, { text, message, isOpen: true });
    this.#stopEdit();
    try {
      await sendCommand("message.edit", { message_id: message.id, body: text });
      this.#keptEdits.remove(message.id, text);
      this.#warnOfIgnoredMention(text);
    } catch (error) {
      showErrorToast(error);
      if (this.isConnected && !this.#edit && !this.field.value) this.#startEdit({ message });
    }
  }

  // ── Keys and the clipboard ───────────────────────────────────────────────────────────────────────────────────────
  /** @param {KeyboardEvent} event */
  #handleKey(event) {
    // While an input method composes, Enter chooses a word. Safari sends that key after the composition, with key code
    // 229.
    if (event.defaultPrevented || event.isComposing || this.#isComposing || event.keyCode === 229) return;
    this.#isPlainPaste = event.shiftKey && (event.ctrlKey || event.metaKey) && event.code === "KeyV";
    const action = getShortcutAction(event);
    if (event.key === "Enter" && !event.altKey) {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey || !this.#isNewLine(event)) this.form.requestSubmit();
      else this.#messageField.insertNewLine();
    } else if (event.key === "Escape" && (this.#edit || this.#reply)) {
      event.preventDefault();
      this.#cancel();
    } else if (event.key === "ArrowUp" && !this.field.value && !this.#edit && !event.shiftKey) {
      event.preventDefault();
      emit("compose:edit-last", {});
    } else if (action && this.#toolbar.apply(action)) {
      event.preventDefault();
    }
  }

  /**
   * Focuses the field if the user types where nothing has the focus: the browser then inserts the character here.
   * @param {KeyboardEvent} event
   */
  #handleKeyElsewhere(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key.length !== 1 || event.key === " " || event.key === "?") return; // space scrolls, ? shows the shortcuts
    if (hasFocus() || find(document, "dialog[open]")) return;
    this.field.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event of Enter */
  #isNewLine({ shiftKey }) {
    return shiftKey || isTouchKeyboard() || isNewLineInCodeBlock(this.field.value, this.field.selectionStart);
  }

  /** @param {ClipboardEvent} event */
  #handlePaste(event) {
    const clipboard = event.clipboardData;
    if (!clipboard) return;
    if (!this.#edit && this.#tray?.acceptFiles(clipboard)) return event.preventDefault();
    if (!this.#isPlainPaste && this.#messageField.paste(clipboard)) event.preventDefault();
  }

  #handleInput() {
    this.#lastKey = performance.now();
    this.#messageField.update();
    if (this.#edit) return this.#keepEdit(this.#edit);
    this.draft.setText(this.field.value);
    this.#typing?.handleInput(!this.field.value.trim());
  }

  // ── Replying and editing ─────────────────────────────────────────────────────────────────────────────────────────
  /** @param {Reply} reply @param {boolean} [isUserAction] false when a draft is restored */
  #startReply(reply, isUserAction = true) {
    if (this.#edit) this.#suspendEdit(this.#edit);
    this.#reply = reply;
    const noteElement = clone("reply-note-template");
    const [name, text] = [find(noteElement, "b"), find(noteElement, ".clip")];
    if (name) name.textContent = reply.sender.name;
    if (text) text.textContent = reply.excerpt;
    this.#showNote(noteElement);
    if (!isUserAction) return;
    this.draft.setReply(reply);
    this.field.focus();
  }

  /**
   * Starts editing one of the user's messages, or one that could not be sent. Continues an unfinished edit.
   * @param {{message?: Message, queued?: Queued}} target
   */
  #startEdit({ message, queued }) {
    if (this.#edit) this.#suspendEdit(this.#edit);
    const { value: text } = this.field;
    const reply = this.#reply;
    const body = this.#keptEdits.getText(getEditId({ message, queued })) ?? (message ?? queued)?.body ?? "";
    this.#reply = null;
    this.#edit = { message, queued, text, reply };
    this.#showNote(clone("edit-note-template"));
    this.#messageField.setText(body);
    this.field.focus();
    this.field.setSelectionRange(body.length, body.length);
  }

  #cancel() {
    if (this.#edit) this.#finishEdit();
    else this.#clearReply();
    this.field.focus();
  }

  /** Continues the edit that was unfinished when the conversation was left. */
  async #continueEdit() {
    const message = this.#keptEdits.openMessage;
    if (!message) return;
    const hadFocus = document.activeElement === this.field;
    this.#startEdit({ message });
    if (!hadFocus && isTouchKeyboard()) this.field.blur(); // opens no keyboard over the messages
    const text = this.field.value;
    try {
      const current = await api("GET", `messages/${message.id}/`, undefined, { signal: this.signal });
      const isObsolete = current.deleted_at !== null || current.body === text;
      if (isObsolete && this.#edit?.message === message && this.field.value === text) this.#finishEdit();
    } catch {
      // No connection: saving the edit reports what is wrong.
    }
  }

  /** @param {Edit} edit */
  #keepEdit(edit) {
    const { value: text } = this.field;
    if (text === (edit.message ?? edit.queued)?.body) this.#keptEdits.remove(getEditId(edit));
    else this.#keptEdits.keep(getEditId(edit), { text, message: edit.message, isOpen: true });
  }

  /** Stops an edit that is saved or cancelled. */
  #finishEdit() {
    if (this.#edit) this.#keptEdits.remove(getEditId(this.#edit));
    this.#stopEdit();
  }

  /**
   * Stops an edit because another one or a reply begins. It is continued when its message is edited again.
   * @param {Edit} edit
   */
  #suspendEdit(edit) {
    this.#keptEdits.close(getEditId(edit));
    this.#stopEdit();
  }

  /** Restores the draft from before editing. */
  #stopEdit() {
    const { text, reply } = this.#edit ?? { text: "", reply: null };
    this.#edit = null;
    this.field.removeAttribute("aria-invalid");
    this.#showNote(null);
    this.#messageField.setText(text);
    if (reply) this.#startReply(reply, false);
  }

  #clearReply() {
    this.#reply = null;
    this.draft.setReply(null);
    this.#showNote(null);
  }

  /** @param {HTMLElement | null} noteElement */
  #showNote(noteElement) {
    find(this.form, ".composer-note")?.remove();
    const id = this.#hiddenInput("reply_to_id");
    if (id) id.value = this.#reply ? String(this.#reply.id) : "";
    this.form.classList.toggle("has-note", noteElement !== null);
    if (noteElement) find(this.form, ".avatar")?.before(noteElement);
  }
}
