// The Site page: headline strip, flow picture, what needs attention, a card a line.
import { carbon, STATE_COLOUR } from "./colour";
import { series, type Data } from "./data";
import { el, figure, text, type Figure } from "./dom";
import { explain } from "./explain";
import { clock, has, name, num, signed, t } from "./i18n";
import type { Attention, LineNow, Series } from "./types";

export interface Page { root: HTMLElement; update(): void; stop(): void }
const EVERY_MS = 120_000;
const DIM_UNDER = 95;
const FLOW_MS = 3000; // the picture of flows follows more calmly than the figures

export function sitePage(data: Data, go: (path: string) => void): Page {
  const site = data.site;
  const tiles = strip();
  const scale = el("div", "scale", el("i", "mark"));
  tiles.intensity.root.append(scale);
  const flowHost = el("div", "flow");
  const list = el("ol", "flow-list");
  const attention = el("ul", "attention");
  const flowsCard = el("section", "card flows", el("h2", "", t("flows")), el("p", "small", t("flowsNote")), flowHost, list);
  const cards = [...site.lines.filter((l) => !l.group), ...site.groups].map((l) => card(l.id, name(l.name, l.id), unitOf(l.id)));
  const sisters = site.lines.some((l) => l.id === "cells_steam") && site.lines.some((l) => l.id === "cells_electric") ? el("section", "card sisters") : null;
  const root = el("main", "site", el("section", "strip", ...Object.values(tiles).map((f) => f.root)), el("section", "middle", flowsCard, el("section", "card", el("h2", "", t("attention")), attention)), el("section", "cards", ...cards.map((c) => c.root), ...(sisters ? [sisters] : [])));
  let charts: typeof import("./charts") | null = null;
  let sankey: import("echarts/core").ECharts | null = null;
  const timer = setInterval(() => void loadSparks(), EVERY_MS);
  void import("./charts").then((m) => {
    charts = m;
    sankey = m.chart(flowHost);
    update();
    void loadSparks();
  });

  function strip(): Record<"power" | "intensity" | "electrified" | "sun" | "el" | "co2", Figure> {
    const basis = site.gas_basis === "CO2" ? "CO₂" : "CO₂e";
    return {
      power: figure(t("power"), t("now"), () => void explain("power.electricity", "site", t("power"))),
      intensity: figure(t("intensity"), t("now"), () => void explain("intensity.electricity", "site", t("intensity"))),
      electrified: figure(t("electrified"), t("now"), () => void explain("electrification.calorific", "site", t("electrified"))),
      sun: figure(t("sun"), t("now"), () => void explain("renewable.physical", "site", t("sun"))),
      el: figure(t("elToday"), t("books"), () => void explain("energy.electricity", "site", t("elToday"))),
      co2: figure(t("carbonToday", { basis }), t("books"), () => void explain("carbon.total_location", "site", t("carbonToday", { basis }))),
    };
  }
  function unitOf(id: string): string {
    return site.lines.find((l) => l.id === id)?.output_unit ?? site.lines.find((l) => l.group === id && l.output_unit)?.output_unit ?? "";
  }
  async function loadSparks(): Promise<void> {
    for (const c of cards) c.spark(charts, await series(c.id, "energy.source.*", "15m").catch(() => null));
  }
  let filling = false, drawnAt = 0;
  function update(): void {
    const { now, books } = data;
    if (filling && !data.backfill) void loadSparks();
    filling = data.backfill !== null;
    if (now) {
      const f = now.site.figures;
      tiles.power.set(num(now.site.power_kw / 1000), "MW", books?.last_week.electricity_pct != null ? t("vsWeek", { v: signed(books.last_week.electricity_pct) }) : "");
      tiles.intensity.set(num(f["intensity.electricity"]), t("perKwhEl"), "");
      (scale.firstElementChild as HTMLElement).style.left = `${Math.min(100, (f["intensity.electricity"] ?? 0) / 9)}%`;
      tiles.electrified.set(num(f["electrification.calorific@final"]), "%", t("calorific"));
      tiles.sun.set(num(f["renewable.physical"]), "%", t("claimed", { v: num(f["renewable.claimed"]) }));
      const narrow = window.innerWidth < 640;
      flowHost.hidden = narrow;
      list.hidden = !narrow;
      if (narrow) list.replaceChildren(...now.flows.links.filter((l) => l.kw > 15).sort((a, b) => b.kw - a.kw).slice(0, 14).map((l) => {
        const dot = el("i", "dot");
        dot.style.background = carbon(l.g_per_kwh);
        const [fk, fr] = l.from.split(":") as [string, string], [tk, tr] = l.to.split(":") as [string, string];
        return el("li", "", dot, el("span", "", charts ? `${charts.label(site, fk, fr)} → ${charts.label(site, tk, tr)}` : ""), el("b", "", `${num(l.kw / 1000)} MW`));
      }));
      else if (charts && sankey && Math.abs(now.at_ms - drawnAt) >= FLOW_MS) {
        drawnAt = now.at_ms;
        charts.drawSankey(sankey, site, now.flows.nodes, now.flows.links);
      }
    }
    if (books) {
      const low = (books.today.coverage ?? 0) < DIM_UNDER, guess = (books.today.estimated ?? 0) > 1 ? "~" : "";
      const c = books.today.carbon_kg, plan = books.today.plan_kwh, kwh = books.today.electricity_kwh;
      tiles.el.set(guess + num(kwh === null ? null : kwh / 1000), "MWh", plan && kwh !== null ? t("vsPlan", { v: signed((100 * (kwh - plan)) / plan) }) : "", low);
      tiles.co2.set(guess + num((c.total_location ?? NaN) / 1000), "t", t("scopes", { a: num((c.scope1 ?? NaN) / 1000), b: num((c.scope2_location ?? NaN) / 1000) }), low);
      attention.replaceChildren(...(books.attention.length ? books.attention.map(item) : [el("li", "calm", t("allWell"))]));
      if (sisters) drawSisters();
    }
    for (const c of cards) c.update(now?.lines[c.id], books?.lines[c.id]);
  }
  function item(a: Attention): HTMLElement {
    const line = site.lines.find((l) => l.id === a.line);
    const values = { m: line ? `${name(line.name, line.id)} · ${a.meter ?? ""}` : (a.meter ?? ""), l: name(line?.name, a.line ?? ""), s: num(a.params.seconds ?? a.params.minutes ?? 0, 2), v: num(a.params.kw) };
    const word = a.code === "meter_silent" && a.until_ms ? "was_silent" : a.code;
    return el("li", a.severity, el("span", "", has(word) ? t(word, values) : a.code), el("time", "", clock(a.since_ms, site.timezone)));
  }
  function drawSisters(): void {
    const value = (id: string): number | null => data.books?.lines[id]?.["per_good.carbon"] ?? null;
    const steam = value("cells_steam"), electric = value("cells_electric");
    const change = steam && electric ? (100 * (electric - steam)) / steam : null;
    sisters!.replaceChildren(el("h2", "", t("sisters")), el("div", "big", el("span", "value", signed(change)), el("span", "unit", "%"), el("span", "badge", t("books"))), el("p", "small", `${num(electric)} / ${num(steam)} kg`), el("p", "small", t("sistersNote")));
  }
  function card(id: string, title: string, unit: string) {
    const state = el("span", "state"), sub = el("p", "small"), stripe = el("i", "stripe"), spark = el("div", "spark"), stale = el("p", "stale");
    const good = figure(t("perGood", { u: unit }), t("books"), () => void explain("per_good.carbon", id, title), "cell"), share = figure(t("electrified"), t("now"), () => void explain("electrification.calorific", id, title), "cell"), kw = figure(t("finalPower"), t("now"), null, "cell");
    const link = el("a", "title", title);
    link.href = `/lines/${id}`;
    link.addEventListener("click", (e) => (e.preventDefault(), go(`/lines/${id}`)));
    let drawn: import("echarts/core").ECharts | null = null;
    const root = el("section", "card line", el("header", "", stripe, el("div", "", el("h2", "", link), sub), state), el("div", "cells", good.root, share.root, kw.root), spark, stale);
    return {
      id, root,
      spark(m: typeof import("./charts") | null, s: Series | null): void {
        if (!m || !s) return;
        drawn ??= m.chart(spark);
        m.drawSources(drawn, site, s, true);
      },
      update(l?: LineNow, b?: Record<string, number | null>): void {
        if (l) {
          const g = l.figures["intensity.final"];
          stripe.style.background = carbon(g);
          text(sub, `${num(g)} ${t("perKwhFinal")}`);
          text(state, l.members ? `${l.running}/${l.members} RUN` : l.state);
          state.style.borderColor = STATE_COLOUR[l.state] ?? "#999";
          share.set(num(l.figures["electrification.calorific@final"]), "%", "");
          kw.set(num(l.final_kw / 1000), "MW", "");
          text(stale, l.stale_since_ms ? t("stale", { t: clock(l.stale_since_ms, site.timezone, true) }) : "");
          root.classList.toggle("dim", l.stale_since_ms !== null);
        }
        const guess = (b?.estimated ?? 0) > 1 ? "~" : "";
        good.set(guess + num(b?.["per_good.carbon"]), "kg", "", (b?.["coverage.time"] ?? 100) < DIM_UNDER);
      },
    };
  }
  return { root, update, stop: () => { clearInterval(timer); sankey?.dispose(); } };
}
