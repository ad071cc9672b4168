/** What can be done with a message: each deed once, whichever way it was asked for. */
import { api } from "../../realtime/api.js";
import { openConfirmDialog } from "../../ui/confirm-dialog.js";
import { copyText } from "../../ui/clipboard.js";
import { pickEmoji, rememberEmoji } from "../../lib/emoji.js";
import { sendCommand, emit } from "../../realtime/events.js";
import { makeExcerpt } from "../../lib/wording.js";
import { find, findAll } from "../../lib/dom.js";
import { getUserName } from "../../realtime/state/user-cache.js";
import { rights } from "../permissions.js";
import { showToast, showErrorToast } from "../../ui/toast-stack.js";

/** @typedef {import("../log/message-log.js").MessageLog} MessageLog */

export class Deeds {
  /** @param {MessageLog} log */
  constructor(log) {
    this.log = log;
  }

  /**
   * Whether there is such a deed for this message. What must not be is the server's to say; it says why.
   * @param {string} act
   * @param {HTMLElement} line
   */
  offers(act, line) {
    const may = rights(this.log);
    const mine = line.classList.contains("mine");
    const pinned = find(line, "[data-part=pinned]") !== null;
    const edited = find(line, "[data-part=edited]") !== null;
    const offered = {
      edit: mine && find(line, ".forwarded") === null,
      pin: may.pin && !pinned,
      unpin: may.pin && pinned,
      report: !mine,
      unread: !mine,
      delete: mine || may.leads,
      "copy-code": find(line, ".msg-text pre") !== null,
      revisions: edited && (mine || may.revisions),
    }[act];
    return offered ?? true;
  }

  /** @param {string} act @param {HTMLElement} line @param {HTMLElement} [beside] what was pressed */
  async do(act, line, beside = line) {
    const id = Number(line.dataset.id);
    try {
      if (act === "reply") this.#reply(line);
      else if (act === "edit") emit("compose:edit", { message: await this.log.message(line) });
      else if (act === "forward") location.assign(`/m/${id}/forward/`);
      else if (act === "copy") await said("copied", copyText(textOf(line)));
      else if (act === "copy-code") await said("copied", copyText(codeOf(line)));
      else if (act === "link") await said("linkCopied", copyText(new URL(`/m/${id}/`, location.href).href));
      else if (act === "unread") await this.#unread(line);
      else if (act === "pin" || act === "unpin") await this.#pin(id, act === "pin");
      else if (act === "any-emoji") await this.#anyEmoji(line, beside);
      else if (act === "details" || act === "revisions") await showPage(line, act);
      else if (act === "report") await this.#report(id);
      else if (act === "delete" && (await openConfirmDialog("delete-dialog")) !== null) {
        await sendCommand("message.delete", { message_id: id });
      }
    } catch (refusal) {
      showErrorToast(refusal);
    }
  }

  /** Puts an emoji there, or takes mine away. @param {HTMLElement} line @param {string} emoji */
  async react(line, emoji) {
    const button = findAll(line, ".reaction[data-emoji]").find((each) => each.dataset.emoji === emoji);
    const active = button?.getAttribute("aria-pressed") !== "true";
    try {
      if (active) rememberEmoji(emoji);
      await sendCommand("reaction.set", { message_id: Number(line.dataset.id), emoji, active });
    } catch (refusal) {
      showErrorToast(refusal);
    }
  }

  /** @param {HTMLElement} line @param {HTMLElement} beside */
  async #anyEmoji(line, beside) {
    const emoji = await pickEmoji(beside.checkVisibility() ? beside : line);
    if (emoji) await this.react(line, emoji);
  }

  /** @param {HTMLElement} line */
  #reply(line) {
    const name = getUserName(Number(line.dataset.sender)) ?? find(line, ".msg-by b")?.textContent ?? "";
    emit("compose:reply", {
      reply: {
        id: Number(line.dataset.id),
        seq: Number(line.dataset.seq),
        sender: { id: Number(line.dataset.sender), username: "", name, avatar_url: null },
        excerpt: makeExcerpt(find(line, ".msg-text > .body")?.textContent ?? ""),
        deleted: false,
      },
    });
  }

  /** @param {HTMLElement} line */
  async #unread(line) {
    const { mark, conversationId } = this.log;
    const was = mark.seq;
    await mark.back(Number(line.dataset.seq));
    showToast("unread", async () => {
      await sendCommand("read", { conversation_id: conversationId, seq: was });
    });
  }

  /** @param {number} id @param {boolean} active */
  async #pin(id, active) {
    await api(active ? "PUT" : "DELETE", `messages/${id}/pin/`);
    showToast(active ? "pinned" : "unpinned", () => api(active ? "DELETE" : "PUT", `messages/${id}/pin/`));
  }

  /** @param {number} id */
  async #report(id) {
    const reason = await openConfirmDialog("report-dialog");
    if (reason === null) return;
    await api("POST", `messages/${id}/report/`, { reason });
    showToast("reported");
  }
}

/** @param {string} word @param {Promise<unknown>} done */
async function said(word, done) {
  await done;
  showToast(word);
}

/** As it is read; folded parts too. @param {HTMLElement} line */
function textOf(line) {
  const body = find(line, ".msg-text > .body");
  const range = document.createRange();
  if (!body) return "";
  range.selectNodeContents(body);
  return (body.checkVisibility() ? body.innerText : range.toString()).trim();
}

/** All code of a message. @param {HTMLElement} line */
function codeOf(line) {
  return findAll(line, ".msg-text pre > code").map((code) => code.textContent?.replace(/\n$/, "")).join("\n\n");
}

/** A page about a message, as a dialog. @param {HTMLElement} line @param {"details" | "revisions"} page */
async function showPage(line, page) {
  const { showMessagePage } = await import("./message-details-dialog.js");
  await showMessagePage(line, page);
}
