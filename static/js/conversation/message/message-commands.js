/**
 * The commands on a message (reply, edit, …). The message menu, the pointer and the keyboard call the same commands.
 */
import { api } from "../../realtime/api.js";
import { getDialogChoice, openConfirmDialog } from "../../ui/confirm-dialog.js";
import { copyText } from "../../ui/clipboard.js";
import { pickEmoji, rememberEmoji } from "../../lib/emoji.js";
import { sendCommand, emit } from "../../realtime/events.js";
import { find, findAll } from "../../lib/dom.js";
import { getUserName, makeUser } from "../../realtime/state/user-cache.js";
import { isAllowedWith } from "../permissions.js";
import { openPageDialog } from "../../ui/page-dialog.js";
import { showToast, showErrorToast } from "../../ui/toast-stack.js";

/** @typedef {import("../log/message-log.js").MessageLog} MessageLog */

/** Names of actions in chat/permissions.py, where they differ from the name of the command. @type {Record<string, string>} */
const ACTIONS = { toggle: "react", "any-emoji": "react", unpin: "pin", "copy-code": "copy" };

export class MessageCommands {
  /** @param {MessageLog} log */
  constructor(log) {
    this.log = log;
  }

  /**
   * Returns whether a command is displayed for a message. The server decides whether it is allowed, and returns the
   * reason if it is not.
   * @param {string} command
   * @param {HTMLElement} item
   */
  isAvailable(command, item) {
    if (command === "more") return true; // opens the menu
    const pinned = find(item, "[data-part=pinned]") !== null;
    const hasEffect = {
      pin: !pinned,
      unpin: pinned,
      "copy-code": find(item, ".msg-text pre") !== null,
      revisions: find(item, "[data-part=edited]") !== null,
    }[command];
    return (hasEffect ?? true) && isAllowedWith(ACTIONS[command] ?? command, item);
  }

  /**
   * Runs a command; an error is displayed as a toast.
   * @param {string} command
   * @param {HTMLElement} item
   * @param {HTMLElement} [anchor] the element that was activated
   */
  async run(command, item, anchor = item) {
    const id = Number(item.dataset.id);
    try {
      if (command === "reply") this.#startReply(item);
      else if (command === "edit") emit("compose:edit", { message: await this.log.loadMessage(item) });
      else if (command === "forward") await openPageDialog(`/m/${id}/forward/`);
      else if (command === "copy") await showToastAfter("copied", copyText(this.#loadText(item)));
      else if (command === "copy-code") await showToastAfter("copied", copyText(getCode(item)));
      else if (command === "link") await showToastAfter("linkCopied", copyText(new URL(`/m/${id}/`, location.href).href));
      else if (command === "unread") await this.#markUnread(item);
      else if (command === "pin" || command === "unpin") await this.#setPinned(id, command === "pin");
      else if (command === "any-emoji") await this.#pickReaction(item, anchor);
      else if (command === "details" || command === "revisions") await openDetailsDialog(item, command);
      else if (command === "report") await this.#report(id);
      else if (command === "delete" && (await openConfirmDialog("delete-dialog")) !== null) {
        await sendCommand("message.delete", { message_id: id });
      }
    } catch (error) {
      showErrorToast(error);
    }
  }

  /** Adds a reaction, or removes the user's own one. @param {HTMLElement} item @param {string} emoji */
  async react(item, emoji) {
    const button = findAll(item, ".reaction[data-emoji]").find((reaction) => reaction.dataset.emoji === emoji);
    const active = button?.getAttribute("aria-pressed") !== "true";
    try {
      if (active) rememberEmoji(emoji);
      await sendCommand("reaction.set", { message_id: Number(item.dataset.id), emoji, active });
    } catch (error) {
      showErrorToast(error);
    }
  }

  /** @param {HTMLElement} item @param {HTMLElement} anchor */
  async #pickReaction(item, anchor) {
    const emoji = await pickEmoji(anchor.checkVisibility() ? anchor : item);
    if (emoji) await this.react(item, emoji);
  }

  /** Returns the text of a message as it was written, with its Markdown signs and URLs. @param {HTMLElement} item */
  async #loadText(item) {
    return (await this.log.loadMessage(item)).body;
  }

  /** @param {HTMLElement} item */
  #startReply(item) {
    const senderId = Number(item.dataset.sender);
    const name = getUserName(senderId) ?? find(item, ".msg-by b")?.textContent ?? "";
    emit("compose:reply", {
      reply: {
        id: Number(item.dataset.id),
        seq: Number(item.dataset.seq),
        sender: makeUser(senderId, name),
        excerpt: item.dataset.excerpt ?? "",
        deleted: false,
      },
    });
  }

  /** @param {HTMLElement} item */
  async #markUnread(item) {
    const { readMarker, conversationId } = this.log;
    const previousSeq = readMarker.seq;
    await readMarker.markUnread(Number(item.dataset.seq));
    showToast("unread", async () => {
      await sendCommand("read", { conversation_id: conversationId, seq: previousSeq });
    });
  }

  /** @param {number} id @param {boolean} active */
  async #setPinned(id, active) {
    await api(active ? "PUT" : "DELETE", `messages/${id}/pin/`);
    showToast(active ? "pinned" : "unpinned", () => api(active ? "DELETE" : "PUT", `messages/${id}/pin/`));
  }

  /** @param {number} id */
  async #report(id) {
    const reason = await openConfirmDialog("report-dialog");
    if (reason === null) return;
    await api("POST", `messages/${id}/report/`, { reason, kind: getDialogChoice("report-dialog") });
    showToast("reported");
  }
}

/** Shows a toast when the promise is fulfilled. @param {string} toastKey @param {Promise<unknown>} promise */
async function showToastAfter(toastKey, promise) {
  await promise;
  showToast(toastKey);
}

/** Returns the code of all code blocks of a message. @param {HTMLElement} item */
function getCode(item) {
  return findAll(item, ".msg-text pre > code").map((code) => code.textContent?.replace(/\n$/, "")).join("\n\n");
}

/**
 * Opens details or revisions of a message. The script is loaded on first use.
 * @param {HTMLElement} item
 * @param {"details" | "revisions"} page
 */
async function openDetailsDialog(item, page) {
  const { openMessageDetailsDialog } = await import("./message-details-dialog.js");
  await openMessageDetailsDialog(item, page);
}
