// The band of machine states under a chart: runs of equal state, each with its own lightness and pattern.
import { el } from "./dom";
import { code, num, t } from "./i18n";
import type { Series } from "./types";

export const STATES = ["RUN", "IDLE", "STANDBY", "WARMUP", "CHANGEOVER", "FAULT", "OFF", "UNKNOWN"];

export function drawBand(host: HTMLElement, s: Series): void {
  const runs: { state: string; n: number }[] = [], hours: Record<string, number> = {};
  for (let i = 0; i < s.columns.start_ms!.length; i++) {
    const state = longest(s, i), last = runs.at(-1);
    if (last?.state === state) last.n += 1;
    else runs.push({ state, n: 1 });
    hours[state] = (hours[state] ?? 0) + (s.every_s ?? 86_400) / 3600;
  }
  const told = Object.entries(hours).map(([state, h]) => `${word(state)} ${num(h)} h`).join(", ");
  host.setAttribute("role", "img");
  host.setAttribute("aria-label", `${t("states")}: ${told}`);
  host.title = told;
  host.replaceChildren(...runs.map((r) => {
    const part = el("i", `s-${r.state}`);
    part.style.flexGrow = String(r.n);
    return part;
  }));
}
export function word(state: string): string {
  return state === "gap" ? t("gapBand") : code("state", state);
}
function longest(s: Series, i: number): string {
  let best = "gap", most = 0;
  for (const state of STATES) {
    const seconds = s.columns[`seconds.${state}`]?.[i] ?? 0;
    if (seconds > most) [best, most] = [state, seconds];
  }
  return best;
}
