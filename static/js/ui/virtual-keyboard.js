/**
 * Where a phone's keyboard lies over the page instead of making it smaller (Safari), the page makes itself smaller: the
 * composer stands above the keyboard, and the log above that is where it was.
 */

const KEYBOARD = 100; // px: less is the browser's own bars coming and going

export function watchViewport() {
  const view = globalThis.visualViewport;
  if (!view) return;
  const { style } = document.documentElement;
  const look = () => {
    if (view.scale > 1.01) return; // enlarged by two fingers: that moves nothing
    const isCovered = innerHeight - view.height > KEYBOARD;
    if (isCovered) style.setProperty("--seen", `${view.height}px`);
    else style.removeProperty("--seen");
    if (isCovered) scrollTo(0, 0); // the browser has pushed the whole page up to show the field
  };
  view.addEventListener("resize", look);
}
