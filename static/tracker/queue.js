// The queue: an event is written down before it is sent, and crossed out once the server has it.
//
// Each has a key of its own, so that tabs do not overwrite each other: footfall:<eid> holds the event, and with it
// `made` and, once it was sent, `busy`, times by this browser's clock. Until `busy` a page may be sending it, and others
// leave it alone.

const PREFIX = "footfall:";
const MOST_EVENTS = 100;
const LONGEST_WAIT = 48 * 3600e3;

// localStorage; where the browser refuses it, memory, for as long as the page lives.
let store = guarded(() => localStorage)() || {};

// Set by a reader who does not want to be counted.
const OFF = "footfall-off";

const put = (event) => {
  try {
    store[PREFIX + event.eid] = JSON.stringify(event);
  } catch {
    store = { [PREFIX + event.eid]: JSON.stringify(event) };
  }
};

const drop = (event) => !delete store[PREFIX + event.eid];

// This account's events, the newest first. Those that are too old, or too many, are dropped; those that another page may
// be sending are left out, and looked at again.
const queued = () =>
  Object.keys(store)
    .map((key) => key.startsWith(PREFIX) && JSON.parse(store[key]))
    .filter((event) => event.id == common.id)
    .sort((one, other) => other.made - one.made)
    .filter((event, index) =>
      (index < MOST_EVENTS && Date.now() - event.made < LONGEST_WAIT && !(FULL && store[OFF])
        ? !(event.busy > Date.now()) || plan(LOOK_AGAIN)
        : drop(event)));
