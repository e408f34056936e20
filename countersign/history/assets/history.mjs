// Keeps the address true to what is shown, and the way back in one step.
//
// A link from a page that has its choices in its address: Streamlit pushes two entries, the old page
// with the query of the new one, then the new page. The first is nowhere anybody has been, and
// without their choices: the second takes its place.
//
// A link to the page one is on: Streamlit shows what it asks for and leaves the address as it was.
// Here it becomes an entry of its own, which is then shown as the way back would show it. So does a
// click in the navigation on the page one is on: it leads to the page with nothing chosen.
//
// A link in a table is plain HTML, and would read the whole app again: it is followed in the same way.
//
// A choice that is a step of its own, such as a facet: Streamlit writes it over the entry before.
// Here it is the next one, on its first page. What is typed stays one entry.
const SOON_MS = 5000;
const PAGE = "page";
const KEPT = Symbol.for("countersign.history");
const LINK = 'a[data-testid="stPageLink-NavLink"]';
const MENU = 'a[data-testid="stSidebarNavLink"]';
const WAY = "a.cs-way";
// On a small screen the navigation lies over the page, and gives it free once something is chosen.
const SMALL = "(max-width: 768px)";
const FOLD = '[data-testid="stSidebarCollapseButton"] button';

const keep = (history, kept) => {
  const push = history.pushState.bind(history);
  const replace = history.replaceState.bind(history);
  let half = null;
  // Whether somebody chose since the page was opened, or gone back to: Streamlit mends addresses too.
  let hasChosen = false;

  history.pushState = (state, title, url) => {
    const from = location.pathname;
    const to = new URL(url ?? location.href, location.href);
    const isSecond =
      half !== null &&
      half.href === location.href &&
      performance.now() - half.at < SOON_MS &&
      to.pathname !== from &&
      to.search === location.search;
    half = null;
    if (isSecond) {
      history.replaceState(state, title, url);
      return;
    }
    push(state, title, url);
    if (to.pathname === from) half = { href: location.href, at: performance.now() };
  };

  history.replaceState = (state, title, url) => {
    const steps = kept.steps[location.pathname.split("/").pop()];
    const to = new URL(url ?? location.href, location.href);
    if (!steps || !hasChosen || to.pathname !== location.pathname) {
      replace(state, title, url);
      return;
    }
    const before = new URLSearchParams(location.search);
    const differs = (name) => `${before.getAll(name)}` !== `${to.searchParams.getAll(name)}`;
    const names = new Set([...before.keys(), ...to.searchParams.keys()]);
    if ([...names].some((name) => name !== PAGE && differs(name))) to.searchParams.delete(PAGE);
    (steps.some(differs) ? push : replace)(state, title, to.href);
  };

  const follow = (event) => {
    hasChosen = true;
    const link = event.target.closest?.(`${LINK}, ${MENU}, ${WAY}`);
    const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (!link || !isPlain || link.target === "_blank") return;
    // The default page has no name that a link on a page could give, so its links begin with their query.
    if (link.matches(LINK) && !/^[^?#]/.test(link.getAttribute("href") ?? "")) return;
    const to = new URL(link.href);
    if (to.origin !== location.origin) return;
    if (to.pathname !== location.pathname && !link.matches(WAY)) return;
    event.preventDefault();
    event.stopPropagation();
    if (link.matches(MENU) && matchMedia(SMALL).matches) document.querySelector(FOLD)?.click();
    if (to.search !== location.search || to.pathname !== location.pathname) push({}, "", to.href);
    else if (!link.matches(MENU)) return;
    half = null;
    document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0);
    window.dispatchEvent(new PopStateEvent("popstate", { state: {} }));
  };

  document.addEventListener("click", follow, true);
  document.addEventListener("keydown", () => (hasChosen = true), true);
  window.addEventListener("popstate", () => (hasChosen = false), true);
};

export default ({ data }) => {
  if (!window[KEPT]) {
    window[KEPT] = { steps: {} };
    keep(window.history, window[KEPT]);
  }
  window[KEPT].steps = data?.steps ?? {};
};
