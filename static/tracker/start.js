// The beginning: the page's own function, and the first view once there is a page to see.

function start() {
  if (FULL) {
    if (options.visitors && !store[OFF]) guarded(readVisitor)();
    tick();
    ["focus", "blur", "scroll", "click", "auxclick", "submit"].map((type) => on(window, type, acted));
  }
  watchPages();
  // In <head> the title may not have been read yet.
  if (document.readyState == "loading") on(document, "DOMContentLoaded", settle);
  else settle();
  if (FULL && performance.getEntriesByType("navigation")[0].responseStatus > 399) track("404");
}

function begin() {
  start();
  // The calls of before, and those to come.
  window.footfall?.q?.map(guarded((call) => act(...call)));
  window.footfall = guarded(act);
  if (FULL) window.footfall.off = guarded((isOff) => (store[OFF] = isOff || ""));
}

guarded(() => {
  ({ src, dataset: options } = document.currentScript);
  api = new URL(options.api || "e", src);
  common = {
    // Without an account nothing is counted.
    id: ("local" in options || !/^(localhost$|127\.|\[::1|$)/.test(location.hostname)) &&
      (options.id || src.split("id=")[1]),
    bot: navigator.webdriver ? "webdriver" : undefined,
  };
  // A page that the browser makes ready in case that it is opened is no view yet.
  if (document.prerendering) on(document, "prerenderingchange", begin);
  else begin();
})();
