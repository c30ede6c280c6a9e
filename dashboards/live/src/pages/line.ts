// The Line page: energy by source, intensity and electrification, machine states; each chart has its table.
import type { ECharts } from "echarts/core";
import type { Data } from "../live/data";
import { Day } from "../live/day";
import { stateWord } from "../parts/band";
import { make, setText } from "../parts/dom";
import { explain, meterName, type Clicked } from "../parts/explain";
import { figure, type Figure } from "../parts/figure";
import { goodShown, unknownText } from "../parts/line_told";
import { lineOrGroup, meterIds, outputUnit } from "../parts/plant";
import { section, type Section } from "../parts/section";
import { grid, Row } from "../parts/tables";
import type { LineNow, Series, Site } from "../types";
import { clock, num, thousandth } from "../words/numbers";
import { codeWord, named, say, sourceName } from "../words/say";
import type { Word } from "../words/words";
import { NOTHING_TO_DO, type Page } from "./page";

type Charts = typeof import("../charts/day") & typeof import("../charts/line");

interface DayChart {
  section: Section;
  day: Day;
  draw(charts: Charts, host: ECharts, series: Series): void;
  drawn?: ECharts;
}

export function linePage(data: Data, id: string): Page {
  const { site } = data;
  const node = lineOrGroup(site, id);
  if (!node) {
    const root = make("main", "", make("p", "", `404: ${id}`));
    return { root, update: NOTHING_TO_DO, stop: NOTHING_TO_DO };
  }
  const title = named(node.name, id);
  const unit = outputUnit(site, id);

  function tile(label: Word, name: string, span: Clicked["span"]): Figure {
    const clicked: Clicked = { figure: name, of: id, title, span };
    const badge = say(span === "now" ? "now" : "books");
    return figure({ label: say(label), badge, explain: () => void explain(data, clicked) });
  }
  const power = tile("finalPower", "energy.final", "now");
  const intensity = tile("intensity", "intensity.final", "now");
  const electrified = tile("electrified", "electrification.calorific", "now");
  const good = tile("perGood", "per_good.carbon", "shift");
  const dayCharts = dayChartsOf(site, id);
  const unknown = make("p", "stale");
  const meters = meterIds(site, id).map((meter) => meterName(data, meter));
  const tiles = [power, intensity, electrified, good].map((one) => one.root);
  const root = make(
    "main",
    "linepage",
    make("h1", "", title),
    unknown,
    make("section", "strip four", ...tiles),
    ...dayCharts.map((one) => one.section.root),
    make("section", "card", make("h2", "", say("meters")), make("p", "", meters.join(", "))),
  );

  let live = true;
  let charts: Charts | null = null;
  let grownToMs: number | null = -1;
  void Promise.all([import("../charts/day"), import("../charts/line")]).then(([day, line]) => {
    if (!live) return;
    charts = { ...day, ...line };
    for (const one of dayCharts) one.drawn = day.chart(one.section.host);
    update();
  });

  function update(): void {
    const toMs = data.books?.to_ms ?? null;
    if (charts && toMs !== grownToMs) {
      grownToMs = toMs;
      void grow(charts, toMs);
    }
    const now = data.now?.lines[id];
    if (now) showNow(now);
    showBooks();
  }

  async function grow(loaded: Charts, toMs: number | null): Promise<void> {
    for (const one of dayCharts) {
      const grown = await one.day.grow(toMs);
      if (!grown || !live) continue;
      one.draw(loaded, one.drawn!, one.day.series!);
      fillTable(one.section.table, one.day.series!, site);
    }
  }

  function showNow(now: LineNow): void {
    const reason = unknownText(now, site.timezone);
    const dim = reason !== "";
    power.show({
      value: thousandth(now.final_kw),
      unit: "MW",
      note: stateNote(now, dim, site.timezone),
      dim,
    });
    intensity.show({ value: num(now.figures["intensity.final"]), unit: say("perKwhFinal"), dim });
    electrified.show({
      value: num(now.figures["electrification.calorific@final"]),
      unit: "%",
      note: say("calorific"),
      dim,
    });
    setText(unknown, reason);
  }

  function showBooks(): void {
    const shown = goodShown(data, id, unit);
    const coverage = data.books?.lines[id]?.["coverage.time"] ?? null;
    const covered = coverage === null ? "" : `${say("coverage")} ${num(coverage)} %`;
    good.show({ ...shown, note: shown.note || covered });
  }

  function stop(): void {
    live = false;
    for (const one of dayCharts) one.drawn?.dispose();
  }
  return { root, update, stop };
}

function stateNote(now: LineNow, isUnknown: boolean, zone: string): string {
  if (now.members) return say("runningOf", { a: now.running ?? 0, b: now.members });
  if (isUnknown) return stateWord("UNKNOWN");
  const since = now.state_since_ms ? ` · ${clock(now.state_since_ms, zone)}` : "";
  return stateWord(now.state) + since;
}

function dayChartsOf(site: Site, id: string): DayChart[] {
  const chartSection = (title: Word, className = "chart"): Section =>
    section({ title: say(title), toTable: say("table"), toPicture: say("chart"), className });
  const curves = () => [
    { figure: "intensity.final", title: say("intensity"), unit: say("perKwhFinal") },
    { figure: "electrification.calorific", title: say("electrified"), unit: "%" },
  ];
  return [
    {
      section: chartSection("sourcesOver"),
      day: new Day(id, "energy.source.*"),
      draw: (charts, host, series) => charts.drawSources(host, site, series, { small: false }),
    },
    {
      section: chartSection("figuresOver"),
      day: new Day(id, "intensity.final,electrification.calorific"),
      draw: (charts, host, series) => charts.drawCurves(host, site, series, curves()),
    },
    {
      section: chartSection("states", "chart low"),
      day: new Day(id, "seconds.*"),
      draw: (charts, host, series) => charts.drawStates(host, site, series),
    },
  ];
}

function fillTable(table: HTMLElement, series: Series, site: Site): void {
  const names = Object.keys(series.columns).filter(
    (name) => name !== "start_ms" && series.columns[name]!.some((value) => value),
  );
  const rows = series.columns.start_ms!.map((startMs, index) => {
    const values = names.map((name) => num(series.columns[name]![index]));
    return new Row().text(clock(startMs!, site.timezone)).numbers(...values).root;
  });
  const heads = names.map((name) => `${columnTitle(name, site)} ${series.units[name] ?? ""}`);
  table.replaceChildren(grid([say("at"), ...heads], rows));
}

const STATE_PREFIX = "seconds.";
const SOURCE_PREFIX = "energy.source.";

function columnTitle(name: string, site: Site): string {
  if (name.startsWith(STATE_PREFIX)) return codeWord("state", name.slice(STATE_PREFIX.length));
  if (name.startsWith(SOURCE_PREFIX)) return sourceName(site, name.slice(SOURCE_PREFIX.length));
  if (name === "coverage.time") return say("coverage");
  if (name.startsWith("intensity")) return say("intensity");
  return name.startsWith("electrification") ? say("electrified") : name;
}
