// Draws a lineage that Python has already laid out, and tells Python which node was clicked.
import cytoscape from "./cytoscape.esm.min.mjs";

const alive = new WeakMap();
const PADDING = 28;
const LARGEST_ZOOM = 1.15;
// The size of a node and of its words. On a phone the whole picture is shown, so both are larger
// in it: they stay readable when it is drawn at a third of its size.
const WIDE = { width: 190, height: 52, words: 13, line: 168 };
const NARROW = { width: 212, height: 72, words: 23, line: 196 };
const NARROW_BELOW = 600;

const style = (c, size) => {
  const edge = { pass: c.ok, fail: c.fail, attention: c.attention };
  const tones = Object.entries(edge).map(([tone, colour]) => ({
    selector: `node[tone = "${tone}"]`,
    style: { "border-color": colour, "border-width": 2 },
  }));
  return [
    {
      selector: "node",
      style: {
        shape: "round-rectangle",
        width: size.width,
        height: size.height,
        "background-color": c.card,
        "border-width": 1,
        "border-color": c.field,
        color: c.ink,
        label: "data(label)",
        "font-family": "IBM Plex Sans, sans-serif",
        "font-size": size.words,
        "line-height": 1.35,
        "text-valign": "center",
        "text-halign": "center",
        "text-wrap": "wrap",
        "text-max-width": 600,
      },
    },
    { selector: 'node[kind = "dataset"]', style: { shape: "barrel", "background-color": c.neutral_bg } },
    { selector: 'node[kind = "run"]', style: { "background-color": c.paper, "border-style": "dashed" } },
    { selector: 'node[kind = "alias"]', style: { shape: "round-tag", "background-color": c.accent_bg, color: c.accent } },
    { selector: 'node[kind = "application"]', style: { shape: "cut-rectangle" } },
    ...tones,
    {
      selector: "edge",
      style: {
        width: 1.4,
        "line-color": c.line2,
        "target-arrow-color": c.line2,
        "target-arrow-shape": "triangle",
        "arrow-scale": 0.9,
        "curve-style": "bezier",
      },
    },
    { selector: ".near", style: { "line-color": c.accent, "target-arrow-color": c.accent, width: 2 } },
    { selector: "node:selected", style: { "border-color": c.accent, "border-width": 3 } },
    { selector: "node:active, edge:active, core", style: { "overlay-opacity": 0 } },
    { selector: "core", style: { "active-bg-opacity": 0, "selection-box-opacity": 0 } },
  ];
};

const pen = document.createElement("canvas").getContext("2d");

const cut = (line, size) => {
  pen.font = `${size.words}px 'IBM Plex Sans', sans-serif`;
  if (pen.measureText(line).width <= size.line) return line;
  let kept = line.length;
  while (kept > 1 && pen.measureText(`${line.slice(0, kept)}\u2026`).width > size.line) kept -= 1;
  return `${line.slice(0, kept)}\u2026`;
};

const elements = (data, size) => [
  ...data.nodes.map(({ x, y, lines, ...node }) => ({
    group: "nodes",
    data: { ...node, label: lines.map((line) => cut(line, size)).join("\n") },
    position: { x, y },
  })),
  ...data.edges.map(({ source, target }) => ({
    group: "edges",
    data: { id: `${source}\u0000${target}`, source, target },
  })),
];

const sized = (place) => (place.clientWidth < NARROW_BELOW ? NARROW : WIDE);

const fit = (graph) => {
  graph.fit(undefined, graph.width() < NARROW_BELOW ? PADDING / 3 : PADDING);
  if (graph.zoom() > LARGEST_ZOOM) {
    graph.zoom(LARGEST_ZOOM);
    graph.center();
  }
};

// Everything as large as the room there is asks for.
const paint = (here) => {
  here.size = sized(here.place);
  here.graph.json({ elements: elements(here.data, here.size) });
  here.graph.style(style(here.data.colours, here.size));
};

