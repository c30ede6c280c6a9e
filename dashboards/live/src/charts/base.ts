// What all charts share. Gaps are gaps: null breaks a line, and no chart animates by itself.
// Each chart is a module of its own, so that a page loads only what it draws.
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use, type ECharts } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import type { Series } from "../types";
import { clock, plain } from "../words/numbers";

use([GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

const SMALL_TEXT_REM = 0.75;
const HOURS_APART = 3; // labels under a day stand on round hours
const HOURS_APART_NARROW = 6;
const NARROW_REM = 32;

export function rem(): number {
  return parseFloat(getComputedStyle(document.documentElement).fontSize);
}

export function cssColour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function ink(): string {
  return cssColour("--ink");
}

export function chart(host: HTMLElement, resized: () => void = () => undefined): ECharts {
  const { fontFamily } = getComputedStyle(document.body);
  const made = init(host, { textStyle: { fontFamily } }, { renderer: "canvas" });
  const observer = new ResizeObserver(() => {
    if (made.isDisposed()) return;
    made.resize();
    resized();
  });
  observer.observe(host);
  return made;
}

// Buckets of a day as equal steps, labelled on round hours.
export function dayAxis(chartOf: ECharts, series: Series, zone: string) {
  const isNarrow = chartOf.getWidth() < NARROW_REM * rem();
  const hoursApart = isNarrow ? HOURS_APART_NARROW : HOURS_APART;
  const isLabelled = (_index: number, time: string): boolean =>
    time.endsWith(":00") && Number(time.slice(0, 2)) % hoursApart === 0;
  return {
    type: "category" as const,
    data: series.columns.start_ms!.map((startMs) => clock(startMs!, zone)),
    axisTick: { show: false },
    axisLine: { show: false },
    axisLabel: {
      color: ink(),
      fontSize: rem() * 0.755,
      hideOverlap: true,
      margin: rem() * 0.5,
      interval: isLabelled,
    },
    boundaryGap: false,
  };
}

export function valueAxis(unit: string) {
  const text = { color: ink(), fontSize: rem() * SMALL_TEXT_REM };
  return {
    type: "value" as const,
    name: unit,
    nameTextStyle: text,
    nameGap: rem() * 0.7,
    axisLabel: { ...text, formatter: plain },
    splitLine: { lineStyle: { opacity: 0.25 } },
    splitNumber: 3,
  };
}

// Beside the name of an axis, which stands at the left, the legend leaves room for it.
export function legend({ besideName = false } = {}) {
  return {
    type: "scroll" as const,
    textStyle: { color: ink(), fontSize: rem() * 0.8 },
    pageTextStyle: { color: ink() },
    itemGap: rem() * 0.8,
    itemWidth: rem(),
    itemHeight: rem() * 0.7,
    top: 0,
    right: 0,
    left: besideName ? rem() * 4 : 0,
  };
}

const DAY_S = 86_400;

// Buckets of local days have no length of their own: here they count as plain days.
export function bucketSeconds({ every_s: seconds }: Series): number {
  return seconds ?? DAY_S;
}

export const NO_MERGE = { notMerge: true };
