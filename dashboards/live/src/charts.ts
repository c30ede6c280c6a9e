// Charts, loaded when first needed. Gaps are gaps: null breaks a line, and no chart animates by itself.
import { BarChart, CustomChart, LineChart, SankeyChart } from "echarts/charts";
import { GridComponent, LegendComponent, MarkAreaComponent, TooltipComponent } from "echarts/components";
import { init, use, type ECharts } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { carbon, sourceColour, STATE_COLOUR } from "./colour";
import { clock, code, date, moment, name, num, plain, sourceName, t } from "./i18n";
import type { FlowNode, Now, Series, Site, Watched } from "./types";

use([BarChart, CustomChart, LineChart, SankeyChart, GridComponent, LegendComponent, MarkAreaComponent, TooltipComponent, CanvasRenderer]);

export const rem = (): number => parseFloat(getComputedStyle(document.documentElement).fontSize);
const css = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const ink = (): string => css("--ink");

export function chart(host: HTMLElement, resized: () => void = () => undefined): ECharts {
  const made = init(host, { textStyle: { fontFamily: getComputedStyle(document.body).fontFamily } }, { renderer: "canvas" });
  new ResizeObserver(() => {
    if (made.isDisposed()) return;
    made.resize();
    resized();
  }).observe(host);
  return made;
}
export function sourceKind(site: Site, id: string): string {
  return site.sources.find((s) => s.id === id)?.kind ?? (site.storages.some((s) => s.id === id) ? "store" : "other");
}
export function label(site: Site, kind: string, ref: string): string {
  const lists: Record<string, { id: string; name: Record<string, string> }[]> = { source: site.sources, store: site.storages, charge: site.storages, bus: site.buses, line: [...site.lines, ...site.groups], remainder: site.buses };
  const found = name(lists[kind]?.find((x) => x.id === ref)?.name, ref);
  return kind === "remainder" ? (ref === "all" ? t("unmetered") : `${t("unmetered")} (${found})`) : kind === "charge" ? `${found} ↓` : found;
}
const SMALL = 0.002; // of all energy: thinner flows stand in the table only
const NARROW_REM = 40;

