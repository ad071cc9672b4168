/** Shows the files that are offered, sent and received in a call of two. */
import { clone, fillSlot, find, findAll, words } from "../lib/dom.js";
import { showTextToast } from "../ui/toast-stack.js";
import { MAX_SIZE } from "./file-transfer.js";

/** @typedef {import("./file-transfer.js").FileTransfers} FileTransfers */
/** @typedef {import("./file-transfer.js").Transfer} Transfer */

export class FileCards {
  /** @param {HTMLElement | null} root @param {() => FileTransfers | undefined} getTransfers */
  constructor(root, getTransfers) {
    this.root = root;
    this.getTransfers = getTransfers;
    root?.addEventListener("click", (event) => {
      const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-file-act]"));
      const id = /** @type {HTMLElement | null} */ (button?.closest(".call-file"))?.dataset.id ?? "";
      if (button?.dataset.fileAct === "accept") this.getTransfers()?.accept(id);
      if (button?.dataset.fileAct === "stop") this.getTransfers()?.stop(id);
      if (button?.dataset.fileAct === "save") this.#save(id);
    });
  }

  /** Lets the user choose a file, and offers it. */
  choose() {
    const input = document.createElement("input");
    input.type = "file";
    input.addEventListener("change", () => {
      const [file] = input.files ?? [];
      if (!file) return;
      if (file.size > MAX_SIZE) showTextToast(words("call-words").fileTooLarge ?? "", true);
      else this.getTransfers()?.offer(file);
    });
    input.click();
  }

  /** @param {string} id */
  #save(id) {
    const transfer = this.getTransfers()?.transfers.find((each) => each.id === id);
    if (!transfer?.blob) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(transfer.blob);
    link.download = transfer.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  render() {
    const transfers = this.getTransfers()?.transfers ?? [];
    for (const card of findAll(this.root, ".call-file")) if (!transfers.some(({ id }) => id === card.dataset.id)) card.remove();
    for (const transfer of transfers) this.#renderCard(transfer);
  }

  /** @param {Transfer} transfer */
  #renderCard({ id, name, size, done, isOutgoing, state }) {
    let card = find(this.root, `.call-file[data-id="${CSS.escape(id)}"]`);
    if (!card) {
      card = clone("call-file-template");
      if (!card) return;
      card.dataset.id = id;
      fillSlot(card, "name", name);
      this.root?.append(card);
    }
    card.dataset.state = state;
    const key = `file-${isOutgoing ? "out" : "in"}-${state}`.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
    fillSlot(card, "state", [words("call-words")[key], formatMegabytes(size)].filter(Boolean).join(" · "));
    const progress = /** @type {HTMLProgressElement | null} */ (find(card, "progress"));
    if (progress) {
      progress.hidden = state !== "running";
      progress.value = size ? done / size : 1;
    }
    /** @param {string} act @param {boolean} isShown */
    const show = (act, isShown) => {
      for (const button of findAll(card, `[data-file-act=${act}]`)) button.hidden = !isShown;
    };
    show("accept", !isOutgoing && state === "offered");
    show("save", !isOutgoing && state === "complete");
  }
}

/** @param {number} size in bytes */
function formatMegabytes(size) {
  const format = new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit: "megabyte", maximumFractionDigits: 1 });
  return format.format(Math.max(0.1, size / 1e6));
}
