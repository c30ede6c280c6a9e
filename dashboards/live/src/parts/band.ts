// The band of machine states under a chart: runs of equal state, each with its own lightness and pattern.
import type { Series } from "../types";
import { num } from "../words/numbers";
import { codeWord, say } from "../words/say";
import { make } from "./dom";
import { STATES } from "./palette";

const GAP = "gap";
const DAY_S = 86_400;

interface Run {
  state: string;
  buckets: number;
}

export function drawBand(host: HTMLElement, series: Series): void {
  const runs: Run[] = [];
  const hours: Record<string, number> = {};
  for (let index = 0; index < series.columns.start_ms!.length; index++) {
    const state = longestState(series, index);
    const last = runs.at(-1);
    if (last?.state === state) last.buckets += 1;
    else runs.push({ state, buckets: 1 });
    hours[state] = (hours[state] ?? 0) + (series.every_s ?? DAY_S) / 3600;
  }
  const told = Object.entries(hours)
    .map(([state, length]) => `${stateWord(state)} ${num(length)} h`)
    .join(", ");
  host.setAttribute("role", "img");
  host.setAttribute("aria-label", `${say("states")}: ${told}`);
  host.title = told;
  host.replaceChildren(...runs.map(runPart));
}

export function stateWord(state: string): string {
  return state === GAP ? say("gapBand") : codeWord("state", state);
}

function runPart({ state, buckets }: Run): HTMLElement {
  const part = make("i", `s-${state}`);
  part.style.flexGrow = String(buckets);
  return part;
}

function longestState(series: Series, index: number): string {
  let longest = GAP;
  let most = 0;
  for (const state of STATES) {
    const seconds = series.columns[`seconds.${state}`]?.[index] ?? 0;
    if (seconds <= most) continue;
    longest = state;
    most = seconds;
  }
  return longest;
}
