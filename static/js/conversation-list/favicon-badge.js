/** The number on the tab's icon, and on the app's where the page is installed. */
import { find } from "../lib/dom.js";

const SIZE = 64;

/** @type {HTMLLinkElement | null} */
let link = null;
/** The icon without a number. */
let plain = "";
/** @type {Promise<HTMLImageElement> | undefined} */
let picture;
let shown = -1;

/** @param {number} count 0 takes it away */
export async function markIcon(count) {
  if (count === shown) return;
  shown = count;
  const { navigator: app } = window;
  if (count) app.setAppBadge?.(count)?.catch(() => {});
  else app.clearAppBadge?.()?.catch(() => {});
  link ??= /** @type {HTMLLinkElement | null} */ (find(document, 'link[rel="icon"]'));
  if (!link) return;
  plain ||= link.href;
  if (!count) {
    if (link.href !== plain) link.href = plain;
    return;
  }
  try {
    const icon = await load();
    if (count === shown) link.href = draw(icon, count > 99 ? "99" : String(count));
  } catch {
    // A browser that draws no SVG on a canvas: the title says it too.
  }
}

function load() {
  picture ??= (async () => {
    const image = new Image(SIZE, SIZE);
    image.src = plain;
    await image.decode();
    return image;
  })();
  return picture;
}

/** @param {HTMLImageElement} icon @param {string} text */
function draw(icon, text) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const pen = canvas.getContext("2d");
  if (!pen) return plain;
  pen.drawImage(icon, 0, 0, SIZE, SIZE);
  const width = text.length > 1 ? 46 : 38;
  pen.beginPath();
  pen.roundRect(SIZE - width, SIZE - 38, width, 38, 19);
  pen.fillStyle = "#f2d53c";
  pen.fill();
  pen.fillStyle = "#17232b";
  pen.font = "600 30px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, SIZE - width / 2, SIZE - 17);
  return canvas.toDataURL("image/png");
}
