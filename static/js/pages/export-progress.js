/** Shows the progress of a data export: fetches the page again and again until the export is complete. */
import { find } from "../lib/dom.js";
import { parsePage } from "../lib/trusted-html.js";

export const INTERVAL = 1500; // ms

/** @returns {Promise<boolean>} whether the export is still running */
async function update() {
  const response = await fetch(location.pathname, { headers: { Accept: "text/html" } });
  const newPart = find(parsePage(await response.text()), "[data-part=archive]");
  const currentPart = find(document, "[data-part=archive]");
  if (!response.ok || !newPart || !currentPart) return true;
  if (newPart.dataset.state !== currentPart.dataset.state) {
    location.reload(); // complete: the page has other buttons now
    return false;
  }
  const [newProgress, currentProgress] = [find(newPart, "progress"), find(currentPart, "progress")];
  if (newProgress instanceof HTMLProgressElement && currentProgress instanceof HTMLProgressElement) currentProgress.value = newProgress.value;
  return true;
}

async function watch() {
  let isRunning = true;
  while (isRunning) {
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
    if (document.visibilityState !== "visible") continue;
    isRunning = await update().catch(() => true);
  }
}

watch();
