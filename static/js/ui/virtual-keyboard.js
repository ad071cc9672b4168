/**
 * Makes the page smaller while the on-screen keyboard is open, so that the composer stays above the keyboard. It is for
 * browsers in which the keyboard covers the page (Safari).
 */

const MIN_KEYBOARD_HEIGHT = 100; // px; smaller changes come from the browser's own bars

/** Adjusts the height of the page when the keyboard opens or closes. */
export function watchVirtualKeyboard() {
  const viewport = globalThis.visualViewport;
  if (!viewport) return;
  const { style } = document.documentElement;
  const update = () => {
    if (viewport.scale > 1.01) return; // zoomed in
    const isCovered = innerHeight - viewport.height > MIN_KEYBOARD_HEIGHT;
    if (isCovered) style.setProperty("--seen", `${viewport.height}px`);
    else style.removeProperty("--seen");
    if (isCovered) scrollTo(0, 0); // the browser has scrolled the page to show the field
  };
  viewport.addEventListener("resize", update);
}
