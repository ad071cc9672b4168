/**
 * Copies a text to the clipboard. Rejects if the browser refuses.
 * @param {string | Promise<string>} text
 */
export async function copyText(text) {
  if (typeof text !== "string" && navigator.clipboard && "ClipboardItem" in window) {
    // Safari allows writing only while it handles the click: the text may arrive later.
    const blob = text.then((loaded) => new Blob([loaded], { type: "text/plain" }));
    return navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]).catch(async (error) => {
      await text; // if it could not be loaded, this is the reason to report
      throw error;
    });
  }
  const content = await text;
  if (navigator.clipboard) return navigator.clipboard.writeText(content);
  // On pages without TLS only the deprecated command is available.
  const focused = document.activeElement;
  const field = document.createElement("textarea");
  field.value = content;
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  if (!isCopied) throw new Error("not copied");
}
