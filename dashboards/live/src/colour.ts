// Colour means one thing: carbon intensity has one continuous scale, each kind of source one fixed colour.
const STOPS: [number, [number, number, number]][] = [[0, [38, 150, 128]], [300, [206, 158, 58]], [600, [138, 74, 36]], [900, [30, 24, 22]]];

export function carbon(g: number | null | undefined): string {
  if (g === null || g === undefined) return "#9aa0a6";
  const x = Math.max(0, Math.min(900, g));
  const i = Math.min(STOPS.length - 2, Math.floor(x / 300));
  const [a, from] = STOPS[i]!, [b, to] = STOPS[i + 1]!;
  const k = (x - a) / (b - a);
  return `rgb(${from.map((c, j) => Math.round(c + (to[j]! - c) * k)).join(",")})`;
}
const KIND: Record<string, string> = { grid: "#7A7F87", pv: "#E69F00", wind: "#56B4E9", store: "#009E73", gas: "#D55E00", heat: "#CC79A7", geothermal: "#0072B2" };
export function sourceColour(kind: string): string {
  return KIND[kind] ?? "#B9BCC2";
}
export const STATE_COLOUR: Record<string, string> = { RUN: "#0F766E", IDLE: "#C9A23F", STANDBY: "#D9CFA0", WARMUP: "#6FA8DC", CHANGEOVER: "#8FA3AD", FAULT: "#B3261E", OFF: "#C6C9CE", UNKNOWN: "#E5E5E5" };
