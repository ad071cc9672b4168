/** Draws the number of unread messages on the favicon, and on the app icon if the site is installed as an app. */
import { find } from "../lib/dom.js";

const SIZE = 64;

/** @type {HTMLLinkElement | null} */
let link = null;
/** URL of the icon without a number. */
let originalUrl = "";
/** @type {Promise<HTMLImageElement> | undefined} */
let iconPromise;
let displayedCount = -1;

/** @param {number} count 0 removes the number */
export async function updateFaviconBadge(count) {
  if (count === displayedCount) return;
  displayedCount = count;
  const { navigator: app } = window;
  if (count) app.setAppBadge?.(count)?.catch(() => {});
  else app.clearAppBadge?.()?.catch(() => {});
  link ??= /** @type {HTMLLinkElement | null} */ (find(document, 'link[rel="icon"]'));
  if (!link) return;
  originalUrl ||= link.href;
  if (!count) {
    if (link.href !== originalUrl) link.href = originalUrl;
    return;
  }
  try {
    const icon = await loadIcon();
    if (count === displayedCount) link.href = renderIcon(icon, count > 99 ? "99" : String(count));
  } catch {
    // This browser cannot draw an SVG on a canvas. The title of the page still shows the number.
  }
}

function loadIcon() {
  iconPromise ??= (async () => {
    const image = new Image(SIZE, SIZE);
    image.src = originalUrl;
    await image.decode();
    return image;
  })();
  return iconPromise;
}

/** @param {HTMLImageElement} icon @param {string} text */
function renderIcon(icon, text) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const context = canvas.getContext("2d");
  if (!context) return originalUrl;
  context.drawImage(icon, 0, 0, SIZE, SIZE);
  const width = text.length > 1 ? 46 : 38;
  context.beginPath();
  context.roundRect(SIZE - width, SIZE - 38, width, 38, 19);
  context.fillStyle = "#f2d53c";
  context.fill();
  context.fillStyle = "#17232b";
  context.font = "600 30px system-ui, sans-serif";
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, SIZE - width / 2, SIZE - 17);
  return canvas.toDataURL("image/png");
}
