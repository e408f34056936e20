// Keeps the way back in one step. When a link leads from a page that has its choices in its address,
// Streamlit pushes two entries: the old page with the query of the new one, then the new page. The
// first is nowhere anybody has been, and without their choices: the second takes its place.
const SOON_MS = 5000;
const KEPT = Symbol.for("countersign.history");

const keep = (history) => {
  const push = history.pushState.bind(history);
  let half = null;
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
};

export default () => {
  if (!window[KEPT]) {
    window[KEPT] = true;
    keep(window.history);
  }
};
