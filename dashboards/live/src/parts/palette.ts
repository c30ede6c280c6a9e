// Colour means one thing: carbon intensity has one continuous scale, each kind of source and each state one colour.
type Rgb = [number, number, number];

interface Stop {
  grams: number; // of carbon per kWh
  colour: Rgb;
}

const STOPS: readonly Stop[] = [
  { grams: 0, colour: [38, 150, 128] },
  { grams: 300, colour: [206, 158, 58] },
  { grams: 600, colour: [138, 74, 36] },
  { grams: 900, colour: [30, 24, 22] },
];
const STOPS_APART = 300;
export const MOST_GRAMS = 900;
const NOT_KNOWN = "#9aa0a6";

export function carbonColour(grams: number | null | undefined): string {
  if (grams === null || grams === undefined) return NOT_KNOWN;
  const shown = Math.max(0, Math.min(MOST_GRAMS, grams));
  const index = Math.min(STOPS.length - 2, Math.floor(shown / STOPS_APART));
  const from = STOPS[index]!;
  const to = STOPS[index + 1]!;
  const share = (shown - from.grams) / (to.grams - from.grams);
  const mixed = from.colour.map((low, channel) => {
    const high = to.colour[channel]!;
    return Math.round(low + (high - low) * share);
  });
  return `rgb(${mixed.join(",")})`;
}

export const STORAGE = "storage";

const SOURCE_COLOURS: Record<string, string> = {
  grid: "#7A7F87",
  pv: "#E69F00",
  wind: "#56B4E9",
  [STORAGE]: "#009E73",
  gas: "#D55E00",
  heat: "#CC79A7",
  geothermal: "#0072B2",
};
export const UNMETERED_COLOUR = "#B9BCC2";

export function sourceColour(kind: string): string {
  return SOURCE_COLOURS[kind] ?? UNMETERED_COLOUR;
}

export const STATE_COLOURS: Record<string, string> = {
  RUN: "#0F766E",
  IDLE: "#C9A23F",
  STANDBY: "#D9CFA0",
  WARMUP: "#6FA8DC",
  CHANGEOVER: "#8FA3AD",
  FAULT: "#B3261E",
  OFF: "#C6C9CE",
  UNKNOWN: "#E5E5E5",
};
export const STATES = Object.keys(STATE_COLOURS);
