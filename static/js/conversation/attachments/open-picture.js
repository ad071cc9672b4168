/**
 * Opens pictures in the viewer on a plain click. Clicks with a modifier key, and pages without scripts, follow the
 * link.
 */
import { showErrorToast } from "../../ui/toast-stack.js";
import { ApiError } from "../../realtime/api-error.js";

/** Handles clicks on pictures of all messages. The viewer is loaded on the first click. */
export function watchPictures() {
  document.addEventListener("click", async (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const imageLink = /** @type {Element} */ (event.target).closest(".attachment-image");
    if (!(imageLink instanceof HTMLElement)) return;
    event.preventDefault();
    if (!imageLink.querySelector("img")) return; // the thumbnail is not ready yet
    try {
      const { openPictureViewer } = await import("./picture-viewer.js");
      openPictureViewer(imageLink);
    } catch {
      showErrorToast(new ApiError({ code: "unavailable" }));
    }
  });
}
