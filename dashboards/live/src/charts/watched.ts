// A watched figure over time: value, limit, and the spans in which the alert fired.
import { LineChart } from "echarts/charts";
import { MarkAreaComponent } from "echarts/components";
import { use, type ECharts } from "echarts/core";
import type { Watched } from "../types";
import { clock, moment, num, shortDate } from "../words/numbers";
import { say } from "../words/say";
import { chart, cssColour, ink, legend, NO_MERGE, rem, valueAxis } from "./base";

use([LineChart, MarkAreaComponent]);

export { chart };

const HOUR_MS = 3_600_000;
const QUARTER_MS = 900_000;
const DAY_HOURS = 24;
const HOURS_APART = [1, 2, 3, 6, 12, 24, 48, 96, 168];
const LABEL_REM = 6;
const USUAL_SHARE = 0.98; // of the values lie under the usual height
const PEAK_TIMES = 3; // times the usual height: a peak that would press the rest flat
const HEADROOM = 1.5;
const NO_UNIT = "1";

interface Span {
  fromMs: number;
  toMs: number;
}

// Marks on full hours or days of the plant: few enough to be read.
function hourMarks(zone: string, { fromMs, toMs }: Span, most: number): number[] {
  const hours = (toMs - fromMs) / HOUR_MS;
  const apart = HOURS_APART.find((step) => hours / step <= most) ?? HOURS_APART.at(-1)!;
  const marks: number[] = [];
  const first = Math.ceil(fromMs / QUARTER_MS) * QUARTER_MS;
  for (let atMs = first; atMs <= toMs; atMs += QUARTER_MS) {
    const [hour, minute] = clock(atMs, zone).split(":").map(Number);
    if (minute === 0 && hour! % Math.min(apart, DAY_HOURS) === 0) marks.push(atMs);
  }
  const daysApart = apart / DAY_HOURS;
  return daysApart > 1 ? marks.filter((_, index) => index % daysApart === 0) : marks;
}

// Where a few peaks would press value and limit flat: up to where the axis goes. Null where it shows all.
export function cutAt({ value, limit }: Watched): number | null {
  const known = value.filter((one) => one !== null).sort((low, high) => low - high);
  const most = known.at(-1) ?? 0;
  const high = known[Math.floor((known.length - 1) * USUAL_SHARE)] ?? 0;
  const usual = HEADROOM * Math.max(high, limit.at(-1) ?? 0);
  return usual > 0 && most > PEAK_TIMES * usual ? usual : null;
}

export function drawWatched(host: ECharts, zone: string, watched: Watched): void {
  const span = { fromMs: watched.start_ms[0] ?? 0, toMs: watched.start_ms.at(-1) ?? 0 };
  const option = {
    animation: false,
    grid: { left: rem() * 3.6, right: rem(), top: rem() * 2.4, bottom: rem() * 1.6 },
    legend: legend({ besideName: true }),
    tooltip: tooltip(zone, watched.unit),
    xAxis: timeAxis(host, zone, span),
    yAxis: heightAxis(watched),
    series: [valueLine(watched, span), limitLine(watched)],
  };
  host.setOption(option, NO_MERGE);
}

function tooltip(zone: string, unit: string) {
  const label = { formatter: ({ value }: { value: number }) => moment(value, zone, 0) };
  return {
    trigger: "axis",
    axisPointer: { label },
    valueFormatter: (value: number | null) => `${num(value)} ${unit}`,
  };
}

function timeAxis(host: ECharts, zone: string, span: Span) {
  const most = Math.floor(host.getWidth() / rem() / LABEL_REM);
  const label = (atMs: number): string => {
    const time = clock(atMs, zone);
    return time === "00:00" ? shortDate(atMs, zone) : time;
  };
  return {
    type: "value",
    min: span.fromMs,
    max: span.toMs,
    axisTick: { show: false },
    splitLine: { show: false },
    axisLabel: {
      customValues: hourMarks(zone, span, most),
      color: ink(),
      fontSize: rem() * 0.755,
      hideOverlap: true,
      formatter: label,
    },
  };
}

function heightAxis(watched: Watched) {
  const axis = { ...valueAxis(watched.unit === NO_UNIT ? "" : watched.unit), scale: true };
  const cut = cutAt(watched);
  return cut === null ? axis : { ...axis, min: 0, max: Number(cut.toPrecision(2)) };
}

function points({ start_ms: startMs }: Watched, values: (number | null)[]) {
  return startMs.map((atMs, index) => [atMs, values[index]]);
}

const LINE = { type: "line", symbol: "none", connectNulls: false };

function valueLine(watched: Watched, span: Span) {
  const warn = cssColour("--warn");
  const fired = watched.firing.map(([beginMs, endMs]) => [
    { xAxis: Math.max(beginMs, span.fromMs) },
    { xAxis: Math.min(endMs, span.toMs) },
  ]);
  return {
    ...LINE,
    name: say("value"),
    color: ink(),
    lineStyle: { width: rem() * 0.13 },
    data: points(watched, watched.value),
    markArea: {
      silent: true,
      itemStyle: { color: warn, opacity: 0.25, borderColor: warn, borderWidth: 1 },
      data: fired,
    },
  };
}

function limitLine(watched: Watched) {
  return {
    ...LINE,
    name: say("limit"),
    color: cssColour("--warn"),
    lineStyle: { width: rem() * 0.13, type: "dashed" },
    data: points(watched, watched.limit),
  };
}
