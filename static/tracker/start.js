// The beginning: the page's own function, and the first view once there is a page to see.

const begin = () => {
  if (FULL) {
    if (options.visitors && !store[OFF]) guarded(readVisitor)();
    tick();
    ["focus", "blur", "scroll", "click", "auxclick", "submit"].map((type) => on(type, acted));
  }
  watchPages();
  // In <head> the title may not have been read yet.
  if (document.readyState == "loading") on("DOMContentLoaded", settle);
  else settle();
  // The calls of before, and those to come.
  window.footfall?.q?.map(guarded((call) => act(...call)));
  window.footfall = guarded(act);
  if (FULL) {
    window.footfall.off = guarded(off);
    if (options.track) {
      if (performance.getEntriesByType("navigation")[0].responseStatus > 399) track("404");
      if (options.track.includes("vitals")) {
        // What measures them lies beside this file: for a.1.0.0.js that is a.vitals.1.0.0.js.
        import(src.replace(/((\.\d[\d.]*)?\.js)?(\?.*)?$/, ".vitals$2.js")).catch(() => {});
      }
    }
  }
};

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
  if (document.prerendering) on("prerenderingchange", begin);
  else begin();
})();
