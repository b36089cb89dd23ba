/* footfall: counts this page-view. No cookie, nothing kept in the browser. */
(function (window, document) {
  "use strict";
  // A lone half of a surrogate pair cannot be encoded, and a request line over 8 KiB is refused.
  function encode(text, most) {
    text = text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(^|[^\ud800-\udbff])[\udc00-\udfff]/g, "$1");
    var encoded = encodeURIComponent(text);
    return encoded.length > most ? encode(text.slice(0, Math.min(most, text.length * 0.9)), most) : encoded;
  }
  try {
    var script = document.currentScript || document.querySelector('script[src*="/a.js"]');
    var source = script.src.match(/^(.*\/)a\.js(?:\?(?:[^#]*&)?id=([^&#]*))?/);
    var account = script.getAttribute("data-id") || decodeURIComponent(source[2] || "");
    var count = function () {
      try {
        new Image().src = source[1] + "a.gif?id=" + encodeURIComponent(account) +
          "&url=" + encode(window.location.href, 4500) +
          "&ref=" + encode(document.referrer, 2000) +
          "&title=" + encode(document.title, 1000);
      } catch (error) { /* A page must never notice its tracker. */ }
    };
    // In <head> the title may not have been read yet: wait for the page, never make it wait.
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", count);
    else count();
  } catch (error) { /* As above. */ }
})(window, document);
