// Charts of the line page beside its sources: two figures over time, and how long it was in which state.
import { BarChart, LineChart } from "echarts/charts";
import { use, type ECharts } from "echarts/core";
import { stateColour, STATES } from "../parts/palette";
import type { Series, Site } from "../types";
import { codeWord } from "../words/say";
import { bucketSeconds, dayAxis, legend, NO_MERGE, rem, valueAxis } from "./base";

use([BarChart, LineChart]);

export interface Curve {
  figure: string;
  title: string;
  unit: string;
}

const CURVE_COLOURS = ["#B5651D", "#0072B2"];

// Each with an axis of its own; the second dashed, so that they can be told apart without colour.
export function drawCurves(host: ECharts, site: Site, series: Series, curves: Curve[]): void {
  const lines = curves.map(({ figure, title, unit }, index) => ({
    type: "line",
    name: `${title} (${unit})`,
    yAxisIndex: index,
    symbol: "none",
    connectNulls: false,
    color: CURVE_COLOURS[index],
    lineStyle: { width: rem() * 0.13, type: index ? "dashed" : "solid" },
    data: series.columns[figure],
  }));
  const option = {
    animation: false,
    grid: { left: rem() * 3, right: rem() * 3, top: rem() * 2.4, bottom: rem() * 1.5 },
    xAxis: dayAxis(host, series, site.timezone),
    yAxis: curves.map(() => valueAxis("")),
    legend: legend(),
    tooltip: { trigger: "axis" },
    series: lines,
  };
  host.setOption(option, NO_MERGE);
}

export function drawStates(host: ECharts, site: Site, series: Series): void {
  // A group's seconds are those of all its lines.
  const lineCount = site.lines.filter((line) => line.group === series.of).length || 1;
  const seconds = (state: string) => series.columns[`seconds.${state}`];
  const seen = STATES.filter((state) => seconds(state)?.some((value) => value));
  const barWidth = Math.ceil(host.getWidth() / series.columns.start_ms!.length) + 1;
  const bars = seen.map((state, index) => ({
    type: "bar",
    name: codeWord("state", state),
    stack: "states",
    barWidth,
    color: stateColour(state),
    itemStyle: state === "RUN" ? {} : { decal: stripes(index) },
    data: seconds(state),
  }));
  const option = {
    animation: false,
    grid: { left: rem() * 3, right: 4, top: rem() * 2.4, bottom: rem() * 1.5 },
    xAxis: { ...dayAxis(host, series, site.timezone), boundaryGap: true },
    yAxis: { ...valueAxis(""), show: false, max: bucketSeconds(series) * lineCount },
    legend: legend(),
    series: bars,
  };
  host.setOption(option, NO_MERGE);
}

// Every state but running has a pattern, each turned a little further.
function stripes(index: number) {
  return {
    symbol: "line",
    rotation: 0.6 + index * 0.4,
    dashArrayX: [1, 0],
    dashArrayY: [2, 5],
    color: "rgba(0,0,0,.25)",
  };
}
