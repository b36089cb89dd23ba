// How long the page was seen and in focus, and how far down it was read.

let engaged = 0;
// Since when it has been seen and in focus, by performance.now(); false while it is not.
let since;
// The lowest line of the page that was seen. It gets no lower but in time that is engaged.
let lowest = 0;

const tick = () => {
  const now = performance.now();
  if (since) {
    engaged += now - since;
    lowest = Math.max(lowest, scrollY + innerHeight);
  }
  since = !document.hidden && document.hasFocus() && now;
};

// Queues what is new since the last time.
const reportEngagement = /* @__PURE__ */ guarded(() => {
  tick();
  const ms = engaged | 0;
  const scroll = Math.min(100, (100 * lowest) / document.documentElement.scrollHeight | 0);
  if (ms) {
    add({ event: "engagement", url: page, engaged: ms, scroll });
    engaged = 0;
  }
});
