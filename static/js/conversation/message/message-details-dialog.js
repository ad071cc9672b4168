/**
 * A page about a message as a dialog beside the log: who got, read and reacted to it; what it said before. The page is the
 * same that opens without scripts, and it is read anew when something of it changes.
 */
import { throttle } from "../../realtime/clock.js";
import { clone, find } from "../../lib/dom.js";
import { ApiError } from "../../realtime/api-error.js";
import { parsePage } from "../../lib/trusted-html.js";

/** What else changes a page, besides the message itself. */
const ALSO = { details: ["live:receipt", "live:receipts"], revisions: [] };

/** @param {HTMLElement} line @param {"details" | "revisions"} name */
export async function showMessagePage(line, name) {
  const { id } = line.dataset;
  const address = `/m/${id}/${name}/`;
  const page = await read(address);
  const dialog = clone("page-dialog-template");
  if (!page || !(dialog instanceof HTMLDialogElement)) return location.assign(address);
  const title = find(dialog, "h2");
  const body = find(dialog, ".page-dialog-body");
  if (!title || !body) return;
  title.textContent = find(page, "main h1")?.textContent?.trim() ?? "";
  /** @param {Document} from */
  const fill = (from) => {
    const content = find(from, "[data-part=dialog]");
    if (content) body.replaceChildren(document.adoptNode(content));
  };
  fill(page);
  const gone = new AbortController();
  const anew = throttle(1_000, async () => {
    const next = await read(address).catch(() => null);
    if (gone.signal.aborted) return;
    if (next) fill(next);
    else dialog.close(); // deleted, or I may see it no more
  });
  document.addEventListener("live:message.updated", (event) => {
    if (String(/** @type {CustomEvent} */ (event).detail.message.id) === id) anew();
  }, { signal: gone.signal });
  for (const type of ALSO[name]) document.addEventListener(type, anew, { signal: gone.signal });
  document.addEventListener("page:navigated", () => dialog.close(), { signal: gone.signal });
  dialog.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (target === dialog || target.closest("[data-act=close]")) dialog.close();
  });
  dialog.addEventListener("close", () => {
    gone.abort();
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
  find(dialog, "[data-act=close]")?.focus();
}

/** @param {string} address @returns {Promise<Document | null>} null where it is not what it was */
async function read(address) {
  let answer;
  try {
    answer = await fetch(address, { headers: { Accept: "text/html" } });
  } catch {
    throw new ApiError({ code: "unavailable" });
  }
  if (answer.status === 403) throw new ApiError({ code: "forbidden" });
  if (answer.status === 404) throw new ApiError({ code: "not_found" });
  if (!answer.ok || answer.redirected) return null;
  return parsePage(await answer.text());
}
