// Charts, loaded when first needed. Gaps are gaps: null breaks a line, and no chart animates by itself.
import { BarChart, CustomChart, LineChart, SankeyChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use, type ECharts } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { carbon, sourceColour, STATE_COLOUR } from "./colour";
import { clock, name, num, t } from "./i18n";
import type { FlowLink, FlowNode, Series, Site } from "./types";

use([BarChart, CustomChart, LineChart, SankeyChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

const rem = (): number => parseFloat(getComputedStyle(document.documentElement).fontSize);
const ink = (): string => getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();

export function chart(host: HTMLElement): ECharts {
  const made = init(host, undefined, { renderer: "canvas" });
  const watcher = new ResizeObserver(() => made.resize());
  watcher.observe(host);
  return made;
}
export function sourceKind(site: Site, id: string): string {
  return site.sources.find((s) => s.id === id)?.kind ?? (site.stores.some((s) => s.id === id) ? "store" : "other");
}
export function label(site: Site, kind: string, ref: string): string {
  const lists: Record<string, { id: string; name: Record<string, string> }[]> = { source: site.sources, store: site.stores, charge: site.stores, bus: site.buses, line: [...site.lines, ...site.groups], remainder: site.buses };
  const found = name(lists[kind]?.find((x) => x.id === ref)?.name, ref);
  return kind === "remainder" ? `${t("unmetered")} (${found})` : kind === "charge" ? `${found} ↓` : found;
}
export function drawSankey(c: ECharts, site: Site, nodes: FlowNode[], links: FlowLink[]): void {
  const kept = links.filter((l) => l.kw > 15 && l.from !== l.to);
  const used = new Set(kept.flatMap((l) => [l.from, l.to]));
  const dim = ink();
  c.setOption({
    animation: false,
    tooltip: { formatter: (p: { name: string; value: number }) => `${p.name}: ${num(p.value / 1000)} MW` },
    series: [{
      type: "sankey", left: 8, right: rem() * 13, top: 8, bottom: 8, nodeWidth: rem() * 0.6, nodeGap: rem() * 0.9, draggable: false, layoutIterations: 48,
      data: nodes.filter((n) => used.has(n.id)).map((n) => ({
        name: n.id, itemStyle: { color: n.kind === "source" || n.kind === "store" ? sourceColour(n.kind === "store" ? "store" : sourceKind(site, n.ref)) : n.kind === "remainder" ? "#B9BCC2" : "#5B6470", decal: n.kind === "remainder" ? { symbol: "line", rotation: 0.8, dashArrayX: [1, 0], dashArrayY: [3, 3], color: "#777" } : undefined },
        label: { show: true, color: dim, fontSize: rem() * 0.8, formatter: `${label(site, n.kind, n.ref)} ${num(n.kw / 1000)}` },
      })),
      links: kept.map((l) => ({ source: l.from, target: l.to, value: l.kw, lineStyle: { color: carbon(l.g_per_kwh), opacity: 0.55, curveness: 0.5 } })),
    }],
  });
}
const axis = (s: Series, zone: string) => ({ type: "category" as const, data: s.columns.start_ms!.map((ms) => clock(ms!, zone)), axisTick: { show: false }, axisLine: { show: false }, axisLabel: { color: ink(), fontSize: rem() * 0.7, hideOverlap: true }, boundaryGap: false });
const valueAxis = (unit: string) => ({ type: "value" as const, name: unit, nameTextStyle: { color: ink(), fontSize: rem() * 0.7 }, axisLabel: { color: ink(), fontSize: rem() * 0.7 }, splitLine: { lineStyle: { opacity: 0.25 } }, splitNumber: 3 });

export function drawSources(c: ECharts, site: Site, s: Series, small: boolean): void {
  const ids = Object.keys(s.columns).filter((k) => k.startsWith("energy.source."));
  const hours = s.every_s / 3600;
  c.setOption({
    animation: false, grid: { left: small ? 0 : rem() * 3, right: 4, top: small ? 4 : rem() * 2, bottom: rem() * 1.4 }, xAxis: axis(s, site.timezone),
    yAxis: { ...valueAxis("MW"), show: !small }, legend: small ? undefined : { textStyle: { color: ink() }, top: 0 }, tooltip: small ? undefined : { trigger: "axis", valueFormatter: (v: number) => `${num(v)} MW` },
    series: ids.map((id) => {
      const source = id.slice("energy.source.".length);
      const kind = sourceKind(site, source);
      return { type: "line", name: label(site, kind === "store" ? "store" : "source", source), stack: "all", areaStyle: { opacity: 0.95 }, lineStyle: { width: 0 }, symbol: "none", connectNulls: false, color: sourceColour(kind), data: s.columns[id]!.map((v) => (v === null ? null : v / hours / 1000)) };
    }),
  }, { notMerge: true });
}
export function drawLines(c: ECharts, site: Site, s: Series, figures: [string, string, string][]): void {
  c.setOption({
    animation: false, grid: { left: rem() * 3, right: rem() * 3, top: rem() * 2, bottom: rem() * 1.4 }, xAxis: axis(s, site.timezone), legend: { textStyle: { color: ink() }, top: 0 }, tooltip: { trigger: "axis" },
    yAxis: figures.map(([, , unit]) => valueAxis(unit)),
    series: figures.map(([id, title, unit], i) => ({ type: "line", name: `${title} (${unit})`, yAxisIndex: i, symbol: "none", connectNulls: false, color: i ? "#0072B2" : "#B5651D", lineStyle: { type: i ? "dashed" : "solid" }, data: s.columns[id] })),
  }, { notMerge: true });
}
export function drawStates(c: ECharts, site: Site, s: Series): void {
  const states = Object.keys(STATE_COLOUR);
  c.setOption({
    animation: false, grid: { left: rem() * 3, right: 4, top: rem() * 2, bottom: rem() * 1.4 }, xAxis: { ...axis(s, site.timezone), boundaryGap: true }, yAxis: { ...valueAxis(""), show: false, max: s.every_s }, legend: { textStyle: { color: ink() }, top: 0 },
    series: states.filter((x) => s.columns[`seconds.${x}`]?.some((v) => v)).map((x, i) => ({ type: "bar", name: x, stack: "s", barCategoryGap: "0%", color: STATE_COLOUR[x], itemStyle: x === "RUN" ? {} : { decal: { symbol: "line", rotation: 0.6 + i * 0.4, dashArrayX: [1, 0], dashArrayY: [2, 5], color: "rgba(0,0,0,.25)" } }, data: s.columns[`seconds.${x}`] })),
  }, { notMerge: true });
}
