/**
 * The page of one's own data while an archive is being put together: it is asked for again until that is done. What
 * the server draws is shown as it is drawn, so a reload changes nothing.
 */
import { find } from "../lib/dom.js";
import { parsePage } from "../lib/trusted-html.js";

export const EVERY = 1500; // ms

/** @returns {Promise<boolean>} whether to go on */
async function look() {
  const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
  const part = find(parsePage(await answer.text()), "[data-part=archive]");
  const here = find(document, "[data-part=archive]");
  if (!answer.ok || !part || !here) return true;
  if (part.dataset.state !== here.dataset.state) {
    location.reload(); // done: buttons come and go
    return false;
  }
  const [told, shown] = [find(part, "progress"), find(here, "progress")];
  if (told instanceof HTMLProgressElement && shown instanceof HTMLProgressElement) shown.value = told.value;
  return true;
}

async function watch() {
  let goes = true;
  while (goes) {
    await new Promise((done) => setTimeout(done, EVERY));
    if (document.visibilityState !== "visible") continue;
    goes = await look().catch(() => true);
  }
}

watch();
