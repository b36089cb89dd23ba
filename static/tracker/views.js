// Page-views: of a page that is opened, that a router shows, and that comes back from the browser's cache.

// The page that was counted last, and the one before it.
let page;
let referrer = document.referrer;

// Counts the page if it is another than the last.
function look() {
  if (here() != page) {
    referrer = page || referrer;
    page = here();
    add({
      url: page,
      ref: referrer,
      // Half of a surrogate pair is no text.
      title: document.title.replace(/\p{Cs}/gu, ""),
      screen: screen.width + "x" + screen.height,
    });
  }
}

const settle = guarded(() => {
  look();
  flush();
});

// A named event of the page; without a name it would be a view.
function act(event, props) {
  add({ event: event + "", props, url: here() });
  return flush();
}

// An event that data-track asks for, in one number or the other.
const track = (event, props) => options.track?.includes(event) && act(event, props);

// The address may have changed. Routers set the title after it, and may go on to a third page at once.
const moved = () => {
  if (FULL && page && here() != page) {
    reportEngagement();
    lowest = told = 0;
  }
  setTimeout(settle);
};

// The page is hidden, shown again, or left: what is new is sent, if there is something.
function hide() {
  look();
  if (FULL) reportEngagement();
  sendLast();
}

function watchPages() {
  ["pushState", "replaceState"].map((name) => {
    const original = history[name];
    history[name] = (...given) => {
      original.apply(history, given);
      moved();
    };
  });
  // Before the router's own listener, which may show the next page.
  on(window, "popstate", moved);
  on(window, "online", flush);
  // A page that is left is hidden too.
  on(document, "visibilitychange", hide);
  on(window, "pageshow", (event) => {
    if (event.persisted) {
      // As if it were another one, from where it was reached at first.
      page = 0;
      settle();
    }
  });
}
