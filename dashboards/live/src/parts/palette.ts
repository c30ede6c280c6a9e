// Colour means one thing: carbon intensity has one continuous scale, each kind of source and each state one colour.
// The colours themselves are kept with those of the boards, and come from there.
import {
  CARBON_STOPS,
  OTHER_COLOUR,
  SOURCE_COLOURS,
  STATE_COLOURS,
  UNKNOWN_COLOUR,
} from "../constants";

export const MOST_GRAMS = CARBON_STOPS.at(-1)![0];
export const STORAGE = "storage";
export const UNMETERED_COLOUR = OTHER_COLOUR;

// The colour of so many grams of carbon per kWh.
export function carbonColour(grams: number | null | undefined): string {
  if (grams === null || grams === undefined) return UNKNOWN_COLOUR;
  const shown = Math.max(0, Math.min(MOST_GRAMS, grams));
  const above = Math.max(
    1,
    CARBON_STOPS.findIndex(([stop]) => stop >= shown),
  );
  const [lowGrams, lowColour] = CARBON_STOPS[above - 1]!;
  const [highGrams, highColour] = CARBON_STOPS[above]!;
  const share = (shown - lowGrams) / (highGrams - lowGrams);
  const low = channels(lowColour);
  const high = channels(highColour);
  const mixed = low.map((from, index) => Math.round(from + (high[index]! - from) * share));
  return `rgb(${mixed.join(",")})`;
}

// "#269680" as red, green and blue.
function channels(colour: string): number[] {
  return [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
}

const COLOUR_OF: Record<string, string> = { [STORAGE]: SOURCE_COLOURS.store, ...SOURCE_COLOURS };

export function sourceColour(kind: string): string {
  return COLOUR_OF[kind] ?? OTHER_COLOUR;
}

export type State = keyof typeof STATE_COLOURS;
export const STATES = Object.keys(STATE_COLOURS) as State[];

export function stateColour(state: string): string {
  return state in STATE_COLOURS ? STATE_COLOURS[state as State] : OTHER_COLOUR;
}
