// The Line page: energy by source, intensity and electrification, machine states; each chart has its table.
import { word } from "./band";
import { Day, type Data } from "./data";
import { COVERED, el, figure, grid, GUESSED, section, text } from "./dom";
import { explain } from "./explain";
import { clock, code, name, num, sourceName, t } from "./i18n";
import type { Page } from "./site";
import type { Figures, LineNow, Series, Site } from "./types";

export function linePage(data: Data, id: string): Page {
  const site = data.site;
  const node = site.lines.find((l) => l.id === id) ?? site.groups.find((g) => g.id === id);
  if (!node) return { root: el("main", "", el("p", "", `404: ${id}`)), update: () => undefined, stop: () => undefined };
  const title = name(node.name, id), unit = "output_unit" in node ? node.output_unit : (site.lines.find((l) => l.group === id && l.output_unit)?.output_unit ?? "");
  const tile = (label: string, kind: "now" | "books", figureId: string) => figure(label, t(kind), () => void explain(site, figureId, id, title));
  const power = tile(t("finalPower"), "now", "energy.final"), ci = tile(t("intensity"), "now", "intensity.final"), es = tile(t("electrified"), "now", "electrification.calorific"), good = tile(t("perGood"), "books", "per_good.carbon");
  const parts = [section(t("sourcesOver"), [t("table"), t("chart")]), section(t("figuresOver"), [t("table"), t("chart")]), section(t("states"), [t("table"), t("chart")], "chart low")];
  const days = ["energy.source.*", "intensity.final,electrification.calorific", "seconds.*"].map((figures) => new Day(id, figures));
  const meters = "meters" in node ? node.meters : site.lines.filter((l) => l.group === id).flatMap((l) => l.meters);
  const stale = el("p", "stale");
  const root = el("main", "linepage", el("h1", "", title), stale, el("section", "strip four", power.root, ci.root, es.root, good.root), ...parts.map((p) => p.root), el("section", "card", el("h2", "", t("meters")), el("p", "", meters.join(", "))));
  let live = true, grownTo: number | null = -1;
  let charts: typeof import("./charts") | null = null;
  let drawn: import("echarts/core").ECharts[] = [];
  void import("./charts").then((m) => {
    if (!live) return;
    charts = m;
    drawn = parts.map((p) => m.chart(p.host));
    update();
  });
  async function grow(m: typeof import("./charts"), toMs: number | null): Promise<void> {
    for (const [i, day] of days.entries()) {
      if (!(await day.grow(toMs)) || !live) continue;
      if (i === 0) m.drawSources(drawn[0]!, site, day.series!, false);
      if (i === 1) m.drawLines(drawn[1]!, site, day.series!, [["intensity.final", t("intensity"), t("perKwhFinal")], ["electrification.calorific", t("electrified"), "%"]]);
      if (i === 2) m.drawStates(drawn[2]!, site, day.series!);
      fill(parts[i]!.table, day.series!, site);
    }
  }
  function update(): void {
    const to = data.books?.to_ms ?? null;
    if (charts && to !== grownTo) {
      grownTo = to;
      void grow(charts, to);
    }
    const l = data.now?.lines[id];
    if (l) showNow(l);
    showBooks(data.books?.lines[id]);
  }
  function showNow(l: LineNow): void {
    const silent = l.stale_since_ms !== null, since = l.state_since_ms ? ` · ${clock(l.state_since_ms, site.timezone)}` : "";
    power.set(num(l.final_kw === null ? null : l.final_kw / 1000), "MW", l.members ? t("runningOf", { a: l.running ?? 0, b: l.members }) : word(l.state) + since, silent);
    ci.set(num(l.figures["intensity.final"]), t("perKwhFinal"), "", silent);
    es.set(num(l.figures["electrification.calorific@final"]), "%", t("calorific"), silent);
    text(stale, silent ? t("stale", { t: clock(l.stale_since_ms!, site.timezone) }) : "");
  }
  function showBooks(b?: Figures): void {
    const value = b?.["per_good.carbon"] ?? null, cover = b?.["coverage.time"] ?? null, low = cover !== null && cover < COVERED;
    const guess = value !== null && (b?.estimated ?? 0) > GUESSED ? "~" : "";
    good.set(guess + num(value), unit ? `kg/${unit}` : "kg", low ? t("lowCoverage", { v: num(cover) }) : cover === null ? "" : `${t("coverage")} ${num(cover)} %`, low);
  }
  return { root, update, stop: () => { live = false; drawn.forEach((c) => c.dispose()); } };
}
function fill(table: HTMLElement, s: Series, site: Site): void {
  const names = Object.keys(s.columns).filter((n) => n !== "start_ms" && s.columns[n]!.some((v) => v));
  const rows = s.columns.start_ms!.map((ms, i) => el("tr", "", el("td", "", clock(ms!, site.timezone)), ...names.map((n) => el("td", "n", num(s.columns[n]![i])))));
  table.replaceChildren(grid([t("at"), ...names.map((n) => `${column(n, site)} ${s.units[n] ?? ""}`)], rows));
}
function column(n: string, site: Site): string {
  if (n.startsWith("seconds.")) return code("state", n.slice(8));
  if (n.startsWith("energy.source.")) return sourceName(site, n.slice(14));
  return n === "coverage.time" ? t("coverage") : n.startsWith("intensity") ? t("intensity") : n.startsWith("electrification") ? t("electrified") : n;
}
