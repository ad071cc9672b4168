/** Sends heartbeats from pages of signed-out visitors, so that they are counted among the people on the site. */
export const INTERVAL = 60_000; // ms; the server counts a visitor for three minutes after a heartbeat

async function sendHeartbeat() {
  if (document.visibilityState !== "visible") return;
  try {
    await fetch("/api/v1/presence/beat/", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ view: null }),
    });
  } catch {
    // Ignore the error: the next heartbeat follows.
  }
}

sendHeartbeat();
setInterval(sendHeartbeat, INTERVAL);
document.addEventListener("visibilitychange", sendHeartbeat);