// Whatever was chosen elsewhere must be in sight.
const reveal = (graph, id) => {
  const node = id ? graph.getElementById(id) : graph.collection();
  if (node.empty()) return;
  const seen = graph.extent();
  const { x, y } = node.position();
  if (x < seen.x1 || x > seen.x2 || y < seen.y1 || y > seen.y2) graph.center(node);
};

const choose = (graph, id) => {
  graph.batch(() => {
    graph.elements().unselect();
    graph.edges().removeClass("near");
    const node = id ? graph.getElementById(id) : graph.collection();
    node.select();
    node.predecessors("edge").addClass("near");
    node.successors("edge").addClass("near");
  });
};

const tools = (graph) => {
  const bar = document.createElement("div");
  bar.className = "cs-lineage-tools";
  const step = (factor) => () =>
    graph.zoom({
      level: graph.zoom() * factor,
      renderedPosition: { x: graph.width() / 2, y: graph.height() / 2 },
    });
  for (const [word, says, act] of [
    ["\u2212", "Zoom out", step(1 / 1.25)],
    ["+", "Zoom in", step(1.25)],
    ["Fit", "Show everything", () => fit(graph)],
  ]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = word;
    button.title = says;
    button.setAttribute("aria-label", says);
    button.addEventListener("click", act);
    bar.append(button);
  }
  return bar;
};

const start = (parent) => {
  const place = document.createElement("div");
  place.className = "cs-lineage";
  const canvas = document.createElement("div");
  canvas.style.cssText = "position:absolute;inset:0";
  canvas.setAttribute("role", "img");
  place.append(canvas);
  parent.append(place);
  const graph = cytoscape({
    container: canvas,
    layout: { name: "preset" },
    minZoom: 0.15,
    maxZoom: 3,
    autoungrabify: true,
    boxSelectionEnabled: false,
    selectionType: "single",
    wheelSensitivity: 0.3,
  });
  // A wheel over the picture scrolls the page; zooming is asked for by buttons, Ctrl or pinching.
  const passOn = (event) => event.ctrlKey || event.stopImmediatePropagation();
  place.addEventListener("wheel", passOn, { capture: true });
  place.append(tools(graph));
  const here = { graph, canvas, place, sig: null, chosen: undefined, moved: false };
  graph.on("pan zoom", (event) => {
    if (event.originalEvent) here.moved = true;
  });
  here.watch = new ResizeObserver(() => {
    graph.resize();
    if (here.data && here.size !== sized(place)) {
      paint(here);
      choose(graph, here.chosen);
    }
    if (!here.moved) fit(graph);
  });
  here.watch.observe(place);
  return here;
};

export default function draw({ data, parentElement, setStateValue }) {
  let here = alive.get(parentElement);
  if (!here) {
    here = start(parentElement);
    alive.set(parentElement, here);
    here.graph.on("tap", "node", (event) => here.tell(event.target.id()));
    here.graph.on("tap", (event) => {
      if (event.target === here.graph) here.tell(null);
    });
    here.graph.on("mouseover", "node", () => (here.canvas.style.cursor = "pointer"));
    here.graph.on("mouseout", "node", () => (here.canvas.style.cursor = ""));
  }
  here.tell = (id) => {
    choose(here.graph, id);
    here.chosen = id;
    setStateValue("selected", id);
  };
  if (here.sig !== data.sig) {
    const first = here.sig === null;
    here.sig = data.sig;
    here.data = data;
    here.canvas.setAttribute("aria-label", data.say);
    const before = here.graph.nodes().map((node) => node.id()).sort().join("\u0000");
    paint(here);
    const after = here.graph.nodes().map((node) => node.id()).sort().join("\u0000");
    if (first || before !== after) {
      here.moved = false;
      fit(here.graph);
    }
    choose(here.graph, data.selected);
    here.chosen = data.selected;
  } else if (here.chosen !== data.selected) {
    choose(here.graph, data.selected);
    reveal(here.graph, data.selected);
    here.chosen = data.selected;
  }
  return () => {
    here.watch.disconnect();
    here.graph.destroy();
    here.place.remove();
    alive.delete(parentElement);
  };
}
