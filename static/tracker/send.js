// Sending what is queued: by XMLHttpRequest while the page lives, since its answer tells whether to keep an event; by
// sendBeacon when the page is hidden or left. Nobody hears the answer to that, so it is sent once more later, marked
// as a retry. Neither is fetch, which pages and their libraries like to replace.

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

function add(event) {
  if (common.id && !(FULL && store[OFF])) put({ ...common, ...event, eid: newId(), at: offset && Date.now() + offset, made: Date.now(), busy: 0 });
}

// The JSON of an event that is sent now.
function pack({ made, busy, ...event }) {
  put({ ...event, made, busy: Date.now() + ANSWER_WITHIN, retry: true });
  return JSON.stringify(event.at ? event : { ...event, age: Math.max(0, Date.now() - made) });
}

// Sends the newest event that no other page is sending, if there is one, and after it the next.
const sendNewest = () => new Promise((done) => {
  const events = queued();
  const event = events.find((each) => each.busy <= Date.now());
  if (event) {
    const request = new XMLHttpRequest();
    flying = request;
    request.onloadend = () => {
      done();
      // Taken, or refused for good.
      if (/^[1-4](?!29)/.test(request.status)) {
        offset = (request.getResponseHeader("X-Footfall-Time") || NaN) - Date.now() || offset;
        pause = FIRST_PAUSE;
        drop(event);
        flush();
      } else {
        put({ ...event, retry: true });
        plan(request.getResponseHeader("Retry-After") * 1e3 || (pause *= 2));
      }
    };
    request.open("POST", api);
    request.timeout = ANSWER_WITHIN;
    request.send(pack(event));
  } else {
    done(events[0] && plan(LOOK_AGAIN));
  }
});

// One tab at a time sends what can be sent. Without XMLHttpRequest, which a page may have broken, sendBeacon is left.
const flush = () =>
  (navigator.locks?.request(PREFIX, sendNewest) || sendNewest()).catch(() => {});

function plan(wait) {
  clearTimeout(timer);
  timer = setTimeout(flush, wait);
}

// What the page has not heard of goes at once, whether or not anybody will hear the answer.
function sendLast() {
  // Its answer would come too late. It fails at once, and its event goes again, as a retry.
  flying?.abort();
  const events = queued().filter((event) => event.busy <= Date.now());
  if (events[0]) navigator.sendBeacon(api, `[${events.slice(0, MOST_IN_BEACON).map(pack)}]`);
}
