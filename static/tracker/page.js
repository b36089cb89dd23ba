// The tracker of footfall. Its files, in the Makefile's order, become one function. FULL is set by the build: true for
// a.js, false for a.core.js, which lacks all that stands behind it. docs/tracker.md tells what it does and keeps.
//
// This file is what the others need: the tag's options, and the guard that keeps errors from the page.

// The tag: its attributes and its address, which are known while the script runs for the first time only.
let options;
let src;
// Where events go.
let api;
// What every event of this page carries; first of all the account.
let common;

// A page must never notice its tracker, whatever it did to the browser's own functions.
const guarded = (act) => (...given) => {
  try {
    return act(...given);
  } catch {
    // As if nothing had been there.
  }
};

// Whatever happens on the page passes its window first.
const on = (type, act) => addEventListener(type, guarded(act), true);

// Up to 30 digits, more than the server keeps of an id.
const newId = () => crypto.getRandomValues(new Uint32Array(3)).join("");

// The page's address, as it is counted.
const here = () => location.href.replace("hash" in options ? "" : /#.*/, "");
