// A line at a glance: three figures, the day by source, its states.
import type { ECharts } from "echarts/core";
import { Day } from "../live/day";
import type { Data } from "../live/data";
import type { LineNow } from "../types";
import { num, thousandth } from "../words/numbers";
import { say } from "../words/say";
import { drawBand, stateWord } from "./band";
import { anchor, make, setText } from "./dom";
import { explain, type Clicked } from "./explain";
import { figure } from "./figure";
import { goodShown, unknownText } from "./line_told";
import { carbonColour, stateColour } from "./palette";

type DayCharts = typeof import("../charts/day");
const FIGURES = "energy.source.*,seconds.*";

export interface LineParts {
  id: string;
  title: string;
  outputUnit: string;
}

export class LineCard {
  readonly id: string;
  readonly root: HTMLElement;
  private readonly stripe = make("i", "stripe");
  private readonly state = make("span", "state");
  private readonly intensity = make("p", "small", "–");
  private readonly unknown = make("p", "stale");
  private readonly spark = make("div", "spark");
  private readonly band = make("div", "band");
  private readonly good;
  private readonly electrified;
  private readonly power;
  private day: Day;
  private drawn: ECharts | null = null;
  private live = true;

  constructor(
    private data: Data,
    private line: LineParts,
  ) {
    this.id = line.id;
    this.day = new Day(line.id, FIGURES);
    this.good = figure({
      label: say("perGood"),
      badge: say("books"),
      explain: this.explaining("per_good.carbon", "shift"),
      className: "cell",
    });
    this.electrified = figure({
      label: say("electrified"),
      badge: say("now"),
      explain: this.explaining("electrification.calorific", "now"),
      className: "cell share",
    });
    this.power = figure({
      label: say("finalPower"),
      badge: say("now"),
      explain: this.explaining("energy.final", "now"),
      className: "cell",
    });
    const heading = make("h2", "", anchor(line.title, `/lines/${line.id}`, "title"));
    const head = make("div", "", heading, this.intensity);
    const header = make("header", "", this.stripe, head, this.state);
    const figures = [this.good.root, this.electrified.root, this.power.root];
    const cells = make("div", "cells", ...figures);
    this.root = make("section", "card line", header, cells, this.unknown, this.spark, this.band);
  }

  // The day again from its begin when history was filled, else what is new of it.
  async grow(charts: DayCharts, booksToMs: number | null, fromBegin: boolean): Promise<void> {
    if (fromBegin) this.day = new Day(this.id, FIGURES);
    const grown = await this.day.grow(booksToMs);
    if (!grown || !this.live) return;
    this.drawn ??= charts.chart(this.spark);
    charts.drawSources(this.drawn, this.data.site, this.day.series!, { small: true });
    drawBand(this.band, this.day.series!);
  }

  update(now: LineNow | undefined): void {
    if (now) this.showNow(now);
    this.good.show(goodShown(this.data, this.id, this.line.outputUnit));
  }

  stop(): void {
    this.live = false;
    this.drawn?.dispose();
  }

  private explaining(figureName: string, span: Clicked["span"]): () => void {
    const { id, title } = this.line;
    return () => void explain(this.data, { figure: figureName, of: id, title, span });
  }

  private showNow(now: LineNow): void {
    const reason = unknownText(now, this.data.site.timezone);
    const isUnknown = reason !== "";
    const grams = now.figures["intensity.final"];
    this.stripe.style.background = carbonColour(grams);
    setText(this.intensity, `${num(grams)} ${say("perKwhFinal")}`);
    setText(this.state, stateText(now, isUnknown));
    this.state.style.borderColor = stateColour(isUnknown ? "UNKNOWN" : now.state);
    const share = num(now.figures["electrification.calorific@final"]);
    this.electrified.show({ value: share, unit: "%", dim: isUnknown });
    this.power.show({ value: thousandth(now.final_kw), unit: "MW", dim: isUnknown });
    setText(this.unknown, reason);
    this.root.classList.toggle("silent", isUnknown);
  }
}

function stateText(now: LineNow, isUnknown: boolean): string {
  if (now.members) return say("runningOf", { a: now.running ?? 0, b: now.members });
  return stateWord(isUnknown ? "UNKNOWN" : now.state);
}
