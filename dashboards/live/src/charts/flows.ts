// The flow picture: from sources over buses to lines. Widths are source energy, colours the carbon behind it.
// What is not known now is hatched at its last value, and stays with the line that it belongs to.
import { SankeyChart } from "echarts/charts";
import { use, type ECharts } from "echarts/core";
import { isBegin, nodeLabel, REMAINDER, STORAGE_KINDS, UNMETERED_ID } from "../parts/flow_names";
import { carbonColour, sourceColour, STORAGE, UNMETERED_COLOUR } from "../parts/palette";
import { sourceKind } from "../parts/plant";
import type { FlowLink, FlowNode, Flows, Now, Site } from "../types";
import { num } from "../words/numbers";
import { say } from "../words/say";
import { chart, cssColour, ink, NO_MERGE, rem } from "./base";

use([SankeyChart]);

export { chart };

const SMALL_SHARE = 0.002; // of all energy: thinner flows stand in the table only
const NARROW_REM = 40;
const PLACE_COLOUR = "#5B6470";
const HATCH_PX = 8;

// Wide: sources, buses, lines. On a phone only sources and lines, so that labels have room.
export function drawFlows(host: ECharts, site: Site, now: Now): void {
  const isNarrow = host.getWidth() < NARROW_REM * rem();
  const { nodes, links } = isNarrow ? withoutBuses(now) : withOneRemainder(now.flows);
  const begun = nodes.filter(isBegin).reduce((sum, node) => sum + node.kw, 0);
  const drawn = links.filter((link) => link.kw > SMALL_SHARE * begun && link.from !== link.to);
  const used = new Set(drawn.flatMap((link) => [link.from, link.to]));
  const option = {
    animation: false,
    tooltip: { formatter: (shown: Hovered) => hoverText(site, shown) },
    series: [
      {
        type: "sankey",
        left: 2,
        right: isNarrow ? 2 : rem() * 13,
        top: rem() * 0.6,
        bottom: rem() * 0.6,
        nodeWidth: rem() * 0.6,
        nodeGap: rem() * (isNarrow ? 1.4 : 0.9),
        draggable: false,
        layoutIterations: 48,
        labelLayout: { hideOverlap: true },
        data: nodes
          .filter((node) => used.has(node.id))
          .map((node) => drawnNode(site, node, isNarrow)),
        links: drawn.map(drawnLink),
      },
    ],
  };
  host.setOption(option, NO_MERGE);
}

interface Hovered {
  name: string; // the id of a node, or two of them with " > " between
  value: number;
  data?: { known?: boolean };
}

function hoverText(site: Site, { name, value, data }: Hovered): string {
  const way = name.split(" > ").map((id) => nodeLabel(site, id));
  const told = `${way.join(" → ")}: ${num(value / 1000)} MW`;
  return data?.known === false ? `${told} (${say("notKnownLast")})` : told;
}

function drawnNode(site: Site, node: FlowNode, isNarrow: boolean) {
  const figure = node.known === false ? say("notKnown") : num(node.kw / 1000);
  return {
    name: node.id,
    itemStyle: { color: nodeColour(site, node), decal: nodeDecal(node) },
    label: {
      show: true,
      color: ink(),
      textBorderColor: cssColour("--card"),
      textBorderWidth: 3,
      fontSize: rem() * (isNarrow ? 0.85 : 0.82),
      position: isNarrow && !isBegin(node) ? "left" : "right",
      formatter: `${nodeLabel(site, node.id)} ${figure}`,
    },
  };
}

function nodeColour(site: Site, node: FlowNode): string {
  if (STORAGE_KINDS.has(node.kind)) return sourceColour(STORAGE);
  if (isBegin(node)) return sourceColour(sourceKind(site, node.ref));
  return node.kind === REMAINDER ? UNMETERED_COLOUR : PLACE_COLOUR;
}

function nodeDecal(node: FlowNode) {
  if (node.kind !== REMAINDER && node.known !== false) return undefined;
  return {
    symbol: "line",
    rotation: 0.8,
    dashArrayX: [1, 0],
    dashArrayY: [3, 3],
    color: "#777",
  };
}

function drawnLink(link: FlowLink) {
  const isKnown = link.known !== false;
  const color = isKnown ? carbonColour(link.g_per_kwh) : hatch();
  return {
    source: link.from,
    target: link.to,
    value: link.kw,
    known: isKnown,
    lineStyle: { color, opacity: 0.5, curveness: 0.5 },
  };
}

// Slanted lines on nothing: there was a flow, and nobody knows whether it still is.
function hatch() {
  const canvas = document.createElement("canvas");
  canvas.width = HATCH_PX;
  canvas.height = HATCH_PX;
  const pen = canvas.getContext("2d")!;
  pen.strokeStyle = cssColour("--soft");
  pen.lineWidth = 2;
  for (const shift of [-HATCH_PX, 0, HATCH_PX]) {
    pen.moveTo(shift, HATCH_PX);
    pen.lineTo(shift + HATCH_PX, 0);
  }
  pen.stroke();
  return { image: canvas, repeat: "repeat" as const };
}

// All that no meter below sees is one node; the table keeps it apart.
function withOneRemainder({ nodes, links }: Flows): Flows {
  const remainders = nodes.filter((node) => node.kind === REMAINDER);
  if (remainders.length === 0) return { nodes, links };
  const ids = new Set(remainders.map((node) => node.id));
  const together: FlowNode = {
    id: UNMETERED_ID,
    kind: REMAINDER,
    ref: "all",
    kw: remainders.reduce((sum, node) => sum + node.kw, 0),
    g_per_kwh: null,
  };
  const others = nodes.filter((node) => node.kind !== REMAINDER);
  const led = links.map((link) => (ids.has(link.to) ? { ...link, to: UNMETERED_ID } : link));
  return { nodes: [...others, together], links: led };
}

// What each line draws of each source, without the way it takes. Where one of its ways is not known,
// nobody can say how much of which source it is.
function withoutBuses({ flows, lines }: Now): Flows {
  const begins = flows.nodes.filter(isBegin);
  const ends = flows.nodes.filter((node) => node.kind === "line");
  const links: FlowLink[] = [];
  for (const end of ends) {
    const drawn = lines[end.ref]?.sources_kw ?? {};
    const known = flows.links.every((link) => link.to !== end.id || link.known !== false);
    for (const [source, kw] of Object.entries(drawn)) {
      const begin = begins.find((node) => node.ref === source);
      if (!begin) continue;
      const way = { from: begin.id, to: end.id, kw, delivered_kw: kw };
      links.push({ ...way, g_per_kwh: begin.g_per_kwh, known });
    }
  }
  return { nodes: [...begins, ...ends], links };
}
