// A watched figure over time with its limit, and when it fired; the table behind it, or why there is no curve.
import { el, grid, numbers, row, section, text } from "./dom";
import { moment, num, t } from "./i18n";
import type { Watched } from "./types";

export interface Curve { root: HTMLElement; draw(chart: Watched | null, live?: boolean): void; stop(): void }

export function watchedSection(title: string, zone: string): Curve {
  const made = section(title, [t("table"), t("chart")]), none = el("p", "small"), key = el("p", "small legend", el("span", "", el("i", "dot fired"), t("firingSpan"))), cut = el("p", "small");
  let charts: typeof import("./charts") | null = null, drawn: import("echarts/core").ECharts | null = null, shown: Watched | null = null, live = true;
  made.root.append(key, cut, none);
  made.filled = fill;
  none.hidden = key.hidden = true;
  void import("./charts").then((m) => {
    if (!live) return;
    charts = m;
    paint();
  });
  function paint(): void {
    if (!charts || !shown) return;
    drawn ??= charts.chart(made.host, paint);
    charts.drawWatched(drawn, zone, shown);
    text(cut, charts.cutAt(shown) === null ? "" : t("peaksCut"));
  }
  function fill(): void {
    if (made.table.hidden || !shown) return;
    const { start_ms, value, limit, firing, unit } = shown, last = start_ms.at(-1) ?? 0;
    const fires = (ms: number): boolean => firing.some(([a, b]) => ms >= a && ms < b);
    const rows = start_ms.map((ms, i) => (value[i] == null && limit[i] == null ? null : { ms, i })).filter((x) => x !== null);
    made.table.replaceChildren(grid([t("at"), `${t("value")} ${unit}`, `${t("limit")} ${unit}`, t("alert_firing")], rows.map(({ ms, i }) => {
      const line = row(moment(ms, zone, last));
      line.append(...numbers(num(value[i]), num(limit[i])), el("td", "", fires(ms) ? "●" : ""));
      return line;
    })));
  }
  return {
    root: made.root,
    draw(chart, watchedLive = false) {
      shown = chart;
      none.textContent = t(watchedLive ? "noCurve" : "noCurveHere");
      none.hidden = chart !== null;
      key.hidden = !chart?.firing.length;
      made.root.classList.toggle("nocurve", !chart);
      paint();
      fill();
    },
    stop() {
      live = false;
      drawn?.dispose();
    },
  };
}
