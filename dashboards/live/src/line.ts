// The Line page: energy by source, intensity and electrification, machine states; each chart has its table.
import { series, type Data } from "./data";
import { el, figure } from "./dom";
import { explain } from "./explain";
import { clock, name, num, t } from "./i18n";
import type { Page } from "./site";
import type { Series } from "./types";

export function linePage(data: Data, id: string): Page {
  const site = data.site;
  const node = site.lines.find((l) => l.id === id) ?? site.groups.find((g) => g.id === id);
  if (!node) return { root: el("main", "", el("p", "", `404: ${id}`)), update: () => undefined, stop: () => undefined };
  const title = name(node.name, id);
  const power = figure(t("finalPower"), t("now"), () => void explain("energy.final", id, title)), ci = figure(t("intensity"), t("now"), () => void explain("intensity.final", id, title)), es = figure(t("electrified"), t("now"), () => void explain("electrification.calorific", id, title)), good = figure(t("perGood", { u: "output_unit" in node ? node.output_unit : "" }), t("books"), () => void explain("per_good.carbon", id, title));
  const one = section(t("sourcesOver")), two = section(t("figuresOver")), three = section(t("states"));
  const meters = "meters" in node ? node.meters : site.lines.filter((l) => l.group === id).flatMap((l) => l.meters);
  const root = el("main", "linepage", el("h1", "", title), el("section", "strip four", power.root, ci.root, es.root, good.root), one.root, two.root, three.root, el("section", "card", el("h2", "", t("meters")), el("p", "", meters.join(", "))));
  let live = true;
  const made: { dispose(): void }[] = [];
  async function load(): Promise<void> {
    const m = await import("./charts");
    const [sources, figures, states] = await Promise.all([series(id, "energy.source.*", "15m"), series(id, "intensity.final,electrification.calorific", "15m"), series(id, "seconds.*", "15m")]);
    if (!live) return;
    const charts = [one, two, three].map((s) => m.chart(s.host));
    made.push(...charts);
    m.drawSources(charts[0]!, site, sources, false);
    m.drawLines(charts[1]!, site, figures, [["intensity.final", t("intensity"), t("perKwhFinal")], ["electrification.calorific", t("electrified"), "%"]]);
    m.drawStates(charts[2]!, site, states);
    [sources, figures, states].forEach((s, i) => [one, two, three][i]!.fill(s, site.timezone));
  }
  void load();
  function update(): void {
    const l = data.now?.lines[id], b = data.books?.lines[id];
    if (l) {
      power.set(num(l.final_kw / 1000), "MW", l.state, l.stale_since_ms !== null);
      ci.set(num(l.figures["intensity.final"]), t("perKwhFinal"), "");
      es.set(num(l.figures["electrification.calorific@final"]), "%", t("calorific"));
    }
    good.set(num(b?.["per_good.carbon"]), "kg", `${t("coverage")} ${num(b?.["coverage.time"])} %`);
  }
  return { root, update, stop: () => { live = false; made.forEach((c) => c.dispose()); } };
}
function section(title: string) {
  const host = el("div", "chart"), table = el("div", "tablebox"), button = el("button", "toggle", t("table"));
  table.hidden = true;
  button.addEventListener("click", () => {
    table.hidden = !table.hidden;
    host.hidden = !table.hidden;
    button.textContent = table.hidden ? t("table") : t("chart");
  });
  return {
    host, root: el("section", "card", el("header", "", el("h2", "", title), button), host, table),
    fill(s: Series, zone: string): void {
      const names = Object.keys(s.columns).filter((n) => n !== "start_ms" && s.columns[n]!.some((v) => v));
      const rows = s.columns.start_ms!.map((ms, i) => el("tr", "", el("td", "", clock(ms!, zone)), ...names.map((n) => el("td", "n", num(s.columns[n]![i])))));
      table.replaceChildren(el("table", "grid", el("thead", "", el("tr", "", el("th", "", ""), ...names.map((n) => el("th", "", `${n} [${s.units[n] ?? ""}]`)))), el("tbody", "", ...rows)));
    },
  };
}
