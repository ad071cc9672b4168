/**
 * Tells the server the time zone of the browser, in the cookie `timezone`. A classic script in the head of every page,
 * so that it runs before the page is shown. A page that the server rendered with another zone is loaded again, once.
 */
(() => {
  const ONE_YEAR = 365 * 24 * 60 * 60; // seconds

  /** Returns the value of the cookie. */
  function readCookie() {
    return /(?:^|; )timezone=([^;]*)/u.exec(document.cookie)?.[1] ?? "";
  }

  /** Stores the browser's zone. Returns true if the cookie has changed; false also if the browser refuses cookies. */
  function storeTimeZone() {
    const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!zone || readCookie() === zone) return false;
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `timezone=${zone}; path=/; max-age=${ONE_YEAR}; samesite=lax${secure}`;
    return readCookie() === zone;
  }

  const { timeZone, timeZoneSource } = document.documentElement.dataset;
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (storeTimeZone() && timeZoneSource === "browser" && timeZone !== zone) location.reload();

  // The machine may change its zone while the page is open: the next page is rendered with the new one.
  document.addEventListener("visibilitychange", storeTimeZone);
})();
