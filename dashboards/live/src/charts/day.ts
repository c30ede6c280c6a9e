// A day of a line: energy by source as areas on top of each other.
import { LineChart } from "echarts/charts";
import { use, type ECharts } from "echarts/core";
import { sourceColour } from "../parts/palette";
import { sourceKind } from "../parts/plant";
import type { Series, Site } from "../types";
import { num } from "../words/numbers";
import { sourceName } from "../words/say";
import { bucketSeconds, chart, dayAxis, legend, NO_MERGE, rem, valueAxis } from "./base";

use([LineChart]);

export { chart };

const PREFIX = "energy.source.";
const LEAST_KWH = 0.01; // a source with less in every bucket is not drawn

export function drawSources(
  host: ECharts,
  site: Site,
  series: Series,
  { small }: { small: boolean },
): void {
  const hours = bucketSeconds(series) / 3600;
  const isDrawn = (name: string): boolean =>
    series.columns[name]!.some((kwh) => kwh !== null && Math.abs(kwh) > LEAST_KWH);
  const names = Object.keys(series.columns).filter((name) => name.startsWith(PREFIX));
  const margins = small
    ? { left: 0, right: 0, top: 4, bottom: rem() * 1.5 }
    : { left: rem() * 3, right: 4, top: rem() * 2.4, bottom: rem() * 1.5 };

  const area = (name: string) => {
    const source = name.slice(PREFIX.length);
    const power = series.columns[name]!.map((kwh) => (kwh === null ? null : kwh / hours / 1000));
    return {
      type: "line",
      name: sourceName(site, source),
      stack: "all",
      areaStyle: { opacity: 0.95 },
      lineStyle: { width: 0 },
      symbol: "none",
      connectNulls: false,
      color: sourceColour(sourceKind(site, source)),
      data: power,
    };
  };

  const tooltip = { trigger: "axis", valueFormatter: (power: number) => `${num(power)} MW` };
  const option = {
    animation: false,
    grid: margins,
    xAxis: dayAxis(host, series, site.timezone),
    yAxis: { ...valueAxis("MW"), show: !small },
    legend: small ? undefined : legend({ besideName: true }),
    tooltip: small ? undefined : tooltip,
    series: names.filter(isDrawn).map(area),
  };
  host.setOption(option, NO_MERGE);
}
