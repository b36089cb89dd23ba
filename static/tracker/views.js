// Page-views: of a page that is opened, that a router shows, and that comes back from the browser's cache.

// The page that was counted last, and the one before it.
let page;
let referrer = document.referrer;

// Counts the page if it is another than the last.
const look = () => {
  if (here() != page) {
    add({
      ref: referrer = page || referrer,
      url: page = here(),
      // Half of a surrogate pair is no text.
      title: document.title.replace(/\p{Cs}/gu, ""),
      screen: screen.width + "x" + screen.height,
    });
  }
};

const settle = guarded(() => {
  look();
  flush();
});

// A named event of the page; without a name it would be a view.
const act = (event, props) => {
  add({ event: event + "", props, url: here() });
  return flush();
};

// An event that data-track asks for, in one number or the other. Without the attribute nothing may throw: that makes the
// browser find out where, for which it reads the whole script once more.
const track = (event, props) => options.track?.includes(event) && act(event, props);

// The address may have changed. Routers set the title after it, and may go on to a third page at once.
const moved = () => {
  if (FULL && page && here() != page) {
    reportEngagement();
    lowest = 0;
  }
  setTimeout(settle);
};

// The page is hidden, shown again, or left: what is new is sent, if there is something.
const hide = () => {
  look();
  if (FULL) reportEngagement();
  // Its answer would come too late. It fails at once, and its event goes again, as a retry.
  flying?.abort();
  const events = queued().slice(0, MOST_IN_BEACON);
  if (events[0]) navigator.sendBeacon(api, `[${events.map(pack)}]`);
};

const watchPages = () => {
  ["pushState", "replaceState"].map((name) => {
    const original = history[name];
    history[name] = (...given) => moved(original.apply(history, given));
  });
  // Before the router's own listener, which may show the next page.
  on("popstate", moved);
  on("online", flush);
  on("pageshow", ({ persisted }) => {
    // As if it were another one, from where it was reached at first.
    if (persisted) settle(page = 0);
  });
  // A page that is left is hidden too.
  on("visibilitychange", hide);
};
