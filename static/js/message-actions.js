/** What can be done with a message of the log: by the pointer, by keys, by press and hold. */
import { api } from "./api.js";
import { command, live, tell } from "./live.js";
import { excerpt } from "./names.js";
import { clone, find, findAll } from "./page.js";
import { nameOf } from "./people.js";
import { toast, toastRefusal } from "./toast-stack.js";

/** @typedef {import("./message-log.js").MessageLog} MessageLog */

const HOLD = 450; // ms of a finger on a message

export class MessageActions {
  /** The line that the toolbar or the menu belongs to. @type {HTMLElement | null} */
  #line = null;
  /** @type {any} */
  #holding;
  /** The finger that opened the sheet is still down: its lifting chooses nothing. */
  #held = false;

  /** @param {MessageLog} log */
  constructor(log) {
    this.log = log;
    this.acts = clone("acts-template");
    this.menu = document.getElementById("message-menu");
    this.menu?.setAttribute("tabindex", "-1");
    const { list } = log;
    log.listen(list, "pointerover", (event) => event.pointerType === "mouse" && this.#attach(event.target));
    log.listen(list, "pointerleave", () => this.#detach());
    log.listen(list, "focusin", (event) => this.#attach(event.target));
    log.listen(list, "click", (event) => this.#clicked(event));
    log.listen(find(log, ".log"), "keydown", (event) => this.#key(event));
    log.listen(list, "pointerdown", (event) => this.#pressed(event));
    for (const end of ["pointerup", "pointercancel", "pointermove"]) {
      log.listen(list, end, () => clearTimeout(this.#holding));
    }
    log.listen(find(log, ".log"), "scroll", () => clearTimeout(this.#holding), { passive: true });
    log.listen(this.menu, "click", (event) => this.#chosen(event));
    log.listen(this.menu, "keydown", (event) => this.#menuKey(event));
    log.listen(this.menu, "toggle", (event) => event.newState === "closed" && this.#closed());
    // A sheet opens under the finger, whose lifting would close a menu that closes by itself: it is closed here.
    log.listen(document, "pointerdown", (event) => {
      this.#held = false;
      if (this.#isOpen && this.menu?.popover === "manual" && !this.menu.contains(event.target)) this.menu.hidePopover();
    });
    log.listen(document, "click", (event) => {
      if (!this.#held) return;
      this.#held = false;
      event.preventDefault();
      event.stopPropagation();
    }, { capture: true });
    log.listen(document, "compose:edit-last", () => log.myLast && this.#do("edit", log.myLast));
  }

  /** @param {EventTarget | null} target @returns {HTMLElement | null} a line with which something can be done */
  #lineOf(target) {
    return target instanceof Element ? target.closest(".msg[data-seq]:not(.gone)") : null;
  }

  /** @param {EventTarget | null} target */
  #attach(target) {
    const line = this.#lineOf(target);
    if (!line || !this.acts || line === this.acts.parentElement || this.#isOpen) return;
    const edit = find(this.acts, "[data-act=edit]");
    if (edit) edit.hidden = !line.classList.contains("mine");
    line.append(this.acts);
  }

  #detach() {
    if (!this.#isOpen && !this.acts?.contains(document.activeElement)) this.acts?.remove();
  }

  get #isOpen() {
    return this.menu?.matches(":popover-open") ?? false;
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const target = /** @type {Element} */ (event.target).closest("[data-act], .reaction");
    const line = target?.closest("li");
    if (!(target instanceof HTMLElement) || !line || !live.on) return;
    const act = target.dataset.act ?? "toggle";
    if (act === "retry" || act === "discard") {
      event.preventDefault();
      this.log.queued.act(act, line.dataset.clientId ?? "");
    } else if (line.dataset.seq) {
      event.preventDefault();
      if (act === "toggle") this.#react(line, target.dataset.emoji ?? "");
      else if (act === "more" || act === "react") this.#open(line, target);
      else this.#do(act, line);
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = /** @type {HTMLElement} */ (event.target);
    const line = target.closest("li");
    const step = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity }[event.key];
    if (step !== undefined && (target === line || target === this.log.list.parentElement)) {
      event.preventDefault();
      this.#move(line, step);
      return;
    }
    if (event.key === "Escape") {
      find(document, "message-composer textarea")?.focus();
      return;
    }
    if (!line || target !== line || !this.#lineOf(line)) return;
    const act = { r: "reply", e: "edit", c: "copy", u: "unread", Enter: "more", ContextMenu: "more" }[event.key];
    if (!act) return;
    event.preventDefault();
    if (act === "more") this.#open(line, line);
    else if (act !== "edit" || line.classList.contains("mine")) this.#do(act, line);
  }

  /** Arrows inside the log, which is one stop of the Tab key. @param {HTMLElement | null} from @param {number} step */
  #move(from, step) {
    const lines = findAll(this.log.list, ":scope > li[tabindex]");
    const at = from ? lines.indexOf(from) + step : step < 0 ? lines.length - 1 : 0;
    const to = Number.isFinite(step) ? Math.min(Math.max(at, 0), lines.length - 1) : step < 0 ? 0 : lines.length - 1;
    lines[to]?.focus();
  }

  /** @param {PointerEvent} event */
  #pressed(event) {
    clearTimeout(this.#holding);
    const line = this.#lineOf(event.target);
    if (event.pointerType !== "touch" || !line) return;
    this.#holding = setTimeout(() => {
      this.#held = true;
      this.#open(line, line);
    }, HOLD);
  }

  // ── The menu ─────────────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {HTMLElement} line @param {HTMLElement} beside */
  #open(line, beside) {
    const { menu } = this;
    if (!menu?.showPopover || this.#isOpen) return;
    this.#line = line;
    const { mayPin, mayDelete } = this.log.dataset;
    const mine = line.classList.contains("mine");
    const pinned = find(line, "[data-part=pinned]") !== null;
    this.#show({
      edit: mine,
      pin: mayPin === "1" && !pinned,
      unpin: mayPin === "1" && pinned,
      report: !mine,
      delete: mine || mayDelete === "1",
      unread: !mine,
    });
    for (const link of findAll(menu, "a[href]")) {
      link.setAttribute("href", link.getAttribute("href")?.replace(/\/m\/\d+\//, `/m/${line.dataset.id}/`) ?? "");
    }
    const isSheet = matchMedia("(pointer: coarse)").matches || innerWidth < 640;
    menu.classList.toggle("sheet", isSheet);
    menu.popover = isSheet ? "manual" : "auto";
    line.classList.add("open");
    find(line, "[data-act=more]")?.setAttribute("aria-expanded", "true");
    const { right, bottom, top } = beside.getBoundingClientRect();
    menu.showPopover();
    Object.assign(menu.style, { position: "fixed", margin: "0", inset: isSheet ? "auto 0 0 0" : "auto", width: "" });
    if (!isSheet) {
      const { offsetWidth, offsetHeight } = menu;
      const below = bottom + 4 + offsetHeight < innerHeight;
      menu.style.left = `${Math.max(8, Math.min(right - offsetWidth, innerWidth - offsetWidth - 8))}px`;
      menu.style.top = `${below ? bottom + 4 : Math.max(8, Math.min(top - offsetHeight - 4, innerHeight - offsetHeight - 8))}px`;
    }
    if (this.#held) menu.focus(); // a finger needs no ring around the first entry
    else this.#items()[0]?.focus();
  }

  /** @param {Record<string, boolean>} acts which of the entries there are */
  #show(acts) {
    for (const [act, on] of Object.entries(acts)) {
      for (const item of findAll(this.menu, `[data-act="${act}"]`)) item.hidden = !on;
    }
  }

  #items() {
    return findAll(this.menu, "[role=menuitem]").filter((item) => !item.hidden);
  }

  /** @param {KeyboardEvent} event */
  #menuKey(event) {
    const items = this.#items();
    const at = items.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      items.at(to % items.length)?.focus();
    } else if (event.key === "Tab" || event.key === "Escape") {
      this.menu?.hidePopover();
    }
  }

  #closed() {
    const line = this.#line;
    this.#line = null;
    line?.classList.remove("open");
    find(line, "[data-act=more]")?.setAttribute("aria-expanded", "false");
    if (line && (document.activeElement === document.body || this.menu?.contains(document.activeElement))) {
      line.focus({ preventScroll: true });
    }
  }

  /** @param {MouseEvent} event */
  #chosen(event) {
    const item = /** @type {Element} */ (event.target).closest("[role=menuitem]");
    const line = this.#line;
    if (!(item instanceof HTMLElement) || !line || item instanceof HTMLAnchorElement) return;
    this.menu?.hidePopover();
    if (item.dataset.emoji) this.#react(line, item.dataset.emoji);
    else this.#do(item.dataset.act ?? "", line);
  }

  // ── The acts ─────────────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {string} act @param {HTMLElement} line */
  async #do(act, line) {
    const id = Number(line.dataset.id);
    try {
      if (act === "reply") this.#reply(line);
      else if (act === "edit") tell("compose:edit", { message: await this.log.message(line) });
      else if (act === "copy") await this.#copy(find(line, ".msg-text > .body")?.innerText.trim() ?? "", "copied");
      else if (act === "link") await this.#copy(new URL(`/m/${id}/`, location.href).href, "linkCopied");
      else if (act === "unread") await this.log.mark.back(Number(line.dataset.seq));
      else if (act === "pin" || act === "unpin") await api(act === "pin" ? "PUT" : "DELETE", `messages/${id}/pin/`);
      else if (act === "delete" && (await ask("delete-dialog")) !== null) {
        await command("message.delete", { message_id: id });
      } else if (act === "report") {
        const reason = await ask("report-dialog");
        if (reason === null) return;
        await api("POST", `messages/${id}/report/`, { reason });
        toast("reported");
      }
    } catch (refusal) {
      toastRefusal(refusal);
    }
  }

  /** @param {HTMLElement} line @param {string} emoji */
  async #react(line, emoji) {
    const button = findAll(line, ".reaction[data-emoji]").find((each) => each.dataset.emoji === emoji);
    const active = button?.getAttribute("aria-pressed") !== "true";
    try {
      await command("reaction.set", { message_id: Number(line.dataset.id), emoji, active });
    } catch (refusal) {
      toastRefusal(refusal);
    }
  }

  /** @param {HTMLElement} line */
  #reply(line) {
    const name = nameOf(Number(line.dataset.sender)) ?? find(line, ".msg-by b")?.textContent ?? "";
    tell("compose:reply", {
      reply: {
        id: Number(line.dataset.id),
        seq: Number(line.dataset.seq),
        sender: { id: Number(line.dataset.sender), username: "", name, avatar_url: null },
        excerpt: excerpt(find(line, ".msg-text > .body")?.textContent ?? ""),
        deleted: false,
      },
    });
  }

  /** @param {string} text @param {string} word */
  async #copy(text, word) {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
    } else {
      // Without a safe address the browser has only the old way.
      const field = document.createElement("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
    toast(word);
  }
}

/**
 * A question in the top layer.
 * @param {string} id of a `<dialog>`
 * @returns {Promise<string | null>} what was written there, null for no
 */
function ask(id) {
  const dialog = document.getElementById(id);
  if (!(dialog instanceof HTMLDialogElement)) return Promise.resolve(null);
  const field = /** @type {HTMLTextAreaElement | null} */ (find(dialog, "textarea"));
  if (field) field.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes" ? field?.value ?? "" : null), { once: true });
  });
}