// Wide: sources, buses, lines. On a phone only sources and lines, so that labels have room.
export function drawFlows(c: ECharts, site: Site, now: Now): void {
  const narrow = c.getWidth() < NARROW_REM * rem();
  const { nodes, links } = narrow ? direct(now) : merged(now.flows);
  const all = nodes.filter((n) => n.kind === "source" || n.kind === "store").reduce((sum, n) => sum + n.kw, 0);
  const kept = links.filter((l) => l.kw > SMALL * all && l.from !== l.to), used = new Set(kept.flatMap((l) => [l.from, l.to]));
  const begins = (n: FlowNode) => n.kind === "source" || n.kind === "store", size = rem() * (narrow ? 0.85 : 0.82), dim = ink(), paper = css("--card");
  c.setOption({
    animation: false,
    tooltip: { formatter: (p: { name: string; value: number }) => `${p.name.split(" > ").map((id) => label(site, ...(id.split(":") as [string, string]))).join(" → ")}: ${num(p.value / 1000)} MW` },
    series: [{
      type: "sankey", left: 2, right: narrow ? 2 : rem() * 13, top: rem() * 0.6, bottom: rem() * 0.6, nodeWidth: rem() * 0.6, nodeGap: rem() * (narrow ? 1.4 : 0.9), draggable: false, layoutIterations: 48, labelLayout: { hideOverlap: true },
      data: nodes.filter((n) => used.has(n.id)).map((n) => ({
        name: n.id, itemStyle: { color: begins(n) ? sourceColour(n.kind === "store" ? "store" : sourceKind(site, n.ref)) : n.kind === "remainder" ? "#B9BCC2" : "#5B6470", decal: n.kind === "remainder" ? { symbol: "line", rotation: 0.8, dashArrayX: [1, 0], dashArrayY: [3, 3], color: "#777" } : undefined },
        label: { show: true, color: dim, textBorderColor: paper, textBorderWidth: 3, fontSize: size, position: narrow && !begins(n) ? "left" : "right", formatter: `${label(site, n.kind, n.ref)} ${num(n.kw / 1000)}` },
      })),
      links: kept.map((l) => ({ source: l.from, target: l.to, value: l.kw, lineStyle: { color: carbon(l.g_per_kwh), opacity: 0.5, curveness: 0.5 } })),
    }],
  }, { notMerge: true });
}
// All that no meter below sees is one node; the table keeps it apart.
function merged(flows: Now["flows"]): Now["flows"] {
  const rest = flows.nodes.filter((n) => n.kind === "remainder"), one = (id: string) => (id.startsWith("remainder:") ? "remainder:all" : id);
  const node: FlowNode = { id: "remainder:all", kind: "remainder", ref: "all", kw: rest.reduce((sum, n) => sum + n.kw, 0), g_per_kwh: null };
  return { nodes: [...flows.nodes.filter((n) => n.kind !== "remainder"), ...(rest.length ? [node] : [])], links: flows.links.map((l) => ({ ...l, to: one(l.to) })) };
}
// What each line draws of each source, without the way it takes.
function direct(now: Now): Now["flows"] {
  const starts = now.flows.nodes.filter((n) => n.kind === "source" || n.kind === "store"), ends = now.flows.nodes.filter((n) => n.kind === "line");
  const links = ends.flatMap((n) => Object.entries(now.lines[n.ref]?.sources_kw ?? {}).flatMap(([ref, kw]) => {
    const start = starts.find((s) => s.ref === ref);
    return start ? [{ from: start.id, to: n.id, kw, delivered_kw: kw, g_per_kwh: start.g_per_kwh }] : [];
  }));
  return { nodes: [...starts, ...ends], links };
}
// Labels stand on round hours: every sixth where there is little room, else every third.
const step = (c: ECharts): number => (c.getWidth() < 32 * rem() ? 6 : 3);
const axis = (s: Series, zone: string, every: number) => ({ type: "category" as const, data: s.columns.start_ms!.map((ms) => clock(ms!, zone)), axisTick: { show: false }, axisLine: { show: false }, axisLabel: { color: ink(), fontSize: rem() * 0.755, hideOverlap: true, margin: rem() * 0.5, interval: (_: number, at: string) => at.endsWith(":00") && Number(at.slice(0, 2)) % every === 0 }, boundaryGap: false });
const legend = (name = false) => ({ textStyle: { color: ink(), fontSize: rem() * 0.8 }, itemGap: rem() * 0.8, itemWidth: rem(), itemHeight: rem() * 0.7, top: 0, right: 0, type: "scroll" as const, pageTextStyle: { color: ink() }, left: name ? rem() * 4 : 0 });
const valueAxis = (unit: string) => ({ type: "value" as const, name: unit, nameTextStyle: { color: ink(), fontSize: rem() * 0.75 }, nameGap: rem() * 0.7, axisLabel: { color: ink(), fontSize: rem() * 0.75, formatter: plain }, splitLine: { lineStyle: { opacity: 0.25 } }, splitNumber: 3 });

