// A watched figure over time with its limit, and when it fired; the table behind it, or why there is no curve.
import type { ECharts } from "echarts/core";
import type { Watched } from "../types";
import { moment, num } from "../words/numbers";
import { say } from "../words/say";
import { make, setText } from "./dom";
import { section } from "./section";
import { grid, Row } from "./tables";

type WatchedCharts = typeof import("../charts/watched");

export class WatchedSection {
  readonly root: HTMLElement;
  private readonly section;
  private readonly none = make("p", "small");
  private readonly key: HTMLElement;
  private readonly cut = make("p", "small");
  private charts: WatchedCharts | null = null;
  private drawn: ECharts | null = null;
  private shown: Watched | null = null;
  private live = true;

  constructor(
    title: string,
    private zone: string,
  ) {
    this.section = section({ title, toTable: say("table"), toPicture: say("chart") });
    const firing = make("span", "", make("i", "dot fired"), say("firingSpan"));
    this.key = make("p", "small legend", firing);
    this.root = this.section.root;
    this.root.append(this.key, this.cut, this.none);
    this.section.whenTurned = () => this.fillTable();
    this.none.hidden = true;
    this.key.hidden = true;
    void import("../charts/watched").then((charts) => {
      if (!this.live) return;
      this.charts = charts;
      this.paint();
    });
  }

  // A figure that is watched live only has no curve, for it is not stored.
  draw(chart: Watched | null, isLiveOnly = false): void {
    this.shown = chart;
    this.none.textContent = say(isLiveOnly ? "noCurve" : "noCurveHere");
    this.none.hidden = chart !== null;
    this.key.hidden = !chart?.firing.length;
    this.root.classList.toggle("nocurve", !chart);
    this.paint();
    this.fillTable();
  }

  rename(title: string): void {
    this.root.querySelector("h2")!.textContent = title;
  }

  stop(): void {
    this.live = false;
    this.drawn?.dispose();
  }

  private paint(): void {
    if (!this.charts || !this.shown) return;
    this.drawn ??= this.charts.chart(this.section.host, () => this.paint());
    this.charts.drawWatched(this.drawn, this.zone, this.shown);
    const isCut = this.charts.cutAt(this.shown) !== null;
    setText(this.cut, isCut ? say("peaksCut") : "");
  }

  private fillTable(): void {
    const { table } = this.section;
    if (table.hidden || !this.shown) return;
    const { unit } = this.shown;
    const value = `${say("value")} ${unit}`;
    const limit = `${say("limit")} ${unit}`;
    const heads = [say("at"), value, limit, say("alert_firing")];
    table.replaceChildren(grid(heads, rows(this.shown, this.zone)));
  }
}

function rows(watched: Watched, zone: string): HTMLElement[] {
  const { start_ms: starts, value: values, limit: limits, firing } = watched;
  const lastMs = starts.at(-1) ?? 0;
  const fires = (atMs: number): boolean =>
    firing.some(([beginMs, endMs]) => atMs >= beginMs && atMs < endMs);
  const made: HTMLElement[] = [];
  starts.forEach((startMs, index) => {
    const value = values[index];
    const limit = limits[index];
    if (value == null && limit == null) return;
    const row = new Row().text(moment(startMs, zone, lastMs)).numbers(num(value), num(limit));
    made.push(row.text(fires(startMs) ? "●" : "").root);
  });
  return made;
}
