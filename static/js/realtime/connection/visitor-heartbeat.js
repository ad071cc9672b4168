/** On pages before the door: a sign of life, so that whoever looks on is counted among the people on the site. */
export const EVERY = 60_000; // ms; the server counts a sign of life for three minutes

async function beat() {
  if (document.visibilityState !== "visible") return;
  try {
    await fetch("/api/v1/presence/beat/", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ view: null }),
    });
  } catch {
    // The next one comes.
  }
}

beat();
setInterval(beat, EVERY);
document.addEventListener("visibilitychange", beat);
