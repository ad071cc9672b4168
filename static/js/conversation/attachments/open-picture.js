/** A picture that is chosen opens over the page; with a key held down, and without scripts, it is the link that it is. */
import { showErrorToast } from "../../ui/toast-stack.js";
import { ApiError } from "../../realtime/api-error.js";

export function watchShots() {
  document.addEventListener("click", async (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const shot = /** @type {Element} */ (event.target).closest(".attachment-image");
    if (!(shot instanceof HTMLElement)) return;
    event.preventDefault();
    if (!shot.querySelector("img")) return; // still being drawn: there is nothing to see yet
    try {
      const { viewPicture } = await import("./picture-viewer.js");
      viewPicture(shot);
    } catch {
      showErrorToast(new ApiError({ code: "unavailable" }));
    }
  });
}