export function drawSources(c: ECharts, site: Site, s: Series, small: boolean): void {
  const ids = Object.keys(s.columns).filter((k) => k.startsWith("energy.source.") && s.columns[k]!.some((v) => v !== null && Math.abs(v) > 0.01));
  const hours = (s.every_s ?? 86_400) / 3600;
  c.setOption({
    animation: false, grid: { left: small ? 0 : rem() * 3, right: small ? 0 : 4, top: small ? 4 : rem() * 2.4, bottom: rem() * 1.5 }, xAxis: axis(s, site.timezone, step(c)),
    yAxis: { ...valueAxis("MW"), show: !small }, legend: small ? undefined : legend(true), tooltip: small ? undefined : { trigger: "axis", valueFormatter: (v: number) => `${num(v)} MW` },
    series: ids.map((id) => {
      const source = id.slice("energy.source.".length);
      const kind = sourceKind(site, source);
      return { type: "line", name: sourceName(site, source), stack: "all", areaStyle: { opacity: 0.95 }, lineStyle: { width: 0 }, symbol: "none", connectNulls: false, color: sourceColour(kind), data: s.columns[id]!.map((v) => (v === null ? null : v / hours / 1000)) };
    }),
  }, { notMerge: true });
}
export function drawLines(c: ECharts, site: Site, s: Series, figures: [string, string, string][]): void {
  c.setOption({
    animation: false, grid: { left: rem() * 3, right: rem() * 3, top: rem() * 2.4, bottom: rem() * 1.5 }, xAxis: axis(s, site.timezone, step(c)), legend: legend(), tooltip: { trigger: "axis" },
    yAxis: figures.map(() => valueAxis("")),
    series: figures.map(([id, title, unit], i) => ({ type: "line", name: `${title} (${unit})`, yAxisIndex: i, symbol: "none", connectNulls: false, color: i ? "#0072B2" : "#B5651D", lineStyle: { width: rem() * 0.13, type: i ? "dashed" : "solid" }, data: s.columns[id] })),
  }, { notMerge: true });
}
const HOUR_MS = 3_600_000, QUARTER_MS = 900_000;
// Marks on full hours or days of the plant: few enough to be read.
function marks(zone: string, from: number, to: number, most: number): number[] {
  const hours = (to - from) / HOUR_MS, every = [1, 2, 3, 6, 12, 24, 48, 96, 168].find((h) => hours / h <= most) ?? 168, found: number[] = [];
  for (let at = Math.ceil(from / QUARTER_MS) * QUARTER_MS; at <= to; at += QUARTER_MS) {
    const [hour, minute] = clock(at, zone).split(":").map(Number);
    if (minute === 0 && hour! % Math.min(every, 24) === 0) found.push(at);
  }
  return every > 24 ? found.filter((_, i) => i % (every / 24) === 0) : found;
}
const CUT_SHARE = 0.98, CUT_TIMES = 3, HEADROOM = 1.5;
// Where a few peaks would press value and limit flat: up to where the axis goes; null where it shows all.
export function cutAt(w: Watched): number | null {
  const known = w.value.filter((v) => v !== null).sort((a, b) => a - b), most = known.at(-1) ?? 0;
  const usual = HEADROOM * Math.max(known[Math.floor((known.length - 1) * CUT_SHARE)] ?? 0, w.limit.at(-1) ?? 0);
  return usual > 0 && most > CUT_TIMES * usual ? usual : null;
}
export function drawWatched(c: ECharts, zone: string, w: Watched): void {
  const from = w.start_ms[0] ?? 0, to = w.start_ms.at(-1) ?? 0, at = marks(zone, from, to, Math.floor(c.getWidth() / rem() / 6)), warn = css("--warn"), cut = cutAt(w);
  const points = (values: (number | null)[]) => w.start_ms.map((ms, i) => [ms, values[i]]);
  const line = { type: "line" as const, symbol: "none", connectNulls: false };
  c.setOption({
    animation: false, grid: { left: rem() * 3.6, right: rem(), top: rem() * 2.4, bottom: rem() * 1.6 }, legend: legend(true), tooltip: { trigger: "axis", axisPointer: { label: { formatter: ({ value }: { value: number }) => moment(value, zone, 0) } }, valueFormatter: (v: number | null) => `${num(v)} ${w.unit}` },
    xAxis: { type: "value", min: from, max: to, axisTick: { show: false }, splitLine: { show: false }, axisLabel: { customValues: at, color: ink(), fontSize: rem() * 0.755, hideOverlap: true, formatter: (ms: number) => (clock(ms, zone) === "00:00" ? date(ms, zone) : clock(ms, zone)) } },
    yAxis: { ...valueAxis(w.unit === "1" ? "" : w.unit), scale: true, ...(cut === null ? {} : { min: 0, max: Number(cut.toPrecision(2)) }) },
    series: [
      { ...line, name: t("value"), color: ink(), lineStyle: { width: rem() * 0.13 }, data: points(w.value), markArea: { silent: true, itemStyle: { color: warn, opacity: 0.25, borderColor: warn, borderWidth: 1 }, data: w.firing.map(([a, b]) => [{ xAxis: Math.max(a, from) }, { xAxis: Math.min(b, to) }]) } },
      { ...line, name: t("limit"), color: warn, lineStyle: { width: rem() * 0.13, type: "dashed" }, data: points(w.limit) },
    ],
  }, { notMerge: true });
}
export function drawStates(c: ECharts, site: Site, s: Series): void {
  const lines = site.lines.filter((l) => l.group === s.of).length || 1; // a group's seconds are those of all its lines
  const states = Object.keys(STATE_COLOUR);
  c.setOption({
    animation: false, grid: { left: rem() * 3, right: 4, top: rem() * 2.4, bottom: rem() * 1.5 }, xAxis: { ...axis(s, site.timezone, step(c)), boundaryGap: true }, yAxis: { ...valueAxis(""), show: false, max: (s.every_s ?? 86_400) * lines }, legend: legend(),
    series: states.filter((x) => s.columns[`seconds.${x}`]?.some((v) => v)).map((x, i) => ({ type: "bar", name: code("state", x), stack: "s", barWidth: Math.ceil(c.getWidth() / s.columns.start_ms!.length) + 1, color: STATE_COLOUR[x], itemStyle: x === "RUN" ? {} : { decal: { symbol: "line", rotation: 0.6 + i * 0.4, dashArrayX: [1, 0], dashArrayY: [2, 5], color: "rgba(0,0,0,.25)" } }, data: s.columns[`seconds.${x}`] })),
  }, { notMerge: true });
}
