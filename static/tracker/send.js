// Sending what is queued: by XMLHttpRequest while the page lives, since its answer tells whether to keep an event; by
// sendBeacon when the page is hidden or left (views.js). Nobody hears the answer to that, so it is sent once more
// later, marked as a retry. Neither is fetch, which pages and their libraries like to replace.

const MOST_IN_BEACON = 50;
// How long others leave alone what a page has sent, and how often they look whether it is over.
const ANSWER_WITHIN = 1e4;
const LOOK_AGAIN = 1e3;
const FIRST_PAUSE = 1e3;

// The server's clock less this one's, once an answer told it.
let offset;
// The request that was made last.
let flying;
let timer;
// From a failure to the next attempt, twice as long each time.
let pause = FIRST_PAUSE;

// `at` is null until then, and its age told in its place when it is sent.
const add = (event) => {
  if (common.id && !(FULL && store[OFF])) {
    put({ ...common, ...event, eid: newId(), at: Date.now() + offset, made: Date.now() });
  }
};

// The JSON of an event that is sent now. One that was busy before may have arrived.
const pack = ({ made, busy, ...event }) => {
  put({ ...event, made, busy: Date.now() + ANSWER_WITHIN });
  return JSON.stringify({ ...event, retry: busy >= 0, age: event.at ? 0 : Math.max(0, Date.now() - made) });
};

// Sends the newest event that no other page is sending, if there is one, and after it the next of those that were there.
const sendNewest = () => new Promise((done) => {
  const [event, more] = queued();
  if (!event) return done();
  const request = (flying = new XMLHttpRequest());
  request.onloadend = () => {
    done();
    // Taken, or refused for good; without an answer the status is 0.
    if (request.status % 429 && request.status < 500) {
      offset = (request.getResponseHeader("X-Footfall-Time") || NaN) - Date.now() || offset;
      pause = FIRST_PAUSE;
      drop(event);
      if (more) flush();
    } else {
      put({ ...event, busy: 0 });
      plan(request.getResponseHeader("Retry-After") * 1e3 || (pause *= 2));
    }
  };
  request.open("POST", api);
  request.timeout = ANSWER_WITHIN;
  request.send(pack(event));
});

// One tab at a time sends what can be sent. Without XMLHttpRequest, which a page may have broken, sendBeacon is left.
const flush = () =>
  (navigator.locks?.request(PREFIX, sendNewest) || sendNewest()).catch(() => {});

const plan = (wait) => {
  clearTimeout(timer);
  timer = setTimeout(flush, wait);
};
