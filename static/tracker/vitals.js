// How fast the page was, measured as Core Web Vitals are, and told once, when it is hidden or left. It is a file of its
// own, a.vitals.js, since few ask for it; of the tracker it needs no more than the function that every page may call.

const vitals = {};
// Of a page that was opened in the background it is not the speed.
let isTold = document.hidden && !document.prerendering;
let first;
let last;
let shift;

const raise = (name, value) => {
  vitals[name] = Math.max(vitals[name] || 0, value);
};
const SEES = {
  navigation: (entry) => raise("ttfb", entry.responseStart),
  paint: (entry) => entry.name == "first-contentful-paint" && raise("fcp", entry.startTime),
  "largest-contentful-paint": (entry) => raise("lcp", entry.startTime),
  event: (entry) => entry.interactionId && raise("inp", entry.duration),
  // The worst burst of shifts: of at most 5 s, and no more than 1 s between two.
  "layout-shift": ({ startTime, value, hadRecentInput }) => {
    if (hadRecentInput) return;
    if (!(startTime - last < 1e3 && startTime - first < 5e3)) {
      first = startTime;
      shift = 0;
    }
    last = startTime;
    shift += value;
    raise("cls", shift);
  },
};

Object.keys(SEES).forEach((type) => {
  try {
    new PerformanceObserver((list) => list.getEntries().forEach(SEES[type]))
      .observe({ type, buffered: true, durationThreshold: 40 });
  } catch {
    // This browser does not measure it.
  }
});

// Before the tracker's own listener, on the way down, so that it goes with what that sends.
window.addEventListener("visibilitychange", () => {
  if (isTold || !document.hidden) return;
  isTold = true;
  try {
    // A page that was made ready before it was opened began when it was opened.
    const began = performance.getEntriesByType("navigation")[0].activationStart || 0;
    ["ttfb", "fcp", "lcp"].forEach((name) => {
      if (name in vitals) vitals[name] = Math.max(0, vitals[name] - began);
    });
    window.footfall("vitals", vitals);
  } catch {
    // Without a tracker there is nobody to tell.
  }
}, true);
