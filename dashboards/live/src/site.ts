// The Site page: headline strip, flow picture, what needs attention, a card a line.
import { STATES, word } from "./band";
import { lineCard } from "./card";
import { sourceColour } from "./colour";
import type { Data } from "./data";
import { anchor, COVERED, el, figure, grid, GUESSED, renewing, section, type Figure } from "./dom";
import { explain } from "./explain";
import { clock, code, has, moment, name, num, signed, t } from "./i18n";
import { alertLink, uncovered } from "./open";
import type { Alert, Attention, Books, Now } from "./types";

export interface Page { root: HTMLElement; update(): void; stop(): void }
const FLOW_MS = 3000; // the picture of flows follows more calmly than the figures
const MOST = 7; // things in a row
const MOST_WALL = 3;
const SAME = 2; // alerts of one rule that stand for themselves
const PICTURE_REM = 18; // with less room the labels of the flows would collide: the table stands first
const RANK: Record<string, number> = { critical: 0, warning: 1, info: 2 };

export function sitePage(data: Data): Page {
  const site = data.site;
  const tiles = strip();
  const mark = el("i", "mark"), scale = el("div", "scale", mark);
  mark.hidden = true;
  tiles.intensity.root.append(scale);
  const flows = section(t("flows"), [t("table"), t("picture")], "flow");
  flows.root.classList.add("flows");
  flows.host.before(el("p", "small", t("flowsNote")));
  flows.host.dataset.empty = t("waiting");
  flows.filled = () => data.now && table(data.now);
  const attention = el("ul", "attention");
  const showAttention = renewing(attention);
  const planned = el("p", "small"), bar = el("progress"), plan = el("div", "plan", el("h2", "", t("plan")), planned, bar);
  plan.hidden = true;
  bar.ariaLabel = t("plan");
  const cards = [...site.lines.filter((l) => !l.group), ...site.groups].map((l) => lineCard(site, l.id, name(l.name, l.id), unitOf(l.id)));
  const sisters = site.lines.some((l) => l.id === "cells_steam") && site.lines.some((l) => l.id === "cells_electric") ? el("section", "card sisters") : null;
  const root = el("main", "site", el("section", "strip", ...Object.values(tiles).map((f) => f.root)), el("section", "middle", flows.root, el("section", "card needs", el("h2", "", t("attention")), attention, plan)), el("section", "cards", ...cards.map((c) => c.root), ...(sisters ? [sisters] : [])), legend());
  let charts: typeof import("./charts") | null = null, sankey: import("echarts/core").ECharts | null = null;
  let grownTo: number | null = -1, filling = false, drawnAt = 0, drawnBooks: Books | null = null, live = true;
  void import("./charts").then((m) => {
    if (!live) return;
    charts = m;
    sankey = m.chart(flows.host, () => (drawnAt = 0));
    if (flows.host.clientWidth < PICTURE_REM * m.rem()) flows.turn();
    update();
  });

  function strip(): Record<"power" | "intensity" | "electrified" | "sun" | "el" | "co2", Figure> {
    const tile = (title: string, kind: "now" | "books", id: string) => figure(title, t(kind), () => void explain(site, id, "site", title));
    return {
      power: tile(t("power"), "now", "power.electricity"), intensity: tile(t("intensity"), "now", "intensity.electricity"), electrified: tile(t("electrified"), "now", "electrification.calorific"),
      sun: tile(t("sun"), "now", "renewable.physical"), el: tile(t("elToday"), "books", "energy.electricity"), co2: tile(t("carbonToday"), "books", "carbon.total_location"),
    };
  }
  function legend(): HTMLElement {
    const kinds = [...site.sources.map((s) => [s.kind, name(s.name, s.id)] as const), ...site.storages.map((s) => ["store", name(s.name, s.id)] as const)];
    const dot = (colour: string) => Object.assign(el("i", "dot"), { style: `background:${colour}` });
    return el("footer", "legend small", ...kinds.map(([kind, title]) => el("span", "", dot(sourceColour(kind)), title)), ...STATES.map((s) => el("span", "", el("i", `dot s-${s}`), word(s))));
  }
  function unitOf(id: string): string {
    return site.lines.find((l) => l.id === id)?.output_unit ?? site.lines.find((l) => l.group === id && l.output_unit)?.output_unit ?? "";
  }
  async function grow(anew: boolean): Promise<void> {
    for (const c of cards) if (live) await c.grow(charts, data.books?.to_ms ?? null, anew);
  }
  function update(): void {
    const { now, books } = data, to = books?.to_ms ?? null;
    if (charts && (to !== grownTo || (filling && !data.backfill))) void grow(filling && !data.backfill);
    if (charts) [grownTo, filling] = [to, data.backfill !== null];
    if (now) showNow(now);
    if (books && books !== drawnBooks) showBooks(books);
    showNeeds();
    if (sisters && (books !== drawnBooks || !sisters.firstChild)) drawSisters();
    drawnBooks = books;
    for (const c of cards) c.update(now?.lines[c.id], books?.lines[c.id]);
  }
  function showNow(now: Now): void {
    const f = now.site.figures, week = data.books?.last_week.electricity_pct, cover = 100 * (now.site.coverage ?? 1), low = cover < COVERED;
    const why = (note: string): string => (low ? t("lowCoverage", { v: num(cover) }) : note);
    delete flows.host.dataset.empty;
    tiles.power.set(num(now.site.power_kw === null ? null : now.site.power_kw / 1000), "MW", why(week != null ? t("vsWeek", { v: signed(week) }) : ""), low);
    tiles.intensity.set(num(f["intensity.electricity"]), t("perKwhEl"), "", low);
    mark.hidden = f["intensity.electricity"] == null;
    mark.style.transform = `translateX(${Math.min(100, (f["intensity.electricity"] ?? 0) / 9)}%)`; // moved by the compositor: `left` would lay the page out 50 times a second
    tiles.electrified.set(num(f["electrification.calorific@final"]), "%", why(t("calorific")), low);
    tiles.sun.set(num(f["renewable.physical"]), "%", why(t("claimed", { v: num(f["renewable.claimed"]) })), low);
    if (flows.table.childElementCount === 0) table(now);
    if (charts && sankey && !flows.host.hidden && Math.abs(now.at_ms - drawnAt) >= FLOW_MS) {
      drawnAt = now.at_ms;
      charts.drawFlows(sankey, site, now);
    }
  }
  function table(now: Now): void {
    if (flows.table.hidden || !charts) return;
    const label = (id: string): string => charts!.label(site, ...(id.split(":") as [string, string]));
    const rows = now.flows.links.filter((l) => l.kw > 0.5).sort((a, b) => b.kw - a.kw);
    flows.table.replaceChildren(grid([t("from"), t("to"), "MW", "g/kWh"], rows.map((l) => el("tr", "", el("td", "", label(l.from)), el("td", "", label(l.to)), el("td", "n", num(l.kw / 1000)), el("td", "n", num(l.g_per_kwh))))));
  }
  function showBooks(books: Books): void {
    const { today } = books, c = today.carbon_kg, expected = today.plan_kwh, kwh = today.electricity_kwh;
    const low = (today.coverage ?? 0) < COVERED, guess = (today.estimated ?? 0) > GUESSED ? "~" : "", tonnes = (kg: number | null | undefined) => num(kg == null ? null : kg / 1000);
    const why = (note: string): string => (low ? t("lowCoverage", { v: num(today.coverage) }) : note);
    tiles.el.set((kwh === null ? "" : guess) + tonnes(kwh), "MWh", why(expected && kwh !== null ? t("vsPlan", { v: signed((100 * (kwh - expected)) / expected) }) : ""), low);
    tiles.co2.set((c.total_location == null ? "" : guess) + tonnes(c.total_location), "t", why(t("scopes", { a: tonnes(c.scope1), b: tonnes(c.scope2_location) })), low);
    plan.hidden = !expected || kwh === null;
    planned.textContent = t("planNow", { a: tonnes(kwh), b: tonnes(expected) });
    Object.assign(bar, { max: expected ?? 1, value: kwh ?? 0 });
  }
  // Open alerts that nobody has taken stand first, then what the books noticed.
  function showNeeds(): void {
    const { now, books, alerts } = data, open = uncovered(alerts), at = alerts.list?.at_ms ?? 0, most = document.documentElement.classList.contains("wall") ? MOST_WALL : MOST;
    showAttention([open, books?.attention, !now, most], () => {
      const order = [...(books?.attention ?? [])].sort((a, b) => (RANK[a.severity] ?? 3) - (RANK[b.severity] ?? 3) || b.since_ms - a.since_ms);
      const alerting = [...new Set(open.map((a) => a.rule))].map((rule) => open.filter((a) => a.rule === rule)).flatMap((same) => (same.length > SAME ? [several(same, at)] : same.map((a) => alerted(a, at))));
      const all = [...alerting, ...order.map(item)], rest = all.length - most;
      if (!books) all.push(el("li", "calm", t(now ? "noBooks" : "waiting")));
      return [...(all.length ? all.slice(0, most) : [el("li", "calm", t("allWell"))]), ...(rest > 0 ? [el("li", "rest small", t("more", { n: rest }))] : [])];
    });
  }
  function alerted(a: Alert, at: number, link = alertLink(a, `needs-${a.id}`)): HTMLElement {
    return el("li", `${a.severity} alert`, el("span", "", link), el("time", "", moment(a.since_ms, site.timezone, at)));
  }
  // Many with the same trouble are one line.
  function several(same: Alert[], at: number): HTMLElement {
    const first = same[0]!, where = same.map((a) => name(a.subject_name, a.subject)).join(", ");
    const link = anchor(`${name(first.title, first.rule)} (${same.length})`, "/alerts", "title", `needs-${first.rule}`);
    link.title = where;
    return alerted(first, at, link);
  }
  function item(a: Attention): HTMLElement {
    const line = site.lines.find((l) => l.id === a.line);
    const values = { m: line ? `${name(line.name, line.id)} · ${a.meter ?? ""}` : (a.meter ?? ""), l: name(line?.name, a.line ?? ""), k: name(site.converters.find((c) => c.id === a.params.converter)?.name, a.params.converter ?? ""), s: num(a.params.seconds ?? a.params.minutes ?? 0, 3).replace(/[.,]0+$/, ""), v: num(a.params.kw) };
    const key = a.code === "meter_silent" && a.until_ms ? "was_silent" : a.code;
    return el("li", a.severity, el("span", "", has(key) ? t(key, values) : code("attention", a.code)), el("time", "", clock(a.since_ms, site.timezone)));
  }
  function drawSisters(): void {
    const value = (id: string): number | null => data.books?.lines[id]?.["per_good.carbon"] ?? null;
    const steam = value("cells_steam"), electric = value("cells_electric");
    const change = steam && electric ? (100 * (electric - steam)) / steam : null;
    sisters!.replaceChildren(el("h2", "", t("sisters")), el("div", "big", el("span", "value", signed(change)), el("span", "unit", "%"), " ", el("span", "badge", t("books"))), el("p", "small", `${num(electric)} / ${num(steam)} kg`), el("p", "small", t("sistersNote")));
  }
  return { root, update, stop: () => { live = false; sankey?.dispose(); cards.forEach((c) => c.stop()); } };
}
