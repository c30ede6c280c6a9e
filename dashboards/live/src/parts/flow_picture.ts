// The flow picture of the site with its table. The picture follows more calmly than the figures.
import type { ECharts } from "echarts/core";
import type { Data } from "../live/data";
import type { FlowLink, Now } from "../types";
import { num, thousandth } from "../words/numbers";
import { say } from "../words/say";
import { make } from "./dom";
import { nodeLabel } from "./flow_names";
import { section } from "./section";
import { grid, Row } from "./tables";

type FlowCharts = typeof import("../charts/flows");

const RENEWED_MS = 3000;
const LEAST_KW = 0.5; // thinner flows are left out of the table
const PICTURE_REM = 18; // with less room the labels would collide: the table stands first

export class FlowPicture {
  readonly root: HTMLElement;
  private readonly section;
  private charts: FlowCharts | null = null;
  private drawn: ECharts | null = null;
  private drawnAtMs = 0;
  private live = true;

  constructor(private data: Data) {
    this.section = section({
      title: say("flows"),
      toTable: say("table"),
      toPicture: say("picture"),
      className: "flow",
    });
    this.root = this.section.root;
    this.root.classList.add("flows");
    this.section.host.before(make("p", "small", say("flowsNote")));
    this.section.host.dataset.empty = say("waiting");
    this.section.whenTurned = () => this.fillTable();
    void import("../charts/flows").then((charts) => this.begin(charts));
  }

  update(): void {
    const { now } = this.data;
    if (!now) return;
    const { host, table } = this.section;
    delete host.dataset.empty;
    if (table.childElementCount === 0) this.fillTable();
    const isDue = Math.abs(now.at_ms - this.drawnAtMs) >= RENEWED_MS;
    if (!this.charts || !this.drawn || host.hidden || !isDue) return;
    this.drawnAtMs = now.at_ms;
    this.charts.drawFlows(this.drawn, this.data.site, now);
  }

  stop(): void {
    this.live = false;
    this.drawn?.dispose();
  }

  private begin(charts: FlowCharts): void {
    if (!this.live) return;
    this.charts = charts;
    const { host } = this.section;
    this.drawn = charts.chart(host, () => (this.drawnAtMs = 0));
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    if (host.clientWidth < PICTURE_REM * rem) this.section.turn();
    this.update();
  }

  private fillTable(): void {
    const { now } = this.data;
    const { table } = this.section;
    if (!now || table.hidden) return;
    const heads = [say("from"), say("to"), "MW", "g/kWh"];
    table.replaceChildren(grid(heads, this.rows(now)));
  }

  private rows({ flows }: Now): HTMLElement[] {
    const shown = flows.links.filter((link) => link.kw > LEAST_KW);
    const largestFirst = shown.sort((one, other) => other.kw - one.kw);
    return largestFirst.map((link) => this.row(link));
  }

  private row(link: FlowLink): HTMLElement {
    const { site } = this.data;
    const isKnown = link.known !== false;
    const row = new Row().text(nodeLabel(site, link.from), nodeLabel(site, link.to));
    const power = thousandth(link.kw);
    const told = isKnown ? power : `${power} (${say("notKnownLast")})`;
    return row.numbers(told, isKnown ? num(link.g_per_kwh) : "–").root;
  }
}
