// A line at a glance: three figures, the day by source, its states.
import { drawBand, word } from "./band";
import { carbon, STATE_COLOUR } from "./colour";
import { Day } from "./data";
import { anchor, COVERED, el, figure, GUESSED, text } from "./dom";
import { explain } from "./explain";
import { clock, num, t } from "./i18n";
import type { Figures, LineNow, Site } from "./types";

type Charts = typeof import("./charts");
export interface Card { id: string; root: HTMLElement; grow(charts: Charts | null, toMs: number | null, anew: boolean): Promise<void>; update(now?: LineNow, books?: Figures): void; stop(): void }

export function lineCard(site: Site, id: string, title: string, unit: string): Card {
  const state = el("span", "state"), sub = el("p", "small", "–"), stripe = el("i", "stripe"), spark = el("div", "spark"), band = el("div", "band"), stale = el("p", "stale");
  const good = figure(t("perGood"), t("books"), () => void explain(site, "per_good.carbon", id, title), "cell");
  const share = figure(t("electrified"), t("now"), () => void explain(site, "electrification.calorific", id, title), "cell share");
  const power = figure(t("finalPower"), t("now"), () => void explain(site, "energy.final", id, title), "cell");
  const root = el("section", "card line", el("header", "", stripe, el("div", "", el("h2", "", anchor(title, `/lines/${id}`, "title")), sub), state), el("div", "cells", good.root, share.root, power.root), stale, spark, band);
  let day = new Day(id, "energy.source.*,seconds.*"), drawn: import("echarts/core").ECharts | null = null, live = true;
  return {
    id, root,
    async grow(charts, toMs, anew) {
      if (anew) day = new Day(id, "energy.source.*,seconds.*");
      if (!(await day.grow(toMs)) || !charts || !live) return;
      drawn ??= charts.chart(spark);
      charts.drawSources(drawn, site, day.series!, true);
      drawBand(band, day.series!);
    },
    update(l, b) {
      if (l) now(l);
      const low = (b?.["coverage.time"] ?? 100) < COVERED, guess = (b?.estimated ?? 0) > GUESSED && b?.["per_good.carbon"] != null ? "~" : "";
      good.set(guess + num(b?.["per_good.carbon"]), unit ? `kg/${unit}` : "kg", low ? t("lowCoverage", { v: num(b?.["coverage.time"]) }) : "", low);
    },
    stop() {
      live = false;
      drawn?.dispose();
    },
  };
  function now(l: LineNow): void {
    const g = l.figures["intensity.final"], silent = l.stale_since_ms !== null;
    stripe.style.background = carbon(g);
    text(sub, `${num(g)} ${t("perKwhFinal")}`);
    text(state, l.members ? t("runningOf", { a: l.running ?? 0, b: l.members }) : word(l.state));
    state.style.borderColor = STATE_COLOUR[l.state] ?? "#999";
    share.set(num(l.figures["electrification.calorific@final"]), "%", "", silent);
    power.set(num(l.final_kw === null ? null : l.final_kw / 1000), "MW", "", silent);
    text(stale, silent ? t("stale", { t: clock(l.stale_since_ms!, site.timezone) }) : "");
    root.classList.toggle("silent", silent);
  }
}
