// What a reader does on a page: follow a link out, download, send a form, press what the page has marked.

const DOWNLOADS = /\.(csv|(doc|ppt|xls)x?|exe|gz|mp.|pdf|zip)$/i;

const off = (isOff) => (store[OFF] = isOff || "");

const acted = ({ target, type, button }) => {
  tick();
  const isForm = type == "submit";
  // Of the other buttons, the middle one opens links. What came into focus or scrolled has none.
  if (!(isForm || button < 2)) return;
  const marked = target.closest("[data-footfall-event]");
  if (marked?.matches("form") == isForm) {
    const all = {};
    for (const { name, value } of marked.attributes) {
      const [, key] = name.split("data-footfall-");
      if (key) all[key] = value;
    }
    const { event, ...props } = all;
    act(event, props);
  }
  if (target.closest("[data-footfall-off]")) off(!store[OFF]);
  // A form's fields may be named like its properties.
  if (isForm) track("form", { id: target.getAttribute("id"), action: target.getAttribute("action") });
  const link = target.closest("a[href]");
  // One to mail has no host.
  if (link.host) {
    const props = { url: link.href.slice(0, 500) };
    (DOWNLOADS.test(link.pathname) && track("download", props)) ||
      (link.host != location.host && track("outbound", props));
  }
};

// The id of a reader, where the owner asks for one: a cookie of the page's own site, if the browser keeps it.
const readVisitor = () => {
  const read = () => document.cookie.split(/footfall=(\w+)/)[1];
  common.new = !read();
  document.cookie = `footfall=${read() || newId()};path=/;max-age=34560000;samesite=lax`;
  common.visitor = read();
};
